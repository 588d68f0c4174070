"""Gates: four verdicts (SEMANTICS 13), whose they are (14), and what a row of them leads to (16)."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.objects import blue_green

from slipway.api.rollout import Gate, GateStatus, RolloutSpec
from slipway.api.rollout_status import RECENT
from slipway.core import gates
from slipway.core.gates import Subject, Verdict
from slipway.core.snapshot import Measured, Probed

SINCE = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WINDOW = timedelta(seconds=10)
SUBJECT = Subject("shop", "web", "aaaaaaaaaa", SINCE, "0:10")
UNKNOWN: dict[str, dict[str, Any]] = {
    "nan": {"value": math.nan},
    "+inf": {"value": math.inf},
    "-inf": {"value": -math.inf},
    "no-data": {"no_data": "no series"},
    "error": {"error": "the metrics server did not answer"},
    "nothing": {},
}


def gate(**changes: Any) -> Gate:
    fields = {"name": "errors", "query": "up", "window": WINDOW} | changes
    return Gate(**(fields if "above" in fields else {"below": 0.01} | fields))


def measured(after: float = 20, **answer: Any) -> Measured:
    return Measured(at=SINCE + after * SECOND, **answer)


def unmeasured() -> GateStatus:
    return GateStatus(name="errors", verdict="")


def folded(*answers: dict[str, Any], of: Gate | None = None, length: timedelta = WINDOW) -> GateStatus:
    """The state after these answers, one each ten seconds, the first when the full window is over."""
    status = unmeasured()
    for index, answer in enumerate(answers, start=1):
        status = gates.fold(status, of or gate(), measured(10 * index, **answer), SUBJECT, length)
    return status


def answered(before: GateStatus, answer: Measured) -> GateStatus:
    """The state after the answer to what was due."""
    asked = gates.key(gate(), SUBJECT, gates.due(gate(), before, SUBJECT, SECOND))
    [after] = gates.fold_all([before], (gate(),), SUBJECT, {asked: answer}, SECOND)
    return after


PASS, FAIL, NO_DATA, ERROR = {"value": 0.0}, {"value": 0.5}, {"no_data": "no series"}, {"error": "timeout"}


# --- One measurement --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bounds", "value", "verdict"),
    [
        ({"below": 0.01}, 0.0099, Verdict.PASS),
        ({"below": 0.01}, 0.01, Verdict.FAIL),
        ({"below": 0.01}, 1.0, Verdict.FAIL),
        ({"above": 5.0}, 5.001, Verdict.PASS),
        ({"above": 5.0}, 5.0, Verdict.FAIL),
        ({"above": 0.0, "below": 1.0}, 0.5, Verdict.PASS),
        ({"above": 0.0, "below": 1.0}, 0.0, Verdict.FAIL),
        ({"above": 0.0, "below": 1.0}, 1.0, Verdict.FAIL),
        ({"above": 0.0, "below": 1.0}, -3.0, Verdict.FAIL),
    ],
)
def test_bounds_are_strict(bounds: dict[str, float], value: float, verdict: Verdict) -> None:
    assert gates.judge(gate(**bounds), measured(value=value))[0] is verdict


def test_semantics_15_every_request_failed_is_a_failure_and_none_failed_a_pass() -> None:
    assert gates.judge(gate(), measured(value=1.0))[0] is Verdict.FAIL
    assert gates.judge(gate(), measured(value=0.0))[0] is Verdict.PASS


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [(UNKNOWN[key], Verdict.ERROR if key == "error" else Verdict.NO_DATA) for key in UNKNOWN],
    ids=list(UNKNOWN),
)
def test_semantics_13_what_is_no_finite_number_neither_passes_nor_fails(
    answer: dict[str, Any], verdict: Verdict
) -> None:
    found, words = gates.judge(gate(), measured(**answer))
    assert found is verdict
    assert words


def test_semantics_13_an_error_stays_one_whatever_came_with_it() -> None:
    assert gates.judge(gate(), measured(value=0.0, error="partial response"))[0] is Verdict.ERROR


def test_there_are_four_verdicts() -> None:
    assert {str(v) for v in Verdict} == {"Pass", "Fail", "NoData", "Error"}


def test_min_requests_is_the_probes_business_not_the_judges() -> None:
    few, many = gate(min_requests=0), gate(min_requests=10**6)
    assert gates.judge(few, measured(value=0.0)) == gates.judge(many, measured(value=0.0))
    probe = gates.probe(many, unmeasured(), SUBJECT, RolloutSpec.model_validate(blue_green()), "web")
    assert probe.min_requests == 10**6


@pytest.mark.parametrize(
    ("bounds", "words"),
    [({"below": 0.01}, "< 0.01"), ({"above": 5.0}, "> 5"), ({"above": 1.0, "below": 2.5}, "> 1 and < 2.5")],
)
def test_the_bound_is_told_in_words(bounds: dict[str, float], words: str) -> None:
    assert gates.bound(gate(**bounds)) == words


# --- A row of measurements --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=list(UNKNOWN))
def test_semantics_16_the_unknown_neither_counts_nor_resets(answer: dict[str, Any]) -> None:
    before = folded(FAIL, of=gate(failure_threshold=3))
    after = gates.fold(before, gate(failure_threshold=3), measured(20, **answer), SUBJECT, WINDOW)
    assert (after.passes, after.failures, after.data_at) == (0, 1, before.data_at)
    assert after.value is None
    before = folded(PASS)
    after = gates.fold(before, gate(), measured(20, **answer), SUBJECT, WINDOW)
    assert (after.passes, after.failures, after.data_at) == (1, 0, before.data_at)


def test_semantics_16_failures_count_in_a_row_and_a_pass_resets_them() -> None:
    assert [folded(*row).failures for row in ([FAIL], [FAIL, FAIL], [FAIL, PASS], [FAIL, FAIL, PASS, FAIL])] == [
        1,
        2,
        0,
        1,
    ]


@given(st.lists(st.sampled_from([PASS, FAIL, NO_DATA, ERROR]), max_size=40))
def test_the_last_numbers_of_a_stage_are_kept_and_no_more(row: list[dict[str, Any]]) -> None:
    after = folded(*row)
    numbers = [(10 * index, answer["value"]) for index, answer in enumerate(row, start=1) if "value" in answer]
    assert [((one.at - SINCE) / SECOND, one.value) for one in after.recent] == numbers[-RECENT:]
    assert all(one.verdict == ("Pass" if one.value == 0.0 else "Fail") for one in after.recent)
    assert not row or gates.fold_all([after], (gate(),), SUBJECT, {}, SECOND) == [after]
    assert gates.own([after], gate(), replace(SUBJECT, revision="bbbbbbbbbb")).recent == []


def test_a_failure_resets_the_passes() -> None:
    assert folded(PASS, PASS).passes == 2
    assert folded(PASS, PASS, FAIL).passes == 0


def test_semantics_14_only_a_full_window_counts_as_a_pass() -> None:
    short = folded(PASS, length=WINDOW - SECOND)
    assert (short.verdict, short.passes) == ("Pass", 0)
    assert "full window of 10s not over" in short.message
    assert folded(PASS, length=WINDOW).passes == 1


def test_a_failure_counts_with_a_short_window_too() -> None:
    assert folded(FAIL, length=SECOND).failures == 1


def test_a_short_pass_resets_failures() -> None:
    failed = folded(FAIL)
    assert gates.fold(failed, gate(), measured(15, value=0.0), SUBJECT, SECOND).failures == 0


@pytest.mark.parametrize("after", [0, -5])
@pytest.mark.parametrize("answer", [PASS, FAIL], ids=["pass", "fail"])
def test_semantics_14_a_measurement_from_before_the_stage_says_nothing(after: int, answer: dict[str, Any]) -> None:
    status = answered(unmeasured(), measured(after, **answer))
    assert (status.verdict, status.passes, status.failures) == ("Error", 0, 0)
    assert "clock" in status.message


@pytest.mark.parametrize("after", [20, 15])
def test_the_same_or_an_older_measurement_counts_once(after: int) -> None:
    status = answered(folded(FAIL, FAIL), measured(after, **FAIL))
    assert (status.verdict, status.failures) == ("Error", 2)


@given(
    seconds=st.floats(min_value=-100, max_value=100, allow_nan=False),
    window=st.integers(min_value=1, max_value=30),
    earlier=st.one_of(st.none(), st.integers(min_value=1, max_value=60_000)),
)
def test_whatever_the_clock_does_a_gate_is_measured_again(seconds: float, window: int, earlier: int | None) -> None:
    """A result that left the state as it was would be the answer to the next question as well, for ever."""
    wanted = gate(window=window * SECOND)
    known = GateStatus(name="errors", verdict="")
    if earlier is not None:
        known = gates.fold(known, wanted, measured(earlier / 1000, **PASS), SUBJECT, wanted.window)
    at = gates.due(wanted, known, SUBJECT, SECOND)
    asked = gates.key(wanted, SUBJECT, at)
    answer = Measured(at=at + seconds * SECOND, value=0.0)
    [after] = gates.fold_all([known], (wanted,), SUBJECT, {asked: answer}, SECOND)
    assert gates.key(wanted, SUBJECT, gates.due(wanted, after, SUBJECT, SECOND)) != asked


def test_the_state_names_whose_it_is() -> None:
    status = folded(FAIL)
    assert (status.revision, status.since, status.bound, status.value) == ("aaaaaaaaaa", SINCE, "< 0.01", 0.5)
    assert status.message == "errors 0.5 is not < 0.01 (1 of 2)"


# --- Windows, due times and keys --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("after", "seconds"), [(0, 1), (0.4, 1), (3, 3), (3.9, 3), (10, 10), (500, 10)])
def test_semantics_14_the_window_never_reaches_before_the_stage(after: float, seconds: int) -> None:
    assert gates.window(gate(), SUBJECT, SINCE + after * SECOND) == seconds * SECOND


def test_a_gate_is_measured_right_when_its_first_full_window_is_over() -> None:
    interval = 7 * SECOND
    first = gates.due(gate(), unmeasured(), SUBJECT, interval)
    assert first == SINCE + 7 * SECOND
    second = gates.due(gate(), GateStatus(name="errors", verdict="Pass", measured_at=first), SUBJECT, interval)
    assert second == SINCE + WINDOW
    third = gates.due(gate(), GateStatus(name="errors", verdict="Pass", measured_at=second), SUBJECT, interval)
    assert third == SINCE + WINDOW + interval


def test_what_was_measured_before_the_stage_does_not_postpone_the_first_measurement() -> None:
    old = GateStatus(name="errors", verdict="Pass", measured_at=SINCE - SECOND)
    assert gates.due(gate(), old, SUBJECT, 3 * SECOND) == SINCE + 3 * SECOND


def test_semantics_14_a_measurement_belongs_to_one_gate_revision_stage_and_time() -> None:
    at = SINCE + 10 * SECOND
    keys = {
        gates.key(gate(), SUBJECT, at),
        gates.key(gate(name="other"), SUBJECT, at),
        gates.key(gate(), Subject("shop", "web", "bbbbbbbbbb", SINCE, "0:10"), at),
        gates.key(gate(), Subject("shop", "web", "aaaaaaaaaa", SINCE, "1:50"), at),
        gates.key(gate(), Subject("shop", "web", "aaaaaaaaaa", SINCE + SECOND, "0:10"), at),
        gates.key(gate(), SUBJECT, at + SECOND),
    }
    assert len(keys) == 6


def test_only_the_answer_to_the_question_that_was_due_is_folded() -> None:
    at = gates.due(gate(), unmeasured(), SUBJECT, WINDOW)
    right = gates.key(gate(), SUBJECT, at)
    answer = Measured(at=at + SECOND, value=0.0)
    (counted,) = gates.fold_all([], (gate(),), SUBJECT, {right: answer}, WINDOW)
    assert (counted.verdict, counted.passes) == ("Pass", 1)
    for observations in ({"gate/errors/other": answer}, {right: Probed(at=at + SECOND, passed=True, message="")}):
        (ignored,) = gates.fold_all([], (gate(),), SUBJECT, observations, WINDOW)
        assert ignored.verdict == ""


def test_a_probe_asks_about_the_candidate_with_the_window_cut_to_the_stage() -> None:
    spec = RolloutSpec.model_validate(blue_green())
    probe = gates.probe(gate(), unmeasured(), SUBJECT, spec, "web-candidate")
    assert probe.due == SINCE + 2 * SECOND
    assert probe.variables == {
        "namespace": "shop",
        "rollout": "web",
        "environment": "production",
        "revision": "aaaaaaaaaa",
        "deployment": "web-aaaaaaaaaa",
        "service": "web-candidate",
        "window": "2s",
    }


# --- What follows -----------------------------------------------------------------------------------------------------

BOTH = (gate(), gate(name="latency"))


def test_waiting_ends_only_when_every_gate_has_passed() -> None:
    passed = folded(PASS)
    other = passed.model_copy(update={"name": "latency"})
    assert gates.waiting(BOTH, [passed, other], excused=False) == ""
    assert gates.waiting(BOTH, [passed], excused=False) == "gate latency has not been measured yet"
    assert gates.waiting((), [], excused=False) == ""


@pytest.mark.parametrize("answer", [FAIL, *UNKNOWN.values()], ids=["fail", *UNKNOWN])
def test_semantics_13_a_stage_never_ends_on_anything_but_a_pass(answer: dict[str, Any]) -> None:
    assert gates.waiting((gate(),), [folded(PASS, answer)], excused=False) != ""


@pytest.mark.parametrize("excused", [True, False])
def test_an_unmeasured_gate_is_never_excused(excused: bool) -> None:
    assert gates.waiting((gate(),), [], excused) == "gate errors has not been measured yet"
    assert gates.waiting((gate(),), [unmeasured()], excused) == "gate errors has not been measured yet"


def test_an_override_excuses_missing_data_only() -> None:
    assert gates.waiting((gate(),), [folded(NO_DATA)], excused=True) == ""
    assert gates.waiting((gate(),), [folded(NO_DATA)], excused=False) != ""
    assert gates.waiting((gate(),), [folded(ERROR)], excused=True) != ""
    assert gates.waiting((gate(),), [folded(FAIL)], excused=True) != ""
    assert gates.waiting(BOTH, [folded(NO_DATA)], excused=True) == "gate latency has not been measured yet"


def test_what_is_passed_over_is_told() -> None:
    missing = folded(NO_DATA)
    stranger = missing.model_copy(update={"name": "stranger"})
    assert gates.overridden(BOTH, [missing, folded(PASS).model_copy(update={"name": "latency"}), stranger]) == [
        "errors"
    ]


def test_as_many_passes_as_asked_for_are_waited_for() -> None:
    twice = gate(success_threshold=2)
    assert "has passed 1 of 2 times" in gates.waiting((twice,), [folded(PASS, of=twice)], excused=False)
    assert gates.waiting((twice,), [folded(PASS, PASS, of=twice)], excused=False) == ""


def test_semantics_14_a_pass_within_a_cut_window_does_not_end_a_stage() -> None:
    assert gates.waiting((gate(),), [folded(PASS, length=SECOND)], excused=False) != ""


def test_semantics_16_traffic_goes_back_on_the_threshold_and_not_before() -> None:
    three = gate(failure_threshold=3)
    assert gates.broken((three,), [folded(FAIL, FAIL, of=three)]) == ""
    assert gates.broken((three,), [folded(FAIL, FAIL, FAIL, of=three)]) == ("gate errors 0.5 is not < 0.01 (3 of 3)")
    assert gates.broken((three,), [folded(FAIL, FAIL, PASS, FAIL, of=three)]) == ""


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=list(UNKNOWN))
def test_semantics_13_no_number_of_unknowns_sends_traffic_back(answer: dict[str, Any]) -> None:
    assert gates.broken((gate(failure_threshold=1),), [folded(*[answer] * 10)]) == ""


def test_a_gate_that_is_not_wanted_in_this_stage_sends_nothing_back() -> None:
    assert gates.broken((gate(name="latency"),), [folded(FAIL, FAIL)]) == ""


def test_semantics_13_silence_is_measured_from_the_last_pass_or_failure() -> None:
    now = SINCE + 100 * SECOND
    assert gates.silent((gate(),), [folded(PASS, NO_DATA, ERROR)], SINCE, now) == 90 * SECOND
    assert gates.silent((gate(),), [folded(NO_DATA, FAIL)], SINCE, now) == 80 * SECOND
    assert gates.silent((gate(),), [folded(NO_DATA)], SINCE, now) == 100 * SECOND
    assert gates.silent((gate(),), [], SINCE, now) == 100 * SECOND


def test_the_most_silent_gate_counts_and_data_from_before_the_stage_does_not() -> None:
    now = SINCE + 100 * SECOND
    assert gates.silent(BOTH, [folded(PASS)], SINCE, now) == 100 * SECOND
    old = GateStatus(name="errors", verdict="Pass", data_at=SINCE - 50 * SECOND)
    assert gates.silent((gate(),), [old], SINCE, now) == 100 * SECOND
    assert gates.silent((), [], SINCE, now) == timedelta()
