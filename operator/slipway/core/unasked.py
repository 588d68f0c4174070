"""The checks of a candidate that nobody is asked about: under Automatic without a Promotion the Rollout keeps them."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.api.check_status import CheckStatus
from slipway.core.case import Case
from slipway.core.course import Course, automatic
from slipway.core.revision import Revision


def before(case: Case, candidate: Revision, plan_hash: str) -> Sequence[CheckStatus]:
    """The results so far, of this candidate under this plan."""
    kept = case.status.candidate
    if kept is None or kept.revision != candidate.name or kept.plan_hash != plan_hash:
        return ()
    return kept.checks


def kept(case: Case, course: Course) -> tuple[str | None, list[CheckStatus]]:
    """The plan that they are about, and the results to keep. Once traffic moves they stay as they were."""
    if course.claim is not None or not automatic(case):
        return None, []
    if course.checked is not None and course.plan is not None:
        return course.plan.hash, list(course.checked.checks)
    was, candidate = case.status.candidate, course.candidate
    if was is None or candidate is None or was.revision != candidate.name:
        return None, []
    return was.plan_hash, was.checks
