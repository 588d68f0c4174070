"""Whether those whom a Promotion names can be told of it, by the channels that there are."""

from __future__ import annotations

from slipway.api.argument import Communication
from slipway.api.check_status import CheckStatus
from slipway.core.checking import Result, outcome
from slipway.core.enumerating import some
from slipway.core.notice_routes import NoticeRoutes

NAME = "stakeholders-configured"


def check(stated: Communication, environment: str, channels: NoticeRoutes) -> CheckStatus:
    """Somebody is named, and where there are channels at least one name is of one that tells."""
    if not stated.notify:
        words = "communication.notify: nobody; name the stakeholders and those on call"
        return _found(Result.FAILED, words)
    if not channels.tells_people:
        words = (
            f"named: {some(stated.notify)}; this operator has no notifications set up, so Slipway tells nobody: "
            "tell them"
        )
        return _found(Result.PASSED, words)
    reached = channels.reach(environment)
    told, untold = ([name for name in stated.notify if (name in reached) is well] for well in (True, False))
    if not told:
        return _found(Result.FAILED, _nobody(untold, environment, channels))
    others = f"; not by Slipway, as no open channel has the name: {some(untold)}" if untold else ""
    return _found(Result.PASSED, f"to be told: {some(told)}{others}")


def _nobody(named: list[str], environment: str, channels: NoticeRoutes) -> str:
    there = some(sorted(channels.open)) or "none; an administrator marks one open in notifications.channels"
    return (
        f"communication.notify: {some(named)} names no channel that is open to Promotions in environment "
        f"{environment}, so nobody of them would be told; those that are: {there}"
    )


def _found(result: Result, words: str) -> CheckStatus:
    return outcome(NAME, "Compliance", result, words)
