"""What a person runs next about a Promotion that waits, by the reason of its condition Stalled."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from slipway.api.promotion_status import PromotionStatus, read_status
from slipway.cluster.api import Object
from slipway.console import decisions
from slipway.console.program import program
from slipway.core.ceiling import Code
from slipway.core.conditions import find

_MENDED = "when that is mended: {program} retry {name} -n {namespace}"
_APPROVE = "{program} approve {name} -n {namespace}"
_EDIT = "kubectl edit promotions.slipway.dev {name} -n {namespace}"
_DELETE = "kubectl delete promotions.slipway.dev {name} -n {namespace}"
_FOLLOW = "it goes on by itself; to follow it: {program} get {rollout} -n {namespace} -w"
_ROLLOUT = "kubectl edit rollouts.slipway.dev {rollout} -n {namespace}"
_NO_DATA = (
    "mend what measures; or, who may approve, with your own reason: "
    "{program} accept-no-data {name} --weight {weight} --reason WHY -n {namespace}"
)

BLOCKED: Mapping[str, str] = {
    Code.CHECKS: _MENDED,
    Code.ABSENT: _MENDED,
    Code.NO_PLAN: _MENDED,
    Code.MIGRATION_FAILED: _MENDED,
    Code.INVALID: f"correct the Rollout: {_ROLLOUT}",
    Code.POLICY: f"complete the case by what the policies demand: {_EDIT}",
    "InvalidSpec": f"correct it: {_EDIT}",
    "ImagesNotSet": f"correct the Rollout: {_ROLLOUT}",
    "InFlight": _FOLLOW,
    "OtherRevision": f"it waits until its revision is the candidate; where it never will be: {_DELETE}",
    "EnvironmentMismatch": f"the environment cannot be changed: create another one for it, and {_DELETE}",
}
"""By the reason for which a Promotion is Blocked."""

HELD: Mapping[str, str] = {
    Code.HELD: "{program} resume {name} -n {namespace}",
    Code.WINDOW: _FOLLOW,
    Code.PLAN_CHANGED: f"undo the edit of the plan; or, where it was not of its migrations: {_APPROVE}",
    Code.NO_DATA: _NO_DATA,
    Code.NO_PLAN: "{program} abort {name} 'its approved plan is lost' -n {namespace}",
}
"""By the reason for which a Promotion is Held."""


_LOOKING = ("Checking", "Shifting")


def next_step(promotion: Object, rollout: Object) -> str:
    """The command, with words where it is not the only thing to do; '' where nobody has to do anything."""
    status, spec = read_status(promotion), promotion.get("spec") or {}
    words = _words(status, bool(spec.get("hold") or spec.get("rollbackPlanNeeded")))
    if not words and status.phase in _LOOKING:
        return _to_look_at(promotion)
    meta, candidate = promotion["metadata"], (rollout.get("status") or {}).get("candidate")
    weight = candidate.get("weight") if isinstance(candidate, dict) else None
    return words.format(
        program=program(),
        name=meta["name"],
        namespace=meta["namespace"],
        rollout=rollout["metadata"]["name"],
        weight=weight or 100,
    )


def _to_look_at(promotion: Object) -> str:
    """What people confirm before an approval, and after the switch."""
    meta = promotion["metadata"]
    commands = [
        f"{program()} confirm {meta['name']} {shlex.quote(check)} -n {meta['namespace']}"
        for check in decisions.to_confirm(promotion)
    ]
    return f"once somebody has looked: {'; '.join(commands)}" if commands else ""


def _words(status: PromotionStatus, held: bool) -> str:
    if held:
        # Also where it is Blocked besides: nothing goes on before it is lifted.
        return HELD[Code.HELD]
    stalled = find(status.conditions, "Stalled")
    reason = stalled.reason if stalled is not None else ""
    match status.phase:
        case "AwaitingApproval":
            return _APPROVE
        case "Blocked":
            return BLOCKED.get(reason, "")
        case "Held":
            return HELD.get(reason, "")
    return ""
