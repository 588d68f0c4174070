"""May traffic go to this revision, and how much: the one place that says so.

Every limit can only lower the answer. A strategy proposes a share and gets the smaller of the two, so that no
strategy can send an unapproved request. Going back does not ask here: it is always allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from slipway.api.duration import format_duration
from slipway.core import gates, instants, smoke
from slipway.core.progress import Progress
from slipway.core.strategy import Stage


class Code(StrEnum):
    """What limits a candidate; the phases of the Rollout and of its Promotion follow from it."""

    OPEN = "Open"
    REJECTED = "Rejected"
    INVALID = "Invalid"
    NO_PLAN = "NoPlan"
    ABSENT = "NoPods"
    CHECKS = "Checks"
    POLICY = "Policy"
    NO_PROMOTION = "NoPromotion"
    HELD = "Held"
    APPROVAL = "Approval"
    WINDOW = "Window"
    WITHDRAWN = "Withdrawn"
    PLAN_CHANGED = "PlanChanged"
    STAGE = "Stage"
    LOOKS = "ToBeLookedAt"
    NO_DATA = "NoData"
    ASKS = "Asks"
    CONVERGENCE = "Convergence"
    MIGRATION = "Migration"
    MIGRATION_FAILED = "MigrationFailed"
    CAPACITY = "Capacity"


HELD = frozenset({Code.HELD, Code.WINDOW, Code.PLAN_CHANGED, Code.NO_DATA, Code.NO_PLAN})
"""What is told as a hold, whoever or whatever holds."""
ASKING = frozenset({Code.APPROVAL, Code.WITHDRAWN, Code.ASKS})
"""What waits for a person's approval."""


@dataclass(frozen=True)
class Ceiling:
    """The most traffic that the candidate may have right now, in percent, and why not more.

    `pods_for` is the share for which pods may be made ready: everything but their readiness allows it.
    """

    percent: int
    code: Code
    reason: str
    pods_for: int


@dataclass(frozen=True)
class Circumstances:
    """What bears on the candidate from outside, each as the reason against it; '' when there is none."""

    rejected: str = ""
    invalid: str = ""
    no_plan: str = ""
    absent: str = ""
    trouble: str = ""
    """What the kubelet says of a pod of the candidate, to go on with in a sentence."""
    checks: str = ""
    policy: str = ""
    """What policies demand of the case and it does not have."""
    no_promotion: str = ""
    held: str = ""
    unapproved: str = ""
    withdrawn: str = ""
    plan_changed: str = ""
    closed: str = ""
    """Why nothing may go forward right now: a window, or a policy that cannot be read."""
    asks_up_to: int = 0
    asks_reason: str = ""
    unseen: str = ""
    """What people still have to look at before the launch has succeeded."""
    unconverged: str = ""
    migrating: str = ""
    """What is still to be done with stored data before the first request."""
    migration_failed: str = ""
    no_data_up_to: int = 0
    """Missing data is accepted by an approver for stages up to this weight."""


def ceiling(around: Circumstances, progress: Progress, ready: int, needed: int) -> Ceiling:
    """The ceiling for the candidate of `progress`.

    `ready` endpoints are there, `needed` are wanted for the next stage. Between two limits of the same height the
    earlier one explains; order is by what a person can do about it.
    """
    limits = [*_limits(around, progress), Ceiling(100, Code.OPEN, "", 100)]
    least = min(limits, key=lambda limit: limit.percent)
    following = progress.next_stage
    if following is not None and least.code is Code.OPEN and ready < max(1, needed):
        words = f"{ready} of {max(1, needed)} pods are ready for {following.weight} %{around.trouble}"
        return Ceiling(progress.share, Code.CAPACITY, words, following.weight)
    return least


