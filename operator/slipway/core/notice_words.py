"""What a notice says: to the people who run a workload, and, when traffic was taken back, to its users."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from slipway.api.promotion_status import PromotionStatus
from slipway.core import after_rollback
from slipway.core.approval import patch_command
from slipway.core.charge import Claim
from slipway.core.conditions import find
from slipway.core.course import automatic
from slipway.core.marks import Cause
from slipway.core.notice_routes import ENDED, SHARE
from slipway.core.progress import RESTORED
from slipway.core.reminder import DUE
from slipway.core.report import where
from slipway.core.restored import NOT_VERIFIED
from slipway.core.revision import Revision
from slipway.core.rollout_words import approve_command
from slipway.core.scene import Scene

LONGEST = 1500
"""Characters of a notice: a message that is longer is cut in its middle. A command never is."""
_CUT = " … "


def text(event: str, scene: Scene, claim: Claim, after: PromotionStatus) -> str:
    """The notice in words, with the next command where the status has one."""
    return _SENTENCES[event](scene, claim, after)


def _fitted(first: str, message: str, *commands: str) -> str:
    """All lines, with as much of the message as there is room for: its begin, and its end with what to do."""
    room = LONGEST - len("\n".join((first, "", *commands)))
    if len(message) > room:
        begin = max(0, (room - len(_CUT)) // 3)
        end = max(0, room - len(_CUT) - begin)
        message = f"{message[:begin]}{_CUT}{message[-end:]}" if end else ""
    return "\n".join(line for line in (first, message, *commands) if line)


def status_page(event: str, scene: Scene, moved: Revision | None) -> str:
    """What users are told: what happened, since when, and whom it concerns. '' where they noticed nothing.

    No revision, image, person, gate or message of a pod is in it.
    """
    if moved is None or moved.marks.approved is None:
        return ""
    marks, name = moved.marks, scene.case.name
    approved, rejected, kept = marks.approved, marks.rejected, marks.kept
    since = approved.since if approved else scene.case.now
    who = f"users of {name}" if marks.promoted_at else f"some users of {name}"
    if event == "Failed" and kept is not None:
        return (
            f"Since {_time(kept.at)} users of {name} may see errors or slow answers. This is its first version, so "
            "that there is no earlier one to go back to; a mended one is being prepared."
        )
    if event != "RolledBack" or rejected is None:
        return ""
    span = f"Between {_time(since)} and {_time(scene.case.now)}"
    if marks.verified_at is not None:
        # It went well for a while: what was wrong began when it was measured, or a little earlier.
        span = f"From shortly before {_time(rejected.at)} until {_time(scene.case.now)}"
    if rejected.cause is Cause.BREACH:
        return (
            f"{span}, after a change, {who} may have seen errors or slow answers. The change has been taken back: "
            "the version before it serves everybody again."
        )
    return (
        f"{span} {who} were served by a new version, which its team has taken back. The version before it serves "
        "everybody again."
    )


def subject(scene: Scene, claim: Claim, after: PromotionStatus) -> str:
    """What it is about, as people call it."""
    version = claim.spec.version if claim.spec else None
    revision = after.target.revision if after.target else ""
    called = version or (f"revision {revision}" if revision else f"Promotion {claim.name}")
    return f"{scene.case.name} {called} in {scene.case.environment}"


def _time(instant: datetime) -> str:
    return instant.strftime("%H:%M UTC on %Y-%m-%d")


def _planned(scene: Scene, claim: Claim, after: PromotionStatus) -> str:
    look = f"kubectl -n {scene.case.namespace} get promotions.slipway.dev {claim.name} -o yaml"
    then = "it begins by itself" if automatic(scene.case) else "it begins when it is approved"
    return (
        f"The launch of {subject(scene, claim, after)} is planned: all other checks have passed, and {then}.\n"
        f"To see all of it: {look}"
    )


def _awaiting(scene: Scene, claim: Claim, after: PromotionStatus) -> str:
    """With the command that decides, and with that which prints the report, also before there is one.

    The words are those of the pass that asks, in which the report may still have to be written.
    """
    at, name = scene.case.namespace, claim.name
    report, approve = where.command(at, name), approve_command(scene)
    hold = f"""{patch_command(at, name)} '{{"spec":{{"hold":"REASON"}}}}'"""
    said = after.message.replace(f"; report: {report}", "", 1)
    return _fitted(
        f"{subject(scene, claim, after)} waits for a person.",
        said.replace(f"; approve: {approve}", "", 1) if approve else said,
        f"To approve it: {approve}" if approve else "",
        f"The report: {report}",
        f"To hold it: {hold}",
        f"To see all of it: kubectl -n {at} get promotions.slipway.dev {name} -o yaml",
    )


def _approved(scene: Scene, claim: Claim, after: PromotionStatus) -> str:
    by = ", ".join(dict.fromkeys(entry.by for entry in after.approvals))
    return f"{subject(scene, claim, after)} was approved{' by ' + by if by else ''}."


def _shifting(scene: Scene, claim: Claim, after: PromotionStatus) -> str:
    entered = scene.course.entered
    share = f" with {entered.weight} % of the requests" if entered else ""
    return f"{subject(scene, claim, after)} begins to serve users{share}."


def _share(scene: Scene, claim: Claim, after: PromotionStatus) -> str:
    entered = scene.course.entered
    return f"{subject(scene, claim, after)} gets {entered.weight if entered else 0} % of the requests."


def _learnings(scene: Scene, claim: Claim, after: PromotionStatus) -> str:
    asks = find(after.conditions, DUE)
    return _fitted(f"{subject(scene, claim, after)}: what was learned?", asks.message if asks else "")


def _sentence(words: str) -> Callable[[Scene, Claim, PromotionStatus], str]:
    def say(scene: Scene, claim: Claim, after: PromotionStatus) -> str:
        return _fitted(f"{subject(scene, claim, after)} {words}", after.message)

    return say


def _after_rollback(scene: Scene, claim: Claim, after: PromotionStatus) -> str:
    wrong = ", ".join(f"{check.name} {check.result}" for check in after_rollback.failed(after))
    back, get = find(after.conditions, RESTORED), f"kubectl -n {scene.case.namespace} get"
    unwell = back is not None and back.reason == NOT_VERIFIED
    return _fitted(
        f"{subject(scene, claim, after)} was taken back, and not all is well after it{': ' if wrong else ''}{wrong}.",
        f"What serves again is not well: {back.message}" if back is not None and unwell else "",
        f"To see why: {get} promotions.slipway.dev {claim.name} -o jsonpath='{{.status.afterRollback}}'"
        if wrong
        else "",
        f"To see what serves: {get} rollouts.slipway.dev {scene.case.name} -o yaml" if unwell else "",
    )


_SENTENCES: dict[str, Callable[[Scene, Claim, PromotionStatus], str]] = {
    "Planned": _planned,
    "AwaitingApproval": _awaiting,
    "Approved": _approved,
    "Shifting": _shifting,
    "ToBeLookedAt": _sentence("has all traffic, and somebody has to look at it."),
    "NoData": _sentence("stands still, because its gates have no data."),
    "Held": _sentence("is held: nothing advances."),
    "Frozen": _sentence("waits for a window: nothing goes forward now."),
    "RolledBack": _sentence("was taken back."),
    "AfterRollback": _after_rollback,
    "Failed": _sentence("has failed."),
    "Launched": _sentence("is launched."),
    "WatchClosed": _sentence("is not watched any more."),
    SHARE: _share,
    ENDED: _sentence("has ended."),
    "LearningsDue": _learnings,
}
