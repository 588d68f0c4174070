"""A tiny cluster and an ideal shell around decide(): writes happen in order, controllers follow when they are told to.

Nothing here is part of what is tested: it knows Kubernetes, and of Slipway only the names and shapes of Decision.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from tests.sim.patches import merge_patch
from tests.unit.core.objects import NAME, NAMESPACE, START, Object, promotion, rollout, route, taken, template

from slipway.api.promotion import PromotionSpec
from slipway.api.promotion_status import PromotionStatus
from slipway.api.record import RecordLink
from slipway.api.rollout import RolloutStatus
from slipway.core import names
from slipway.core.decide import decide
from slipway.core.decision import (
    Apply,
    CommitPromotionStatus,
    CommitRolloutStatus,
    CreateRevision,
    Decision,
    Delete,
    DryRun,
    JobProbe,
    KeepRecord,
    LogProbe,
    MarkRevision,
    MetricProbe,
    NodeProbe,
    PatchPromotionSpec,
    PatchRolloutImages,
    Probe,
    PublishReport,
    Replace,
    SetWeights,
    Write,
)
from slipway.core.record import chain
from slipway.core.record.sealing import digest_of, seal, statement_text
from slipway.core.revision import of_spec
from slipway.core.snapshot import (
    Located,
    Measured,
    Observation,
    OriginState,
    Probed,
    RecordKept,
    Settings,
    Snapshot,
    Unverified,
)

Key = tuple[str, str]


class Conflict(Exception):
    """The object is not what the decision was made on."""


class Cluster:
    """The objects of one namespace, the time, and how pods, gateway and metrics behave."""

    def __init__(self, spec: Object, *, routes: Iterable[Object] | None = None, automatic: bool = False) -> None:
        self.now = START
        self.version = 1
        self.objects: dict[Key, Object] = {}
        self.observations: dict[str, Observation] = {}
        self.measure: Callable[[MetricProbe], dict[str, Any]] = lambda _: {"value": 0.001}
        self.count: Callable[[LogProbe], dict[str, Any]] = lambda _: {"value": 0.0}
        self.probe: Callable[[Probe], bool] = lambda _: True
        self.deserted = True
        """Whether a Service that does not answer has no pod."""
        self.unverified: Callable[[Probe], str] = lambda _: ""
        self.settings = Settings()
        self.labels = {names.AUTOMATIC_LABEL: "automatic"} if automatic else {}
        self.origins: Callable[[], tuple[OriginState, ...]] = tuple
        self.seen_weight = 0
        self.nodes: dict[str, Located | str] = {}
        self.broken: dict[str, str] = {}
        self.before_write: list[Callable[[Write], None]] = []
        self.after_write: list[Callable[[Write], None]] = []
        self.job_ends: dict[str, Probed] = {}
        """The ends of Jobs, by name: one that is there does not run again."""
        self.measured: list[tuple[datetime, MetricProbe, Measured]] = []
        self.events: list[Any] = []
        self._committed: set[str] = set()
        self.put("Rollout", rollout(spec))
        if routes is None:
            routes = [route()] if spec.get("traffic") else []
        for obj in routes:
            self.put("HTTPRoute", obj)
        self.controllers()

    # --- Objects --------------------------------------------------------------------------------------------------

    def get(self, kind: str, name: str = NAME) -> Object:
        return self.objects[kind, name]

    def all(self, kind: str) -> list[Object]:
        return [obj for (k, _), obj in sorted(self.objects.items()) if k == kind]

    def put(self, kind: str, obj: Object) -> Object:
        """Store a new or changed object, with a new resourceVersion, and a new generation if its spec changed."""
        key = kind, obj["metadata"]["name"]
        before = self.objects.get(key)
        if before == obj:
            return before
        self.version += 1
        meta = dict(obj["metadata"]) | {"resourceVersion": str(self.version), "namespace": NAMESPACE}
        meta.setdefault("uid", f"uid-{kind}-{self.version}")
        if before is not None and before.get("spec") != obj.get("spec"):
            meta["generation"] = int(before["metadata"].get("generation") or 0) + 1
        meta.setdefault("generation", 1)
        self.objects[key] = copy.deepcopy({**obj, "metadata": meta})
        return self.objects[key]

    def remove(self, kind: str, name: str) -> None:
        self.version += 1
        del self.objects[kind, name]

    def change(self, kind: str, name: str, part: str, **changes: Any) -> Object:
        """Set fields of a part (spec, status) of an object; None removes."""
        obj = self.get(kind, name)
        fields = {k: v for k, v in {**(obj.get(part) or {}), **changes}.items() if v is not None}
        return self.put(kind, {**obj, part: fields})

    # --- People ---------------------------------------------------------------------------------------------------

    def edit(self, **changes: Any) -> None:
        """Edit the Rollout's spec; None removes a field."""
        self.change("Rollout", NAME, "spec", **changes)

    def promote(self, name: str, **spec: Any) -> None:
        """Create a Promotion; without a watch, unless `spec` has one."""
        self.version += 1
        created = self.now.replace(microsecond=0).isoformat().replace("+00:00", "Z")
        uid = f"uid-{name}-{self.version}"
        self.put("Promotion", promotion(name, created, uid=uid, **{"watch": [], **spec}))

    def say(self, name: str, **spec: Any) -> None:
        """Change a Promotion's spec; None removes a field."""
        self.change("Promotion", name, "spec", **spec)

    def approve(self, name: str, by: str = "ada") -> str:
        """`approved: true`, stamped by admission with the plan that status shows; '' if there is none to approve."""
        plan = (self.get("Promotion", name).get("status") or {}).get("planHash") or ""
        if plan:
            self.say(name, approved=True, approvals={by: plan})
        return str(plan)

    def wipe_status(self) -> None:
        obj = self.get("Rollout")
        self.put("Rollout", {**obj, "status": {"observedGeneration": -1}})

    # --- What users get -------------------------------------------------------------------------------------------

    def selected(self, service: str) -> str | None:
        obj = self.objects.get(("Service", service))
        found = ((obj or {}).get("spec") or {}).get("selector") or {}
        return found.get(names.REVISION_LABEL)

    @property
    def live(self) -> str | None:
        return self.selected(NAME)

    @property
    def weight(self) -> int:
        """Percent that the first rule of the first route gives to the candidate Service."""
        refs = self.get("HTTPRoute")["spec"]["rules"][0]["backendRefs"]
        return int(next(ref.get("weight", 1) for ref in refs if ref["name"] == f"{NAME}-candidate"))

    @property
    def routed(self) -> bool:
        return ("HTTPRoute", NAME) in self.objects

    def exposure(self, revision: str) -> int:
        """Percent of users' requests that may reach a revision by what Services and routes say."""
        here = 100 if self.live == revision else 0
        if self.routed and self.selected(f"{NAME}-candidate") == revision:
            here = max(here, self.weight)
        return here

    def size(self, revision: str) -> int:
        obj = self.objects.get(("Deployment", f"{NAME}-{revision}"))
        return int(obj["spec"]["replicas"]) if obj else 0

    @property
    def status(self) -> Object:
        return self.get("Rollout").get("status") or {}

    def phase(self, promotion: str = "") -> str:
        obj = self.get("Promotion", promotion) if promotion else self.get("Rollout")
        return str((obj.get("status") or {}).get("phase", ""))

    def marks(self, revision: str) -> dict[str, str]:
        obj = self.objects.get(("ControllerRevision", f"{NAME}-{revision}"))
        return dict((obj or {}).get("metadata", {}).get("annotations") or {})

    def condition(self, kind: str) -> Object:
        return next(c for c in self.status["conditions"] if c["type"] == kind)

    # --- The shell ------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        revisions = [o for o in self.all("ControllerRevision") if names.ROLLOUT_LABEL in o["metadata"]["labels"]]
        return copy.deepcopy(
            Snapshot(
                namespace=NAMESPACE,
                name=NAME,
                rollout=self.objects.get(("Rollout", NAME)),
                promotions=tuple(self.all("Promotion")),
                revisions=tuple(revisions),
                deployments=tuple(self.all("Deployment")),
                services=tuple(self.all("Service")),
                endpoint_slices=tuple(self.all("EndpointSlice")),
                pods=tuple(self.all("Pod")),
                routes=tuple(self.all("HTTPRoute")),
                policies=tuple(self.all("PromotionPolicy")),
                origins=self.origins(),
                namespace_labels=self.labels,
                observations=dict(self.observations),
                settings=self.settings,
                live=True,
            )
        )

    def decide(self) -> Decision:
        return decide(self.snapshot(), self.now)

    def once(self, writes: int | None = None) -> Decision:
        """One pass; with `writes`, one that dies after so many of them."""
        decision = self.decide()
        # A Promotion whose status this pass has committed has moved on by our own hand.
        self._committed.clear()
        for write in decision.writes[:writes]:
            for check in self.before_write:
                check(write)
            self.write(write)
            for check in self.after_write:
                check(write)
        if writes is None:
            self.events.extend(decision.events)
            self.run_probes(decision.probes)
        return decision

    def run_probes(self, probes: Iterable[Probe]) -> None:
        wanted = {probe.key: probe for probe in probes}
        self.observations = {key: seen for key, seen in self.observations.items() if key in wanted}
        for key, probe in wanted.items():
            if probe.due > self.now or key in self.observations:
                continue
            if why := self.unverified(probe):
                self.observations[key] = Unverified(at=self.now, message=why)
            elif isinstance(probe, MetricProbe):
                found = Measured(at=self.now, **self.measure(probe))
                self.measured.append((self.now, probe, found))
                self.observations[key] = found
            elif isinstance(probe, LogProbe):
                self.observations[key] = Measured(at=self.now, **self.count(probe))
            elif isinstance(probe, KeepRecord):
                self.observations[key] = self.keep(probe)
            elif isinstance(probe, DryRun):
                passed = self.probe(probe)
                self.observations[key] = Probed(at=self.now, passed=passed, message="" if passed else "refused")
            elif isinstance(probe, PublishReport):
                self.publish(probe)
            elif isinstance(probe, JobProbe):
                self.observations[key] = self.run_job(probe)
            elif isinstance(probe, NodeProbe):
                node = self.nodes[probe.node]
                self.observations[key] = Unverified(at=self.now, message=node) if isinstance(node, str) else node
            else:
                passed = self.probe(probe)
                message = "200" if passed else "answered 500"
                self.observations[key] = Probed(
                    at=self.now, passed=passed, message=message, nobody=self.deserted and not passed
                )

    def run_job(self, probe: JobProbe) -> Probed:
        """The end of the Job of this name: of the one that is there still, or of one that runs now."""
        name, kept = probe.job["metadata"]["name"], probe.job["spec"].get("ttlSecondsAfterFinished")
        there = self.job_ends.get(name)
        # A migration's stays for good, and is the business of those tests.
        if there is not None and kept is not None and self.now - there.at < timedelta(seconds=kept):
            return there
        passed = self.probe(probe)
        self.job_ends[name] = Probed(at=self.now, passed=passed, message="200" if passed else "answered 500")
        return self.job_ends[name]

    def publish(self, probe: PublishReport) -> None:
        """Bring the keys into the ConfigMap, unless the test has a reason against it."""
        passed = self.probe(probe)
        self.observations[probe.key] = Probed(at=self.now, passed=passed, message="" if passed else "refused")
        if passed:
            name = probe.object["metadata"]["name"]
            before = self.objects.get(("ConfigMap", name), {"data": {}})
            made = {**copy.deepcopy(dict(probe.object)), "data": {**before["data"], **probe.object["data"]}}
            self.put("ConfigMap", made)

    def keep(self, probe: KeepRecord) -> RecordKept:
        """The record with this id: the one that is there, or one more at the end of the chain."""
        held = [held for held in self.all("ConfigMap") if names.RECORD_LABEL in held["metadata"]["labels"]]
        known = chain.with_id(held, probe.statement.predicate.id)
        if known is None:
            before = chain.last(held)
            number = chain.number_of(before) + 1 if before else 1
            previous = RecordLink(config_map=before["metadata"]["name"], digest=digest(before)) if before else None
            known = self.put("ConfigMap", seal(probe.statement, number, previous, None))
        return RecordKept(at=self.now, config_map=known["metadata"]["name"], digest=digest(known))

    def settle(self, limit: int = 40) -> None:
        """Decide, write, let the controllers follow, until nothing changes; the time stands still."""
        for _ in range(limit):
            before = self.version, len(self.observations)
            self.once()
            self.controllers()
            if (self.version, len(self.observations)) == before and not self.decide().writes:
                return
        raise AssertionError(f"never comes to rest: {[type(w).__name__ for w in self.decide().writes]}")

    def run(self, seconds: float, until: Callable[[], bool] = lambda: False, stride: float = 1) -> bool:
        """Let time pass, waking whenever decide() or a probe asks for it and at least every `stride` seconds."""
        end = self.now + timedelta(seconds=seconds)
        self.settle()
        while not until():
            if self.now >= end:
                return False
            last = self.decide()
            ahead = [t for t in (last.look_again, *(p.due for p in last.probes)) if t and t > self.now]
            self.now = min([self.now + timedelta(seconds=stride), end, *ahead])
            self.settle()
        return True

    def write(self, write: Write) -> None:
        """Do what a write says, as the API server would."""
        if isinstance(write, CreateRevision):
            self._create("ControllerRevision", write.object)
        elif isinstance(write, CommitPromotionStatus):
            obj = self._at("Promotion", write.name, write.resource_version)
            PromotionStatus.model_validate(write.status)
            self.put("Promotion", {**obj, "status": dict(write.status)})
            self._committed.add(write.name)
        elif isinstance(write, PatchPromotionSpec):
            version = None if write.name in self._committed else write.resource_version
            obj = self._at("Promotion", write.name, version)
            spec = merge_patch(obj["spec"], write.spec)
            PromotionSpec.model_validate(spec)
            self.put("Promotion", {**obj, "spec": spec})
        elif isinstance(write, CommitRolloutStatus):
            obj = self._at("Rollout", NAME, write.resource_version)
            RolloutStatus.model_validate(write.status)
            self.put("Rollout", {**obj, "status": dict(write.status)})
            self._committed.add(NAME)
        elif isinstance(write, PatchRolloutImages):
            spec = copy.deepcopy(self._at("Rollout", NAME, self._rollout_version(write.resource_version))["spec"])
            for (group, index), image in write.images.items():
                spec["template"]["spec"][group][index]["image"] = image
            self.edit(**spec)
        elif isinstance(write, MarkRevision):
            obj = self._at("ControllerRevision", write.name, write.resource_version)
            found = {**(obj["metadata"].get("annotations") or {}), **write.annotations}
            annotations = {k: v for k, v in found.items() if v is not None}
            self.put("ControllerRevision", {**obj, "metadata": {**obj["metadata"], "annotations": annotations}})
        elif isinstance(write, Apply | Replace):
            self._apply(write)
        elif isinstance(write, SetWeights):
            obj = copy.deepcopy(self._at("HTTPRoute", write.name, write.resource_version))
            for (rule, ref), weight in write.weights.items():
                obj["spec"]["rules"][rule]["backendRefs"][ref]["weight"] = weight
            self.put("HTTPRoute", obj)
        elif isinstance(write, Delete):
            self._at(write.kind, write.name, write.resource_version)
            self.remove(write.kind, write.name)

    def _rollout_version(self, version: str) -> str | None:
        """None where this pass has committed the Rollout's status, and moved it on by that."""
        return None if NAME in self._committed else version

    def _create(self, kind: str, obj: Any) -> None:
        if (kind, obj["metadata"]["name"]) in self.objects:
            raise Conflict(f"{kind} {obj['metadata']['name']} exists")
        self.put(kind, copy.deepcopy(dict(obj)))

    def _apply(self, write: Apply | Replace) -> None:
        kind = write.kind
        name = write.object["metadata"]["name"]
        if write.resource_version is None:
            self._create(kind, write.object)
            return
        obj = self._at(kind, name, write.resource_version)
        labels = {**(obj["metadata"].get("labels") or {}), **write.object["metadata"]["labels"]}
        if isinstance(write, Replace):
            labels = dict(write.object["metadata"]["labels"])
        owners = write.object["metadata"]["ownerReferences"]
        meta = {**obj["metadata"], "labels": labels, "ownerReferences": owners}
        if "annotations" in write.object["metadata"]:
            meta["annotations"] = dict(write.object["metadata"]["annotations"])
        self.put(kind, {**obj, "metadata": meta, "spec": {**obj["spec"], **write.object["spec"]}})

    def _at(self, kind: str, name: str, version: str | None) -> Object:
        obj = self.objects.get((kind, name))
        if obj is None or (version is not None and obj["metadata"]["resourceVersion"] != version):
            raise Conflict(f"{kind} {name} is not at {version}")
        return obj

    # --- Kubernetes' own controllers --------------------------------------------------------------------------------

    def controllers(self) -> None:
        self.pods()
        self.endpoints()
        self.gateway()

    def pods(self) -> None:
        """Deployments get their pods; those of a broken revision never become ready."""
        for obj in self.all("Deployment"):
            name, wanted = obj["metadata"]["name"], int(obj["spec"]["replicas"])
            for index in range(100):
                if index >= wanted:
                    if ("Pod", f"{name}-{index}") not in self.objects:
                        break
                    self.remove("Pod", f"{name}-{index}")
                else:
                    self.put("Pod", self._pod(obj, index))
            ready = sum(map(is_ready, self.pods_of(obj["metadata"]["labels"][names.REVISION_LABEL])))
            status = {"observedGeneration": obj["metadata"]["generation"], "replicas": wanted}
            self.put("Deployment", {**obj, "status": {**status, "readyReplicas": ready, "availableReplicas": ready}})
        for pod in self.all("Pod"):
            if ("Deployment", pod["metadata"]["name"].rpartition("-")[0]) not in self.objects:
                self.remove("Pod", pod["metadata"]["name"])

    def pods_of(self, revision: str) -> list[Object]:
        return [p for p in self.all("Pod") if p["metadata"]["labels"].get(names.REVISION_LABEL) == revision]

    def ready(self, revision: str) -> int:
        return sum(map(is_ready, self.pods_of(revision)))

    def _pod(self, deployment: Object, index: int) -> Object:
        inner = deployment["spec"]["template"]
        revision = deployment["metadata"]["labels"][names.REVISION_LABEL]
        name = f"{deployment['metadata']['name']}-{index}"
        before = self.objects.get(("Pod", name))
        reason = self.broken.get(revision, "")
        ready = {"type": "Ready", "status": "False" if reason else "True"}
        waiting = {"state": {"waiting": {"reason": reason, "message": "the kubelet's words"}}}
        status = {
            "podIP": f"10.0.0.{index + 1}",
            "conditions": [ready],
            "containerStatuses": [waiting if reason and reason != "NotReady" else {"state": {"running": {}}}],
        }
        meta = before["metadata"] if before else {"name": name, "labels": dict(inner["metadata"]["labels"])}
        spec = {"containers": inner["spec"]["containers"]}
        if self.nodes:
            spec["nodeName"] = sorted(self.nodes)[index % len(self.nodes)]
        return {"metadata": meta, "spec": spec, "status": status}

    def endpoints(self) -> None:
        """Each Service gets the slice of the pods that it selects."""
        for service in self.all("Service"):
            name, selector = service["metadata"]["name"], service["spec"].get("selector") or {}
            found = [
                {
                    "addresses": [pod["status"]["podIP"]],
                    "conditions": {"ready": is_ready(pod)},
                    "targetRef": {"kind": "Pod", "name": pod["metadata"]["name"]},
                }
                for pod in self.all("Pod")
                if selector and all(pod["metadata"]["labels"].get(k) == v for k, v in selector.items())
            ]
            meta = {"name": f"{name}-slice", "labels": {"kubernetes.io/service-name": name}}
            before = self.objects.get(("EndpointSlice", f"{name}-slice"))
            self.put("EndpointSlice", {"metadata": before["metadata"] if before else meta, "endpoints": found})

    def gateway(self) -> None:
        """The gateway follows routes: from here on users get what they say."""
        for obj in self.all("HTTPRoute"):
            self.put("HTTPRoute", taken(obj))
        self.seen_weight = self.weight if self.routed else 0


def digest(record: Any) -> str:
    return digest_of(statement_text(record) or "")


def is_ready(pod: Object) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"]["conditions"])


def revision_of(spec: Object) -> str:
    """The name of the revision that a spec asks for."""
    found = of_spec(spec)
    assert found is not None
    return found.name


def serving(spec: Object, **kwargs: Any) -> Cluster:
    """A cluster whose first revision has been approved, verified, and is at rest."""
    cluster = Cluster(spec, **kwargs)
    cluster.promote("web-1", environment=spec["environment"])
    cluster.settle()
    cluster.approve("web-1")
    assert cluster.run(60, lambda: cluster.phase() == "Healthy"), cluster.status
    return cluster


def shifting(spec: Object, share: int = 25) -> Cluster:
    """The same with a second revision that was approved as web-2 and has this share."""
    cluster = serving(spec)
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval", cluster.get("Promotion", "web-2")["status"]
    cluster.approve("web-2")
    second = revision_of(cluster.get("Rollout")["spec"])
    assert cluster.run(60, lambda: cluster.exposure(second) == share), cluster.status
    return cluster
