"""Which decisions a page offers, and what becomes of one. What each is, and when it makes sense, the commands say."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from slipway.api.promotion_status import read_status
from slipway.api.report import CONFIRMATIONS
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.console import decisions, own_name
from slipway.console.decisions import CannotSay, Patch
from slipway.core import charge
from slipway.core.revision import canonical, sha256
from slipway.dashboard import without_data
from slipway.dashboard.decision import (
    ABORT,
    APPROVE,
    BREAK_GLASS,
    CONFIRM,
    DOUBT,
    HOLD,
    LEARN,
    RERUN,
    RESUME,
    RETRY,
    WHY,
    WITHDRAW,
    WITHOUT_DATA,
    Decision,
    Field,
)

_CHECKING = ("Checking", "Blocked", "AwaitingApproval")
"""Phases before traffic, in which checks can be run again."""
OF_A_PLAN = (APPROVE, CONFIRM, WITHOUT_DATA)
"""What is said about a plan that was read, and no other."""
_NOT_SAID = "…"


@dataclass(frozen=True)
class Given:
    """What somebody has put into a form."""

    check: str = ""
    """The name of the check that they confirm."""
    texts: Mapping[str, str] | None = None
    """By name of the field; None where the form is to be shown for the first time."""

    def text(self, name: str) -> str:
        """One of the texts, without blanks around it."""
        return (self.texts or {}).get(name, "").replace("\r\n", "\n").strip()


@dataclass(frozen=True)
class Shown:
    """What stood on the page on which somebody decides."""

    uid: str
    plan: str
    weight: str
    """The share that was asked for, or at which data is missing; '' where it was the whole launch."""
    about: str = ""
    """What else: the check that is confirmed, the Promotion that would be made; a digest of what holds it or is
    lifted, of what was accepted without data, or of what was learned so far."""

    @classmethod
    def of(cls, decision: Decision, promotion: Object, rollout: Object | None, patch: Patch) -> Shown:
        """What there is now, for a page that is made of it."""
        weight, about, spec = patch.get("approvedWeight"), "", promotion.get("spec") or {}
        if decision is CONFIRM:
            (about,) = patch["confirmed"]
        elif decision is RETRY:
            about = str(patch["metadata"]["name"])
        elif decision is RESUME:
            # All that holds is lifted at once, and others may hold it for another reason by then.
            about = sha256(canonical({key: spec.get(key) for key in ("hold", "rollbackPlanNeeded")}))
        elif decision is HOLD:
            about = sha256(canonical(spec.get("hold") or ""))
        elif decision is LEARN:
            about = sha256(canonical(spec.get("learnings") or {}))
        elif decision is WITHOUT_DATA:
            weight, about = without_data.least(rollout), sha256(canonical(without_data.accepted_so_far(promotion)))
        plan = read_status(promotion).plan_hash
        return cls(str(promotion["metadata"]["uid"]), plan, "" if weight is None else str(weight), about)


def offered(promotion: Object, rollout: Object | None, may_break: bool = False) -> Iterator[Decision]:
    """Those that make sense now, whoever asks: the API server judges who may. Checks are confirmed one by one.

    `may_break`: whether this one may break the glass, which is offered to nobody else.
    """
    spec, status = promotion.get("spec") or {}, read_status(promotion)
    ended = has_ended(promotion)
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
    if may_break and decisions.waits_for_window(promotion):
        yield BREAK_GLASS
    if without_data.waits_for_data(promotion, rollout):
        yield WITHOUT_DATA
    if status.phase in _CHECKING and not asked:
        yield RERUN
    if not ended or (status.phase in ("Succeeded", charge.WATCHING) and _serves(promotion, rollout)):
        yield ABORT
    if ended and not spec.get("dryRun"):
        yield LEARN
    if ended and status.phase not in ("Succeeded", charge.WATCHING, "DryRunComplete"):
        yield RETRY


def has_ended(promotion: Object) -> bool:
    """Whether nothing is left to decide about the launch itself."""
    phase = read_status(promotion).phase
    return phase in charge.FINAL or phase == charge.WATCHING


def _serves(promotion: Object, rollout: Object | None) -> bool:
    target, stable = read_status(promotion).target, read_rollout_status(rollout or {}).stable
    return target is not None and stable is not None and target.revision == stable.revision


def word(
    decision: Decision, promotion: Object, rollout: Object | None, who: str, given: Given, taken: Container[str] = ()
) -> tuple[str, Patch]:
    """Which resource is told (`Promotion` or `Rollout`; `New`: one is made), and what. Raises CannotSay.

    `taken`: the names of the Promotions that there are.
    """
    if decision is ABORT:
        kind, patch = decisions.abort(promotion, given.text("reason"))
        return kind, own_name.beside(patch, promotion, who) if kind == "Promotion" else patch
    if decision is RETRY:
        # A form that is shown has no words yet; `check` insists on them.
        fix = given.text("fix") or (_NOT_SAID if decisions.needs_fix(promotion) else "")
        return "New", decisions.another_attempt(promotion, taken, fix)
    return "Promotion", own_name.beside(_told(decision, promotion, rollout, who, given), promotion, who)


def _told(decision: Decision, promotion: Object, rollout: Object | None, who: str, given: Given) -> Patch:
    if decision is APPROVE:
        return decisions.approval(promotion, rollout, who)[0]
    if decision is CONFIRM:
        return decisions.confirmation(promotion, given.check, who)
    if decision is HOLD:
        return decisions.hold(given.text("reason"))
    if decision is RESUME:
        return decisions.resume(promotion)
    if decision is BREAK_GLASS:
        return decisions.break_glass(promotion, given.text("reason"), who)
    if decision is WITHOUT_DATA:
        # A form that is shown has no share yet; `check` insists on one that covers something.
        lowest = without_data.least(rollout)
        up_to = without_data.share(given.text("share"), lowest) or lowest
        return without_data.acceptance(promotion, rollout, up_to, given.text("reason"), who)
    if decision is LEARN:
        return decisions.learned(promotion, {field.name: given.text(field.name) for field in LEARN.fields})
    if decision is RERUN:
        patch = decisions.rerun(promotion)
        if patch is None:
            raise CannotSay(f"{promotion['metadata']['name']} has ended: another attempt is another Promotion")
        return patch
    return decisions.doubt() if decision is DOUBT else decisions.withdrawal()


def fields(decision: Decision, promotion: Object) -> list[tuple[Field, bool]]:
    """What a form asks for, each with whether it has to be there."""
    needed = decision is RETRY and decisions.needs_fix(promotion)
    return [(field, field.required or needed) for field in decision.fields]


def said_before(decision: Decision, promotion: Object, shown: Shown) -> dict[str, str]:
    """What stands in a form when it is shown for the first time."""
    if decision is WITHOUT_DATA:
        return {"share": shown.weight}
    if decision is not LEARN:
        return {}
    learned = (promotion.get("spec") or {}).get("learnings") or {}
    texts = {name: str(learned.get(name) or "") for name in decisions.LEARNED}
    return texts | {"followUps": "\n".join(learned.get("followUps") or [])}


def check(
    decision: Decision, promotion: Object, now: Shown, shown: Shown, confirmed: Sequence[str], given: Given
) -> None:
    """Raises CannotSay where something else was read than what would be decided now, or something is left out."""
    if shown.uid != now.uid:
        raise CannotSay("It was deleted and created again since you opened it: read it again.")
    if decision in OF_A_PLAN and shown.plan != now.plan:
        done = _DONE[decision.name]
        raise CannotSay(f"The plan has changed since you read it, so nothing was {done}: read it again.")
    if shown.about != now.about:
        raise CannotSay(_ANOTHER.get(decision.name, "It is about something else now: read it again."))
    if decision is WITHOUT_DATA:
        if shown.weight != now.weight:
            raise CannotSay(f"Data is missing at {now.weight} % by now, so nothing was accepted: read it again.")
        if without_data.share(given.text("share"), int(now.weight)) is None:
            raise CannotSay(f"Up to which share: a whole number from {now.weight} to {without_data.WHOLE}.")
    for field, required in fields(decision, promotion):
        if required and not given.text(field.name):
            raise CannotSay("Say why: the reason is recorded." if field is WHY else f"Say it: {field.label.lower()}.")
    if decision is LEARN and not any(given.text(field.name) for field in LEARN.fields):
        raise CannotSay("Nothing was written yet.")
    if decision is not APPROVE:
        return
    if shown.weight != now.weight:
        asked = f"up to {now.weight} % of the traffic" if now.weight else "the whole launch"
        raise CannotSay(f"It asks for something else now, {asked}, so nothing was approved: read it again.")
    if set(confirmed) != {str(number) for number in range(len(CONFIRMATIONS))}:
        raise CannotSay("Nothing was approved: approving takes all three confirmations.")


_DONE = {APPROVE.name: "approved", CONFIRM.name: "confirmed", WITHOUT_DATA.name: "accepted"}
_ANOTHER = {
    HOLD.name: "Somebody else has held it since you opened it, and it stays held: read why.",
    RESUME.name: "What holds it is another now, so nothing was lifted: read it again.",
    LEARN.name: "Somebody else has written since you opened it, so nothing was written: read it again.",
    WITHOUT_DATA.name: "Somebody else has said so since you opened it, so nothing was accepted: read it again.",
    RETRY.name: "Another attempt was made since you opened it, so none was made: look at that one first.",
}


def shown_by(form: Mapping[str, str]) -> Shown:
    """What a form says that its page has shown."""
    return Shown(form.get("uid", ""), form.get("plan", ""), form.get("weight", ""), form.get("about", ""))
