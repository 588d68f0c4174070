"""The cluster as the snapshot shows it: who selects what, what is ready, what a route sends where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from slipway.core import names
from slipway.core.snapshot import Object, Snapshot
from slipway.routing import httproute


@dataclass(frozen=True)
class Pod:
    """A pod of a revision. `trouble` is the kubelet's own reason why it cannot run, if there is one."""

    name: str
    revision: str
    ready: bool
    ip: str
    trouble: str
    message: str
    ports: Mapping[str, int]

    @property
    def crashed(self) -> bool:
        """Ended by itself, as opposed to still starting."""
        return self.trouble in {"CrashLoopBackOff", "OOMKilled", "Error", "ContainerCannotRun"}


@dataclass(frozen=True)
class World:
    """Readings of one snapshot, for the Rollout with this uid. Nothing here decides."""

    snapshot: Snapshot
    uid: str
    listed_routes: tuple[str, ...] = ()

    # --- Services -------------------------------------------------------------------------------------------------

    @cached_property
    def services(self) -> Mapping[str, Object]:
        """The Services of the namespace, by name."""
        return {s["metadata"]["name"]: s for s in self.snapshot.services}

    def selected(self, service: str) -> str | None:
        """The one revision of this Rollout that a Service selects; None for no, another or a wider selector."""
        obj = self.services.get(service)
        found = ((obj or {}).get("spec") or {}).get("selector") or {}
        revision = found.get(names.REVISION_LABEL)
        if not revision or dict(found) != names.selector(self.snapshot.name, revision):
            return None
        return None if revision == names.NO_REVISION else str(revision)

    @property
    def live_service(self) -> str:
        """The Service that users reach."""
        return self.snapshot.name

    @property
    def candidate_service(self) -> str:
        """The backend of a canary's share."""
        return names.candidate_service(self.snapshot.name)

    @property
    def preview_service(self) -> str:
        """The Service of the waiting candidate."""
        return names.preview_service(self.snapshot.name)

    # --- Pods -----------------------------------------------------------------------------------------------------

    @cached_property
    def pods(self) -> Mapping[str, Pod]:
        """The pods of this Rollout, by name; those that are being deleted are not ready."""
        return {p.name: p for p in map(_pod, self.snapshot.pods) if p}

    def pods_of(self, revision: str) -> list[Pod]:
        """The pods of one revision, by name."""
        return sorted((p for p in self.pods.values() if p.revision == revision), key=lambda p: p.name)

    def ready(self, revision: str) -> int:
        """How many pods of a revision are ready."""
        return sum(p.ready for p in self.pods_of(revision))

    def endpoints(self, service: str) -> Counter[str]:
        """Ready endpoints of a Service by revision; '' counts those that are no pods of this Rollout."""
        seen: dict[str, str] = {}
        for endpoint_slice in self.snapshot.endpoint_slices:
            labels = endpoint_slice["metadata"].get("labels") or {}
            if labels.get("kubernetes.io/service-name") != service:
                continue
            for endpoint in endpoint_slice.get("endpoints") or []:
                conditions = endpoint.get("conditions") or {}
                # An absent `ready` means true (discovery.k8s.io/v1); terminating endpoints are never ready here.
                if conditions.get("ready") is False or conditions.get("terminating"):
                    continue
                pod = self.pods.get((endpoint.get("targetRef") or {}).get("name", ""))
                key = pod.name if pod else str((endpoint.get("addresses") or ["?"])[0])
                seen[key] = pod.revision if pod else ""
        return Counter(seen.values())

    # --- Deployments ----------------------------------------------------------------------------------------------

    @cached_property
    def deployments(self) -> Mapping[str, Object]:
        """The Deployments that carry this Rollout's label, by revision."""
        found = {}
        for obj in self.snapshot.deployments:
            revision = (obj["metadata"].get("labels") or {}).get(names.REVISION_LABEL, "")
            if obj["metadata"]["name"] == names.deployment_name(self.snapshot.name, revision):
                found[revision] = obj
        return found

    def available(self, revision: str) -> int:
        """Available replicas (ready for minReadySeconds) of a revision's Deployment, 0 while its status is old."""
        obj = self.deployments.get(revision)
        if obj is None:
            return 0
        status = obj.get("status") or {}
        if int(status.get("observedGeneration") or 0) < int(obj["metadata"].get("generation") or 0):
            return min(int(status.get("availableReplicas") or 0), self.ready(revision))
        return int(status.get("availableReplicas") or 0)

    def size(self, revision: str) -> int:
        """What a revision's Deployment is asked to have; 0 when there is none."""
        obj = self.deployments.get(revision)
        return 0 if obj is None else int((obj.get("spec") or {}).get("replicas", 1))

    # --- Routes ---------------------------------------------------------------------------------------------------

    @cached_property
    def routes(self) -> tuple[Object, ...]:
        """The HTTPRoutes that the spec (or the running plan) lists, in the order of their names."""
        ours = (r for r in self.snapshot.routes if r["metadata"]["namespace"] == self.snapshot.namespace)
        return tuple(
            sorted(
                (r for r in ours if r["metadata"]["name"] in self.listed_routes),
                key=lambda r: str(r["metadata"]["name"]),
            )
        )

    def shares(self) -> Iterator[httproute.Share]:
        """The rules of the listed routes that name both of our backends."""
        for route in self.routes:
            yield from httproute.shares(route, self.snapshot.namespace, self.live_service, self.candidate_service)

    def exposure(self, revision: str) -> int:
        """Percent of users' requests that may reach a revision as things stand; the worst rule counts."""
        live, candidate = self.selected(self.live_service), self.selected(self.candidate_service)
        shares = list(self.shares())
        if not shares:
            return 100 if live == revision else 0
        worst = 0
        for share in shares:
            here = (share.live_percent if live == revision else 0) + (
                share.candidate_percent if candidate == revision else 0
            )
            worst = max(worst, here)
        # Requests inside the cluster use the live Service without any route.
        return 100 if live == revision else worst

    def serving(self) -> set[str]:
        """Revisions that a live Service or route may send a request to."""
        found = {self.selected(self.live_service)}
        if any(share.candidate_weight for share in self.shares()) or not self.listed_routes:
            found.add(self.selected(self.candidate_service))
        return {name for name in found if name}


