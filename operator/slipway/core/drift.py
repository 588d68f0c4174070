"""What others changed of the traffic."""

from __future__ import annotations

from slipway.core import moves
from slipway.core.case import Case
from slipway.core.conditions import find
from slipway.core.course import Course
from slipway.core.revision import Revision


def drift(case: Case, course: Course, move: moves.Move, retreating: Revision | None) -> str:
    """What others changed of the traffic, if this pass puts it back."""
    step = course.step
    if move.wanted == case.traffic or course.back or course.entered or not case.status.stable:
        return ""
    converged = find(case.status.conditions, "TrafficConverged")
    at_rest = converged is not None and converged.status == "True" and (step is None or step.converged_at)
    if not at_rest or retreating is not None:
        return ""
    now, wanted = case.traffic, move.wanted
    if now.live != wanted.live:
        return f"the selector of Service {case.name} was changed by others and is restored"
    if now.weight != wanted.weight:
        return "the weights of an HTTPRoute were changed by others and are restored"
    return ""
