"""Every scenario ends as the contract says, undisturbed, and then writes nothing more (SEMANTICS 31).

The invariants are checked in every simulated second: nobody reaches a revision that was not approved, no
request is lost, nothing that serves is scaled below its share, weights are only ever declared ones.
"""

from __future__ import annotations

import pytest
from tests.sim.play import play
from tests.sim.scenarios import SCENARIOS


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_ends_as_the_contract_says(name: str) -> None:
    play(SCENARIOS[name])
