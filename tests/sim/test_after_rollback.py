"""What is asked once traffic has gone back: by one Job, whatever write the operator dies after, and never before."""

from __future__ import annotations

import os

import pytest
from tests.sim.jobs import template
from tests.sim.play import Outcome, play
from tests.sim.script import End, Script, approve, both, live, phase, propose, stable_v1
from tests.sim.shell import Faults
from tests.sim.world import BLUE_GREEN, CANARY, World

from slipway.core.names import AFTER_ROLLBACK_LABEL

ALL = os.environ.get("SLIPWAY_SIM") == "all"


def answers(world: World) -> dict[str, str]:
    found = (world.promotion("p2").get("status") or {}).get("afterRollback") or []
    return {check["name"]: check["result"] for check in found}


def sent_back(spec: dict[str, object], does: str) -> Script:
    asked = [
        {"name": "orders", "job": {"template": template(does), "timeout": "20s"}},
        {"name": "live", "tcp": {"service": "web", "port": 80}},
    ]
    script = approve(propose(stable_v1(spec), afterRollback=asked))
    script.when(
        both(live("v2"), phase("Verifying")),
        lambda w: w.turn("good", 2, "failing"),
    )
    script.once(lambda w: bool(answers(w)) and "Pending" not in answers(w).values())
    script.end = End("v1", "RolledBack", {"p2": "RolledBack"})
    return script


def played(spec: dict[str, object], does: str, faults: Faults | None = None) -> tuple[list[str], World, Outcome]:
    """The Jobs, and the world at its end. No Job is there before traffic is back."""
    worlds: list[World] = []

    def look(world: World) -> None:
        worlds[:] = [world]
        if any(name.startswith("after-") for name in world.jobs.runs):
            assert world.live() == "v1"

    outcome = play(lambda: sent_back(spec, does), faults, look=look)
    return [name for name in worlds[0].jobs.runs if name.startswith("after-")], worlds[0], outcome


@pytest.mark.parametrize(
    ("spec", "does", "result"),
    [(BLUE_GREEN, "succeeds", "Passed"), (BLUE_GREEN, "hangs", "Failed"), (CANARY, "fails", "Failed")],
    ids=["succeeds", "hangs", "fails"],
)
def test_it_is_asked_once_whatever_the_operator_dies_after(spec: dict[str, object], does: str, result: str) -> None:
    runs, world, outcome = played(spec, does)
    assert len(runs) == 1
    assert answers(world) == {"orders": result, "live": "Passed"}
    (job,) = [job for job in world.jobs.all() if AFTER_ROLLBACK_LABEL in job["metadata"]["labels"]]
    assert job["metadata"]["ownerReferences"][0]["name"] == "p2"
    numbers = range(1, len(outcome.writes) + 1)
    late = [n for n, write in enumerate(outcome.writes, 1) if "Promotion p2" in write or " Job " in write]
    for number in numbers if ALL else sorted({*late[-5:], *numbers[:: max(1, len(numbers) // 4)]}):
        again, world, _ = played(spec, does, Faults(crash_after=number))
        assert len(again) == 1, (number, outcome.writes[number - 1], again)
        assert answers(world) == {"orders": result, "live": "Passed"}
