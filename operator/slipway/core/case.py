"""One Rollout's case, read from a snapshot: the start of every decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from slipway.api.problems import problems
from slipway.api.rollout import RolloutSpec, RolloutStatus, read_status
from slipway.core import charge, instants, plan, revision
from slipway.core.adoption import Adoption, adoption
from slipway.core.charge import Claim
from slipway.core.lineage import Lineage, trace
from slipway.core.marks import Cause
from slipway.core.policy.demands import Demands, add_up
from slipway.core.policy.matching import matching
from slipway.core.snapshot import Object, Snapshot
from slipway.core.traffic import Traffic
from slipway.core.world import World


@dataclass(frozen=True)
class Case:
    """What is known. `spec` is None when the spec does not parse; `problems` say why, with paths."""

    snapshot: Snapshot
    now: datetime
    rollout: Object
    spec: RolloutSpec | None
    problems: tuple[str, ...]
    status: RolloutStatus
    world: World
    lineage: Lineage
    claims: Sequence[Claim]

    @property
    def name(self) -> str:
        """metadata.name of the Rollout."""
        return str(self.rollout["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """metadata.namespace of the Rollout."""
        return str(self.rollout["metadata"]["namespace"])

    @property
    def uid(self) -> str:
        """metadata.uid of the Rollout."""
        return str(self.rollout["metadata"]["uid"])

    @property
    def generation(self) -> int:
        """metadata.generation of the Rollout."""
        return int(self.rollout["metadata"].get("generation") or 0)

    @cached_property
    def _inputs(self) -> dict[str, Mapping[str, Any] | None]:
        return {}

    def plan_inputs(self, plan_hash: str) -> Mapping[str, Any] | None:
        """All that a stored plan fixes, None where it is not there or not itself. Held against its hash once a pass."""
        if plan_hash not in self._inputs:
            self._inputs[plan_hash] = plan.stored_inputs(self.snapshot.revisions, self.name, plan_hash)
        return self._inputs[plan_hash]

    @property
    def raw_spec(self) -> Mapping[str, Any]:
        """The spec as the API server has it."""
        return self.rollout.get("spec") or {}

    @property
    def environment(self) -> str:
        """spec.environment, also of a spec that does not parse."""
        return str(self.raw_spec.get("environment") or "")

    @cached_property
    def demands(self) -> Demands:
        """What the policies that match this Rollout add up to."""
        return add_up(matching(self.snapshot.policies, self.environment, self.snapshot.namespace_labels))

    @property
    def scaled_to_nothing(self) -> bool:
        """Whether spec.replicas asks for no pods. A spec that does not parse says nothing of the kind."""
        return self.spec is not None and self.spec.replicas == 0

    @property
    def settled(self) -> bool:
        """Whether traffic has been seen converged for as long as a gateway is given to follow."""
        for condition in self.status.conditions:
            if condition.type == "TrafficConverged" and condition.status == "True":
                return self.now - condition.last_transition_time >= self.snapshot.settings.gateway_settle
        return False

    @property
    def traffic_targets(self) -> set[str]:
        """Revisions that the live or the candidate Service selects, whether or not anybody is sent there."""
        return {name for name in (self.traffic.live, self.traffic.candidate) if name}

    @property
    def adoption(self) -> Adoption | None:
        """The live Service as it was before this Rollout, if it is to be taken over or may still go back to that."""
        return adoption(self.world.services.get(self.world.live_service), self.name)

    @property
    def routed(self) -> bool:
        """Whether HTTPRoutes split the traffic."""
        return bool(self.world.listed_routes)

    @property
    def traffic(self) -> Traffic:
        """Traffic as the Services and routes have it."""
        weights = {
            share.candidate_weight if share.live_weight + share.candidate_weight == 100 else None
            for share in self.world.shares()
        }
        weight = weights.pop() if len(weights) == 1 else (None if weights else 0)
        return Traffic(
            self.world.selected(self.world.live_service),
            self.world.selected(self.world.candidate_service),
            weight,
        )


def read(snapshot: Snapshot, rollout: Object, now: datetime) -> Case:
    """Read a snapshot. Total: a malformed spec is a case too."""
    meta = rollout["metadata"]
    spec, wrong = _spec(rollout)
    stored = revision.stored(snapshot.revisions, meta["name"], meta["uid"])
    lineage = trace(stored, revision.of_spec(rollout.get("spec") or {}))
    running = running_spec(snapshot, rollout, lineage)
    # What is edited while traffic moves is not approved: a route that comes in keeps its weights until it is.
    listed = routes_of(running or spec) | _routes_of_sent_back(snapshot, rollout, lineage)
    return Case(
        snapshot=snapshot,
        now=instants.whole_milliseconds(now),
        rollout=rollout,
        spec=spec,
        problems=wrong,
        status=read_status(rollout),
        world=World(snapshot, str(meta["uid"]), tuple(sorted(listed))),
        lineage=lineage,
        claims=charge.read(snapshot.promotions, _launched(lineage), _sent_back(lineage)),
    )


def _launched(lineage: Lineage) -> set[str]:
    """The uids of Promotions whose revision has been verified."""
    revisions = lineage.revisions.values()
    return {r.marks.approved.promotion_uid for r in revisions if r.marks.approved and r.marks.verified_at}


def _sent_back(lineage: Lineage) -> set[str]:
    """The uids of Promotions whose revision was sent back for good."""
    rejections = (revision.marks.rejected for revision in lineage.revisions.values())
    return {r.promotion_uid for r in rejections if r and r.promotion_uid and r.cause is not Cause.RESTART}


def routes_of(spec: RolloutSpec | None) -> set[str]:
    """The names of the HTTPRoutes that a spec lists."""
    return {route.name for route in spec.traffic.http_routes} if spec and spec.traffic else set()


def _routes_of_sent_back(snapshot: Snapshot, rollout: Object, lineage: Lineage) -> set[str]:
    """The routes by which a revision that was sent back may still get requests, whatever the spec says by now."""
    world = World(snapshot, str(rollout["metadata"]["uid"]))
    found: set[str] = set()
    for sent_back in lineage.revisions.values():
        approved = sent_back.marks.approved
        if sent_back.marks.rejected and approved and world.selected(world.candidate_service) == sent_back.name:
            stored = plan.stored_spec(
                snapshot.revisions, snapshot.name, approved.plan_hash, sent_back, rollout.get("spec") or {}
            )
            found |= routes_of(stored)
    return found & {route["metadata"]["name"] for route in snapshot.routes}


def running_spec(snapshot: Snapshot, rollout: Object, lineage: Lineage) -> RolloutSpec | None:
    """The stored plan of the revision in flight, if one is."""
    shifting = lineage.shifting
    if shifting is None or shifting.marks.approved is None:
        return None
    return plan.stored_spec(
        snapshot.revisions,
        rollout["metadata"]["name"],
        shifting.marks.approved.plan_hash,
        shifting,
        rollout.get("spec") or {},
    )


def _spec(rollout: Object) -> tuple[RolloutSpec | None, tuple[str, ...]]:
    try:
        return RolloutSpec.model_validate(rollout.get("spec") or {}), ()
    except ValidationError as error:
        return None, tuple(str(problem) for problem in problems(error))
