"""SEMANTICS 22, 25: people act right before any write of the operator; their word wins over what follows.

The scenario plays as ever, but at the k-th write, between the operator's decision and its request, somebody
acts. Every k is tried. That nobody meets an unapproved revision, and that none is lost, is checked all along.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

import pytest
from tests.sim.play import play
from tests.sim.scenarios import SCENARIOS
from tests.sim.script import End, Script
from tests.sim.world import World

ALL = os.environ.get("SLIPWAY_SIM") == "all"
TRIES = 8
"""Moments per scenario, where not every write is tried."""


def at_write(number: int, act: Callable[[World], None]) -> Callable[[World, int], None]:
    """Act once, right before the write of this number, if there is anything to act on then."""
    acted: list[int] = []

    def between(world: World, write: int) -> None:
        if write >= number and not acted and world.promotion("p2").get("spec", {}).get("approved"):
            acted.append(write)
            act(world)

    return between


def open_ended(name: str) -> Script:
    """The scenario without its end: what it comes to depends on who was faster."""
    script = SCENARIOS[name]()
    script.end = None
    script.quiet = False
    return script


@functools.cache
def moments(name: str) -> range:
    count = len(play(SCENARIOS[name]).writes)
    return range(1, count + 1, 1 if ALL else max(1, count // TRIES))


@pytest.mark.parametrize("name", ["blue_green_healthy", "canary_healthy"])
def test_an_approval_withdrawn_before_the_fence_moves_nothing(name: str) -> None:
    moved = []
    for number in moments(name):
        outcome = play(lambda: open_ended(name), between=at_write(number, lambda w: w.withdraw("p2")))
        # Withdrawn before the first move: none is made. Later: what has moved stays, and goes no further.
        shares = outcome.end["shares"]["Service/web"]
        assert set(shares) <= {"v1", "v2"}
        moved.append(len({move for move in outcome.moves if move[1] == "v2" or move[0] == "v2"}))
    assert moved[0] == 0
    assert moved == sorted(moved)


@pytest.mark.parametrize("name", ["blue_green_healthy", "canary_healthy"])
def test_an_abort_between_any_two_writes_brings_all_traffic_back(name: str) -> None:
    for number in moments(name):
        outcome = play(
            lambda: open_ended(name),
            between=at_write(number, lambda w: w.patch_promotion("p2", abort="no")),
        )
        if outcome.end["promotions"]["p2"][0] != "Succeeded":
            assert outcome.end["shares"]["Service/web"] == {"v1": "1"}
            assert outcome.end["promotions"]["p2"][0] == "Aborted"


@pytest.mark.parametrize("name", ["blue_green_healthy", "canary_healthy"])
def test_a_new_template_between_any_two_writes_is_never_served_unapproved(name: str) -> None:
    for number in moments(name):
        outcome = play(lambda: open_ended(name), between=at_write(number, lambda w: w.deploy("good", 3)))
        assert "v3" not in outcome.end["shares"]["Service/web"]


@pytest.mark.parametrize("name", ["canary_healthy"])
def test_a_loosened_gate_between_any_two_writes_is_never_used_unapproved(name: str) -> None:
    looser = [{"name": "error-rate", "preset": "error-rate", "below": 0.9, "window": "2s"}]

    def act(world: World) -> None:
        world.edit({"analysis": {"gates": looser}})
        world.turn("good", 2, "failing")

    for number in moments(name):
        outcome = play(lambda: open_ended(name), between=at_write(number, act))
        if outcome.end["promotions"]["p2"][0] == "Succeeded" and not outcome.end["replicas"].get("v1"):
            continue  # it had passed the approved gates, and the watch after it was over, before it began to fail
        assert outcome.end["shares"]["Service/web"] == {"v1": "1"}, f"at write {number}"


def test_the_end_of_an_open_ended_script_is_left_to_the_test() -> None:
    assert isinstance(SCENARIOS["canary_healthy"]().end, End)
    assert open_ended("canary_healthy").end is None
