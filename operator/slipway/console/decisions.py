"""The words that a person says to a Promotion, as patches of its spec; and the commands that say the same."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from itertools import count
from typing import Any

from slipway.api.promotion_status import read_status
from slipway.cluster.api import Object
from slipway.core import charge
from slipway.core.ceiling import Code
from slipway.core.conditions import find

Patch = dict[str, Any]


class CannotSay(Exception):
    """This word makes no sense now; the message says why, and what would."""


def approval(promotion: Object, rollout: Object | None, who: str) -> tuple[Patch, str]:
    """The patch by which `who` approves what the Promotion shows now, and what that is in words.

    The entry carries the plan that was read: if it has changed since, the API server refuses. Where traffic waits at
    a canary step that asks again, the word is about that step's share. Raises CannotSay.
    """
    status, spec = read_status(promotion), promotion.get("spec") or {}
    name = promotion["metadata"]["name"]
    if spec.get("dryRun"):
        raise CannotSay(f"{name} is a dry run: it moves nothing, and there is nothing to approve")
    _judges_a_plan(promotion)
    weight = asked_weight(rollout) if spec.get("approved") is True else None
    if weight is not None:
        word = {"approvedWeight": weight, "weightApprovals": {who: {"weight": weight, "plan": status.plan_hash}}}
        return word, f"up to {weight} % of the traffic"
    if (spec.get("approvals") or {}).get(who) == status.plan_hash and spec.get("approved") is True:
        raise CannotSay(f"{who} has approved this plan of {name} already: {status.message}")
    revision = status.target.revision if status.target else "the candidate"
    return {"approved": True, "approvals": {who: status.plan_hash}}, f"revision {revision}"


def asked_weight(rollout: Object | None) -> int | None:
    """The share that a canary asks for before it goes on; None where it asks for none."""
    status = (rollout or {}).get("status") or {}
    candidate, spec = status.get("candidate") or {}, (rollout or {}).get("spec") or {}
    if status.get("phase") != "AwaitingApproval" or not candidate.get("weight"):
        return None
    steps = ((spec.get("strategy") or {}).get("canary") or {}).get("steps") or []
    rising = [step["weight"] for step in steps if step["weight"] > candidate["weight"]]
    return int(rising[0]) if rising else None


def withdrawal() -> Patch:
    """Take back every approval."""
    return {"approved": False, "approvals": None}


def hold(reason: str) -> Patch:
    """Nothing goes forward until it is lifted. Going back is not held."""
    return {"hold": reason}


def doubt() -> Patch:
    """Nobody is confident in the rollback: like a hold, until it is lifted."""
    return {"rollbackPlanNeeded": True}


def resume(promotion: Object) -> Patch:
    """Lift what holds. Raises CannotSay where nothing does."""
    spec = promotion.get("spec") or {}
    held = {key: None for key in ("hold", "rollbackPlanNeeded") if spec.get(key)}
    if not held:
        raise CannotSay(f"{promotion['metadata']['name']} is not held")
    return dict(held)


def abort(promotion: Object, reason: str) -> tuple[str, Patch]:
    """Which resource is told (`Promotion` or `Rollout`), and the patch.

    A launch that has succeeded is taken back by naming its revision on the Rollout. Raises CannotSay.
    """
    status, name = read_status(promotion), promotion["metadata"]["name"]
    if status.phase in ("Succeeded", charge.WATCHING):
        if status.target is None:
            raise CannotSay(f"{name} does not say which revision it brought")
        return "Rollout", {"abort": status.target.revision}
    if status.phase in charge.FINAL:
        raise CannotSay(f"{name} has ended: {status.phase}: {status.message}")
    return "Promotion", {"abort": reason}


def confirmation(promotion: Object, check: str, who: str) -> Patch:
    """`who` has looked at what a manual check asks for, under the plan that was read. Raises CannotSay."""
    _judges_a_plan(promotion)
    if check not in (asked := to_confirm(promotion)):
        raise CannotSay(_unasked(promotion, check, asked))
    return {"confirmed": {check: {"by": who, "plan": read_status(promotion).plan_hash}}}


def _unasked(promotion: Object, check: str, asked: Iterable[str]) -> str:
    name, status = promotion["metadata"]["name"], read_status(promotion)
    if by := _confirmed_by(promotion, check):
        return f"{by} has confirmed {check} of {name} already"
    if check in _manual(promotion, "after") and status.shifted_at is None:
        return f"{check} is looked at after the switch, which has not come yet: {status.message}"
    return f"{name} does not ask anybody to confirm {check or 'that'}; it asks for {', '.join(asked) or 'nothing'} now"


def to_confirm(promotion: Object) -> dict[str, str]:
    """The manual checks that somebody can confirm now, each with what to look at."""
    status = read_status(promotion)
    if not status.plan_hash or status.phase in charge.FINAL or status.phase == charge.WATCHING:
        return {}
    asked = _manual(promotion, "before") | (_manual(promotion, "after") if status.shifted_at is not None else {})
    waiting = {check.name for check in status.checks if check.result == "Pending"}
    return {name: ask for name, ask in asked.items() if name in waiting and not _confirmed_by(promotion, name)}


def _manual(promotion: Object, when: str) -> dict[str, str]:
    """The checks that a person looks at `when`, each with what to look at."""
    listed = [check for check in (promotion.get("spec") or {}).get("checks") or [] if check.get("manual")]
    mine = [check for check in listed if (check["manual"].get("when") or "before") == when]
    return {str(check.get("name") or ""): str(check["manual"].get("ask") or "") for check in mine}


def _confirmed_by(promotion: Object, check: str) -> str:
    """Who has confirmed it under the plan that status shows; the operator may not have looked at it yet."""
    entry = ((promotion.get("spec") or {}).get("confirmed") or {}).get(check) or {}
    return str(entry.get("by") or "") if entry.get("plan") == read_status(promotion).plan_hash else ""


def accept_no_data(promotion: Object, weight: int, reason: str, who: str) -> Patch:
    """`who` goes on without data in the stages up to this share; '': nobody knows who that is. Raises CannotSay."""
    name = promotion["metadata"]["name"]
    if against := against_no_data(promotion):
        raise CannotSay(f"{name} {against}")
    before = (promotion.get("spec") or {}).get("acceptNoData") or {}
    if before.get("weight") == weight:
        said = before.get("reason") or ""
        raise CannotSay(f"{name} goes on without data up to {weight} % of the traffic already: {said}")
    # None takes away the name of who accepted less.
    return {"acceptNoData": {"weight": weight, "reason": reason, "by": who or None}}


def against_no_data(promotion: Object) -> str:
    """Why missing data is nothing that it waits for; '' where it may be."""
    spec = promotion.get("spec") or {}
    if spec.get("dryRun"):
        return "is a dry run: it moves nothing, and waits for no data"
    if spec.get("approved") is not True and read_status(promotion).phase == "AwaitingApproval":
        return "waits for an approval: approve it first, as what is said before that is taken away again"
    return _has_no_plan(promotion)


def _judges_a_plan(promotion: Object) -> None:
    """Raises CannotSay where there is no plan yet, or none any more, about which something could be said."""
    if against := _has_no_plan(promotion):
        raise CannotSay(f"{promotion['metadata']['name']} {against}")


def _has_no_plan(promotion: Object) -> str:
    status = read_status(promotion)
    if status.phase in charge.FINAL or status.phase == charge.WATCHING:
        return f"has ended: {status.phase}"
    if not status.plan_hash:
        return f"has no plan yet: {status.message or 'the operator has not looked at it'}"
    return ""


def break_glass(promotion: Object, reason: str, who: str) -> Patch:
    """`who` takes it on themselves that this cannot wait for the window that holds it. Raises CannotSay."""
    if not waits_for_window(promotion):
        raise CannotSay(f"no window holds {promotion['metadata']['name']} now")
    return {"breakGlass": {"reason": reason, "by": who}}


def waits_for_window(promotion: Object) -> bool:
    """Whether a window or a freeze holds it, and nobody has broken the glass yet."""
    if (promotion.get("spec") or {}).get("breakGlass"):
        return False
    stalled = find(read_status(promotion).conditions, "Stalled")
    return stalled is not None and (stalled.status, stalled.reason) == ("True", str(Code.WINDOW))


LEARNED = ("wentWell", "improve", "rootCause", "fix")
"""The texts of `spec.learnings`, beside the list of follow-ups."""


def learned(promotion: Object, texts: Mapping[str, str]) -> Patch:
    """What was learned, in place of what stands there; `followUps` is one a line. Raises CannotSay."""
    status, name = read_status(promotion), promotion["metadata"]["name"]
    if status.phase not in charge.FINAL and status.phase != charge.WATCHING:
        raise CannotSay(f"{name} has not ended: what was learned is written afterwards")
    follow_ups = [line.strip() for line in texts.get("followUps", "").splitlines() if line.strip()]
    found = {key: texts.get(key, "").strip() or None for key in LEARNED} | {"followUps": follow_ups or None}
    return {"learnings": found}


WORDS = (
    "approved",
    "approvals",
    "approvedWeight",
    "weightApprovals",
    "acceptNoData",
    "hold",
    "rollbackPlanNeeded",
    "abort",
    "saidBy",
    "rerun",
    "confirmed",
    "learnings",
    "breakGlass",
    "requestedBy",
)
"""What people say to one Promotion, and not to another that asks for the same."""


def rerun(promotion: Object) -> Patch | None:
    """Run every check again; None when it has ended, and another attempt is another Promotion."""
    if read_status(promotion).phase in charge.FINAL:
        return None
    (claim,) = charge.read([promotion])
    return {"rerun": charge.another_rerun(claim)}


ENDED_WELL = ("Succeeded", "DryRunComplete")
"""Phases after which there is nothing to try again."""


def another_attempt(promotion: Object, taken: Container[str], fix: str) -> Object:
    """A new Promotion with the same case. `taken` are the names that there are; `fix`: what is different now.

    A revision that was sent back is tried again only with a word on that. Raises CannotSay.
    """
    status, meta = read_status(promotion), promotion["metadata"]
    if status.phase in ENDED_WELL:
        raise CannotSay(f"{meta['name']} has ended well ({status.phase}): there is nothing to try again")
    if needs_fix(promotion) and not fix:
        raise CannotSay(f"{meta['name']} is {status.phase}: {status.message}. What is different now? Say it with --fix")
    spec = {key: value for key, value in promotion["spec"].items() if key not in WORDS}
    if fix:
        spec["retry"] = {"fix": fix}
    return {"metadata": {"name": free_name(meta["name"], taken), "namespace": meta["namespace"]}, "spec": spec}


def free_name(name: str, taken: Container[str]) -> str:
    """`<name>-2`, or with the next number that is not taken."""
    return next(free for number in count(2) if (free := f"{name}-{number}") not in taken)


def needs_fix(promotion: Object) -> bool:
    """Whether trying it again takes a word on what is different now."""
    known = (promotion["spec"].get("learnings") or {}).get("fix")
    return read_status(promotion).phase in ("RolledBack", "Aborted") and not known
