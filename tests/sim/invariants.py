"""What must hold at every instant, whatever happens. Knows people's words and the cluster, nothing of
the operator.

The contract's invariants 1 (nobody reaches a revision that was not approved), 4 and 5 (no request
is lost, nothing that serves is scaled below its share), and that weights are only ever those that a
plan declared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from pydantic import ValidationError
from tests.sim.apiserver import Change, Server
from tests.sim.controllers import is_ready
from tests.sim.dataplane import LOST, Seen
from tests.sim.patches import clone

from slipway.api.model import StatusModel
from slipway.api.promotion_status import PromotionStatus
from slipway.api.rollout import RolloutStatus
from slipway.cluster.resources import (
    DEPLOYMENTS,
    HTTP_ROUTES,
    PODS,
    PROMOTIONS,
    REVISION_LABEL,
    ROLLOUT_LABEL,
    ROLLOUTS,
    SERVICES,
)

Object = dict[str, Any]
OPERATOR = "system:serviceaccount:slipway-system:slipway"

# Traffic that has been taken away is seen at the data plane until all observers have followed.
TRAILING = 6.0


class Broken(AssertionError):
    """An invariant does not hold. The message says when, what, and the last writes.

    It is kept and raised by the simulation, not in the request: an operator survives failing requests.
    """


@dataclass
class Traffic:
    """What is asked for in etcd, which the data plane follows with a delay."""

    live: str
    shares: dict[str, Fraction]

    def share(self, revision: str) -> Fraction:
        return self.shares.get(revision, Fraction(0))


@dataclass
class Invariants:
    """Watches the server's changes and the data plane of the Rollout `name`."""

    server: Server
    namespace: str
    name: str
    elapsed: Any
    automatic: bool = False
    tolerates_loss: bool = False
    allowed: set[str] = field(default_factory=set)
    moves: list[tuple[str, str, tuple[int, ...]]] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dropped: dict[str, float] = {}
        self._previous = ""
        self._current = ""
        self._weights: set[int] = {0, 100}
        self._served: set[str] = set()
        self._traffic = Traffic("", {})
        self.server.observers.append(self._changed)

    # --- What people said -----------------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        if change.object["metadata"].get("namespace") != self.namespace:
            return  # another environment, in which nobody's users are
        if change.kind == PROMOTIONS:
            self._promotion(change)
        elif change.kind == ROLLOUTS:
            self._rollout(change)
        elif change.kind in (SERVICES, HTTP_ROUTES):
            self._traffic_changed(change)
        elif change.kind == DEPLOYMENTS and change.user == OPERATOR and change.type == "MODIFIED":
            self._scaled(change)

    def _promotion(self, change: Change) -> None:
        self._well_formed(PromotionStatus, change)
        spec, before = change.object["spec"], (change.before or {}).get("spec", {})
        target = ((change.object.get("status") or {}).get("target") or {}).get("revision", "")
        was = (((change.before or {}).get("status") or {}).get("target") or {}).get("revision", "")
        new = {k: v for k, v in (spec.get("approvals") or {}).items() if (before.get("approvals") or {}).get(k) != v}
        if new and change.user != OPERATOR and set(new.values()) == {change.object["status"]["planHash"]}:
            self.allowed.add(target)
            self._dropped.pop(target, None)
        # The commit on the Promotion's status is the fence: a withdrawal before it wins, one after it comes too late
        # for the move that was committed, and holds what follows.
        fenced = ((change.before or {}).get("status") or {}).get("phase") == "Shifting"
        gone = before.get("approved") and (not spec.get("approved") or change.type == "DELETED") and not fenced
        for revision in filter(None, (was, target)):
            if gone and not self._traffic.share(revision) and revision not in (self._current, self._previous):
                self._drop(revision, 0.0)

    def _rollout(self, change: Change) -> None:
        self._well_formed(RolloutStatus, change)
        canary = (change.object["spec"].get("strategy") or {}).get("canary") or {}
        self._weights |= {step["weight"] for step in canary.get("steps", [])}

    def _well_formed(self, model: type[StatusModel], change: Change) -> None:
        if change.user != OPERATOR or not change.object.get("status"):
            return
        try:
            model.model_validate(change.object["status"])
        except ValidationError as error:
            self._fail(f"a status that the CRD would refuse: {error}")

    def _drop(self, revision: str, trailing: float = TRAILING) -> None:
        self.allowed.discard(revision)
        self._dropped[revision] = self.elapsed() + trailing

    # --- What is asked for ----------------------------------------------------------------------------------

    def _traffic_changed(self, change: Change) -> None:
        traffic = self._intended()
        if change.user == OPERATOR:
            self._check_move(change, traffic)
        self._follow(self._traffic, traffic)
        self._traffic = traffic
        move = self._move()
        if not self.moves or self.moves[-1] != move:
            self.moves.append(move)

    def _check_move(self, change: Change, traffic: Traffic) -> None:
        if change.kind == HTTP_ROUTES:
            if _without_weights(change.object) != _without_weights(change.before or {}):
                self._fail("more of an HTTPRoute was changed than weights")
            for weight in _weights(change.object, f"{self.name}-candidate"):
                if weight not in self._weights:
                    self._fail(f"weight {weight} is in no plan")
        for revision, share in traffic.shares.items():
            if share <= self._traffic.share(revision):
                continue
            if not self._may(revision):
                self._fail(f"{revision} is sent {float(share):.0%} without an approval")
            if revision not in (self._current, self._previous):
                self._check_capacity(revision, share)

    def _check_capacity(self, revision: str, share: Fraction) -> None:
        """Before more traffic: as many ready pods as the share needs. (On the way back haste may count more.)"""
        rollout = self.server.find(ROLLOUTS, self.namespace, self.name)
        needed = math.ceil((rollout or {"spec": {}})["spec"].get("replicas", 1) * share)
        ready = sum(
            is_ready(pod)
            for pod in self.server.peek(PODS, self.namespace)
            if (pod["metadata"].get("labels") or {}).get(REVISION_LABEL) == revision
        )
        if ready < needed:
            self._fail(f"{revision} is sent {float(share):.0%} with {ready} of {needed} pods ready")

    def _follow(self, before: Traffic, after: Traffic) -> None:
        """Keep book of who served before whom, by what the live Service selects."""
        if after.live != self._current and after.live:
            if after.live == self._previous:
                self._drop(self._current)
                self._previous = ""
            else:
                if self._previous:
                    self._drop(self._previous)
                self._previous = self._current
            self._current = after.live
        for revision in before.shares:
            gone = before.share(revision) and not after.share(revision)
            if gone and revision not in (self._current, self._previous):
                self._drop(revision)

    def _may(self, revision: str) -> bool:
        return self.automatic or revision in self.allowed or revision in (self._current, self._previous)

    def _intended(self) -> Traffic:
        live = self._selected(self.name)
        shares: dict[str, Fraction] = {live: Fraction(1)} if live else {}
        for route in self.server.peek(HTTP_ROUTES, self.namespace):
            for rule in route["spec"].get("rules", []):
                refs = rule.get("backendRefs", [])
                total = sum(ref.get("weight", 1) for ref in refs) or 1
                for ref in refs:
                    revision = self._selected(ref["name"])
                    share = Fraction(ref.get("weight", 1), total)
                    if revision and share > shares.get(revision, 0):
                        shares[revision] = share
        return Traffic(live, shares)

    def _selected(self, service: str) -> str:
        found = self.server.find(SERVICES, self.namespace, service)
        selector = ((found or {}).get("spec") or {}).get("selector") or {}
        revision = str(selector.get(REVISION_LABEL, ""))
        return "" if selector.get(ROLLOUT_LABEL) != self.name or revision == "none" else revision

    def _move(self) -> tuple[str, str, tuple[int, ...]]:
        weights = tuple(
            weight
            for route in self.server.peek(HTTP_ROUTES, self.namespace)
            for weight in _weights(route, f"{self.name}-candidate")
        )
        candidate = self._selected(f"{self.name}-candidate") if any(weights) else ""
        return (self._selected(self.name), candidate, weights)

    def _scaled(self, change: Change) -> None:
        before, after = ((o or {}).get("spec", {}).get("replicas", 1) for o in (change.before, change.object))
        revision = (change.object["metadata"].get("labels") or {}).get(REVISION_LABEL, "")
        rollout = self.server.find(ROLLOUTS, self.namespace, self.name)
        if after >= before or rollout is None:
            return
        share = self._traffic.share(revision)
        needs = math.ceil(rollout["spec"].get("replicas", 1) * share)
        if after < needs:
            self._fail(f"{revision} serves {float(share):.0%} and is scaled {before} → {after}")

    # --- What users meet ------------------------------------------------------------------------------------

    def check(self, seen: Seen) -> None:
        """Once a second, after the data plane."""
        for entry, shares in seen.entries.items():
            for revision, share in shares.items():
                if revision == LOST or not share:
                    continue
                trailing = seen.at <= self._dropped.get(revision, -1.0)
                if not self._may(revision) and not trailing:
                    self._fail(f"{entry} sends {float(share):.0%} to {revision}, which may not serve")
            if shares.get(LOST) and entry in self._served and not self.tolerates_loss:
                self._fail(f"{entry} loses {float(shares[LOST]):.0%} of its requests")
            if not shares.get(LOST):
                self._served.add(entry)

    def expect_loss(self) -> None:
        """From here on a loss is what the scenario is about (a crash, a Rollout that is deleted)."""
        self.tolerates_loss = True

    def _fail(self, what: str) -> None:
        lines = [f"at {self.elapsed():.0f} s: {what}", "last writes:"]
        for change in [c for c in self.server.history if c.kind.kind not in ("Pod", "EndpointSlice")][-25:]:
            lines.append(f"  {describe(change)}")
        self.broken.append(Broken("\n".join(lines)))


def describe(change: Change) -> str:
    """One change in one line: what somebody who debugs wants to know."""
    obj, before = change.object, change.before or {}
    facts: list[str] = []
    for field_ in ("spec", "status", "metadata"):
        new, old = obj.get(field_) or {}, before.get(field_) or {}
        for key in sorted(set(new) | set(old)):
            if new.get(key) != old.get(key) and key not in ("resourceVersion", "generation"):
                facts.append(f"{field_}.{key}={str(new.get(key))[:110]}" if before else f"{field_}.{key}")
    who = "operator" if change.user == OPERATOR else change.user.removeprefix("system:")
    what = f"{change.resource_version} {who} {change.type} {change.kind.kind}/{change.name}"
    return f"{what} {'; '.join(facts)[:700]}"


def _without_weights(route: Object) -> Object:
    spec: Object = clone(route.get("spec") or {})
    for rule in spec.get("rules", []):
        for ref in rule.get("backendRefs", []):
            ref.pop("weight", None)
    return spec


def _weights(route: Object, service: str) -> list[int]:
    return [
        ref.get("weight", 1)
        for rule in route["spec"].get("rules", [])
        for ref in rule.get("backendRefs", [])
        if ref["name"] == service
    ]
