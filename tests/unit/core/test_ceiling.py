"""How much traffic a candidate may have, and why not more: every limit, alone and beside the others."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.objects import START, canary

from slipway.api.rollout import GateStatus, RolloutSpec, StepStatus
from slipway.core import ceiling, revision, strategy
from slipway.core.ceiling import Circumstances, Code
from slipway.core.gates import Subject
from slipway.core.progress import Progress

SECOND = timedelta(seconds=1)
ASKING = [{"weight": 25, "hold": "5s"}, {"weight": 50, "hold": "5s", "approval": "Required"}]
CONVERGED = START + 10 * SECOND


def progress(
    index: int | None, *, since_converged: float = 60, verdict: str = "Pass", asking: bool = False
) -> Progress:
    """The candidate of a canary by 25 and 50 percent, in this stage; None: before its first traffic."""
    spec = RolloutSpec.model_validate(canary(steps=ASKING if asking else None))
    candidate = revision.of_spec(canary())
    assert candidate is not None
    stages = strategy.stages(spec, has_stable=True)
    stage = stages[index] if index is not None else None
    step = stage and StepStatus(index=stage.index, weight=stage.weight, started_at=START, converged_at=CONVERGED)
    now: datetime = CONVERGED + since_converged * SECOND
    subject = stage and Subject("shop", "web", candidate.name, CONVERGED, f"{stage.index}")
    gates = (
        GateStatus(
            name="error-rate", verdict=verdict, passes=1, failures=0, data_at=now, message=f"error-rate {verdict}"
        ),
    )
    return Progress(
        now,
        candidate,
        spec,
        stage is not None,
        False,
        stages,
        stage,
        step,
        gates if stage else (),
        (),
        subject,
        None,
        (),
    )


def limit(around: Circumstances, of: Progress, ready: int = 4) -> ceiling.Ceiling:
    return ceiling.ceiling(around, of, ready, 1)


REASONS = {
    "rejected": Code.REJECTED,
    "invalid": Code.INVALID,
    "no_plan": Code.NO_PLAN,
    "absent": Code.ABSENT,
    "checks": Code.CHECKS,
    "no_promotion": Code.NO_PROMOTION,
    "held": Code.HELD,
    "unapproved": Code.APPROVAL,
    "withdrawn": Code.WITHDRAWN,
    "plan_changed": Code.PLAN_CHANGED,
    "policy": Code.POLICY,
    "closed": Code.WINDOW,
    "unconverged": Code.CONVERGENCE,
    "migrating": Code.MIGRATION,
    "migration_failed": Code.MIGRATION_FAILED,
}
BEFORE_TRAFFIC = {"absent", "checks", "no_promotion", "policy", "migrating", "migration_failed"}
"""What only counts until traffic has moved: a shift runs the plan that was approved."""


def test_the_table_of_reasons_is_whole() -> None:
    known = {field.name for field in fields(Circumstances) if field.type == "str"} - {"asks_reason", "trouble"}
    assert known == {*REASONS, "unseen"}


@pytest.mark.parametrize("reason", REASONS)
def test_before_traffic_every_reason_alone_keeps_it_at_nothing(reason: str) -> None:
    found = limit(replace(Circumstances(), **{reason: "because"}), progress(None))
    assert (found.percent, found.code, found.reason) == (0, REASONS[reason], "because")
    assert not ceiling.may_enter(found, progress(None).stages[0])


@pytest.mark.parametrize("reason", sorted(set(REASONS) - BEFORE_TRAFFIC))
def test_in_flight_every_reason_alone_keeps_the_share(reason: str) -> None:
    found = limit(replace(Circumstances(), **{reason: "because"}), progress(0))
    assert (found.percent, found.code) == (0 if reason == "rejected" else 25, REASONS[reason])
    assert not ceiling.may_enter(found, progress(0).stages[1])


@pytest.mark.parametrize("reason", sorted(BEFORE_TRAFFIC))
def test_in_flight_what_belongs_before_traffic_counts_no_more(reason: str) -> None:
    assert limit(replace(Circumstances(), **{reason: "because"}), progress(0)).code is Code.OPEN


def test_what_has_all_traffic_is_verified_to_its_end_in_a_closed_window() -> None:
    assert limit(Circumstances(closed="frozen"), progress(2)).code is not Code.WINDOW


def test_what_people_still_have_to_look_at_holds_only_the_end() -> None:
    around = Circumstances(unseen="still to be looked at: basket")
    for index in (None, 0, 1):
        assert limit(around, progress(index)).code is Code.OPEN
    found = limit(around, progress(2))
    assert (found.percent, found.code, found.reason) == (100, Code.LOOKS, "still to be looked at: basket")


def test_without_a_reason_the_next_stage_may_be_entered() -> None:
    for index in (None, 0, 1):
        of = progress(index)
        assert of.next_stage is not None
        assert ceiling.may_enter(limit(Circumstances(), of), of.next_stage)


@given(
    around=st.fixed_dictionaries({name: st.sampled_from(["", "because"]) for name in REASONS}),
    index=st.sampled_from([None, 0, 1, 2]),
    verdict=st.sampled_from(["Pass", "Fail", "NoData", "Error", ""]),
    ready=st.integers(min_value=0, max_value=4),
)
def test_one_more_reason_never_raises_the_ceiling(
    around: dict[str, str], index: int | None, verdict: str, ready: int
) -> None:
    of = progress(index, verdict=verdict)
    with_all = limit(Circumstances(**around), of, ready)  # type: ignore[arg-type]
    for name in around:
        fewer = Circumstances(**{**around, name: ""})  # type: ignore[arg-type]
        assert with_all.percent <= limit(fewer, of, ready).percent
    assert with_all.percent <= limit(Circumstances(), progress(index), 4).percent


@pytest.mark.parametrize(("ready", "needed", "open_"), [(0, 0, False), (1, 0, True), (1, 2, False), (2, 2, True)])
def test_semantics_06_fewer_ready_endpoints_than_the_share_needs_stop_it(ready: int, needed: int, open_: bool) -> None:
    found = ceiling.ceiling(Circumstances(), progress(0), ready, needed)
    assert (found.code is Code.OPEN) is open_
    if not open_:
        # Its pods may be made ready, and nothing more.
        assert (found.percent, found.code, found.pods_for) == (25, Code.CAPACITY, 50)


@pytest.mark.parametrize("since", [0, 1, 4.999])
def test_a_hold_counts_from_when_users_had_the_share_not_from_when_it_was_asked_for(since: float) -> None:
    of = progress(0, since_converged=since)
    assert of.step is not None
    assert of.step.started_at is not None
    assert of.now - of.step.started_at > 5 * SECOND, "by the wrong clock it would be over"
    assert limit(Circumstances(), of).code is Code.STAGE
    assert limit(Circumstances(), progress(0, since_converged=5)).code is Code.OPEN


def test_a_step_that_was_never_seen_to_be_followed_does_not_end() -> None:
    of = progress(0)
    assert of.step is not None
    unseen = replace(of, step=of.step.model_copy(update={"converged_at": None}))
    assert limit(Circumstances(), unseen).code is Code.CONVERGENCE


@pytest.mark.parametrize("verdict", ["Fail", "NoData", "Error", ""])
def test_semantics_13_only_a_pass_ends_a_stage(verdict: str) -> None:
    found = limit(Circumstances(), progress(0, verdict=verdict))
    assert (found.percent, found.code) == (25, Code.STAGE)


@pytest.mark.parametrize(
    ("index", "accepted_up_to", "goes_on"),
    [(0, 0, False), (0, 24, False), (0, 25, True), (1, 25, False), (1, 50, True)],
)
def test_missing_data_is_accepted_up_to_the_weight_that_an_approver_named(
    index: int, accepted_up_to: int, goes_on: bool
) -> None:
    around = Circumstances(no_data_up_to=accepted_up_to)
    assert (limit(around, progress(index, verdict="NoData")).code is Code.OPEN) is goes_on
    assert limit(around, progress(index, verdict="Error")).code is Code.STAGE, "an error is not missing data"
    assert limit(around, progress(index, verdict="Fail")).code is Code.STAGE


@pytest.mark.parametrize(("up_to", "code"), [(0, Code.ASKS), (49, Code.ASKS), (50, Code.OPEN), (100, Code.OPEN)])
def test_a_step_that_asks_is_entered_only_as_far_as_a_person_allowed(up_to: int, code: Code) -> None:
    around = Circumstances(asks_up_to=up_to, asks_reason="50 % asks for a person")
    assert limit(around, progress(0, asking=True)).code is code
    # The step after it does not ask.
    assert limit(around, progress(1, asking=True)).code is Code.OPEN


def test_semantics_09_what_was_followed_once_and_is_not_any_more_holds() -> None:
    """A route that a gateway refuses in the middle of a step, or a share of requests above the approved one."""
    found = limit(Circumstances(unconverged="HTTPRoute web is not accepted"), progress(0))
    assert (found.percent, found.code, found.pods_for) == (25, Code.CONVERGENCE, 25)
