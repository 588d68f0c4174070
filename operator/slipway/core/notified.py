"""Whether stakeholders and the people on call were told before the launch: by a notice of the event Planned.

The check waits for a delivery, and the notice for all other checks. Neither waits for an approval, so that the question
comes to people who know what it is about.
"""

from __future__ import annotations

from collections.abc import Sequence

from slipway.api.check import Check
from slipway.api.check_status import CheckStatus
from slipway.api.notice import DeliveryStatus, NoticeStatus
from slipway.api.promotion import PromotionSpec
from slipway.api.promotion_status import read_status
from slipway.core import instants
from slipway.core.case import Case
from slipway.core.checking import GOOD, Result, Subjects, outcome
from slipway.core.notice_routes import NoticeRoutes

NAME = "stakeholders-notified"
EVENT = "Planned"


def check(case: Case, about: Subjects, listed: Check, known: CheckStatus | None) -> CheckStatus:
    """The check as the notices of the Promotion answer it; nothing is asked for."""
    spec = about.promotion
    if known is not None and known.result in GOOD:
        return known
    if spec is None or spec.dry_run:
        return outcome(NAME, listed.about, Result.NOT_APPLICABLE, "a dry run launches nothing that is to be told")
    notices = read_status(about.owner).notices
    ever = deliveries(notices, about.candidate.name)
    current = of_occasion(notices, occasion(about.candidate.name, about.rerun))
    taken = next((one for one in ever if one.delivered), None)
    open_ones = [one.channel for one in ever if one.delivered is None]
    failed = [f"{one.channel}: {one.message}" for one in current if one.delivered is False]
    if taken is not None and taken.at is not None:
        others = f"; not told: {'; '.join(failed)}" if failed else ""
        words = f"told by channel {taken.channel} at {instants.render(taken.at)}{others}"
        return outcome(NAME, listed.about, Result.PASSED, words).model_copy(update={"at": taken.at})
    if open_ones:
        return outcome(NAME, listed.about, Result.PENDING, f"being told by channel {', '.join(open_ones)}")
    if current:
        return outcome(NAME, listed.about, Result.FAILED, f"nobody could be told: {'; '.join(failed)}")
    if not _channels(case.snapshot.settings.notices, case.environment, spec):
        words = (
            f"no channel is told of {EVENT} in environment {case.environment}: an administrator adds one to "
            "notifications.routes, spec.communication.notify names an open one, or attest says who was told"
        )
        return outcome(NAME, listed.about, Result.UNVERIFIABLE, words)
    return outcome(NAME, listed.about, Result.PENDING, "told as soon as all other checks have passed")


def occasion(candidate: str, rerun: str) -> str:
    """What a notice that the launch of a revision is planned is about: it is told again only where checks run again."""
    return f"{candidate}/{rerun}"


def deliveries(notices: Sequence[NoticeStatus], candidate: str) -> list[DeliveryStatus]:
    """Those of all notices that the launch of this revision is planned."""
    told = [one for one in notices if one.event == EVENT and one.occasion.partition("/")[0] == candidate]
    return [delivery for notice in told for delivery in notice.deliveries]


def of_occasion(notices: Sequence[NoticeStatus], about: str) -> list[DeliveryStatus]:
    """Those of the notice about exactly this."""
    told = [one for one in notices if one.event == EVENT and one.occasion == about]
    return [delivery for notice in told for delivery in notice.deliveries]


def _channels(routes: NoticeRoutes, environment: str, spec: PromotionSpec) -> list[str]:
    said = spec.communication
    named = routes.channels(environment, EVENT, said.notify if said else [])
    return [channel for channel in named if channel not in routes.per_issue or (said and said.issues)]
