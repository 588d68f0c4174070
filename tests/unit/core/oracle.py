"""What must hold whatever happens, checked write by write, and found without the core's own eyes.

What a person has granted, what users may reach, for how long, and what was measured meanwhile is kept here on its own.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.unit.core.cluster import Cluster
from tests.unit.core.objects import NAME, Object

from slipway.api.duration import parse_duration
from slipway.core import marks, names
from slipway.core.decision import (
    Apply,
    CommitRolloutStatus,
    Delete,
    MarkRevision,
    Replace,
    SetWeights,
    Write,
)


@dataclass(frozen=True)
class Granted:
    """A person said yes to this plan of this revision on this Promotion."""

    uid: str
    plan: str
    digest: str


class Oracle:
    """Watches a cluster. Every breach is an AssertionError at the write that brings it about."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.granted: set[Granted] = set()
        self.before: dict[str, int] = {}
        self.since: dict[str, tuple[int, datetime]] = {}
        """By revision: its exposure, and since when it has had it."""
        self.most: dict[str, int] = {}
        """By revision: the most that it has had by our hands since it was approved."""
        cluster.before_write.append(self._before)
        cluster.after_write.append(self._after)

    # --- People ---------------------------------------------------------------------------------------------------

    def approve(self, promotion: str) -> None:
        plan = self.cluster.approve(promotion)
        if plan:
            obj = self.cluster.get("Promotion", promotion)
            self.granted.add(Granted(obj["metadata"]["uid"], plan, obj["status"]["target"]["digest"]))

    # --- What is there --------------------------------------------------------------------------------------------

    def revisions(self) -> dict[str, Object]:
        return {
            obj["metadata"]["labels"][names.REVISION_LABEL]: obj
            for obj in self.cluster.all("ControllerRevision")
            if names.REVISION_LABEL in obj["metadata"]["labels"]
        }

    def approved(self, revision: str) -> Object | None:
        text = self.cluster.marks(revision).get(marks.APPROVED)
        return json.loads(text) if text else None

    def allowed(self, revision: str) -> bool:
        """The mark is there, and a person granted exactly this: this plan of this revision."""
        mark = self.approved(revision)
        if mark is None:
            return False
        if mark["by"] == ["automatic"]:
            return self.cluster.labels.get(names.AUTOMATIC_LABEL) == "automatic"
        digest = self.revisions()[revision]["data"]["digest"]
        return Granted(mark["promotion"]["uid"], mark["planHash"], digest) in self.granted

    def plan_of(self, revision: str) -> Object:
        mark = self.approved(revision)
        assert mark is not None
        stored = self.cluster.get("ControllerRevision", names.plan_name(NAME, mark["planHash"]))
        return dict(stored["data"]["plan"]["rollout"])

    def stable(self) -> str | None:
        served = [
            (found.get(marks.RETURNED) or found[marks.PROMOTED], name)
            for name in self.revisions()
            if marks.PROMOTED in (found := self.cluster.marks(name))
            and (marks.VERIFIED in found or marks.KEPT in found)
            and marks.REJECTED not in found
        ]
        return max(served)[1] if served else None

    def in_flight(self) -> str | None:
        moving = [
            name
            for name in self.revisions()
            if marks.APPROVED in (found := self.cluster.marks(name))
            and not {marks.VERIFIED, marks.KEPT, marks.REJECTED} & found.keys()
        ]
        assert len(moving) <= 1, f"two revisions in flight: {moving}"
        return moving[0] if moving else None

    def exposures(self) -> dict[str, int]:
        return {name: self.cluster.exposure(name) for name in self.revisions()}

    def reaches(self, revision: str) -> bool:
        """Whether somebody may still be sent to a revision: by slices, and by routes as the gateway has seen them."""
        ours = {pod["metadata"]["name"] for pod in self.cluster.pods_of(revision)}

        def behind(service: str) -> bool:
            found = self.cluster.objects.get(("EndpointSlice", f"{service}-slice"), {})
            ends = found.get("endpoints") or []
            return any(e["conditions"]["ready"] and e["targetRef"]["name"] in ours for e in ends)

        weight = max(self.cluster.seen_weight, self.cluster.weight) if self.cluster.routed else 0
        return behind(NAME) or (weight > 0 and behind(f"{NAME}-candidate"))

    # --- Checks ---------------------------------------------------------------------------------------------------

    def _before(self, write: Write) -> None:
        self.before = self.exposures()
        if isinstance(write, MarkRevision):
            self._mark(write)
        elif isinstance(write, CommitRolloutStatus):
            self._advance(write)
        elif isinstance(write, Apply | Replace) and write.object["kind"] == "Deployment":
            self._scale(write.object)
        elif isinstance(write, Delete) and write.kind == "Deployment":
            revision = write.name.removeprefix(f"{NAME}-")
            assert not self.reaches(revision), f"the Deployment of {revision} is deleted while users reach it"
            assert not self.cluster.exposure(revision)
        elif isinstance(write, SetWeights):
            self._weights(write)

    def _after(self, write: Write) -> None:
        now = self.exposures()
        for revision, share in now.items():
            if share != self.since.get(revision, (0, self.cluster.now))[0]:
                self.since[revision] = share, self.cluster.now
            if share > self.before.get(revision, 0):
                assert self.allowed(revision), f"{share} % for {revision}, which nobody approved: {write}"
                self.most[revision] = max(share, self.most.get(revision, 0))

    def moved(self) -> None:
        """Somebody else has changed traffic: what was held must be held anew."""
        for revision, share in self.exposures().items():
            if share != self.since.get(revision, (0, self.cluster.now))[0]:
                self.since[revision] = share, self.cluster.now

    def _mark(self, write: MarkRevision) -> None:
        revision = write.name.removeprefix(f"{NAME}-")
        text = write.annotations.get(marks.APPROVED)
        if text and text != self.cluster.marks(revision).get(marks.APPROVED):
            mark = json.loads(text)
            if mark["by"] != ["automatic"]:
                self._word(mark, revision)
            if not self.cluster.exposure(revision):
                self.most[revision] = 0
        if write.annotations.get(marks.VERIFIED):
            self._held(revision, self.plan_of(revision), 100)

    def _word(self, mark: Any, revision: str) -> None:
        """When traffic may begin, the person's word stands on the Promotion, for this plan."""
        name, uid = mark["promotion"]["name"], mark["promotion"]["uid"]
        obj = self.cluster.objects.get(("Promotion", name))
        assert obj is not None, f"{name} is gone"
        assert obj["metadata"]["uid"] == uid
        spec = obj["spec"]
        assert spec.get("approved") is True, f"{name} is not approved"
        assert mark["planHash"] in (spec.get("approvals") or {}).values(), f"{name} approves another plan"
        assert not spec.get("hold")
        assert not spec.get("abort")
        digest = self.revisions()[revision]["data"]["digest"]
        assert Granted(uid, mark["planHash"], digest) in self.granted

    def _advance(self, write: CommitRolloutStatus) -> None:
        """A step with more traffic is committed only when the one before has been held and its gates have passed."""
        candidate = write.status.get("candidate") or {}
        step, revision = candidate.get("step") or {}, candidate.get("revision")
        weight = int(step.get("weight") or 0)
        had = self.cluster.exposure(revision) if revision else 0
        before = self.cluster.status.get("candidate") or {}
        committed = int((before.get("step") or {}).get("weight") or 0) if before.get("revision") == revision else 0
        if not revision or weight <= max(self.most.get(revision, 0), committed):
            return
        mark = self.approved(revision)
        if mark is None or marks.REJECTED in self.cluster.marks(revision):
            assert not had, f"{had} % for {revision} without a mark"
            return  # Its mark follows in the same pass, and is looked at there.
        if mark["by"] != ["automatic"]:
            self._word(mark, revision)
        if had:
            self._held(revision, self.plan_of(revision), had)
        for declared in self._steps(self.plan_of(revision)):
            if had < declared["weight"] <= weight and declared.get("approval") == "Required":
                spec = self.cluster.get("Promotion", mark["promotion"]["name"])["spec"]
                assert (spec.get("approvedWeight") or 0) >= declared["weight"]

    def _steps(self, plan: Object) -> list[Object]:
        return list(((plan.get("strategy") or {}).get("canary") or {}).get("steps") or [])

    def _held(self, revision: str, plan: Object, weight: int) -> None:
        """`weight` has been held long enough, and every gate's last measurement within it is a pass."""
        strategy = plan.get("strategy") or {}
        chosen = strategy.get("canary") or strategy.get("blueGreen") or {}
        step = next((s for s in self._steps(plan) if s["weight"] == weight), None)
        hold = (step or {}).get("hold", "5m") if weight < 100 else chosen.get("verify", "5m")
        share, since = self.since[revision]
        assert share == weight, f"{share} % is not the {weight} % that is left"
        lasted = self.cluster.now - since
        assert lasted >= parse_duration(hold), f"{weight} % for {lasted} of {hold}"
        wanted = [gate["name"] for gate in plan["analysis"]["gates"]]
        if step is not None and step.get("gates") is not None:
            wanted = step["gates"]
        for gate in plan["analysis"]["gates"]:
            if gate["name"] not in wanted:
                continue
            found = [
                (at, seen)
                for at, probe, seen in self.cluster.measured
                if probe.key.startswith(f"gate/{gate['name']}/{revision}/") and at > since
            ]
            assert found, f"{gate['name']} was never measured at {weight} %"
            at, seen = found[-1]
            assert seen.value is not None, f"{gate['name']} had no number when {weight} % ended"
            assert seen.value < gate["below"], f"{gate['name']} failed when {weight} % ended"
            assert at - since >= timedelta(seconds=1)

    def _scale(self, wanted: Any) -> None:
        revision = wanted["metadata"]["labels"][names.REVISION_LABEL]
        replicas, size = wanted["spec"]["replicas"], self.cluster.size(revision)
        if replicas >= size:
            return
        share = self.cluster.exposure(revision)
        needed = -(-int(self.cluster.get("Rollout")["spec"]["replicas"]) * share // 100)
        assert replicas >= min(needed, size), f"{revision} with {share} % is scaled from {size} to {replicas}"
        if replicas == 0 and int(self.cluster.get("Rollout")["spec"]["replicas"]):
            assert not self.reaches(revision), f"{revision} is scaled to 0 while users reach it"

    def _weights(self, write: SetWeights) -> None:
        new = sorted(write.weights.values())
        assert sum(new) == 100, f"the weights {new}"
        weight = next(w for (_, ref), w in write.weights.items() if ref == 1)
        declared = {0, 100}
        revision = self.cluster.selected(f"{NAME}-candidate")
        if revision in self.revisions() and self.approved(str(revision)):
            declared |= {step["weight"] for step in self._steps(self.plan_of(str(revision)))}
        assert weight in declared, f"{weight} % is none of {sorted(declared)}"

    def back_is_reachable(self) -> None:
        """Naming the revision in spec.abort brings traffic to stable with the very next decision."""
        candidate, stable = self.in_flight(), self.stable()
        if candidate is None or stable is None or not self.cluster.exposure(candidate):
            return
        replicas = int(self.cluster.get("Rollout")["spec"].get("replicas", 1))
        if self.cluster.ready(stable) < max(1, replicas):
            return
        there = copy.deepcopy({k: v for k, v in vars(self.cluster).items() if k not in {"before_write", "after_write"}})
        twin = Cluster.__new__(Cluster)
        twin.__dict__.update(there, before_write=[], after_write=[])
        twin.edit(abort=candidate)
        twin.once()
        assert twin.live == stable, f"abort left the live Service on {twin.live}"
        assert twin.exposure(candidate) == 0, f"abort left {twin.exposure(candidate)} % for {candidate}"
