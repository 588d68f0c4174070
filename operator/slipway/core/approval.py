"""Approval:

bound to a plan's hash and to a person's name. What is missing, what counts, what the operator cleans up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.api.promotion import PromotionSpec

UNVERIFIED = "unverified"
"""The entry that the operator binds where no admission policy stamps a name (Kubernetes before 1.36)."""


@dataclass(frozen=True)
class Consent:
    """What the human's word amounts to for one plan.

    `by` are those whose entry is for this plan. `patch` is what the operator writes to the Promotion's spec: it
    binds an unverified approval once, and removes what does not count any more.
    """

    granted: bool
    by: tuple[str, ...] = ()
    reason: str = ""
    void: bool = False
    patch: Mapping[str, Any] = field(default_factory=dict)


_CLEAN: Mapping[str, Any] = {
    "approved": None,
    "approvals": None,
    "approvedWeight": None,
    "weightApprovals": None,
    "acceptNoData": None,
}


def consent(spec: PromotionSpec, plan_hash: str, shown: str, in_flight: bool) -> Consent:
    """Whether the plan with this hash is approved.

    `shown` is the hash in the Promotion's status, which people could see. `in_flight`: traffic moves under an approved
    plan; then a changed plan waits for a new approval, and the entries stay until a person withdraws.
    """
    if spec.approved is not True:
        if spec.approved is False or spec.approvals or spec.approved_weight or spec.weight_approvals:
            return Consent(False, reason="withdrawn", patch=_removal(spec))
        return Consent(False, reason="not approved yet", patch=_removal(spec))
    if not shown:
        return Consent(False, reason="approved before there was a plan", void=True, patch=_removal(spec))
    by = tuple(sorted(who for who, plan in spec.approvals.items() if plan == plan_hash))
    if by:
        return Consent(True, by=by, patch=_bind_weight(spec, plan_hash))
    if not spec.approvals and shown == plan_hash:
        bound = {"approvals": {UNVERIFIED: plan_hash}}
        return Consent(False, reason="binding an unverified approval", patch=bound)
    if in_flight:
        return Consent(False, reason="the plan has changed since it was approved", void=True)
    return Consent(False, reason="the plan has changed since it was approved", void=True, patch=_removal(spec))


def allowed_weight(spec: PromotionSpec, plan_hash: str) -> int:
    """Up to which share a canary's asking steps may be entered: approvedWeight, if an entry for this plan bears it."""
    if spec.approved_weight is None:
        return 0
    borne = [entry.weight for entry in spec.weight_approvals.values() if entry.plan == plan_hash]
    return min(spec.approved_weight, max(borne, default=0))


def identity(who: str, verified: bool) -> str:
    """How sure it is who this was:

    verified (checked at admission), delegated (an allow-listed account) or unverified.
    """
    if who == UNVERIFIED or not verified:
        return UNVERIFIED
    return "delegated" if who.startswith("system:") else "verified"


def _bind_weight(spec: PromotionSpec, plan_hash: str) -> dict[str, Any]:
    if spec.approved_weight is None or spec.weight_approvals:
        return {}
    return {"weightApprovals": {UNVERIFIED: {"weight": spec.approved_weight, "plan": plan_hash}}}


def _removal(spec: PromotionSpec) -> dict[str, Any]:
    """Only what is there is removed: in steady state nothing is written."""
    present = {
        "approved": spec.approved is not None,
        "approvals": bool(spec.approvals),
        "approvedWeight": spec.approved_weight is not None,
        "weightApprovals": bool(spec.weight_approvals),
        "acceptNoData": spec.accept_no_data is not None,
    }
    return {key: None for key in _CLEAN if present[key]}
