"""Migrations run once and never beside each other, whatever write the operator dies after; traffic waits for expand."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from tests.sim.jobs import template
from tests.sim.play import play
from tests.sim.script import End, Script, approve, both, for_seconds, live, promotion, propose, stable_v1
from tests.sim.shell import Faults
from tests.sim.world import BLUE_GREEN, NAMESPACE, World

from slipway.cluster.resources import JOBS

Object = dict[str, Any]
Make = Callable[[], Script]

ALL = os.environ.get("SLIPWAY_SIM") == "all"


def migrations(expand: str = "succeeds", rollback: str = "succeeds", **jobs: str) -> Object:
    does = {"expand": expand, "rollback": rollback, **jobs}
    return {"backwardCompatible": True, "jobs": {step: {"template": template(what)} for step, what in does.items()}}


def proposal(**jobs: str) -> Script:
    return propose(stable_v1(BLUE_GREEN), migrations=migrations(**jobs))


def steps(world: World) -> list[str]:
    return [name.split("-")[1] for name in world.jobs.runs]


def told(name: str, *entries: tuple[str, str]) -> Callable[[World], bool]:
    """The Promotion's status ends with these steps and results."""

    def check(world: World) -> bool:
        found = (world.promotion(name).get("status") or {}).get("migrations") or []
        return [(entry["step"], entry["result"]) for entry in found][-len(entries) :] == list(entries)

    return check


def played(make: Make, faults: Faults | None = None) -> tuple[list[str], list[str]]:
    """The steps that ran and the writes. Traffic never moves to version 2 before expand has ended."""
    worlds: list[World] = []

    def look(world: World) -> None:
        worlds[:] = [world]
        if world.live() == "v2" and not hasattr(world, "was_expanded"):
            done = [j for j in world.server.peek(JOBS, NAMESPACE) if (j.get("status") or {}).get("conditions")]
            ended = [j["metadata"]["labels"]["slipway.dev/migration"] for j in done]
            assert "expand" in ended, "traffic moved before expand had ended"
            world.was_expanded = True  # type: ignore[attr-defined]

    outcome = play(make, faults, look=look)
    assert len(worlds[0].jobs.runs) == len(set(worlds[0].jobs.runs))
    return steps(worlds[0]), outcome.writes


def survives(make: Make, wanted: list[str]) -> None:
    """The same steps run, each once, whatever the operator dies after."""
    found, writes = played(make)
    assert found == wanted
    about = {n + after for n, write in enumerate(writes, 1) if " Job " in write for after in (0, 1)}
    for number in sorted(about | set(range(1, len(writes), 1 if ALL else 6))):
        again, _ = played(make, Faults(crash_after=number))
        assert again == wanted, (number, writes[number - 1], again)


def test_semantics_28_expand_then_traffic() -> None:
    def make() -> Script:
        script = approve(proposal())
        script.once(both(live("v2"), told("p2", ("expand", "Succeeded"))))
        script.end = End("v2", "Healthy", {"p2": "Succeeded"})
        return script

    survives(make, ["expand"])


@pytest.mark.parametrize("does", ["fails", "hangs"])
def test_expand_that_does_not_succeed_lets_no_traffic_move(does: str) -> None:
    def make() -> Script:
        jobs = migrations(expand=does)
        jobs["jobs"]["expand"]["timeout"] = "30s"
        script = approve(propose(stable_v1(BLUE_GREEN), migrations=jobs))
        script.once(for_seconds(40, both(promotion("p2", "Blocked"), live("v1"))))
        script.end = End("v1", promotions={"p2": "Blocked"})
        return script

    survives(make, ["expand"])


def test_a_breach_brings_traffic_back_and_then_undoes_it() -> None:
    def make() -> Script:
        script = approve(propose(stable_v1(BLUE_GREEN), "failing", migrations=migrations(contract="succeeds")))
        script.once(both(live("v1"), told("p2", ("rollback", "Succeeded"), ("contract", "Skipped"))))
        script.end = End("v1", "RolledBack", {"p2": "RolledBack"})
        return script

    survives(make, ["expand", "rollback"])


def test_a_withdrawal_while_expand_runs_undoes_it_when_it_has_ended() -> None:
    def make() -> Script:
        script = approve(proposal())
        script.when(lambda w: bool(w.jobs.runs), lambda w: w.withdraw("p2"))
        script.once(told("p2", ("expand", "Succeeded"), ("rollback", "Succeeded")))
        script.end = End("v1", promotions={"p2": "AwaitingApproval"})
        return script

    survives(make, ["expand", "rollback"])


def test_what_is_withdrawn_as_it_begins_is_undone_or_never_made() -> None:
    def make() -> Script:
        script = approve(proposal())
        script.when(lambda w: "migrations" in (w.promotion("p2").get("status") or {}), lambda w: w.withdraw("p2"))
        script.once(for_seconds(30, both(live("v1"), promotion("p2", "AwaitingApproval"))))
        script.end = End("v1", promotions={"p2": "AwaitingApproval"})
        return script

    _, writes = played(make)
    begins = next(n for n, write in enumerate(writes, 1) if " Job " in write)
    seen = {tuple(played(make, Faults(crash_after=number))[0]) for number in range(begins - 5, begins + 3)}
    assert seen == {(), ("expand", "rollback")}


def test_contract_comes_after_the_watch() -> None:
    def make() -> Script:
        watch = [{"for": "90s", "interval": "10s"}]
        script = approve(propose(stable_v1(BLUE_GREEN), migrations=migrations(contract="succeeds"), watch=watch))
        script.once(for_seconds(60, both(live("v2"), lambda w: steps(w) == ["expand"])))
        script.once(told("p2", ("contract", "Succeeded")))
        script.end = End("v2", "Healthy", {"p2": "Succeeded"})
        return script

    survives(make, ["expand", "contract"])


def test_the_next_launch_undoes_what_was_left_before_it_expands_itself() -> None:
    def make() -> Script:
        script = approve(proposal())
        script.when(lambda w: bool(w.jobs.runs), lambda w: w.deploy("good", 3))
        script.when(lambda _: True, lambda w: w.promote("p3", migrations=migrations()))
        approve(script, 3)
        script.end = End("v3", "Healthy", {"p2": "Superseded", "p3": "Succeeded"})
        return script

    found, _ = played(make)
    assert found == ["expand", "rollback", "expand"]


def test_without_the_guard_nothing_runs_and_nothing_moves() -> None:
    def make() -> Script:
        script = approve(proposal())
        script.steps.insert(0, (lambda _: True, lambda w: w.without_guard_of_migrations(), "no guard"))
        script.once(for_seconds(20, both(promotion("p2", "Blocked"), live("v1"))))
        script.end = End("v1", promotions={"p2": "Blocked"})
        return script

    found, _ = played(make)
    assert found == []


def test_a_job_that_somebody_deletes_while_it_runs_has_failed_and_is_not_made_anew() -> None:
    def make() -> Script:
        script = approve(proposal(expand="hangs"))
        script.when(for_seconds(3, lambda w: bool(w.jobs.runs)), lambda w: w.delete(JOBS, w.jobs.runs[0]))
        script.once(for_seconds(20, promotion("p2", "Blocked")))
        script.end = End("v1", promotions={"p2": "Blocked"})
        return script

    found, _ = played(make)
    assert found == ["expand"]
