"""SEMANTICS 28, 29: whatever write the operator dies after, however late its watches are: the same end.

`SLIPWAY_SIM=all` takes every write of every scenario; else a few of each are taken, spread evenly.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import pytest
from tests.sim.controllers import Lags
from tests.sim.play import Outcome, play
from tests.sim.scenarios import SCENARIOS
from tests.sim.shell import Faults

ALL = os.environ.get("SLIPWAY_SIM") == "all"
DEATHS = 2
"""Deaths per scenario, where not all are tried."""

SOME = (
    "first_revision_canary",
    "blue_green_healthy",
    "canary_healthy",
    "canary_fails_at_its_second_step",
    "canary_abort_by_its_promotion_in_final_switch",
    "newer_template_waits_while_traffic_moves",
    "threshold_edited_mid_shift_and_undone",
    "withdrawn_in_first_step_and_approved_again",
    "automatic_returns_to_stable_before_a_newer_template",
    "images_come_from_staging",
    "breach_in_the_watch_canary",
    "next_launch_closes_the_watch",
    "candidate_as_good_as_stable",
    "migrated_canary_is_contracted_at_the_end",
    "migrated_canary_fails_and_is_undone",
)
"""Scenarios that meet every kind of move, where not all are tried."""


@functools.cache
def undisturbed(name: str) -> Outcome:
    return play(SCENARIOS[name])


def assert_same(name: str, faulty: Outcome) -> None:
    healthy = undisturbed(name)
    assert without_empty(faulty.end) == without_empty(healthy.end)
    assert all(count <= healthy.pods.get(name, 0) for name, count in faulty.pods.items()), "extra pods"
    if not SCENARIOS[name]().moves_vary:
        assert faulty.moves == healthy.moves


def without_empty(end: dict[str, Any]) -> dict[str, Any]:
    """A Deployment that was made and emptied is as good as one that an abort came before."""
    return {**end, "replicas": {name: size for name, size in end["replicas"].items() if size}}


@pytest.mark.parametrize("name", SCENARIOS)
def test_semantics_28_crash_after_any_write_ends_the_same(name: str) -> None:
    count = len(undisturbed(name).writes)
    # A different start for each scenario, so that together they die everywhere.
    stride = 1 if ALL else max(1, -(-count // DEATHS))
    first = 1 if ALL else 1 + sum(name.encode()) % stride
    for number in range(first, count + 1, stride):
        try:
            assert_same(name, play(SCENARIOS[name], Faults(crash_after=number)))
        except BaseException as error:
            error.add_note(f"{name}: killed after write {number} of {count}: {undisturbed(name).writes[number - 1]}")
            raise


@pytest.mark.parametrize(
    ("faults", "lags"),
    [
        pytest.param(Faults(watch_lag=1.5), Lags(), id="watches_lag"),
        pytest.param(Faults(lose_every=3, relist=5.0), Lags(), id="watches_lose_events"),
        pytest.param(Faults(), Lags(endpoints=2, gateway=0, endpoints_in_data_plane=0), id="endpoints_lag"),
        pytest.param(Faults(), Lags(gateway=2, routes_in_data_plane=2, endpoints_in_data_plane=0), id="routes_lag"),
    ],
)
@pytest.mark.parametrize("name", SCENARIOS if ALL else SOME)
def test_late_and_lossy_observers_change_nothing(name: str, faults: Faults, lags: Lags) -> None:
    faulty = play(SCENARIOS[name], faults, lags)
    healthy = undisturbed(name)
    assert faulty.end == healthy.end
    assert faulty.pods == healthy.pods
