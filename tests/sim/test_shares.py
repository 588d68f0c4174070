"""Pods and shares of a canary: ceil(replicas × weight) pods of the candidate, ready before each weight."""

from __future__ import annotations

from fractions import Fraction

import pytest
from tests.sim.controllers import Lags
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


@pytest.mark.parametrize("name", ["blue_green_healthy", "canary_healthy"])
def test_the_previous_revision_stays_up_for_keep_previous_after_the_converged_switch(name: str) -> None:
    switched: list[float] = []
    shrunk: list[float] = []

    def look(world: World) -> None:
        served = world.shares().get(world.revision("good", 2)) == 1
        if served and not switched:
            switched.append(world.loop.time())
        if switched and not shrunk and world.replicas()["v1"] == 0:
            shrunk.append(world.loop.time())

    play(SCENARIOS[name], look=look)
    # keepPrevious is 20 s in all scenarios; it begins when the gateway is seen to follow, some seconds later.
    assert 20 <= shrunk[0] - switched[0] <= 35


@pytest.mark.parametrize(
    "lags",
    [
        Lags(),
        Lags(endpoints=3, gateway=0, routes_in_data_plane=0, endpoints_in_data_plane=0),
        Lags(endpoints=0, gateway=0, routes_in_data_plane=0, endpoints_in_data_plane=2),
        Lags(endpoints=0, gateway=2, routes_in_data_plane=2, endpoints_in_data_plane=0),
    ],
    ids=["all_lag", "endpoint_slices_lag", "gateway_follows_endpoints_late", "gateway_follows_routes_late"],
)
def test_what_users_get_of_a_healthy_candidate_only_grows_whatever_the_gateway_follows_first(lags: Lags) -> None:
    shares: list[Fraction] = []

    def look(world: World) -> None:
        seen = world.shares("HTTPRoute/web").get(world.revision("good", 2), Fraction(0))
        if not shares or shares[-1] != seen:
            shares.append(seen)

    play(SCENARIOS["canary_healthy"], lags=lags, look=look)
    assert shares == [0, Fraction(1, 4), Fraction(1, 2), 1]
