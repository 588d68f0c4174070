"""What the API server itself adds to objects: schema defaults and allocated addresses.

Only what a comparison of the wanted with the live object would trip over.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def complete(obj: Object, number: int) -> None:
    """Fill in defaults in place; `number` is unique to this object and gives it its addresses."""
    if obj["kind"] == "Service":
        _service(obj, number)
    elif obj["kind"] == "Deployment":
        _deployment(obj)
    elif obj["kind"] in ("Rollout", "Promotion") and not obj.get("status"):
        obj["status"] = {"observedGeneration": -1}
    elif obj["kind"] == "HTTPRoute":
        _route(obj)


def _service(obj: Object, number: int) -> None:
    spec = obj.setdefault("spec", {})
    address = f"10.96.{number // 250}.{number % 250 + 1}"
    for key, value in {
        "type": "ClusterIP",
        "clusterIP": address,
        "clusterIPs": [address],
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
    }.items():
        spec.setdefault(key, value)
    for port in spec.get("ports", []):
        port.setdefault("protocol", "TCP")
        port.setdefault("targetPort", port["port"])
    obj.setdefault("status", {"loadBalancer": {}})


def _deployment(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    spec.setdefault(
        "strategy",
        {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    )
    spec["template"].setdefault("metadata", {}).setdefault("creationTimestamp", None)
    pod = spec["template"]["spec"]
    for key, value in {
        "restartPolicy": "Always",
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    }.items():
        pod.setdefault(key, value)
    for container in [*pod.get("containers", []), *pod.get("initContainers", [])]:
        _container(container)


def _container(container: Object) -> None:
    container.setdefault("imagePullPolicy", "IfNotPresent")
    container.setdefault("resources", {})
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    for port in container.get("ports", []):
        port.setdefault("protocol", "TCP")
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        if probe := container.get(name):
            for key, value in {
                "timeoutSeconds": 1,
                "periodSeconds": 10,
                "successThreshold": 1,
                "failureThreshold": 3,
            }.items():
                probe.setdefault(key, value)
            if "httpGet" in probe:
                probe["httpGet"].setdefault("scheme", "HTTP")


def _route(obj: Object) -> None:
    for rule in obj["spec"].get("rules", []):
        rule.setdefault("matches", [{"path": {"type": "PathPrefix", "value": "/"}}])
        for backend in rule.get("backendRefs", []):
            backend.setdefault("group", "")
            backend.setdefault("kind", "Service")
            backend.setdefault("weight", 1)
