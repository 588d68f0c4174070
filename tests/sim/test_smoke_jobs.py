"""Smoke tests that are Jobs: a run for each occasion, whatever write the operator dies after, and never two at once."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from tests.sim.jobs import template
from tests.sim.patches import merge_patch
from tests.sim.play import Outcome, play
from tests.sim.script import End, Script, approve, both, for_seconds, live, phase, promotion, propose, stable_v1
from tests.sim.shell import Faults
from tests.sim.world import BLUE_GREEN, World

ALL = os.environ.get("SLIPWAY_SIM") == "all"

Tested = list[tuple[str, str, str]]
"""Name of the Job, version under test, Service."""


def with_journey(does: str, **asked: object) -> dict[str, object]:
    return merge_patch(BLUE_GREEN, {"smokeTests": [{"name": "journey", "job": {"template": template(does), **asked}}]})


def played(make: Callable[[], Script], faults: Faults | None = None) -> tuple[Tested, Outcome]:
    worlds: list[World] = []
    outcome = play(make, faults, look=worlds.append)
    world = worlds[-1]
    return [(name, world.version(revision), where) for name, (revision, where) in world.jobs.tested.items()], outcome


def deaths(writes: list[str]) -> list[int]:
    """After every write of a Job and the one behind it, and after some others."""
    about = {n + after for n, write in enumerate(writes, 1) if " Job " in write for after in (0, 1)}
    return sorted(n for n in about | set(range(1, len(writes), 1 if ALL else 7)) if n <= len(writes))


def before_traffic(tested: Tested) -> list[str]:
    return [name for name, version, where in tested if (version, where) == ("v2", "web-preview")]


@pytest.mark.parametrize(("does", "end"), [("asks", "AwaitingApproval"), ("fails", "Blocked"), ("hangs", "Blocked")])
def test_before_traffic_it_runs_once_whatever_the_operator_dies_after(does: str, end: str) -> None:
    def make() -> Script:
        # The first revision has been approved by the time at which the test is written.
        script = stable_v1(BLUE_GREEN)
        script.when(lambda _: True, lambda w: w.edit({"smokeTests": with_journey(does, timeout="20s")["smokeTests"]}))
        propose(script)
        script.once(promotion("p2", end))
        script.end = End("v1", promotions={"p2": end})
        return script

    tested, outcome = played(make)
    assert len(before_traffic(tested)) == 1
    for number in deaths(outcome.writes):
        again, _ = played(make, Faults(crash_after=number))
        # The key of the run names the Promotion: one that began before the Promotion was there is stopped.
        assert 1 <= len(before_traffic(again)) <= 2, (number, outcome.writes[number - 1], again)


def test_it_follows_the_launch_and_only_the_service_that_selects_the_revision_is_named() -> None:
    def make() -> Script:
        script = approve(propose(stable_v1(with_journey("asks"))))
        script.end = End("v2", "Healthy", {"p2": "Succeeded"})
        return script

    tested, outcome = played(make)
    assert len(before_traffic(tested)) == 1
    assert {where for _, version, where in tested if version == "v2"} == {"web-preview", "web"}
    for number in deaths(outcome.writes):
        _, again = played(make, Faults(crash_after=number))
        assert again.end["phase"] == "Healthy"


def test_two_failures_after_the_switch_send_it_back_whatever_the_operator_dies_after() -> None:
    def make() -> Script:
        script = approve(propose(stable_v1(with_journey("asks"))))
        script.when(both(live("v2"), phase("Verifying")), lambda w: w.turn("good", 2, "smokefails"))
        script.end = End("v1", "RolledBack", {"p2": "RolledBack"})
        return script

    _, outcome = played(make)
    for number in deaths(outcome.writes):
        played(make, Faults(crash_after=number))


def test_the_candidate_and_the_stable_revision_that_is_watched_wait_for_each_other() -> None:
    """The world fails when two runs of the test are there at once; here both get their turn."""

    def make() -> Script:
        script = approve(propose(stable_v1(with_journey("asks")), watch=[{"for": "10m", "interval": "5s"}]))
        script.once(both(promotion("p2", "Watching"), for_seconds(10)))
        propose(script, version=3)
        script.once(promotion("p3", "AwaitingApproval"))
        script.once(for_seconds(60))
        script.end = End("v2", promotions={"p3": "AwaitingApproval"})
        script.quiet = False
        return script

    tested, outcome = played(make)
    of_candidate = [at for at, (_, version, _) in enumerate(tested) if version == "v3"]
    of_stable = [at for at, (_, version, where) in enumerate(tested) if (version, where) == ("v2", "web")]
    assert len(of_candidate) == 1
    assert of_stable[0] < of_candidate[0] < of_stable[-1]
    for number in deaths(outcome.writes)[::3]:
        played(make, Faults(crash_after=number))


def test_a_hanging_test_of_a_template_that_was_replaced_makes_way() -> None:
    def make() -> Script:
        script = stable_v1(BLUE_GREEN)
        script.when(
            lambda _: True, lambda w: w.edit({"smokeTests": with_journey("hangs", timeout="10m")["smokeTests"]})
        )
        propose(script)
        script.when(for_seconds(5, lambda w: bool(w.jobs.runs)), lambda w: w.edit({"smokeTests": None}))
        script.when(lambda _: True, lambda w: w.edit({"smokeTests": with_journey("asks")["smokeTests"]}))
        script.once(promotion("p2", "AwaitingApproval"))
        script.end = End("v1", promotions={"p2": "AwaitingApproval"})
        return script

    tested, _ = played(make)
    assert len(before_traffic(tested)) == 2


def test_without_the_guard_nobody_can_know_and_no_job_is_made() -> None:
    def make() -> Script:
        script = stable_v1(BLUE_GREEN)
        script.when(lambda _: True, lambda w: w.edit({"smokeTests": with_journey("asks")["smokeTests"]}))
        script.when(lambda _: True, lambda w: w.without_guard_of_jobs())
        propose(script)
        script.once(promotion("p2", "Blocked"))
        script.end = End("v1", promotions={"p2": "Blocked"})
        return script

    tested, _ = played(make)
    assert tested == []
