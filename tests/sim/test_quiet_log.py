"""The operator's log at INFO: a line for each thing that happened, and at rest none, however often it looks."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import pytest
from tests.sim.clock import simulate
from tests.sim.controllers import Lags
from tests.sim.play import Stage
from tests.sim.scenarios import SCENARIOS
from tests.sim.shell import Faults, Shell

from slipway.runtime.reconciler import Reconciler

LOOK_SECONDS = 300
"""As often as the operator lists and looks at everything by itself."""

AT_REST = {
    "first_revision_that_nobody_approves": 3 * 3600,
    "blue_green_healthy": 3 * 3600,
    # It asks for measurements all the time, and gets none.
    "gate_holds_when_metrics_are_down": 600,
}
"""Simulated seconds after the end of each scenario."""


async def rested(name: str, caplog: pytest.LogCaptureFixture, passes: Counter[str]) -> tuple[list[str], list[str]]:
    """The lines until the end of the scenario, and those of the time after it."""
    stage = Stage(SCENARIOS[name](), Lags())
    shell = Shell(stage.world, Faults())
    while not stage.ended:
        await stage.second()
    before = [record.getMessage() for record in caplog.records]
    passes.clear()
    caplog.clear()
    for _ in range(AT_REST[name] // LOOK_SECONDS):
        # Nothing changes, so nothing but this makes it look.
        shell.operator.look()
        await asyncio.sleep(LOOK_SECONDS)
    assert not shell.surprises
    return before, [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("name", AT_REST)
def test_what_happens_is_logged_once_and_nothing_at_rest(
    name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    passes = Counter[str]()
    reconcile = Reconciler.reconcile

    async def counted(self: Reconciler, key: tuple[str, str]) -> float | None:
        passes["made"] += 1
        return await reconcile(self, key)

    monkeypatch.setattr(Reconciler, "reconcile", counted)
    before, after = simulate(rested(name, caplog, passes))
    assert passes["made"] >= AT_REST[name] // LOOK_SECONDS
    assert after == []
    told = Counter(before)
    assert [line for line, count in told.items() if count > 1] == []
    # At most some ten changes of phase of the Rollout, and as many of the Promotion, for each of two revisions.
    assert 4 <= len(before) <= 40, "\n".join(before)
