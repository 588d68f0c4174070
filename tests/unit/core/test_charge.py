"""Which Promotion is in charge of a candidate, and which one asks for a revision again (SEMANTICS 21, 30)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.core.objects import Object, blue_green, promotion

from slipway.core import charge
from slipway.core.charge import FINAL, Claim, asks_again, in_charge, matches
from slipway.core.marks import AUTOMATIC, Approved, Cause, Marks, Rejected
from slipway.core.revision import Revision, of_spec

AT = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
PRODUCTION = "production"


def revision(marks: Marks | None = None) -> Revision:
    found = of_spec(blue_green())
    assert found is not None
    return found.marked(marks or Marks())


NAME = revision().name


def claim(obj: Object) -> Claim:
    (found,) = charge.read([obj])
    return found


def phase(obj: Object, phase: str) -> Object:
    return obj | {"status": {"phase": phase}}


def deleting(obj: Object) -> Object:
    return obj | {"metadata": obj["metadata"] | {"deletionTimestamp": "2026-01-01T12:00:09Z"}}


def approved(uid: str) -> Marks:
    return Marks(approved=Approved("web-1", uid, "sha256:" + "a" * 64, ("alice",), AT))


def chosen(objects: list[Object], candidate: Revision | None) -> str | None:
    found = in_charge(charge.read(objects), PRODUCTION, candidate)
    return found.name if found else None


def test_promotions_are_read_oldest_first_and_by_name_within_a_second() -> None:
    objects = [
        promotion("late", created="2026-01-01T12:00:02Z"),
        promotion("b"),
        promotion("a"),
        promotion("early", created="2026-01-01T11:59:59Z"),
    ]
    assert [c.name for c in charge.read(objects)] == ["early", "a", "b", "late"]


@pytest.mark.parametrize(
    ("field", "value", "path"), [("rolout", "x", "spec.rolout"), ("approved", "yes", "spec.approved")]
)
def test_semantics_30_a_malformed_promotion_stops_no_other_and_says_which_field(
    field: str, value: Any, path: str
) -> None:
    claims = charge.read([promotion("bad", **{field: value}), promotion("good", created="2026-01-01T12:00:01Z")])
    assert [(c.name, c.spec is None) for c in claims] == [("bad", True), ("good", False)]
    assert claims[0].problem.startswith(path)
    assert not matches(claims[0], PRODUCTION, NAME)
    assert matches(claims[1], PRODUCTION, NAME)


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (promotion(), True),
        (promotion(revision=NAME), True),
        (promotion(revision="0123456789"), False),
        (promotion(environment="staging"), False),
        (deleting(promotion()), False),
        (phase(promotion(), "Held"), True),
        (phase(promotion(), "Shifting"), True),
    ],
    ids=["any", "this", "another-revision", "another-environment", "deleting", "held", "shifting"],
)
def test_which_promotions_match(obj: Object, expected: bool) -> None:
    assert matches(claim(obj), PRODUCTION, NAME) is expected


@pytest.mark.parametrize("final", sorted(FINAL))
def test_semantics_21_a_finished_promotion_leads_nothing_again(final: str) -> None:
    done = phase(promotion("done"), final)
    assert claim(done).finished
    assert chosen([done], revision()) is None


def test_without_a_candidate_nobody_is_in_charge() -> None:
    assert chosen([promotion()], None) is None


def test_before_traffic_the_newest_that_matches_leads() -> None:
    objects = [
        promotion("old"),
        promotion("new", created="2026-01-01T12:00:01Z"),
        promotion("newest-for-another", created="2026-01-01T12:00:02Z", revision="0123456789"),
    ]
    assert chosen(objects, revision()) == "new"


def test_while_traffic_moves_the_one_that_it_moves_under_stays_in_charge() -> None:
    objects = [promotion("web-1"), promotion("web-2", created="2026-01-01T12:05:00Z")]
    assert chosen(objects, revision(approved("uid-web-1"))) == "web-1"
    # Whatever its phase says, and whatever it names: the mark is the truth.
    assert chosen([phase(objects[0], "Succeeded"), objects[1]], revision(approved("uid-web-1"))) == "web-1"


def test_semantics_33_no_other_promotion_takes_over_from_one_that_is_deleted_in_flight() -> None:
    newer = promotion("web-2", created="2026-01-01T12:05:00Z")
    assert chosen([deleting(promotion("web-1")), newer], revision(approved("uid-web-1"))) is None
    assert chosen([newer], revision(approved("uid-web-1"))) is None
    # Nor one that was created again under the same name.
    assert chosen([promotion("web-1", uid="uid-created-again")], revision(approved("uid-web-1"))) is None


def test_once_it_is_verified_or_sent_back_the_next_promotion_may_lead() -> None:
    newer = promotion("web-2", created="2026-01-01T12:05:00Z")
    over = [
        replace(approved("uid-web-1"), verified_at=AT),
        replace(approved("uid-web-1"), rejected=Rejected("gate", Cause.BREACH, AT, "uid-web-1")),
    ]
    for marks in over:
        assert chosen([phase(promotion("web-1"), "RolledBack"), newer], revision(marks)) == "web-2"


def test_under_automatic_without_a_promotion_a_matching_one_may_lead() -> None:
    assert chosen([promotion("web-1")], revision(approved(""))) == "web-1"


def test_under_automatic_another_one_follows_a_promotion_that_is_gone() -> None:
    bound = approved("uid-web-1")
    assert bound.approved is not None
    moving = revision(replace(bound, approved=replace(bound.approved, by=AUTOMATIC)))
    older, newer = promotion("web-1"), promotion("web-2", created="2026-01-01T12:05:00Z")
    assert chosen([older, newer], moving) == "web-1"
    assert chosen([deleting(older), newer], moving) == "web-2"
    assert chosen([newer], moving) == "web-2"
    assert chosen([], moving) is None


def rejected(at: datetime, uid: str = "uid-web-1") -> Revision:
    return revision(Marks(rejected=Rejected("gate", Cause.BREACH, at, uid)))


def again(found: Revision, *objects: Object) -> bool:
    return asks_again(charge.read(objects), PRODUCTION, found)


def test_what_was_not_sent_back_needs_nobody_to_ask() -> None:
    assert again(revision())


def test_semantics_21_after_a_rejection_only_a_later_promotion_asks_again() -> None:
    sent_back = rejected(AT)
    assert not again(sent_back)
    assert not again(sent_back, promotion("older", created="2026-01-01T11:59:59Z"))
    assert again(sent_back, promotion("newer", created="2026-01-01T12:00:01Z"))


def test_a_promotion_of_the_same_second_asks_but_not_the_one_that_was_sent_back() -> None:
    sent_back = rejected(AT + timedelta(milliseconds=700))
    assert again(sent_back, promotion("web-2", created="2026-01-01T12:00:00Z"))
    assert not again(sent_back, promotion("web-1", created="2026-01-01T12:00:00Z"))


def test_a_later_promotion_for_something_else_does_not_ask() -> None:
    created = "2026-01-01T12:00:01Z"
    for other in (
        promotion("p", created=created, revision="0123456789"),
        promotion("p", created=created, environment="staging"),
        deleting(promotion("p", created=created)),
        phase(promotion("p", created=created), "Aborted"),
    ):
        assert not again(rejected(AT), other)
