"""Whose word a launch takes, and whether it is closed now: what an approver has to know beside GO."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from slipway.api.overrides import BrokenGlass
from slipway.api.report import Answer, ApprovalsNeeded, Report
from slipway.core import approval
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.circumstances import closed
from slipway.core.course import automatic
from slipway.core.demanded import demanded
from slipway.core.markdown import block, code, plain
from slipway.core.policy.windows import hours

Show = Callable[[str], str]
"""How words of people, or a name, are written where they are read: as Markdown, or as they are."""


def approvals(case: Case, claim: Claim, plan_hash: str) -> ApprovalsNeeded | None:
    """The demands on approvals; None where nobody approves."""
    if automatic(case) or claim.spec is None or claim.spec.dry_run:
        return None
    wanted = demanded(case, claim).approvals
    author = claim.spec.requested_by or ""
    again = approval.own_entry_command(case.namespace, claim.name, plan_hash) if wanted.count > 1 else ""
    return ApprovalsNeeded(
        count=wanted.count,
        four_eyes=wanted.four_eyes,
        author=author if wanted.four_eyes else "",
        policies=list(wanted.policies),
        further=again,
    )


def closed_now(case: Case, claim: Claim) -> str:
    """Why nothing goes forward at this hour, and until when; '' while it is open."""
    return closed(hours(demanded(case, claim).calendars, case.now)).removeprefix("closed: ")


class Opened(Protocol):
    """What a report, or the part of one, begins with."""

    @property
    def answer(self) -> Answer: ...  # noqa: D102
    @property
    def approvals(self) -> ApprovalsNeeded | None: ...  # noqa: D102
    @property
    def closed(self) -> str: ...  # noqa: D102
    @property
    def break_glass(self) -> BrokenGlass | None: ...  # noqa: D102


def headline(report: Opened) -> tuple[str, str]:
    """GO or NO-GO, and the words behind it. After NO-GO what is in the way follows."""
    if not report.answer.go:
        return "NO-GO", "in the way:"
    count = report.approvals.count if report.approvals else 1
    people = f"the approval of {count} people" if count > 1 else "a person's approval"
    if report.closed:
        return "GO", f"approvals can be given, {people} is needed, and nothing moves before it opens."
    return "GO", f"nothing stands in the way but {people}."


def glass(broken: BrokenGlass, words: Show, name: Show) -> str:
    """Who has lifted what policies demand, and why."""
    policies = ", ".join(name(policy) for policy in broken.policies)
    who = f" by {words(broken.by)}" if broken.by else ""
    return f"{who}: what policies demand is lifted ({policies}). The reason: {words(broken.reason)}"


def row(needed: ApprovalsNeeded | None) -> str:
    """How many people, and who may not; '' where one is enough and nobody is ruled out."""
    if needed is None or (needed.count == 1 and not needed.four_eyes):
        return ""
    words = "1" if needed.count == 1 else f"{needed.count}, of different people"
    if needed.four_eyes:
        words += f"; {_ruled_out(needed, code)}"
    return words + (f" ({', '.join(code(policy) for policy in needed.policies)})" if needed.policies else "")


def told(report: Opened, words: Show, name: Show) -> Iterator[str]:
    """What whoever decides has to know beside GO, one sentence after another."""
    if report.closed:
        yield f"It is closed now: {words(report.closed)}. An approval that is given now is acted on when it opens."
    needed = report.approvals
    if needed is None:
        return
    if needed.four_eyes:
        yield f"Four eyes: {_ruled_out(needed, name)}."
    if needed.count > 1:
        yield f"{needed.count} different people have to approve."


def deciding(report: Report) -> Iterator[str]:
    """What to know before one of the commands is run, as Markdown."""
    for sentence in told(report, plain, code):
        yield sentence
        yield ""
    if report.approvals is not None and report.approvals.count > 1:
        yield "Each one after the first adds an own entry:"
        yield ""
        yield from block([report.approvals.further], "sh")
        yield ""


def _ruled_out(needed: ApprovalsNeeded, name: Show) -> str:
    if not needed.author:
        return "the author may not approve, and nobody knows who that is: nothing counts until spec.requestedBy says so"
    return f"{name(needed.author)}, who created it, may not approve"
