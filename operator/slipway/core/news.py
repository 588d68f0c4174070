"""What became of a Promotion in one pass that people would want to hear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slipway.api.promotion_status import PromotionStatus
from slipway.core import after_rollback, after_switch
from slipway.core.ceiling import Code
from slipway.core.charge import FINAL, Claim
from slipway.core.conditions import find
from slipway.core.notice_routes import ENDED, SHARE
from slipway.core.notified import EVENT
from slipway.core.planned import planned
from slipway.core.reminder import DUE
from slipway.core.restored import found_unwell_of
from slipway.core.revision import Revision
from slipway.core.scene import Scene

_STANDS_STILL = {"NoData": "NoData", "Window": "Frozen"}
"""The event for a reason of the condition Stalled of a Promotion that is Held."""


_ENDS = frozenset({"Succeeded", "RolledBack", "Failed", "Aborted"})


@dataclass(frozen=True)
class News:
    """`occasion` tells two of the same event apart: another plan, another share, another reason."""

    event: str
    occasion: str


def news(scene: Scene, claim: Claim, after: PromotionStatus, moved: Revision | None) -> Iterator[News]:
    """What became true of a Promotion in this pass. After a loss of its status, what happened before is no news."""
    before = claim.status
    plan = after.plan_hash.removeprefix("sha256:")[:10]
    entered = after.phase != before.phase
    told = planned(scene, claim)
    if told and after.phase not in FINAL:
        yield News(EVENT, told)
    if after.phase == "AwaitingApproval" and (entered or after.plan_hash != before.plan_hash):
        yield News("AwaitingApproval", f"{plan}/{_asked(scene, claim)}")
    if not before.phase:
        return
    if _became(before, after, "Approved"):
        yield News("Approved", plan)
    if _begins(scene, claim):
        yield News("Shifting", plan)
    if scene.course.is_led_by(claim) and scene.course.entered is not None:
        yield News(SHARE, f"{plan}/{scene.course.entered.weight}")
    if scene.course.is_led_by(claim) and (due := after_switch.due(before.checks, after.checks)):
        yield News("ToBeLookedAt", f"{plan}/{','.join(due)}")
    if after.phase == "Held":
        why = _stalled(after)
        if entered or why != _stalled(before):
            yield News(_STANDS_STILL.get(why, "Held"), f"{plan}/{why}/{_hold(claim)}")
    if after.phase in {"RolledBack", "Aborted"} and entered and moved is not None:
        yield News("RolledBack", plan)
    if after.phase == "Failed" and entered:
        yield News("Failed", plan)
    if after.phase in {"Watching", "Succeeded"} and _became(before, after, "Succeeded"):
        yield News("Launched", plan)
    known = {check.name for check in after_rollback.failed(before)}
    wrong = sorted(check.name for check in after_rollback.failed(after) if check.name not in known)
    if unwell := found_unwell_of(before, after):
        wrong.append(unwell.type)
    if wrong:
        yield News("AfterRollback", f"{plan}/{','.join(wrong)}")
    if (before.phase, after.phase) == ("Watching", "Succeeded"):
        yield News("WatchClosed", plan)
    if entered and after.phase in _ENDS:
        yield News(ENDED, plan)
    if _became(before, after, DUE):
        yield News(DUE, plan)


def _became(before: PromotionStatus, after: PromotionStatus, kind: str) -> bool:
    was, now = find(before.conditions, kind), find(after.conditions, kind)
    return now is not None and now.status == "True" and (was is None or was.status != "True")


def _stalled(status: PromotionStatus) -> str:
    found = find(status.conditions, "Stalled")
    return found.reason if found is not None and found.status == "True" else ""


def _hold(claim: Claim) -> str:
    return ((claim.spec.hold if claim.spec else None) or "")[:60]


def _asked(scene: Scene, claim: Claim) -> str:
    """What a person is asked for: the start, a withdrawn word again, or a further share."""
    course = scene.course
    if course.claim is None or course.claim.uid != claim.uid or course.limit is None:
        return ""
    following = course.progress.next_stage if course.progress else None
    asks = course.limit.code is Code.ASKS and following is not None
    return f"{course.limit.code}/{following.weight}" if asks and following else str(course.limit.code)


def _begins(scene: Scene, claim: Claim) -> bool:
    """Whether users reach its revision for the first time."""
    course = scene.course
    leads = course.is_led_by(claim)
    return leads and course.entered is not None and course.progress is not None and not course.progress.in_flight
