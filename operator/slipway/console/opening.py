"""What an approver reads before being asked: what the report begins with, its differences, and the images."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from slipway.api.argument import Assessment
from slipway.api.overrides import BrokenGlass
from slipway.api.promotion_status import PromotionStatus
from slipway.api.report import Answer, ApprovalsNeeded
from slipway.console import differences
from slipway.core.report import needed


class Opening(differences.Differences):
    """The part of a report that is told."""

    answer: Answer
    """GO or NO-GO."""
    plan_hash: str
    """The plan that it is about."""
    version: str = ""
    """The version as people call it."""
    commit: str = ""
    """The commit that it was built from."""
    assessment: Assessment | None = None
    """What could go wrong, and what is advised."""
    approvals: ApprovalsNeeded | None = None
    """Whose word it takes."""
    closed: str = ""
    """Why windows let nothing go forward, and until when."""
    break_glass: BrokenGlass | None = None
    """Who has lifted what policies demand."""
    missing: list[str] = Field(default_factory=list)
    """Parts of the case that were not given."""


def read(text: str) -> Opening:
    """Of `report.json`. Raises Invalid where it cannot be read."""
    return differences.part(Opening, text)


def images(status: PromotionStatus) -> Iterator[str]:
    """The images that would serve, as status has them: they are known without a report too."""
    found = status.target.images if status.target else []
    yield from (f"image {image}" for image in found or ["not known yet"])


def lines(found: Opening, status: PromotionStatus) -> Iterator[str]:
    """The answer, what it is, how risk was judged, and what differs from what serves."""
    if found.plan_hash != status.plan_hash:
        yield f"The report is of another plan than the one that you are asked about ({found.plan_hash}):"
    answer, words = needed.headline(found)
    yield f"{answer} – {words}"
    yield from (f"  {blocker}" for blocker in found.answer.blockers)
    if found.break_glass is not None:
        yield f"Glass is broken{needed.glass(found.break_glass, str, str)}"
    yield from needed.told(found, str, str)
    if found.approvals is not None and found.approvals.count > 1:
        given = [entry.by for entry in status.approvals if entry.plan_hash == status.plan_hash]
        yield f"{len(given)} of {found.approvals.count} approvals are given" + (
            f": {', '.join(given)}" if given else ""
        )
    if found.version or found.commit:
        yield f"version {found.version or '-'}, commit {found.commit or '-'}"
    judged = found.assessment
    risk, advice = (judged.risk, judged.recommendation) if judged else (None, None)
    why = f": {judged.reason}" if judged and judged.reason else ""
    yield f"risk {risk or 'not stated'}, recommendation {advice or 'not stated'}{why}"
    yield differences.head(found)
    yield from (f"  {what}: {now} → {then}" for what, now, then in differences.rows(found))
    if found.missing:
        yield f"not stated: {', '.join(found.missing)}"
