"""n of m: whose word counts, and whether it is enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.core.policy.quorum import UNVERIFIED, Signers, Wanted, quorum, weight_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROBOT = "system:serviceaccount:ci:gate"


def signers(*names: str, author: str | None = "dev", checked: bool = True, ago: timedelta = HOUR) -> Signers:
    return Signers(names, author, checked, dict.fromkeys(names, NOW - ago))


def enough(wanted: Wanted, *names: str, **about: object) -> bool:
    return not quorum(signers(*names, **about), wanted, NOW).missing  # type: ignore[arg-type]


def test_without_demands_one_word_of_anybody_is_enough() -> None:
    assert not enough(Wanted())
    for name in ("ada", ROBOT, UNVERIFIED):
        assert enough(Wanted(), name)
        assert enough(Wanted(), name, checked=False)


def test_two_are_two_different_people_with_verified_names() -> None:
    two = Wanted(count=2, policies=("p",))
    assert enough(two, "ada", "bob")
    assert not enough(two, "ada")
    assert not enough(two, "ada", UNVERIFIED)
    assert not enough(two, "ada", "bob", checked=False)
    assert quorum(signers("ada"), two, NOW).missing == "1 of 2 approvals (by ada) (policy p)"


def test_four_eyes_do_not_count_the_author_and_need_to_know_who_that_is() -> None:
    eyes = Wanted(four_eyes=True, policies=("p",))
    assert enough(eyes, "ada")
    assert not enough(eyes, "dev")
    assert enough(eyes, "dev", "ada")
    assert not enough(eyes, UNVERIFIED)
    assert "dev created this Promotion" in quorum(signers("dev"), eyes, NOW).missing
    assert "spec.requestedBy" in quorum(signers("ada", author=None), eyes, NOW).missing


def test_verified_and_service_accounts() -> None:
    assert not enough(Wanted(verified=True), UNVERIFIED)
    assert not enough(Wanted(verified=True), "ada", checked=False)
    assert enough(Wanted(verified=True), ROBOT)
    assert not enough(Wanted(service_accounts=frozenset()), ROBOT)
    assert enough(Wanted(service_accounts=frozenset({ROBOT})), ROBOT)
    assert enough(Wanted(service_accounts=frozenset()), "ada")


def test_a_word_lapses_and_it_is_known_when() -> None:
    wanted = Wanted(count=2, valid_for=2 * HOUR)
    found = quorum(Signers(("ada", "bob", "eve"), "dev", True, {"ada": NOW - HOUR, "bob": NOW - 2 * HOUR}), wanted, NOW)
    assert (found.counted, found.lapsed, found.missing) == (("ada", "eve"), ("bob",), "")
    assert found.lapses == NOW + HOUR
    later = quorum(Signers(("ada", "bob"), "dev", True, {"ada": NOW - HOUR, "bob": NOW - 2 * HOUR}), wanted, NOW)
    assert "the word of bob is older than 2h" in later.missing


@pytest.mark.parametrize(
    ("weights", "count", "allowed"),
    [({}, 1, 0), ({"ada": 50}, 1, 50), ({"ada": 50}, 2, 0), ({"ada": 50, "bob": 20}, 2, 20), ({"dev": 50}, 1, 50)],
)
def test_a_share_needs_as_many_people(weights: dict[str, int], count: int, allowed: int) -> None:
    assert weight_of(weights, signers(), Wanted(count=count)) == allowed


PEOPLE = st.lists(st.sampled_from(["ada", "bob", "eve", "dev", ROBOT, UNVERIFIED]), unique=True)
WANTED = st.builds(
    Wanted,
    count=st.integers(1, 4),
    four_eyes=st.booleans(),
    verified=st.booleans(),
    service_accounts=st.sampled_from([None, frozenset(), frozenset({ROBOT})]),
    valid_for=st.sampled_from([None, HOUR, 3 * HOUR]),
)


@given(names=PEOPLE, wanted=WANTED, author=st.sampled_from([None, "dev"]), ago=st.sampled_from([0 * HOUR, 2 * HOUR]))
def test_it_is_enough_exactly_when_so_many_of_them_count(
    names: list[str], wanted: Wanted, author: str | None, ago: timedelta
) -> None:
    strict = wanted.verified or wanted.four_eyes or wanted.count > 1
    count = sum(
        not (name == UNVERIFIED and strict)
        and not (wanted.four_eyes and name == author)
        and not (name == ROBOT and wanted.service_accounts == frozenset())
        and not (wanted.valid_for is not None and ago >= wanted.valid_for)
        for name in names
    )
    expected = count >= wanted.count and (author is not None or not wanted.four_eyes)
    assert enough(wanted, *names, author=author, ago=ago) is expected


@given(names=PEOPLE, wanted=WANTED, author=st.sampled_from([None, "dev"]))
def test_a_withdrawn_word_never_makes_it_enough(names: list[str], wanted: Wanted, author: str | None) -> None:
    for gone in names:
        if enough(wanted, *(name for name in names if name != gone), author=author):
            assert enough(wanted, *names, author=author)
