"""Who took upon themselves what policies demand and gates could not measure: kept for status, report and records."""

from __future__ import annotations

from slipway.api.overrides import AcceptedNoData, BrokenGlass
from slipway.core.case import Case
from slipway.core.charge import FINAL, Claim
from slipway.core.conditions import find
from slipway.core.demanded import glass_broken

NO_DATA = "NoDataAccepted"
"""The condition that tells where missing data was passed over."""


def in_force(case: Case, claim: Claim) -> BrokenGlass | None:
    """The broken glass that lifts something now. Who broke it first did, for as long as the words are the same."""
    stated = claim.spec.break_glass if claim.spec is not None else None
    if stated is None or not glass_broken(case, claim):
        return None
    by, before = stated.by or "", claim.status.break_glass
    same = before is not None and (before.by, before.reason) == (by, stated.reason)
    at = before.at if same and before is not None else case.now
    return BrokenGlass(by=by, reason=stated.reason, policies=list(case.demands.policies), at=at)


def on_record(case: Case, claim: Claim) -> BrokenGlass | None:
    """What lifts something now, or did when traffic moved: taking the words out again does not undo that."""
    before = claim.status.break_glass
    if claim.status.phase in FINAL:
        return before
    return in_force(case, claim) or (before if _has_moved(case, claim) else None)


def accepted_by(case: Case, claim: Claim) -> str:
    """Who accepts missing data; '' where nobody is named, or where admission does not check names."""
    stated = claim.spec.accept_no_data if claim.spec is not None else None
    return stated.by or "" if stated is not None and case.snapshot.settings.identity_verified else ""


def accepted(case: Case, claim: Claim) -> AcceptedNoData | None:
    """What an approver accepted without data, and where that was used, also after the words were taken out again."""
    stated = claim.spec.accept_no_data if claim.spec is not None else None
    used = find(claim.status.conditions, NO_DATA)
    if stated is None and used is None:
        return None
    return AcceptedNoData(
        by=accepted_by(case, claim),
        weight=stated.weight if stated else 0,
        reason=stated.reason if stated else "",
        used=used.message if used else "",
    )


def _has_moved(case: Case, claim: Claim) -> bool:
    marks = (revision.marks.approved for revision in case.lineage.revisions.values())
    return any(approved is not None and approved.promotion_uid == claim.uid for approved in marks)
