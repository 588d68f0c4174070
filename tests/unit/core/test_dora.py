"""Figures about launches, from objects alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.api.promotion_status import PromotionStatus, RecordStatus, Summary
from slipway.api.rollout import HistoryEntry
from slipway.core import dora

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


def entry(outcome: str, minutes: float, promotion: str = "web-1", revision: str = "b") -> HistoryEntry:
    return HistoryEntry(revision=revision, promotion=promotion, at=at(minutes), outcome=outcome)


def told(
    history: tuple[HistoryEntry, ...] = (), committed: datetime | None = None, **status: Any
) -> dora.Change | None:
    return dora.of_promotion("web-1", PromotionStatus(**status), NOON, committed, history)


def test_a_launch_takes_from_its_commit_until_all_traffic_has_moved() -> None:
    found = told(phase="Succeeded", shifted_at=at(30), committed=at(-60))
    assert found == dora.Change(at(30), None, 90 * MINUTE, None)


def test_without_a_commit_time_it_takes_from_the_promotion() -> None:
    found = told(phase="Watching", shifted_at=at(30))
    assert found is not None
    assert found.lead == 30 * MINUTE


def test_a_commit_that_is_younger_than_its_traffic_is_no_measurement() -> None:
    found = told(phase="Succeeded", shifted_at=at(30), committed=at(31))
    assert found is not None
    assert found.lead is None


def test_going_back_takes_from_the_decision_until_traffic_is_back() -> None:
    history = (entry("Promoted", 35), entry("RolledBack", 40), entry("RolledBack", 90))
    found = told(history, phase="RolledBack", shifted_at=at(30), approved_at=at(5), finished_at=at(41))
    assert found is not None
    assert (found.failed_at, found.restored) == (at(41), MINUTE)


def test_a_launch_that_no_user_met_is_none() -> None:
    assert told(phase="Failed", approved_at=at(1), finished_at=at(10)) is None, "late: no traffic had moved"
    ended = {"approved_at": at(1), "finished_at": at(2)}
    assert told((entry("Aborted", 2),), phase="Aborted", **ended) is None, "ended while it waited for a window"
    kept = RecordStatus(config_map="launch-web-1", digest="sha256:0", kind="rollback", id="x")
    assert told(phase="Aborted", records=[kept], **ended) == dora.Change(None, at(2))
    assert told(phase="Superseded", finished_at=at(2)) is None


def test_a_canary_that_was_aborted_midway_counts_also_where_no_record_can_be_kept() -> None:
    said = dict.fromkeys(("outcome", "environment", "strategy", "revision", "checks"), "")
    ended = {"phase": "Aborted", "approved_at": at(1), "finished_at": at(2)}
    summary = Summary(**said, went_back="aborted on Promotion web-1: too slow")
    assert told(summary=summary, **ended) == dora.Change(None, at(2))
    assert told(summary=Summary(**said), **ended) is None, "nothing was taken back from users"


@pytest.mark.parametrize("outcome", ["Aborted", "RolledBack"])
def test_a_launch_that_is_taken_back_after_its_watch_has_failed(outcome: str) -> None:
    before, other = entry("RolledBack", 20), entry(outcome, 95, "web-2")
    history = (before, entry("Promoted", 35), entry(outcome, 90), other)
    found = told(history, phase="Succeeded", shifted_at=at(30), finished_at=at(40))
    assert found == dora.Change(at(30), at(90), 30 * MINUTE, None)
    found = told((before, entry("Promoted", 35), other), phase="Succeeded", shifted_at=at(30), finished_at=at(40))
    assert found == dora.Change(at(30), None, 30 * MINUTE, None)


def test_a_first_revision_that_failed_has_nothing_to_be_restored() -> None:
    found = told(phase="Failed", shifted_at=at(3), finished_at=at(5))
    assert found is not None
    assert (found.failed_at, found.restored) == (at(5), None)


def test_what_has_no_promotion_any_more_is_known_from_the_history() -> None:
    history = [
        entry("Promoted", 1, "", "a"),
        entry("Promoted", 2, "gone", "b"),
        entry("RolledBack", 3, "gone", "b"),
        entry("Restarted", 4, "", "c"),
        entry("Aborted", 5, "", "d"),
        entry("RolledBack", 6, "", "e"),
        entry("Promoted", 7, "web-1", "f"),
    ]
    found = list(dora.of_history(history, frozenset({"web-1"})))
    assert sorted((c.deployed_at is not None, c.failed_at is not None) for c in found) == [
        (False, True),
        (True, False),
        (True, True),
    ]


def test_only_the_last_thirty_days_count() -> None:
    changes = [dora.Change(NOON - dora.WINDOW - MINUTE), dora.Change(NOON), dora.Change(None, NOON)]
    found = dora.figures(changes, at(1))
    assert (found.deployments, found.failures, found.failure_ratio) == (1, 1, 0.5)
    assert dora.figures([], NOON) == dora.Figures(0, 0, None, None, None)


HISTORIES = st.lists(
    st.builds(
        entry,
        st.sampled_from(["Promoted", "RolledBack", "Aborted", "Failed", "Restarted", "other"]),
        st.integers(-100_000, 100_000),
        st.sampled_from(["", "web-1", "web-2"]),
        st.sampled_from(["a", "b"]),
    )
)


@given(HISTORIES, st.integers(-100_000, 100_000))
def test_figures_are_what_they_can_be(history: list[HistoryEntry], now: int) -> None:
    found = dora.figures(list(dora.of_history(history, frozenset({"web-2"}))), at(now))
    assert found.failure_ratio is None or 0 <= found.failure_ratio <= 1
    assert found.deployments <= sum(e.outcome in ("Promoted", "Failed") for e in history)
    assert found.failures <= len(history)
