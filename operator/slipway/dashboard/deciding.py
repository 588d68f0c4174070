"""The decisions that a page offers. What each is, and when it makes sense, is as the commands have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from slipway.api.promotion import read_status
from slipway.api.report import CONFIRMATIONS
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.console import decisions
from slipway.console.decisions import CannotSay, Patch
from slipway.core import charge


@dataclass(frozen=True)
class Decision:
    """One thing that a person can say to a Promotion."""

    name: str
    """In the page's path."""
    title: str
    """On the button, and over the page that asks once more."""
    follows: str
    """What comes of it."""
    done: str
    """What is said afterwards."""
    with_reason: bool = False
    weighty: str = ""
    """`forward` or `back` for the two that move traffic."""


APPROVE = Decision(
    "approve",
    "Approve",
    "Puts it before users, as the plan says. Gates send it back where it breaks.",
    "Your approval is recorded.",
    weighty="forward",
)
WITHDRAW = Decision(
    "withdraw",
    "Withdraw approval",
    "Takes back every approval. Before traffic nothing moves; in a shift it stays where it is.",
    "All approvals are taken back.",
)
HOLD = Decision(
    "hold", "Hold", "Nothing goes forward until it is resumed. What breaks still goes back.", "It is held.", True
)
RESUME = Decision(
    "resume", "Resume", "Lifts the hold, and the word that a rollback plan is needed.", "The hold is lifted."
)
DOUBT = Decision(
    "rollback-plan-needed",
    "Rollback plan needed",
    "Says that you are not confident in the rollback. Like a hold: nothing goes forward until somebody resumes it.",
    "It waits until somebody is confident in the rollback.",
)
ABORT = Decision(
    "abort",
    "Abort",
    "Ends this launch. Traffic goes back where it had moved, also after it has succeeded.",
    "It is aborted.",
    True,
    "back",
)
ALL = {one.name: one for one in (APPROVE, WITHDRAW, HOLD, RESUME, DOUBT, ABORT)}


@dataclass(frozen=True)
class Shown:
    """What stood on the page on which somebody decides."""

    uid: str
    plan: str
    weight: str
    """The share that was asked for, '' where it was the whole launch."""

    @classmethod
    def of(cls, promotion: Object, patch: Patch) -> Shown:
        """What there is now, for a page that is made of it."""
        weight = patch.get("approvedWeight")
        plan = read_status(promotion).plan_hash
        return cls(str(promotion["metadata"]["uid"]), plan, "" if weight is None else str(weight))


def offered(promotion: Object, rollout: Object | None) -> Iterator[Decision]:
    """Those that make sense now, whoever asks: the API server judges who may."""
    spec, status = promotion.get("spec") or {}, read_status(promotion)
    ended = status.phase in charge.FINAL or status.phase == charge.WATCHING
    asked = spec.get("approved") is True and decisions.asked_weight(rollout) is not None
    if not spec.get("dryRun") and status.plan_hash and (status.phase in ("AwaitingApproval", "Held") or asked):
        yield APPROVE
    if spec.get("approved") is True and not ended:
        yield WITHDRAW
    if not ended and (spec.get("hold") or spec.get("rollbackPlanNeeded")):
        yield RESUME
    if not ended and not spec.get("hold"):
        yield HOLD
    if not ended and not spec.get("rollbackPlanNeeded"):
        yield DOUBT
    if not ended or (status.phase in ("Succeeded", charge.WATCHING) and _serves(promotion, rollout)):
        yield ABORT


def _serves(promotion: Object, rollout: Object | None) -> bool:
    target, stable = read_status(promotion).target, read_rollout_status(rollout or {}).stable
    return target is not None and stable is not None and target.revision == stable.revision


def word(decision: Decision, promotion: Object, rollout: Object | None, who: str, reason: str) -> tuple[str, Patch]:
    """Which resource is told (`Promotion` or `Rollout`), and what. Raises CannotSay."""
    if decision is APPROVE:
        return "Promotion", decisions.approval(promotion, rollout, who)[0]
    if decision is ABORT:
        return decisions.abort(promotion, reason)
    if decision is HOLD:
        return "Promotion", decisions.hold(reason)
    if decision is RESUME:
        return "Promotion", decisions.resume(promotion)
    return "Promotion", decisions.doubt() if decision is DOUBT else decisions.withdrawal()


def check(decision: Decision, now: Shown, shown: Shown, confirmed: Sequence[str], reason: str) -> None:
    """Raises CannotSay where something else was read than what would be decided now, or something is left out."""
    if shown.uid != now.uid:
        raise CannotSay("It was deleted and created again since you opened it: read it again.")
    if decision.with_reason and not reason:
        raise CannotSay("Say why: the reason is recorded.")
    if decision is not APPROVE:
        return
    if shown.plan != now.plan:
        raise CannotSay("The plan has changed since you read it, so nothing was approved: read it again.")
    if shown.weight != now.weight:
        asked = f"up to {now.weight} % of the traffic" if now.weight else "the whole launch"
        raise CannotSay(f"It asks for something else now, {asked}, so nothing was approved: read it again.")
    if set(confirmed) != {str(number) for number in range(len(CONFIRMATIONS))}:
        raise CannotSay("Nothing was approved: approving takes all three confirmations.")


def shown_by(form: Mapping[str, str]) -> Shown:
    """What a form says that its page has shown."""
    return Shown(form.get("uid", ""), form.get("plan", ""), form.get("weight", ""))
