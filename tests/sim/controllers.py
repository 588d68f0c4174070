"""The controllers around the operator, as far as it can see them: Deployments, the kubelet,
EndpointSlices, a gateway.

Each is a step function that runs once a simulated second and writes only what differs, as the real
ones do. The lag of a controller is the number of seconds between what it reads and what it writes.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.sim import images
from tests.sim.apiserver import Server, selects
from tests.sim.clock import parse, rfc3339
from tests.sim.patches import clone

from slipway.cluster.resources import DEPLOYMENTS, ENDPOINT_SLICES, HTTP_ROUTES, PODS, SERVICES

Object = dict[str, Any]

TEMPLATE_HASH = "pod-template-hash"
GRACE = timedelta(seconds=4)


@dataclass
class Lags:
    """Seconds by which each observer is behind."""

    endpoints: int = 1
    gateway: int = 1
    routes_in_data_plane: int = 1
    endpoints_in_data_plane: int = 1


@dataclass
class Controllers:
    """All of them; `step` once a second."""

    server: Server
    lags: Lags = field(default_factory=Lags)
    pods_made: dict[str, int] = field(default_factory=dict)
    crashing: set[str] = field(default_factory=set)
    """Versions (`v2`) whose pods have begun to crash."""
    gateway_accepts: bool = True

    def __post_init__(self) -> None:
        self._kube = self.server.session("system:kube-controller-manager", "kube-controller-manager")
        self._kubelet = self.server.session("system:kubelet", "kubelet")
        self._gateway = self.server.session("system:kube-gateway", "gateway")
        self._wanted_slices: deque[dict[tuple[str, str], Object]] = deque()
        self._seen_routes: deque[list[Object]] = deque()
        self._pods = 0

    def step(self) -> None:
        self._run_pods()
        for deployment in list(self.server.peek(DEPLOYMENTS)):
            self._scale(deployment)
        self.server.collect_garbage()
        for deployment in list(self.server.peek(DEPLOYMENTS)):
            self._report(deployment)
        self._slice()
        self._accept_routes()

    # --- Deployments and pods -------------------------------------------------------------------------------

    def pods_of(self, deployment: Object) -> list[Object]:
        """The pods that a Deployment owns, those that are being deleted too."""
        uid = deployment["metadata"]["uid"]
        return [
            pod
            for pod in self.server.peek(PODS, deployment["metadata"]["namespace"])
            if any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences") or [])
        ]

    def _scale(self, deployment: Object) -> None:
        digest = _template_hash(deployment)
        alive = [p for p in self.pods_of(deployment) if not p["metadata"].get("deletionTimestamp")]
        current = [p for p in alive if p["metadata"]["labels"].get(TEMPLATE_HASH) == digest]
        for pod in alive:
            if pod not in current:
                self._kube.delete(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])
        wanted = deployment["spec"].get("replicas", 1)
        # As the ReplicaSet controller does: pods that are not ready go first, then the youngest.
        current.sort(key=lambda p: (not is_ready(p), _negated(p["metadata"]["name"])))
        for pod in current[wanted:] if len(current) > wanted else ():
            self._kube.delete(PODS, pod["metadata"]["namespace"], pod["metadata"]["name"])
        for _ in range(len(current), wanted):
            self._start(deployment, digest)

    def _start(self, deployment: Object, digest: str) -> None:
        name = deployment["metadata"]["name"]
        self._pods += 1
        self.pods_made[name] = self.pods_made.get(name, 0) + 1
        template = clone(deployment["spec"]["template"])
        self._kube.create(
            PODS,
            {
                "metadata": {
                    "name": f"{name}-{digest}-{self._pods:05d}",
                    "namespace": deployment["metadata"]["namespace"],
                    "labels": {**(template["metadata"].get("labels") or {}), TEMPLATE_HASH: digest},
                    "annotations": template["metadata"].get("annotations") or {},
                    # ReplicaSets are not simulated: the reference carries the Deployment's uid, so that
                    # garbage collection works.
                    "ownerReferences": [
                        {
                            "apiVersion": "apps/v1",
                            "kind": "ReplicaSet",
                            "name": f"{name}-{digest}",
                            "uid": deployment["metadata"]["uid"],
                            "controller": True,
                        }
                    ],
                },
                "spec": template["spec"],
                "status": {"phase": "Pending", "podIP": f"10.244.{self._pods // 250}.{self._pods % 250 + 1}"},
            },
        )

    def _run_pods(self) -> None:
        """The kubelet: starts pods, reports them, and ends those whose grace period is over."""
        now = self.server.now()
        for pod in list(self.server.peek(PODS)):
            meta = pod["metadata"]
            if gone := meta.get("deletionTimestamp"):
                if now - parse(gone) >= GRACE:
                    self._kubelet.delete(PODS, meta["namespace"], meta["name"])
                continue
            version = pod["spec"]["containers"][0]["image"].rpartition(":")[2].partition("-")[0]
            age = (now - parse(meta["creationTimestamp"])).total_seconds()
            status = _pod_status(pod, age, now, version in self.crashing)
            self._kubelet.merge_patch(PODS, meta["namespace"], meta["name"], {"status": status}, "status")

    def _report(self, deployment: Object) -> None:
        now = self.server.now()
        alive = [p for p in self.pods_of(deployment) if not p["metadata"].get("deletionTimestamp")]
        ready = [p for p in alive if is_ready(p)]
        settle = timedelta(seconds=deployment["spec"].get("minReadySeconds", 0))
        available = [p for p in ready if now - _ready_since(p) >= settle]
        wanted = deployment["spec"].get("replicas", 1)
        enough = len(available) >= wanted
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": len(alive),
            "updatedReplicas": len(alive),
            "readyReplicas": len(ready),
            "availableReplicas": len(available),
            "unavailableReplicas": max(0, wanted - len(available)),
            "conditions": [
                {
                    "type": "Available",
                    "status": "True" if enough else "False",
                    "reason": "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
                    "message": "",
                },
                {
                    "type": "Progressing",
                    "status": "True",
                    "reason": "NewReplicaSetAvailable" if enough else "ReplicaSetUpdated",
                    "message": "",
                },
            ],
        }
        meta = deployment["metadata"]
        patch = {"status": {key: value or None for key, value in status.items()}}
        self._kube.merge_patch(DEPLOYMENTS, meta["namespace"], meta["name"], patch, "status")

    # --- EndpointSlices -------------------------------------------------------------------------------------

    def _slice(self) -> None:
        wanted: dict[tuple[str, str], Object] = {}
        for service in self.server.peek(SERVICES):
            if service["spec"].get("selector"):
                meta = service["metadata"]
                wanted[meta["namespace"], meta["name"]] = self._slice_of(service)
        self._wanted_slices.append(wanted)
        if len(self._wanted_slices) <= self.lags.endpoints:
            return
        while len(self._wanted_slices) > self.lags.endpoints:
            seen = self._wanted_slices.popleft()
        for (namespace, name), endpoint_slice in seen.items():
            service = self.server.find(SERVICES, namespace, name)
            owner = endpoint_slice["metadata"]["ownerReferences"][0]["uid"]
            if service is None or service["metadata"]["uid"] != owner:
                continue
            existing = self.server.find(ENDPOINT_SLICES, namespace, endpoint_slice["metadata"]["name"])
            if existing is None:
                self._kube.create(ENDPOINT_SLICES, endpoint_slice)
            else:
                self._kube.replace(ENDPOINT_SLICES, endpoint_slice)

    def _slice_of(self, service: Object) -> Object:
        meta = service["metadata"]
        selector = ",".join(f"{key}={value}" for key, value in service["spec"]["selector"].items())
        endpoints = []
        for pod in self.server.peek(PODS, meta["namespace"]):
            if not selects(selector, pod["metadata"].get("labels") or {}):
                continue
            terminating = bool(pod["metadata"].get("deletionTimestamp"))
            ready = is_ready(pod)
            endpoints.append(
                {
                    "addresses": [pod["status"]["podIP"]],
                    "conditions": {
                        "ready": ready and not terminating,
                        "serving": ready,
                        "terminating": terminating,
                    },
                    "targetRef": {
                        "kind": "Pod",
                        "namespace": meta["namespace"],
                        "name": pod["metadata"]["name"],
                        "uid": pod["metadata"]["uid"],
                    },
                }
            )
        return {
            "metadata": {
                "name": f"{meta['name']}-{meta['uid'][-5:]}",
                "namespace": meta["namespace"],
                "labels": {
                    **(meta.get("labels") or {}),
                    "kubernetes.io/service-name": meta["name"],
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                },
                "ownerReferences": [
                    {
                        "apiVersion": "v1",
                        "kind": "Service",
                        "name": meta["name"],
                        "uid": meta["uid"],
                        "controller": True,
                    }
                ],
            },
            "addressType": "IPv4",
            "endpoints": endpoints,
            "ports": [
                {"name": port.get("name", ""), "port": port["targetPort"], "protocol": "TCP"}
                for port in service["spec"].get("ports", [])
            ],
        }

    # --- Gateway --------------------------------------------------------------------------------------------

    def _accept_routes(self) -> None:
        self._seen_routes.append(list(self.server.peek(HTTP_ROUTES)))
        if len(self._seen_routes) <= self.lags.gateway:
            return
        while len(self._seen_routes) > self.lags.gateway:
            seen = self._seen_routes.popleft()
        now = rfc3339(self.server.now())
        for route in seen:
            meta = route["metadata"]
            stored = self.server.find(HTTP_ROUTES, meta["namespace"], meta["name"])
            if stored is None:
                continue
            resolved = all(
                self.server.find(SERVICES, ref.get("namespace") or meta["namespace"], ref["name"])
                for rule in route["spec"].get("rules", [])
                for ref in rule.get("backendRefs", [])
            )
            before = (stored.get("status") or {}).get("parents") or []
            if before and _says(before[0]) == (meta["generation"], self.gateway_accepts, resolved):
                continue
            conditions = [
                {
                    "type": type_,
                    "status": "True" if ok else "False",
                    "reason": type_ if ok else _REFUSALS[type_],
                    "message": "",
                    "observedGeneration": meta["generation"],
                    "lastTransitionTime": now,
                }
                for type_, ok in (("Accepted", self.gateway_accepts), ("ResolvedRefs", resolved))
            ]
            parents = [
                {"parentRef": ref, "controllerName": "sim.example/gateway", "conditions": conditions}
                for ref in route["spec"].get("parentRefs", [])
            ]
            self._gateway.merge_patch(
                HTTP_ROUTES, meta["namespace"], meta["name"], {"status": {"parents": parents}}, "status"
            )


def is_ready(pod: Object) -> bool:
    """The Ready condition."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


