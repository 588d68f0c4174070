"""SEMANTICS 29: an old leader that wakes up with a stale cache writes nothing, and could do no harm if it did.

The first replica is suspended with a request in its hands, right before it is sent; the second takes over, and
people go on acting. Then the first one wakes: the request goes out, and its cache is old.
"""

from __future__ import annotations

import asyncio
import functools
import os

import pytest
from tests.sim.client import Client
from tests.sim.clock import simulate
from tests.sim.controllers import Lags
from tests.sim.invariants import OPERATOR
from tests.sim.play import Outcome, Stage, play
from tests.sim.scenarios import SCENARIOS
from tests.sim.shell import Faults, Operator

from slipway.cluster.lease import Elector

ASLEEP = 25
"""Seconds: longer than the lease of an old leader lasts."""

TRIES = None if os.environ.get("SLIPWAY_SIM") == "all" else 4
"""Moments per scenario at which the old leader is suspended; None: before each of its writes."""

NAMES = (
    "blue_green_healthy",
    "canary_healthy",
    "canary_fails_at_its_second_step",
    "canary_abort_by_its_promotion_in_second_step",
    "newer_template_waits_while_traffic_moves",
)


class Anyway:
    """A lease check that says yes to everybody, and never ends a request."""

    def check(self) -> float:
        return 1e9


@functools.cache
def undisturbed(name: str) -> Outcome:
    return play(SCENARIOS[name])


def moments(name: str) -> range:
    count = len(undisturbed(name).writes)
    return range(1, count, 1 if TRIES is None else max(1, count // TRIES))


async def two_replicas(name: str, number: int, guarded: bool) -> tuple[Outcome, Operator, int]:
    """The outcome, the old leader, and how many writes it had made when it was suspended.

    It is suspended before its write of this number, counted from where the scenario's faults begin.
    """
    stage = Stage(SCENARIOS[name](), Lags())
    world = stage.world
    electors = [
        Elector(Client(world.server, OPERATOR), "slipway-system", "slipway", who, clock=world.loop.time)
        for who in ("old", "new")
    ]
    old = Operator(world, Faults(), electors[0] if guarded else Anyway())
    held = asyncio.create_task(electors[0].run())
    await electors[0].leading.wait()
    old.start()
    while stage.done < stage.script.first_fault:
        await stage.second()
    first = len(old.client.attempts)

    def suspend(_: str) -> None:
        if len(old.client.attempts) - first >= number:
            old.suspend()

    old.client.before_write = suspend
    while not old.paused and not stage.ended:
        await stage.second()
    written = len(old.client.writes)
    held.cancel()
    standby = asyncio.create_task(electors[1].run())
    while not electors[1].leading.is_set():
        await stage.second()
    new = Operator(world, Faults(), electors[1])
    new.start()
    for _ in range(ASLEEP):
        await stage.second()
    old.client.before_write = None
    old.wake()
    while not stage.ended:
        await stage.second()
    standby.cancel()
    assert not old.surprises + new.surprises
    return stage.outcome([]), old, written


@pytest.mark.parametrize("name", NAMES)
def test_an_old_leader_writes_nothing_after_its_lease_could_have_passed_on(name: str) -> None:
    for number in moments(name):
        outcome, old, written = simulate(two_replicas(name, number, guarded=True))
        assert old.client.writes[written:] == [], f"suspended before write {number}"
        assert outcome.end == undisturbed(name).end, f"suspended before write {number}"


@pytest.mark.parametrize("name", NAMES)
def test_without_the_lease_optimistic_locking_alone_keeps_an_old_leader_from_harm(name: str) -> None:
    for number in moments(name):
        outcome, old, written = simulate(two_replicas(name, number, guarded=False))
        held_back = old.client.attempts[written]
        assert outcome.end == undisturbed(name).end, f"suspended before write {number}: {held_back}"
