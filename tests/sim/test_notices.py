"""Whatever write the operator dies after, each notice arrives, is recorded, and comes at most once more per death."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
from tests.sim.play import play
from tests.sim.scenarios import SCENARIOS
from tests.sim.shell import Faults
from tests.sim.world import NAMESPACE, World

from slipway.cluster.resources import PROMOTIONS

ALL = os.environ.get("SLIPWAY_SIM") == "all"
STORY = [("p2", event) for event in ("AwaitingApproval", "Approved", "Shifting", "Launched")]


def watched(name: str, faults: Faults | None = None) -> tuple[World, list[str]]:
    worlds: list[World] = []
    outcome = play(SCENARIOS[name], faults, look=worlds.append)
    return worlds[-1], outcome.writes


def recorded(world: World) -> list[Any]:
    found = world.server.find(PROMOTIONS, NAMESPACE, "p2") or {}
    return [
        (one["event"], delivery.get("delivered"))
        for one in found["status"].get("notices") or []
        for delivery in one["deliveries"]
    ]


@pytest.mark.parametrize(("answers", "delivered"), [("takes_it", True), ("refuses", False), ("hangs", None)])
def test_each_notice_is_sent_once_and_what_became_of_it_is_recorded(answers: str, delivered: bool | None) -> None:
    world, _ = watched(f"told_by_a_channel_that_{answers}")
    assert world.post.sent == STORY
    assert recorded(world) == [(event, delivered) for _, event in STORY]


def test_whatever_it_dies_after_stakeholders_are_told_before_the_question() -> None:
    name = "told_before_anybody_can_approve"
    world, writes = watched(name)
    assert world.post.sent == [("p2", "Planned"), *STORY]
    numbers = [number for number, write in enumerate(writes, start=1) if "Promotion" in write]
    for number in numbers if ALL else numbers[:: -(-len(numbers) // DEATHS)]:
        world, _ = watched(name, Faults(crash_after=number))
        events = [event for _, event in world.post.sent]
        assert events.count("Planned") in (1, 2), writes[number - 1]
        assert "AwaitingApproval" not in events[: events.index("Planned")]
        assert recorded(world)[0] == ("Planned", True), writes[number - 1]


DEATHS = 4
"""Deaths that are tried, spread evenly over the writes of Promotions: there notices and their results are."""


def test_a_death_loses_no_notice_and_repeats_at_most_one_round_of_them() -> None:
    name = "told_by_a_channel_that_takes_it"
    _, writes = watched(name)
    numbers = [number for number, write in enumerate(writes, start=1) if "Promotion" in write]
    for number in numbers if ALL else numbers[:: -(-len(numbers) // DEATHS)]:
        world, _ = watched(name, Faults(crash_after=number))
        counts = Counter(world.post.sent)
        assert set(counts) == set(STORY), writes[number - 1]
        assert max(counts.values()) <= 2, writes[number - 1]
        assert recorded(world) == [(event, True) for _, event in STORY], writes[number - 1]
