"""The admission policies of Promotions, as far as a scenario needs them to let people act.

Who creates one is stamped as its author. Who says `approved: true` is stamped with the plan that status
shows at that moment; who takes it back clears the entries. The policies themselves are tested on a real API server.
"""

from __future__ import annotations

from typing import Any

from tests.sim.patches import clone

from slipway.cluster.errors import Forbidden, Invalid

Object = dict[str, Any]


def admit(user: str, approvers: set[str], old: Object | None, new: Object) -> Object:
    """The Promotion to store when `user` replaces `old` (None: creates) with `new`, or a refusal."""
    spec, before = new.get("spec", {}), (old or {}).get("spec", {})
    said_yes = bool(spec.get("approved")) and not before.get("approved")
    named = {
        who for who, plan in (spec.get("approvals") or {}).items() if (before.get("approvals") or {}).get(who) != plan
    }
    if old is None:
        if said_yes or named:
            raise Invalid("a Promotion cannot be created approved", 422, "Invalid")
        made: Object = clone(new)
        made["spec"]["requestedBy"] = user
        return _named(user, {}, made)
    plan = (old.get("status") or {}).get("planHash")
    lifted = any(before.get(field) and not spec.get(field) for field in ("hold", "rollbackPlanNeeded"))
    if (said_yes or named or lifted) and user not in approvers:
        raise Forbidden(f"user {user} may not approve (verb approve)", 403, "Forbidden")
    if said_yes and not plan:
        raise Invalid("there is no plan to approve yet: wait for status.planHash", 422, "Invalid")
    if named - {user} or any(spec["approvals"][who] != plan for who in named):
        raise Invalid("spec.approvals: only your own entry, for the plan of now", 422, "Invalid")
    result: Object = clone(new)
    if said_yes and user not in (spec.get("approvals") or {}):
        result["spec"].setdefault("approvals", {})[user] = plan
    weight = spec.get("approvedWeight")
    if weight is not None and weight != before.get("approvedWeight"):
        if user not in approvers:
            raise Forbidden(f"user {user} may not approve (verb approve)", 403, "Forbidden")
        stamps = result["spec"].setdefault("weightApprovals", {})
        stamps[user] = {"weight": weight, "plan": plan}
    if before.get("approved") and not spec.get("approved"):
        result["spec"].pop("approvals", None)
    return _named(user, before, result)


def _named(user: str, before: Object, new: Object) -> Object:
    """Who says or lifts a word that holds or ends it is written beside it."""
    spec = new["spec"]
    for word in ("hold", "rollbackPlanNeeded", "abort"):
        if (spec.get(word) or "") != (before.get(word) or ""):
            said = "true" if spec.get(word) is True else spec.get(word) or ""
            spec.setdefault("saidBy", {})[word] = {"by": user, "said": said}
    return new
