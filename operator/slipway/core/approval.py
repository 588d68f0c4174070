"""Approval:

bound to a plan's hash and to a person's name. What is missing, what counts, what the operator cleans up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from slipway.api.promotion import PromotionSpec
from slipway.core.policy.quorum import UNVERIFIED, Signers, Wanted, quorum, weight_of

__all__ = ["UNVERIFIED", "Asked", "Consent", "allowed_weight", "command", "consent", "identity", "weight_command"]


@dataclass(frozen=True)
class Asked:
    """What policies demand of approvals, and what is known about those who sign.

    `acted` are those under whose word traffic moves already, if it moves under the plan of now.
    """

    wanted: Wanted
    signers: Signers
    now: datetime
    acted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Consent:
    """What the human's word amounts to for one plan.

    `by` are those whose entry is for this plan and counts. `signed` are these and those whose word has lapsed.
    `more`: somebody has signed, and the next one adds an own entry. `lapses`: when the first word gets too old.
    `patch` is what the operator writes to the Promotion's spec: it binds an unverified approval once, and removes what
    does not count any more.
    """

    granted: bool
    by: tuple[str, ...] = ()
    reason: str = ""
    void: bool = False
    lapsed: bool = False
    more: bool = False
    signed: tuple[str, ...] = ()
    lapses: datetime | None = None
    patch: Mapping[str, Any] = field(default_factory=dict)


_CLEAN: Mapping[str, Any] = {
    "approved": None,
    "approvals": None,
    "approvedWeight": None,
    "weightApprovals": None,
    "acceptNoData": None,
}


def consent(spec: PromotionSpec, plan_hash: str, shown: str, in_flight: bool, asked: Asked | None = None) -> Consent:
    """Whether the plan with this hash is approved.

    `shown` is the hash in the Promotion's status, which people could see. `in_flight`: traffic moves under an approved
    plan; then a changed plan waits for a new approval, and the entries stay until a person withdraws. `asked`: what
    policies demand; None: one approval of anybody.
    """
    if spec.approved is not True:
        if spec.approved is False or spec.approvals or spec.approved_weight or spec.weight_approvals:
            return Consent(False, reason="withdrawn", patch=_removal(spec))
        return Consent(False, reason="not approved yet", patch=_removal(spec))
    if not shown:
        return Consent(False, reason="approved before there was a plan", void=True, patch=_removal(spec))
    by = tuple(sorted(who for who, plan in spec.approvals.items() if plan == plan_hash))
    if by:
        patch = _bind_weight(spec, plan_hash)
        return Consent(True, by=by, signed=by, patch=patch) if asked is None else _enough(spec, by, patch, asked)
    if not spec.approvals and shown == plan_hash:
        bound = {"approvals": {UNVERIFIED: plan_hash}}
        return Consent(False, reason="binding an unverified approval", patch=bound)
    if in_flight:
        return Consent(False, reason="the plan has changed since it was approved", void=True)
    return Consent(False, reason="the plan has changed since it was approved", void=True, patch=_removal(spec))


def _enough(spec: PromotionSpec, by: tuple[str, ...], patch: Mapping[str, Any], asked: Asked) -> Consent:
    """Whether those who signed are enough. Who lets traffic move already is not asked anew by what came later."""
    found = quorum(replace(asked.signers, names=by), asked.wanted, asked.now)
    signed = tuple(sorted((*found.counted, *found.lapsed)))
    standing = tuple(sorted({*signed, *(name for name in by if name in asked.acted)}))
    if asked.acted and len(standing) >= min(len(asked.acted), asked.wanted.count):
        return Consent(True, by=standing, signed=standing, patch=patch)
    if not found.missing:
        return Consent(True, by=found.counted, signed=signed, lapses=found.lapses, patch=patch)
    lapsed = bool(found.lapsed) and not asked.acted
    everybody = lapsed and set(spec.approvals) <= set(found.lapsed)
    if lapsed:
        # Taken away, so that the same command works again for those whose word has lapsed.
        patch = _removal(spec) if everybody else {"approvals": dict.fromkeys(found.lapsed)}
    return Consent(
        False,
        by=found.counted,
        reason=found.missing,
        lapsed=lapsed,
        more=not everybody,
        signed=signed,
        lapses=found.lapses,
        patch=patch,
    )


def allowed_weight(spec: PromotionSpec, plan_hash: str, asked: Asked | None = None) -> int:
    """Up to which share a canary's asking steps may be entered: approvedWeight, as far as entries for this plan bear.

    As many people as policies want have to agree to it, each with an own entry.
    """
    if spec.approved_weight is None:
        return 0
    borne = {who: entry.weight for who, entry in spec.weight_approvals.items() if entry.plan == plan_hash}
    if asked is None:
        return min(spec.approved_weight, max(borne.values(), default=0))
    return min(spec.approved_weight, weight_of(borne, asked.signers, asked.wanted))


def agreed(spec: PromotionSpec, plan_hash: str, weight: int, asked: Asked) -> tuple[str, ...]:
    """Those by whose word a step that asks may be entered: their entry is for this plan and this share, and counts."""
    borne = (who for who, entry in spec.weight_approvals.items() if entry.plan == plan_hash and entry.weight >= weight)
    # A word for a share gets no older: traffic moves already.
    wanted = replace(asked.wanted, valid_for=None)
    return quorum(replace(asked.signers, names=tuple(borne)), wanted, asked.now).counted


def command(namespace: str, promotion: str, found: Consent | None, plan_hash: str) -> str:
    """What the next approver runs: the plain patch, or an own entry beside that of others."""
    patch = patch_command(namespace, promotion)
    if found is None or not found.more:
        return f'{patch} \'{{"spec":{{"approved":true}}}}\''
    return own_entry_command(namespace, promotion, plan_hash)


def own_entry_command(namespace: str, promotion: str, plan_hash: str) -> str:
    """How somebody adds an own entry beside those of others."""
    entry = f'{{\\"spec\\":{{\\"approvals\\":{{\\"{_WHO}\\":\\"{plan_hash}\\"}}}}}}'
    return f'{patch_command(namespace, promotion)} "{entry}"'


def weight_command(namespace: str, promotion: str, weight: int, others: bool, plan_hash: str) -> str:
    """The same for a share that asks again. `others`: somebody has agreed to it already."""
    patch = patch_command(namespace, promotion)
    if not others:
        return f'{patch} \'{{"spec":{{"approvedWeight":{weight}}}}}\''
    entry = f'{{\\"weight\\":{weight},\\"plan\\":\\"{plan_hash}\\"}}'
    return f'{patch} "{{\\"spec\\":{{\\"weightApprovals\\":{{\\"{_WHO}\\":{entry}}}}}}}"'


_WHO = "$(kubectl auth whoami -o jsonpath='{.status.userInfo.username}')"


def patch_command(namespace: str, promotion: str) -> str:
    """The begin of every command by which a person says something to a Promotion; the patch follows."""
    return f"kubectl -n {namespace} patch promotions.slipway.dev {promotion} --type merge -p"


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
