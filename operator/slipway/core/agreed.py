"""Who agreed to what. The words under which traffic moved stay for the record, whatever becomes of them in the spec."""

from __future__ import annotations

from typing import TypeVar

from slipway.api.promotion_status import ApprovalStatus, WeightApprovalStatus
from slipway.api.report import CONFIRMATIONS
from slipway.core import approval
from slipway.core.approval import Consent
from slipway.core.charge import Claim
from slipway.core.circumstances import asked
from slipway.core.scene import Scene

T = TypeVar("T")

LONGEST = 50
"""Words for shares that are kept: people are few, but may change what they agree to as often as they like."""


def approvals(scene: Scene, claim: Claim, consent: Consent | None) -> list[ApprovalStatus]:
    """The approvals that count now; once traffic moves those of before stay, and others are added."""
    before = claim.status.approvals
    if consent is None or claim.spec is None:
        return before
    plan_hash = scene.course.plan.hash if scene.course.plan else ""
    known = {(entry.by, entry.plan_hash): entry for entry in before}
    verified = scene.case.snapshot.settings.identity_verified
    now = [
        known.get((who, plan_hash))
        or ApprovalStatus(
            by=who,
            at=scene.case.now,
            plan_hash=plan_hash,
            report_digest=claim.status.report.digest if claim.status.report else "",
            confirmed=list(CONFIRMATIONS),
            identity=approval.identity(who, verified),
        )
        for who in consent.signed
    ]
    return _kept(before, now) if _moved(scene) else now


def weights(scene: Scene, claim: Claim) -> list[WeightApprovalStatus]:
    """The same for the shares of a canary's steps that ask."""
    case, course, before = scene.case, scene.course, claim.status.weight_approvals
    if claim.spec is None or course.candidate is None or course.back is not None or not course.is_led_by(claim):
        return before
    moved, marks = _moved(scene), course.candidate.marks
    bound = marks.approved.plan_hash if moved and marks.approved else (course.plan.hash if course.plan else "")
    demands = course.demands or case.demands
    found = asked(case, claim, demands, bound, marks)
    said = {who: entry.weight for who, entry in claim.spec.weight_approvals.items()}
    known = {(entry.by, entry.weight, entry.plan_hash): entry for entry in before}
    verified = case.snapshot.settings.identity_verified
    now = [
        known.get((who, said[who], bound))
        or WeightApprovalStatus(
            by=who,
            weight=said[who],
            at=case.now,
            plan_hash=bound,
            identity=approval.identity(who, verified),
        )
        for who in approval.agreed(claim.spec, bound, 1, found)
    ]
    return _kept(before, now)[-LONGEST:] if moved else now


def _kept(before: list[T], now: list[T]) -> list[T]:
    return [*before, *(entry for entry in now if entry not in before)]


def _moved(scene: Scene) -> bool:
    """Whether traffic has moved to the candidate, or is about to in this pass."""
    candidate = scene.course.candidate
    return candidate is not None and candidate.marks.approved is not None and candidate.marks.rejected is None
