"""A launch as a trace: from objects alone, the same whoever tells it and whenever."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from slipway.api.conditions import Condition
from slipway.api.promotion_status import PromotionStatus, Target
from slipway.api.rollout import CandidateStatus, HistoryEntry, RolloutStatus
from slipway.api.rollout_status import StepStatus
from slipway.core import trace

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TARGET = Target(rollout="web", uid="r", revision="b", digest="b")


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def launch(rollout: RolloutStatus | None = None, **status: Any) -> trace.Launch:
    found = PromotionStatus(**{"target": TARGET, **status})
    return trace.Launch("uid", "web-2", "shop", "production", "v2", "abc", found, rollout)


def entry(outcome: str, minutes: float) -> HistoryEntry:
    return HistoryEntry(revision="b", promotion="web-2", at=at(minutes), outcome=outcome)


def told(of: trace.Launch) -> dict[str, tuple[float, float]]:
    return {
        span.name: ((span.start - NOON) / timedelta(minutes=1), (span.end - NOON) / timedelta(minutes=1))
        for span in trace.spans(of)
    }


STARTED = {"started_at": at(0), "approved_at": at(10)}


def watched(reason: str) -> Condition:
    return Condition(
        type="Watched", status="True", reason=reason, message="", last_transition_time=at(30), observed_generation=1
    )


def test_a_launch_that_succeeds() -> None:
    history = RolloutStatus(history=[entry("Promoted", 30)])
    times = {**STARTED, "shifted_at": at(20)}
    assert told(launch(**STARTED)) == {"waiting for approval": (0, 10)}
    verified = {"waiting for approval": (0, 10), "shifting": (10, 20), "verifying": (20, 30)}
    assert told(launch(history, phase="Watching", conditions=[watched("Running")], **times)) == verified
    ended = told(launch(history, phase="Succeeded", finished_at=at(90), conditions=[watched("Completed")], **times))
    assert ended == verified | {"watching": (30, 90), "launch": (0, 90)}
    skipped = told(launch(history, phase="Succeeded", finished_at=at(31), conditions=[watched("NotAsked")], **times))
    assert skipped == verified | {"launch": (0, 31)}


def test_without_a_rollout_the_condition_says_when_it_was_verified() -> None:
    succeeded = Condition(
        type="Succeeded",
        status="True",
        reason="Watching",
        message="",
        last_transition_time=at(31),
        observed_generation=1,
    )
    found = told(launch(phase="Watching", shifted_at=at(20), conditions=[succeeded], **STARTED))
    assert found["verifying"] == (20, 31)
    before = launch(RolloutStatus(), phase="Watching", shifted_at=at(20), conditions=[succeeded], **STARTED)
    assert "verifying" not in told(before), "the history is about to say it, and would say it otherwise"


def test_a_launch_that_goes_back_while_traffic_shifts() -> None:
    history = RolloutStatus(history=[entry("RolledBack", 15)])
    found = told(launch(history, phase="RolledBack", finished_at=at(16), **STARTED))
    assert found == {"waiting for approval": (0, 10), "shifting": (10, 15), "going back": (15, 16), "launch": (0, 16)}
    failed = {
        span.name
        for span in trace.spans(launch(history, phase="RolledBack", finished_at=at(16), **STARTED))
        if span.failed
    }
    assert failed == {"launch"}


def test_a_launch_that_goes_back_while_it_is_watched() -> None:
    history = RolloutStatus(history=[entry("Promoted", 30), entry("Aborted", 60)])
    times = {**STARTED, "shifted_at": at(20), "finished_at": at(61), "conditions": [watched("Aborted")]}
    found = told(launch(history, phase="Aborted", **times))
    assert found["verifying"] == (20, 30)
    assert found["watching"] == (30, 60)
    assert found["going back"] == (60, 61)


def test_what_was_ended_before_any_traffic_did_not_go_back() -> None:
    history = RolloutStatus(history=[entry("Aborted", 12)])
    found = told(launch(history, phase="Aborted", finished_at=at(12), **STARTED))
    assert found == {"waiting for approval": (0, 10), "launch": (0, 12)}


def test_each_shift_is_a_span_once_the_gateway_has_followed() -> None:
    def shifted(index: int, weight: int, **more: Any) -> list[trace.Span]:
        step = StepStatus(index=index, weight=weight, started_at=at(10 + index), **more)
        status = RolloutStatus(promotion="web-2", candidate=CandidateStatus(revision="b", step=step))
        return [s for s in trace.spans(launch(status, phase="Shifting", **STARTED)) if s.name.startswith("shift to")]

    assert shifted(0, 10) == []
    [first], [second] = shifted(0, 10, converged_at=at(10.1)), shifted(1, 50, converged_at=at(11.1))
    assert (first.name, second.name) == ("shift to 10 %", "shift to 50 %")
    assert first.id != second.id
    assert first.parent == second.parent != None  # noqa: E711
    [whole] = [s for s in trace.spans(launch(shifted_at=at(20), **STARTED)) if s.name == "shifting"]
    assert first.parent == whole.id
    assert [first] == shifted(0, 10, converged_at=at(10.1)), "told again, it is the same span"


def test_another_launch_and_another_revision_are_other_traces() -> None:
    other = Target(rollout="web", uid="r", revision="c", digest="c")
    [a], [b] = trace.spans(launch(**STARTED)), trace.spans(launch(**{**STARTED, "target": other}))
    assert a.trace != b.trace
    assert a.id != b.id


def test_what_is_about_no_revision_or_only_tried_is_no_trace() -> None:
    assert told(launch(target=None, **STARTED)) == {}
    assert told(launch(phase="DryRunComplete", finished_at=at(1), **STARTED)) == {}


INSTANTS = st.none() | st.integers(0, 100).map(at)


@given(
    st.sampled_from(["", "Shifting", "Watching", "Succeeded", "RolledBack", "Aborted", "Failed", "Superseded", "odd"]),
    INSTANTS,
    INSTANTS,
    INSTANTS,
    INSTANTS,
    st.lists(st.builds(entry, st.sampled_from(["Promoted", "RolledBack", "Aborted"]), st.integers(0, 100))),
)
def test_spans_have_ids_of_their_own_and_end_after_they_begin(
    phase: str,
    started: datetime | None,
    approved: datetime | None,
    shifted: datetime | None,
    finished: datetime | None,
    history: list[HistoryEntry],
) -> None:
    times = {"started_at": started, "approved_at": approved, "shifted_at": shifted, "finished_at": finished}
    of = launch(RolloutStatus(history=history), phase=phase, **times)
    found = list(trace.spans(of))
    assert found == list(trace.spans(of))
    assert len({span.id for span in found}) == len(found)
    assert len({span.trace for span in found}) <= 1
    for span in found:
        assert 0 < span.id < 2**64
        assert 0 < span.trace < 2**128
        assert span.start <= span.end
        assert (span.parent is None) == (span.name == "launch")