def _limits(around: Circumstances, progress: Progress) -> Iterator[Ceiling]:
    now = progress.share

    def at_present(code: Code, reason: str) -> Ceiling:
        return Ceiling(now, code, reason, now)

    if around.rejected:
        yield Ceiling(0, Code.REJECTED, around.rejected, 0)
    if around.invalid:
        yield at_present(Code.INVALID, around.invalid)
    if around.no_plan:
        yield at_present(Code.NO_PLAN, around.no_plan)
    if around.held:
        # Before the pods: while a person holds, no deadline runs.
        yield at_present(Code.HELD, around.held)
    if around.absent and not progress.in_flight:
        yield Ceiling(0, Code.ABSENT, around.absent, 0)
    if around.no_promotion and not progress.in_flight:
        yield Ceiling(0, Code.NO_PROMOTION, around.no_promotion, 0)
    if around.checks and not progress.in_flight:
        yield Ceiling(0, Code.CHECKS, around.checks, 0)
    if around.policy and not progress.in_flight:
        yield Ceiling(0, Code.POLICY, around.policy, 0)
    if around.plan_changed:
        yield at_present(Code.PLAN_CHANGED, around.plan_changed)
    if around.withdrawn:
        yield at_present(Code.WITHDRAWN, around.withdrawn)
    if around.unapproved:
        yield at_present(Code.APPROVAL, around.unapproved)
    if around.closed and progress.next_stage is not None:
        # What has all traffic already is verified to its end: that goes nowhere.
        yield at_present(Code.WINDOW, around.closed)
    waits, code = unmet(progress, around.no_data_up_to)
    if waits:
        yield at_present(code, waits)
    following = progress.next_stage
    if around.unseen and following is None:
        yield at_present(Code.LOOKS, around.unseen)
    if following is not None and following.asks and around.asks_up_to < following.weight:
        yield at_present(Code.ASKS, around.asks_reason)
    if around.unconverged:
        # All else allows the first stage: pods that were made ready for it stay while traffic settles.
        waiting = following is not None and not progress.in_flight
        pods_for = following.weight if following is not None and waiting else now
        yield Ceiling(now, Code.CONVERGENCE, around.unconverged, pods_for)
    # Last: data is migrated when nothing else but pods is missing for the first request.
    if around.migration_failed and not progress.in_flight:
        yield Ceiling(0, Code.MIGRATION_FAILED, around.migration_failed, 0)
    if around.migrating and not progress.in_flight:
        yield Ceiling(0, Code.MIGRATION, around.migrating, 0)


def unmet(progress: Progress, no_data_up_to: int) -> tuple[str, Code]:
    """What the current stage still waits for; '' when it may end.

    A stage ends when its time is over, counted from when the gateway was seen to follow, every gate has passed
    within it, and, after the switch, every smoke test too.
    """
    stage, step = progress.stage, progress.step
    if stage is None or step is None:
        return "", Code.STAGE
    if step.converged_at is None or progress.subject is None:
        return "the gateway has not followed yet", Code.CONVERGENCE
    excused = stage.weight <= no_data_up_to
    gate = gates.waiting(stage.gates, progress.gates, excused)
    if gate and _no_data_too_long(progress):
        return f"{gate}; no data for {format_duration(progress.spec.analysis.no_data_timeout)}", Code.NO_DATA
    elapsed = progress.now - step.converged_at
    if elapsed < stage.hold:
        share = f"{instants.roughly(elapsed)} of {format_duration(stage.hold)}"
        return f"{share}{'; ' + gate if gate else ''}", Code.STAGE
    if gate:
        return gate, Code.STAGE
    if stage.final and progress.occasion is not None:
        test = smoke.unmet(progress.spec.smoke_tests, progress.smoke, progress.occasion)
        if test:
            return test, Code.STAGE
    return "", Code.STAGE


def _no_data_too_long(progress: Progress) -> bool:
    if progress.subject is None:
        return False
    span = gates.silent(progress.gated, progress.gates, progress.subject.since, progress.now)
    return span >= progress.spec.analysis.no_data_timeout


def may_enter(limit: Ceiling, stage: Stage) -> bool:
    """Whether a stage may be entered: nothing limits the candidate, and the ceiling is as high as the wish."""
    return limit.code is Code.OPEN and limit.percent >= stage.weight