_REFUSALS = {"Accepted": "NotAllowedByListeners", "ResolvedRefs": "BackendNotFound"}


def _says(parent: Object) -> tuple[int, bool, bool]:
    """The generation that a gateway reports on, and whether it accepts the route and found its backends."""
    accepted, resolved = parent["conditions"]
    return resolved["observedGeneration"], accepted["status"] == "True", resolved["status"] == "True"


def _ready_since(pod: Object) -> Any:
    return next(parse(c["lastTransitionTime"]) for c in pod["status"]["conditions"] if c["type"] == "Ready")


def _pod_status(pod: Object, age: float, now: Any, crashes: bool) -> Object:
    container = pod["spec"]["containers"][0]
    does = images.behaviour(container["image"])
    up = age - does.ready_after
    trouble = does.trouble or ("CrashLoopBackOff" if crashes else "")
    ready = up >= 0 and not trouble
    before = {c["type"]: c for c in (pod.get("status") or {}).get("conditions") or []}
    since = rfc3339(now)
    if "Ready" in before and (before["Ready"]["status"] == "True") == ready:
        since = before["Ready"]["lastTransitionTime"]
    if trouble:
        state: Object = {"waiting": {"reason": trouble, "message": f"{trouble}: {container['image']}"}}
    elif up >= 0 or does.ready_after:
        state = {"running": {"startedAt": pod["metadata"]["creationTimestamp"]}}
    else:
        state = {"waiting": {"reason": "ContainerCreating"}}
    return {
        "phase": "Pending" if does.trouble in ("ImagePullBackOff", "CreateContainerConfigError") else "Running",
        "podIP": pod["status"]["podIP"],
        "podIPs": [{"ip": pod["status"]["podIP"]}],
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "True",
                "lastTransitionTime": pod["metadata"]["creationTimestamp"],
            },
            {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": since},
        ],
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "ready": ready,
                "restartCount": 5 if trouble == "CrashLoopBackOff" else 0,
                "state": state,
            }
        ],
    }


def _template_hash(deployment: Object) -> str:
    text = json.dumps(deployment["spec"]["template"], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _negated(name: str) -> tuple[int, ...]:
    return tuple(-ord(character) for character in name)
