"""SEMANTICS 29: an old leader that wakes up with a stale cache writes nothing, and could do no harm.

The first replica is suspended in the middle of a shift; the second takes over, and people go on acting. Then
the first one wakes: its cache is old, and a request that it was about to send is still in its hands.
"""

from __future__ import annotations

import asyncio

import pytest
from tests.sim.client import Client
from tests.sim.clock import simulate
from tests.sim.controllers import Lags
from tests.sim.invariants import OPERATOR
from tests.sim.play import Outcome, Stage, play
from tests.sim.scenarios import SCENARIOS
from tests.sim.script import Predicate, live, promotion, weight
from tests.sim.shell import Faults, Operator

from slipway.cluster.lease import Elector

ASLEEP = 25
"""Seconds: longer than the lease of an old leader lasts."""

MOMENTS: dict[str, tuple[str, Predicate]] = {
    "before_approval": ("canary_healthy", promotion("p2", "AwaitingApproval")),
    "first_step": ("canary_healthy", weight(25)),
    "second_step": ("canary_healthy", weight(50)),
    "final_switch": ("canary_healthy", weight(100)),
    "blue_green_switch": ("blue_green_healthy", live("v2")),
    "first_step_of_a_failing_one": ("canary_fails_at_its_first_step", weight(25)),
    "second_step_of_a_failing_one": ("canary_fails_at_its_second_step", weight(50)),
    "aborted": ("canary_abort_by_its_promotion_in_second_step", weight(25)),
    "newer_template": ("newer_template_waits_while_traffic_moves", weight(25)),
}


class Anyway:
    """A lease check that says yes to everybody, and never ends a request."""

    def check(self) -> float:
        return 1e9


async def two_replicas(name: str, moment: Predicate, guarded: bool) -> tuple[Outcome, list[str]]:
    """The outcome, and what the old leader wrote after it had woken up."""
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
    while not moment(world):
        await stage.second()
    old.suspend()
    held.cancel()
    standby = asyncio.create_task(electors[1].run())
    while not electors[1].leading.is_set():
        await stage.second()
    new = Operator(world, Faults(), electors[1])
    new.start()
    for _ in range(ASLEEP):
        await stage.second()
    before = len(old.client.writes)
    old.wake()
    while not stage.ended:
        await stage.second()
    standby.cancel()
    assert not old.surprises + new.surprises
    return stage.outcome([]), old.client.writes[before:]


@pytest.mark.parametrize("case", MOMENTS)
def test_an_old_leader_writes_nothing_after_its_lease_could_have_passed_on(case: str) -> None:
    name, moment = MOMENTS[case]
    outcome, late = simulate(two_replicas(name, moment, guarded=True))
    assert late == []
    assert outcome.end == play(SCENARIOS[name]).end


@pytest.mark.parametrize("case", MOMENTS)
def test_without_the_lease_optimistic_locking_alone_keeps_an_old_leader_from_harm(case: str) -> None:
    name, moment = MOMENTS[case]
    outcome, _ = simulate(two_replicas(name, moment, guarded=False))
    assert outcome.end == play(SCENARIOS[name]).end
