"""The plan: exactly what an approval is about, its hash, and its stored copy that a shift executes.

Fields that are absent or equal to their default are left out, so that a new version of Slipway with more fields voids
no approval.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from slipway.api.promotion import CASE, PromotionSpec
from slipway.api.rollout import RolloutSpec
from slipway.core import names
from slipway.core.revision import Revision, canonical, owner_of, sha256
from slipway.core.snapshot import Object

_OF_ROLLOUT = {
    "environment",
    "approval",
    "traffic",
    "strategy",
    "analysis",
    "smoke_tests",
    "min_ready_seconds",
    "progress_deadline",
}
_WHAT = {"rollout", "environment", "revision", "from", "dryRun"}
_OF_PROMOTION = {name for name, field in PromotionSpec.model_fields.items() if field.alias in {*_WHAT, *CASE}}


@dataclass(frozen=True)
class Plan:
    """What will be done for one revision. `spec` is the part of the Rollout's spec that it fixes."""

    hash: str
    spec: Mapping[str, Any]
    inputs: Mapping[str, Any]


def make(uid: str, revision: Revision, spec: RolloutSpec, promotion: PromotionSpec | None) -> Plan:
    """The plan for putting `revision` of the Rollout with this uid in front of users, as things stand."""
    fixed = fixed_part(spec)
    inputs: dict[str, Any] = {"target": uid, "revision": revision.digest, "rollout": fixed}
    if promotion is not None:
        inputs["promotion"] = promotion.model_dump(
            mode="json", by_alias=True, exclude_defaults=True, include=_OF_PROMOTION
        )
    return Plan(sha256(canonical(inputs)), fixed, inputs)


def fixed_part(spec: RolloutSpec) -> dict[str, Any]:
    """What a plan fixes of a Rollout's spec, in one form for equal meanings."""
    return spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, include=_OF_ROLLOUT)


def to_object(plan: Plan, rollout: Object, number: int) -> dict[str, Any]:
    """The ControllerRevision that keeps an approved plan."""
    meta = rollout["metadata"]
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": names.plan_name(meta["name"], plan.hash),
            "namespace": meta["namespace"],
            "labels": names.child_labels(meta["name"]) | {names.PLAN_LABEL: plan.hash.removeprefix("sha256:")[:10]},
            "ownerReferences": [owner_of(rollout)],
        },
        "data": {"hash": plan.hash, "plan": plan.inputs},
        "revision": number,
    }


def stored_spec(
    objects: Iterable[Object], rollout: str, plan_hash: str, revision: Revision, live: Mapping[str, Any]
) -> RolloutSpec | None:
    """The spec that an approved plan fixes, completed with what is never part of a plan.

    None when the plan is not stored, does not match its own hash, or does not parse (a newer operator wrote it).
    `live` is the raw spec of the Rollout: replicas and the history limit come from there.
    """
    inputs = stored_inputs(objects, rollout, plan_hash)
    if inputs is None:
        return None
    fixed = dict(inputs.get("rollout") or {})
    fixed |= {"template": revision.template, "service": {"ports": list(revision.ports)}}
    own = {k: live[k] for k in ("replicas", "revisionHistoryLimit") if k in live}
    # What is wrong in the live spec does not take the plan away: going back rests on it.
    return _parsed(fixed | own) or _parsed(fixed)


def stored_inputs(objects: Iterable[Object], rollout: str, plan_hash: str) -> Mapping[str, Any] | None:
    """All that an approved plan fixes; None when it is not stored, or is not what its hash says."""
    for obj in objects:
        data = obj.get("data")
        if obj["metadata"]["name"] != names.plan_name(rollout, plan_hash) or not isinstance(data, Mapping):
            continue
        inputs = data.get("plan")
        if not isinstance(inputs, Mapping):
            return None
        return inputs if sha256(canonical(inputs)) == plan_hash else None
    return None


def _parsed(raw: Mapping[str, Any]) -> RolloutSpec | None:
    try:
        return RolloutSpec.model_validate(raw)
    except ValidationError:
        return None


def is_plan(obj: Object) -> bool:
    """Whether a ControllerRevision keeps a plan."""
    return names.PLAN_LABEL in (obj["metadata"].get("labels") or {})
