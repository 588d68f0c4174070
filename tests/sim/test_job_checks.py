"""A check that is a Job runs once, whatever write the operator dies after, and never beside another run of itself."""

from __future__ import annotations

import os

import pytest
from tests.sim.jobs import template
from tests.sim.play import play
from tests.sim.script import End, Script, always, both, for_seconds, phase, promotion, propose, stable_v1
from tests.sim.shell import Faults
from tests.sim.world import BLUE_GREEN, World

ALL = os.environ.get("SLIPWAY_SIM") == "all"


def job(does: str, **changes: object) -> dict[str, object]:
    return {"name": "migrations", "category": "Operations", "job": {"template": template(does), **changes}}


def checked_by(does: str, end: str, **changes: object) -> Script:
    script = propose(stable_v1(BLUE_GREEN), checks=[job(does, **changes)])
    script.once(promotion("p2", end))
    script.end = End("v1", promotions={"p2": end})
    return script


def played(make: object, faults: Faults | None = None) -> tuple[list[str], list[str]]:
    """The runs and the writes."""
    worlds: list[World] = []
    outcome = play(make, faults, look=worlds.append)  # type: ignore[arg-type]
    return worlds[-1].jobs.runs, outcome.writes


def deaths(writes: list[str]) -> list[int]:
    """After every write of a Job and the one behind it, and after some others."""
    about = {n + after for n, write in enumerate(writes, 1) if " Job " in write for after in (0, 1)}
    return sorted(about | set(range(1, len(writes), 1 if ALL else 5)))


@pytest.mark.parametrize(
    ("does", "end"), [("succeeds", "AwaitingApproval"), ("fails", "Blocked"), ("hangs", "Blocked")]
)
def test_semantics_28_a_job_runs_once_whatever_the_operator_dies_after(does: str, end: str) -> None:
    def make() -> Script:
        return checked_by(does, end, timeout="20s")

    runs, writes = played(make)
    assert len(runs) == 1
    for number in deaths(writes):
        again, _ = played(make, Faults(crash_after=number))
        assert len(again) == 1, (number, writes[number - 1], again)


def test_a_run_of_an_older_plan_is_gone_before_the_next_one_starts() -> None:
    def make() -> Script:
        script = propose(stable_v1(BLUE_GREEN), checks=[job("hangs")])
        script.when(
            for_seconds(5, lambda w: bool(w.jobs.runs)), lambda w: w.patch_promotion("p2", checks=[job("succeeds")])
        )
        script.once(promotion("p2", "AwaitingApproval"))
        script.end = End("v1", promotions={"p2": "AwaitingApproval"})
        return script

    runs, writes = played(make)
    assert len(runs) == len(set(runs)) == 2
    for number in deaths(writes):
        again, _ = played(make, Faults(crash_after=number))
        assert 1 <= len(again) == len(set(again)) <= 2, (number, writes[number - 1], again)


def test_the_run_of_a_promotion_that_was_superseded_is_stopped() -> None:
    def make() -> Script:
        script = propose(stable_v1(BLUE_GREEN), checks=[job("hangs", timeout="10m")])
        script.when(for_seconds(5, lambda w: bool(w.jobs.runs)), lambda w: w.promote("p3", checks=[job("succeeds")]))
        script.once(promotion("p3", "AwaitingApproval"))
        script.end = End("v1", promotions={"p2": "Superseded", "p3": "AwaitingApproval"})
        return script

    runs, _ = played(make)
    assert len(runs) == len(set(runs)) == 2


def test_no_job_is_made_while_the_guard_is_missing() -> None:
    def make() -> Script:
        script = propose(stable_v1(BLUE_GREEN), checks=[job("succeeds")])
        script.steps.insert(0, (lambda _: True, lambda w: w.without_guard_of_jobs(), "no guard"))
        script.once(
            both(phase("AwaitingPromotion", "AwaitingApproval", "Healthy", "Deploying"), promotion("p2", "Blocked"))
        )
        script.end = End("v1", promotions={"p2": "Blocked"})
        return script

    runs, _ = played(make)
    assert runs == []


def test_semantics_28_a_result_that_is_too_old_leads_to_one_new_run_whatever_the_operator_dies_after() -> None:
    def make() -> Script:
        script = stable_v1(BLUE_GREEN)
        script.when(always, lambda w: w.demand("age", maxAge="30s"))
        propose(script, checks=[job("succeeds")])
        script.once(both(promotion("p2", "AwaitingApproval"), lambda w: len(w.jobs.runs) == 1)).faults_from_here()
        script.when(both(promotion("p2", "AwaitingApproval"), lambda w: len(w.jobs.runs) > 1), lambda w: w.lift("age"))
        script.once(promotion("p2", "AwaitingApproval"))
        script.end = End("v1", promotions={"p2": "AwaitingApproval"})
        return script

    runs, writes = played(make)
    assert len(runs) == len(set(runs)) == 2
    about = [n for n in deaths(writes) if n > len(writes) - 12 or ALL]
    for number in about:
        again, _ = played(make, Faults(crash_after=number))
        assert 2 <= len(again) == len(set(again)) <= 3, (number, again)
