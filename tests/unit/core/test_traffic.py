"""next_traffic(), proved by enumeration: every state, every goal, every interruption."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import pytest

from slipway.core.traffic import Traffic, next_traffic, reached

S, C, X = "stable", "candidate", "other"
REVISIONS = (None, S, C, X)
WEIGHTS = (None, 0, 10, 25, 50, 100)
SHARES = (0, 10, 25, 50, 100)


class Goal(NamedTuple):
    """Where traffic should get to: `subject` is always C, but for a Rollout at rest it is nobody."""

    share: int
    stable: str | None
    routed: bool
    subject: str | None = C

    def next(self, now: Traffic, settled: bool) -> Traffic:
        return next_traffic(now, settled=settled, **self._asdict())

    def reached(self, now: Traffic) -> bool:
        return reached(now, **self._asdict())


GOALS = [
    Goal(share, stable, routed)
    for share, stable, routed in product(SHARES, (S, None), (True, False))
    # Without routes, or without anybody to share with, a share is all or nothing.
    if share in (0, 100) or (routed and stable)
] + [Goal(0, S, True, None), Goal(0, S, False, None), Goal(0, None, True, None), Goal(0, None, False, None)]


def states(routed: bool) -> Iterator[Traffic]:
    for live, candidate, weight in product(REVISIONS, REVISIONS, WEIGHTS if routed else (0,)):
        yield Traffic(live, candidate, weight)


EVERY = [(now, goal) for goal in GOALS for now in states(goal.routed)]


def share_of(now: Traffic, revision: str) -> int:
    """The most that a revision may get: an unknown weight may be anything."""
    weight = 100 if now.weight is None else now.weight
    return 100 if now.live == revision else weight if now.candidate == revision else 0


def path(now: Traffic, goal: Goal, settled: bool = True) -> list[Traffic]:
    found = [now]
    while (following := goal.next(found[-1], settled)) != found[-1]:
        found.append(following)
        assert len(found) < 8, f"no end: {found} {goal}"
    return found


def test_every_state_ends_at_every_goal() -> None:
    for now, goal in EVERY:
        found = path(now, goal)
        assert goal.reached(found[-1]), (found, goal)


def test_the_goal_is_what_users_get() -> None:
    for now, goal in EVERY:
        end = path(now, goal)[-1]
        if goal.share == 100:
            assert share_of(end, C) == 100
            assert end.weight == 0
        elif goal.share == 0:
            assert end.live == goal.stable
            assert end.weight == 0 or not goal.routed
        else:
            assert end == Traffic(goal.stable, C, goal.share)


def test_reached_says_no_more_than_is_true() -> None:
    for now, goal in EVERY:
        if not goal.reached(now):
            continue
        assert now.live == (C if goal.share == 100 else goal.stable), (now, goal)
        assert now.weight == (goal.share if goal.share < 100 and goal.routed else 0), (now, goal)


def test_every_interrupted_prefix_is_replayed_to_the_same_end() -> None:
    """A crash loses what is in memory, never what is written: from any state on the way the end is the same."""
    for now, goal in EVERY:
        found = path(now, goal)
        for index, state in enumerate(found):
            assert path(state, goal) == found[index:], (state, goal)


def test_a_goal_that_changes_on_the_way_is_reached_all_the_same() -> None:
    for now, first in EVERY:
        for state in path(now, first):
            for second in GOALS:
                if second.routed == first.routed:
                    assert second.reached(path(state, second)[-1])


def test_semantics_04_going_back_is_one_move_and_never_waits() -> None:
    for now, goal in EVERY:
        if goal.share:
            continue
        following = goal.next(now, settled=False)
        assert following.live == goal.stable, (now, goal)
        assert following.weight == 0 or not goal.routed, (now, goal)
        if goal.stable:
            assert share_of(following, C) == 0


def test_semantics_04_the_candidate_service_is_left_alone_until_nobody_is_sent_there() -> None:
    for now, goal in EVERY:
        following = goal.next(now, settled=False)
        if goal.share == 0 and now.weight != 0:
            assert following.candidate == now.candidate, (now, goal)


def test_weights_never_rise_unsettled() -> None:
    for now, goal in EVERY:
        following = goal.next(now, settled=False)
        if now.weight is not None and following.weight is not None:
            assert following.weight <= now.weight, (now, goal, following)


def test_unsettled_moves_only_take_away_or_switch_the_live_service() -> None:
    """The candidate Service is repointed only when weight 0 has been seen to be followed, or nobody was there."""
    for now, goal in EVERY:
        following = goal.next(now, settled=False)
        if following.candidate != now.candidate:
            assert now.candidate is None, (now, goal, following)


def test_semantics_06_the_candidate_service_changes_only_at_weight_zero() -> None:
    for (now, goal), settled in product(EVERY, (True, False)):
        following = goal.next(now, settled)
        if goal.routed and following.candidate != now.candidate:
            assert (now.weight, following.weight) == (0, 0), (now, goal, following)


def test_semantics_06_no_share_for_a_service_that_points_elsewhere() -> None:
    """After the first move no share but for the subject, wherever a hand had pointed the candidate Service."""
    for (now, goal), settled in product(EVERY, (True, False)):
        following = goal.next(now, settled)
        if goal.routed and (following != now or settled):
            assert following.weight == 0 or following.candidate == C, (now, goal, following)


def test_no_move_gives_the_candidate_more_than_it_has_or_should_have() -> None:
    for (now, goal), settled in product(EVERY, (True, False)):
        following = goal.next(now, settled)
        assert share_of(following, C) <= max(share_of(now, C), goal.share), (now, goal, following)


def test_no_move_gives_anything_to_a_third_revision() -> None:
    for (now, goal), settled in product(EVERY, (True, False)):
        assert share_of(goal.next(now, settled), X) <= share_of(now, X), (now, goal)


def test_forward_only_one_thing_moves_at_a_time() -> None:
    for (now, goal), settled in product(EVERY, (True, False)):
        following = goal.next(now, settled)
        changed = sum(getattr(now, f) != getattr(following, f) for f in ("live", "candidate", "weight"))
        drifted = 0 < goal.share < 100 and now.live != goal.stable
        assert changed <= 1 or goal.share == 0 or drifted, (now, goal, following)


def test_the_live_switch_of_a_canary_happens_while_nobody_is_sent_to_the_live_service() -> None:
    for share in (10, 25, 50):
        found = path(Traffic(S, C, share), Goal(100, S, True))
        assert found == [
            Traffic(S, C, share),
            Traffic(S, C, 100),
            Traffic(C, C, 100),
            Traffic(C, C, 0),
        ]


def test_the_live_switch_of_a_blue_green_is_one_move() -> None:
    assert path(Traffic(S, None, 0), Goal(100, S, False)) == [Traffic(S, None, 0), Traffic(C, None, 0)]


def test_a_canary_begins_at_weight_zero() -> None:
    assert path(Traffic(S, S, 0), Goal(10, S, True)) == [Traffic(S, S, 0), Traffic(S, C, 0), Traffic(S, C, 10)]


@pytest.mark.parametrize("share", [10, 25, 50])
def test_less_is_given_at_once_and_more_waits(share: int) -> None:
    goal = Goal(share, S, True)
    assert goal.next(Traffic(S, C, 100), settled=False).weight == share
    assert goal.next(Traffic(S, C, None), settled=False).weight == share
    assert goal.next(Traffic(S, C, 5), settled=False).weight == 5
    assert goal.next(Traffic(S, C, 5), settled=True).weight == share


def reachable() -> set[Traffic]:
    """What a Rollout with routes can come to by our own moves alone, whatever is decided when."""
    found = {Traffic(None, None, 0), Traffic(S, None, 0), Traffic(S, S, 0)}
    todo = list(found)
    while todo:
        now = todo.pop()
        for goal, settled in product((g for g in GOALS if g.routed and g.stable), (True, False)):
            following = goal.next(now, settled)
            if following not in found:
                found.add(following)
                todo.append(following)
    return found


def test_by_our_own_moves_a_share_always_has_its_revision() -> None:
    """However goals follow each other, no request is sent to a backend without a revision that was meant."""
    for now in reachable():
        assert now.weight is not None
        assert now.weight == 0 or now.candidate == C, now
        assert now.live in (None, S, C)


def test_at_rest_a_canary_has_its_candidate_service_on_stable() -> None:
    for now in states(True):
        assert path(now, Goal(0, S, True, None))[-1] == Traffic(S, S, 0)
