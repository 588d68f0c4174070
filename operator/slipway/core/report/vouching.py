"""Who stands behind the result of a check: the author's word, another person's, a pipeline's evidence, or Slipway."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.api.check import MAY_NOT_APPLY, Check
from slipway.api.check_status import CheckStatus
from slipway.api.promotion import PromotionSpec
from slipway.core import notified
from slipway.core.checking import NOT_APPLICABLE, Result
from slipway.core.own_answers import OWN_ANSWERS
from slipway.core.retried import NAME as FIX_DESCRIBED

SLIPWAY = "Slipway"
NOBODY = "nobody yet"

_STATED = frozenset({"readiness-score", "idea-approved", "critical-issues", "assessment", "migrations-complete"})
"""Built-in checks that only read what the author states: that it is so, nobody has looked at."""


def author(spec: PromotionSpec) -> str:
    """Who created the Promotion, by name where it is known."""
    return f"author {spec.requested_by}" if spec.requested_by else "the author"


def vouchers(spec: PromotionSpec, plan_hash: str) -> Mapping[str, str]:
    """Check → who stands behind it, where that is not Slipway."""
    listed = {check.name: _listed(check, spec, plan_hash) for check in spec.checks}
    stated = dict.fromkeys([*_STATED, *([FIX_DESCRIBED] if spec.retry else [])], author(spec))
    return stated | {name: who for name, who in listed.items() if who != SLIPWAY}


def by_whom(check: CheckStatus, known: Mapping[str, str]) -> str:
    """Who stands behind the result of this check; nobody where a person's answer is still to come."""
    who = known.get(check.name, SLIPWAY)
    if check.name in MAY_NOT_APPLY and NOT_APPLICABLE not in check.message:
        return SLIPWAY
    waits = check.result == Result.PENDING and not who.startswith((SLIPWAY, "author", "the author"))
    return NOBODY if waits else who


def _listed(check: Check, spec: PromotionSpec, plan_hash: str) -> str:
    if check.attest is not None:
        return f"CI evidence, given by {author(spec)}" if check.attest.evidence else author(spec)
    if check.not_applicable is not None:
        return author(spec)
    if check.manual is not None:
        entry = spec.confirmed.get(check.name)
        return f"person {entry.by}" if entry is not None and entry.plan == plan_hash else NOBODY
    if check.is_alone and check.name not in {*OWN_ANSWERS, notified.NAME}:
        return NOBODY
    return SLIPWAY
