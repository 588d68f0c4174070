"""The record of a watch, in a world that is late and in which the operator dies."""

from __future__ import annotations

import pytest
from tests.sim.play import play
from tests.sim.scenarios import SCENARIOS
from tests.sim.shell import Faults

ENDS = {
    "watched_to_the_end_blue_green": ["Completed"],
    "breach_40_minutes_after_the_launch": ["RolledBack"],
    "abort_on_the_promotion_that_watches": ["Aborted"],
    "promotion_that_watches_is_deleted": ["PromotionDeleted"],
    "status_wiped_in_the_watch": ["Completed"],
    "next_launch_closes_the_watch": ["Replaced"],
    "stable_breaks_while_a_candidate_takes_traffic": ["RolledBack"],
    "first_revision_breaks_in_its_watch_and_keeps_serving": ["Failed"],
}


def watches(records: list[tuple[str, str, str | None]]) -> list[str]:
    return [outcome for kind, outcome, _ in records if kind == "watch"]


@pytest.mark.parametrize("name", ENDS)
def test_each_watch_leaves_one_record_that_says_how_it_ended(name: str) -> None:
    assert watches(play(SCENARIOS[name]).end["records"]) == ENDS[name]


@pytest.mark.parametrize("name", ["watched_to_the_end_blue_green", "breach_40_minutes_after_the_launch"])
def test_whatever_write_the_operator_dies_after_there_is_one(name: str) -> None:
    undisturbed = play(SCENARIOS[name])
    last = len(undisturbed.writes)
    closing = [n for n, write in enumerate(undisturbed.writes, start=1) if "ControllerRevision" in write][-3:]
    for number in sorted({*closing, *(n - 1 for n in closing), *(min(n + 1, last) for n in closing)}):
        end = play(SCENARIOS[name], Faults(crash_after=number)).end
        assert end["records"] == undisturbed.end["records"], undisturbed.writes[number - 1]
