"""What a person can say to a Promotion by the page: how it is called, what comes of it, and which words it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """Words that a decision takes."""

    name: str
    label: str
    required: bool = True
    hint: str = ""
    rows: int = 3
    longest: int = 1024
    share: bool = False
    """A share of the traffic, in percent."""


WHY = Field("reason", "Why")


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
    fields: Sequence[Field] = ()
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
CONFIRM = Decision(
    "confirm",
    "Confirm",
    "Says that you have looked, and have seen what should be seen. It counts for this plan and no other.",
    "Your confirmation is recorded.",
)
HOLD = Decision(
    "hold", "Hold", "Nothing goes forward until it is resumed. What breaks still goes back.", "It is held.", (WHY,)
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
BREAK_GLASS = Decision(
    "break-glass",
    "Break the glass",
    "Lifts the window that holds it and what else policies demand of the case, where each of them allows it. "
    "An approval is still needed, checks that are there have to pass, and gates have to hold. It stays on record.",
    "The glass is broken, under your name.",
    (Field("reason", "Why it cannot wait"),),
)
WITHOUT_DATA = Decision(
    "go-on-without-data",
    "Go on without data",
    "Gates without data do not hold it in steps up to this share; 100 covers verify too. One that fails still sends it "
    "back. It stays on record as an override, never as a pass.",
    "Missing data is accepted.",
    (Field("share", "Up to which share of the traffic, in percent", share=True), WHY),
)
RERUN = Decision(
    "rerun",
    "Run checks again",
    "Runs every check again, those that have passed too.",
    "Its checks run again.",
)
ABORT = Decision(
    "abort",
    "Abort",
    "Ends this launch. Traffic goes back where it had moved, also after it has succeeded.",
    "It is aborted.",
    (WHY,),
    "back",
)
LEARN = Decision(
    "learnings",
    "Write what was learned",
    "Becomes a launch record of its own, beside those of the launch. It is for the next one, and about nobody.",
    "What was learned is written down.",
    (
        Field("wentWell", "What went well", False, longest=4096),
        Field("improve", "What to do better", False, longest=4096),
        Field("rootCause", "Why it went wrong, if it did", False, longest=4096),
        Field("fix", "What mends it", False, longest=4096),
        Field("followUps", "What is still to be done", False, "One on each line.", longest=20 * 4096),
    ),
)
RETRY = Decision(
    "retry",
    "Try again",
    "Makes another Promotion with the same case. It runs its checks, and waits for an approval of its own.",
    "This Promotion asks for it again.",
    (Field("fix", "What is different now", False),),
)
ALL = {
    one.name: one
    for one in (
        APPROVE,
        WITHDRAW,
        CONFIRM,
        HOLD,
        RESUME,
        DOUBT,
        BREAK_GLASS,
        WITHOUT_DATA,
        RERUN,
        ABORT,
        LEARN,
        RETRY,
    )
}
