"""When people are told that a launch is planned."""

from __future__ import annotations

from slipway.core import notified
from slipway.core.charge import Claim
from slipway.core.checking import Result
from slipway.core.scene import Scene


def planned(scene: Scene, claim: Claim) -> str:
    """What the notice is about that is to be told now; '' when there is none to tell.

    The check has to be listed for it, and to be the last that is waited for: nobody is told of what may never come.
    """
    course, spec = scene.course, claim.spec
    checked, candidate = course.checked, course.candidate
    if not course.is_led_by(claim) or spec is None or spec.dry_run or checked is None or candidate is None:
        return ""
    asked = any(listed.name == notified.NAME and listed.is_alone for listed in spec.checks)
    mine = next((one for one in checked.checks if one.name == notified.NAME), None)
    if not asked or mine is None or mine.result != Result.PENDING:
        return ""
    if any(one.name != notified.NAME for one in (*checked.pending, *checked.failed)):
        return ""
    about = notified.occasion(candidate.name, spec.rerun or "")
    notices = claim.status.notices
    on_its_way = any(one.delivered is not False for one in notified.deliveries(notices, candidate.name))
    return "" if on_its_way or notified.of_occasion(notices, about) else about
