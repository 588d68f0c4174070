"""Pods and shares of a canary: ceil(replicas × weight) pods of the candidate, ready before each weight."""

from __future__ import annotations

from tests.sim.play import play
from tests.sim.scenarios import SCENARIOS
from tests.sim.world import CANARY, World


def test_a_candidate_has_the_pods_that_its_share_and_the_next_one_need() -> None:
    seen: dict[int, set[int]] = {}

    def look(world: World) -> None:
        if world.live() == "v1" and "v2" in world.replicas():
            seen.setdefault(world.weight(), set()).add(world.replicas()["v2"])

    play(SCENARIOS["canary_healthy"], look=look)
    # 25 % of 4 replicas is 1 pod, 50 % are 2: made ready at the end of the step before.
    assert seen[0] == {1}
    assert seen[25] == {1, 2}
    assert seen[50] == {2, 4}
    assert seen[100] == {4}


def test_traffic_moves_exactly_by_the_declared_steps_and_home_again() -> None:
    moves = play(SCENARIOS["canary_healthy"]).moves
    weights = [weights[0] for live, _, weights in moves if weights and live == "v1"]
    steps = [step["weight"] for step in CANARY["strategy"]["canary"]["steps"]]
    assert [weight for i, weight in enumerate(weights) if i == 0 or weights[i - 1] != weight] == [0, *steps, 100]
    assert moves[-1] == ("v2", "", (0,))
