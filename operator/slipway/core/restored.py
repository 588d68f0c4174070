"""After going back: whether the revision that traffic came back to keeps its own gates and smoke tests.

It decides nothing, as there is nothing further to go back to. It is said on the Rollout and on the Promotion that was
sent back, so that nobody has to guess whether a rollback has helped.
"""

from __future__ import annotations

from collections.abc import Sequence

from slipway.api.conditions import Condition
from slipway.api.promotion_status import PromotionStatus
from slipway.core import gates, smoke
from slipway.core.conditions import condition, find
from slipway.core.course import replicas_of
from slipway.core.lineage import came_back_at
from slipway.core.progress import RESTORED, Progress
from slipway.core.scene import Scene

NOT_VERIFIED = "NotVerified"
"""The reason of the condition where what serves again is not well."""


def restored(scene: Scene) -> Condition | None:
    """The Rollout's condition Restored; None when stable is none that traffic came back to."""
    case, stable, back = scene.case, scene.course.lineage.stable, came_back_at(scene.course.lineage)
    if stable is None or back is None:
        return None
    before = find(case.status.conditions, RESTORED)
    if before is not None and before.last_transition_time < back:
        before = None
    found = scene.course.restored
    if found is None:
        return before
    empty = case.world.ready(stable.name) == 0 and replicas_of(case) > 0
    status, reason, words = _verdict(found, empty)
    known = [before] if before is not None else []
    since = found.subject.since if found.subject is not None else case.now
    anew = before is not None and since > before.last_transition_time
    return condition(known, RESTORED, status, reason, words, case.now, case.generation, restart=anew)


def found_unwell(before: Sequence[Condition], now: Condition | None) -> Condition | None:
    """The word that what serves again is not well, where it is new: not said `before`."""
    was = find(before, RESTORED)
    if now is None or now.reason != NOT_VERIFIED:
        return None
    same = was is not None and (was.status, was.last_transition_time) == (now.status, now.last_transition_time)
    return None if same else now


def found_unwell_of(before: PromotionStatus, after: PromotionStatus) -> Condition | None:
    """The same of a Promotion that was sent back. Where its status was lost, a word of before its end is no news."""
    found = found_unwell(before.conditions, find(after.conditions, RESTORED))
    if found is None or after.finished_at is None or found.last_transition_time < after.finished_at:
        return None
    return found


def _verdict(found: Progress, empty: bool) -> tuple[bool | None, str, str]:
    waits = "it has no ready pod" if empty else gates.waiting(found.gated, found.gates, False)
    if not waits and found.occasion is not None:
        waits = smoke.unmet(found.spec.smoke_tests, found.smoke, found.occasion)
    name = found.revision.name
    if not waits:
        figures = ", ".join(gate.message for gate in found.gates)
        return True, "Verified", f"revision {name} is well after going back" + (f": {figures}" if figures else "")
    until = found.written.until if found.written else None
    if until is not None and found.now >= until:
        return False, NOT_VERIFIED, f"revision {name} does not pass after going back: {waits}"
    return None, "Verifying", f"revision {name} is measured after going back"