def _pod(obj: Object) -> Pod | None:
    meta, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    revision = (meta.get("labels") or {}).get(names.REVISION_LABEL)
    if not revision:
        return None
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or [])
    trouble, message = _trouble(status)
    ports = {
        str(port["name"]): int(port["containerPort"])
        for container in spec.get("containers") or []
        for port in container.get("ports") or []
        if port.get("name")
    }
    gone = bool(meta.get("deletionTimestamp"))
    if gone:
        # It was asked to end: however it ends, that is no trouble of the revision.
        trouble, message = "", ""
    return Pod(
        str(meta["name"]),
        str(revision),
        ready and not gone,
        str(status.get("podIP") or ""),
        trouble,
        message,
        ports,
    )


def _trouble(status: Mapping[str, Any]) -> tuple[str, str]:
    """The reason why a pod cannot run, in Kubernetes' own words, and the kubelet's message."""
    for kind in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(kind) or []:
            waiting = (container.get("state") or {}).get("waiting") or {}
            reason = str(waiting.get("reason") or "")
            if reason and reason not in {"ContainerCreating", "PodInitializing"}:
                return reason, str(waiting.get("message") or "")
            ended = (container.get("state") or {}).get("terminated") or {}
            if ended and ended.get("exitCode") and kind == "containerStatuses":
                return str(ended.get("reason") or "Error"), str(ended.get("message") or "")
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("reason") or "Unschedulable"), str(condition.get("message") or "")
    if status.get("phase") == "Failed":
        return str(status.get("reason") or "Error"), str(status.get("message") or "")
    return "", ""
