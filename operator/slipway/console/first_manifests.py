"""The first manifests for a workload that a Deployment and a Service run so far."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from slipway.cluster.api import Object
from slipway.console.program import program
from slipway.core.names import ADOPT_ANNOTATION, AUTOMATIC_LABEL

OTHERWISE = "slipway"
"""What the value of a label gets behind it, so that the Service's own selector does not select the new pods too."""
AUTOMATIC_VALUE = "automatic"

_DEFAULTS: Mapping[str, Any] = {
    "dnsPolicy": "ClusterFirst",
    "failureThreshold": 3,
    "periodSeconds": 10,
    "protocol": "TCP",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "scheme": "HTTP",
    "securityContext": {},
    "successThreshold": 1,
    "terminationGracePeriodSeconds": 30,
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "timeoutSeconds": 1,
    "resources": {},
    "defaultMode": 420,
}
"""What the API server fills in: it would make a manifest that nobody wants to read."""


class CannotBegin(Exception):
    """No Rollout can be made of this; the message says why, and what would help."""


def rollout(deployment: Object, service: Object, environment: str, automatic: bool) -> Object:
    """A Rollout that runs the Deployment's pods behind the Service's ports; it has the Service's name.

    The pods get a label of another value than the Service selects by: otherwise they would get requests before anybody
    has approved them. Raises CannotBegin.
    """
    name, spec = service["metadata"]["name"], deployment["spec"]
    selector = (service.get("spec") or {}).get("selector") or {}
    if not selector:
        raise CannotBegin(f"Service {name} has no selector: it names its endpoints itself")
    if not selector.items() <= (spec["template"]["metadata"].get("labels") or {}).items():
        raise CannotBegin(
            f"Service {name} does not select the pods of Deployment {deployment['metadata']['name']}: "
            "name the Service of that Deployment with --service"
        )
    made: dict[str, Any] = {
        "environment": environment,
        **({"approval": "Automatic"} if automatic else {}),
        "replicas": spec.get("replicas", 1),
        "template": template_of(spec["template"], selector),
        "service": {"ports": [port_of(port) for port in service["spec"].get("ports") or []]},
        "strategy": {"blueGreen": {}},
    }
    if spec.get("minReadySeconds"):
        made["minReadySeconds"] = spec["minReadySeconds"]
    return {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, "namespace": service["metadata"]["namespace"]},
        "spec": made,
    }


def promotion(rollout: Object) -> Object:
    """The least Promotion for it."""
    meta = rollout["metadata"]
    return {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Promotion",
        "metadata": {"name": f"{meta['name']}-1", "namespace": meta["namespace"]},
        "spec": {"rollout": meta["name"], "environment": rollout["spec"]["environment"]},
    }


def next_steps(rollout: Object, deployment: str) -> list[str]:
    """What a person does with them, in order."""
    name, namespace = rollout["metadata"]["name"], rollout["metadata"]["namespace"]
    at, mine, called = f"kubectl -n {namespace}", f" -n {namespace}", program()
    label = f"kubectl label namespace {namespace} {AUTOMATIC_LABEL}={AUTOMATIC_VALUE}"
    automatic = [f"an administrator allows that gates decide alone: {label}"]
    return [
        f"let Slipway take the Service over: {at} annotate service {name} {ADOPT_ANNOTATION}={name}",
        *(automatic if rollout["spec"].get("approval") else []),
        f"look through the manifests, and: {called} lint FILE && kubectl apply -f FILE",
        "give it gates: without a metrics source of the name default write analysis: {gates: []} and a smoke test",
        f"see what it waits for: {called} explain {name}{mine}; approve: {called} approve {name}{mine}",
        f"when the Rollout serves and is verified, the old one can go: {at} delete deployment {deployment}",
    ]


def template_of(template: Object, selector: Mapping[str, str]) -> Object:
    """The template with other labels than the Service selects by, and without what the API server filled in."""
    found = copy.deepcopy(template)
    labels = dict(found["metadata"].get("labels") or {})
    if selector:
        first = min(selector)
        labels[first] = f"{labels[first][: 62 - len(OTHERWISE)]}-{OTHERWISE}"
    annotations = {
        key: value
        for key, value in (found["metadata"].get("annotations") or {}).items()
        if key != "kubectl.kubernetes.io/restartedAt"
    }
    metadata = {**({"labels": labels} if labels else {}), **({"annotations": annotations} if annotations else {})}
    return {**({"metadata": metadata} if metadata else {}), "spec": _plain(found["spec"])}


def _plain(value: Any, key: str = "") -> Any:
    """Without what the API server filled in, nor the account under its old name."""
    if isinstance(value, Mapping):
        account = value.get("serviceAccountName")
        return {
            key: _plain(inner, key)
            for key, inner in value.items()
            if not (key in _DEFAULTS and inner == _DEFAULTS[key]) and not (key == "serviceAccount" and inner == account)
        }
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def port_of(port: Mapping[str, Any]) -> dict[str, Any]:
    """A port of a Service as a Rollout has it; one without a name gets one of its number and protocol."""
    found = {key: port[key] for key in ("port", "targetPort", "appProtocol") if port.get(key) is not None}
    name = f"port-{port['port']}"
    if port.get("protocol") not in (None, "TCP"):
        found["protocol"] = port["protocol"]
        name += f"-{port['protocol'].lower()}"
    return {"name": port.get("name") or name, **found}
