"""The clock of spec.progressDeadline, and how long the previous revision is kept."""

from __future__ import annotations

from datetime import datetime, timedelta

from slipway.core import strategy
from slipway.core.case import Case
from slipway.core.ceiling import Code
from slipway.core.conditions import find
from slipway.core.course import Course


def deadline(case: Case, course: Course, going_back: bool) -> tuple[bool, bool, bool]:
    """(late, progressing, restart): whether pods have missed progressDeadline, and the state of its clock.

    Only waiting for pods counts; a hold, a pause or a person never does, and the clock starts anew after them.
    """
    candidate, limit = course.candidate, course.limit
    if candidate is None or course.progress is None or course.back or course.verified or course.kept:
        return False, going_back, False
    waits_for_pods = limit is not None and limit.code in (Code.ABSENT, Code.CAPACITY)
    before = find(case.status.conditions, "Progressing")
    known = case.status.candidate
    same = known is not None and known.revision == candidate.name
    claim = course.claim.name if course.claim else None
    restart = not same or (claim is not None and claim != case.status.promotion)
    if not waits_for_pods:
        moving = candidate.marks.in_flight and (
            limit is None or limit.code in (Code.STAGE, Code.OPEN, Code.CONVERGENCE)
        )
        return False, moving, restart
    if before is None or restart:
        return False, True, True
    if before.status == "False" and before.reason == "ProgressDeadlineExceeded":
        return True, False, False
    if before.status != "True":
        return False, True, True
    restart = course.entered is not None
    late = case.now - before.last_transition_time >= course.progress.spec.progress_deadline
    return late, not late, restart


def keep_until(case: Case, course: Course) -> datetime | None:
    """Until when the previous revision is kept: from the converged switch, or, when that is lost, from now."""
    previous = course.lineage.previous
    if previous is None:
        return None
    known = case.status.previous
    if course.verified and course.progress is not None:
        step = course.progress.step
        start = step.converged_at if step is not None and step.converged_at is not None else case.now
        keep = strategy.settings(course.progress.spec).keep_previous
        return start + max(keep, case.snapshot.settings.drain_delay)
    if known is not None and known.revision == previous.name and known.until is not None:
        return known.until
    keep = strategy.settings(case.spec).keep_previous if case.spec else timedelta(minutes=30)
    return case.now + keep
