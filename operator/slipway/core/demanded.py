"""What policies demand of one Promotion, with its own case and with the glass that somebody may have broken."""

from __future__ import annotations

from slipway.api.promotion import PromotionSpec
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.checks import Checked
from slipway.core.policy.demands import Demands, behind_broken_glass, lacking, of_case
from slipway.core.policy.quorum import Signers


def demanded(case: Case, claim: Claim | None) -> Demands:
    """The demands on the Promotion in charge; without one, on the Rollout alone."""
    if claim is not None and glass_broken(case, claim):
        return behind_broken_glass(case.demands)
    spec = claim.spec if claim is not None else None
    return of_case(case.demands, spec.assessment if spec is not None else None)


def lacks(demands: Demands, spec: PromotionSpec | None, checked: Checked, free: bool) -> str:
    """What policies demand of the case and it does not have; '' when it has all. `free`: nobody approves here."""
    wrong = lacking(demands, spec, [check.name for check in checked.due], checked.later)
    if wrong or free or spec is None or not demands.approvals.four_eyes or spec.requested_by:
        return wrong
    return (
        f"four eyes are demanded{demands.approvals.by}, and nobody knows who created this Promotion: Kubernetes 1.36 "
        "stamps spec.requestedBy; before that create it with your own user name there"
    )


def glass_broken(case: Case, claim: Claim) -> bool:
    """Whether somebody with the right has broken the glass, and every policy that matches lets them."""
    return claim.spec is not None and claim.spec.break_glass is not None and not glass_holds(case)


def glass_holds(case: Case) -> str:
    """Why the glass cannot be broken here; '' when it can."""
    if not case.demands.policies:
        return "no policy matches: there is nothing to lift"
    if not case.demands.break_glass:
        return f"not every policy allows it ({', '.join(case.demands.policies)})"
    if not case.snapshot.settings.identity_verified:
        return "nothing verifies in this cluster who may do so"
    return ""


def signers(case: Case, claim: Claim, entries: tuple[str, ...], plan_hash: str) -> Signers:
    """Who signed a plan, and what is known about them."""
    return Signers(
        names=entries,
        author=claim.spec.requested_by if claim.spec is not None else None,
        checked=case.snapshot.settings.identity_verified,
        signed_at={entry.by: entry.at for entry in claim.status.approvals if entry.plan_hash == plan_hash},
    )
