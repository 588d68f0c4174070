"""Roles are read from the marks on ControllerRevisions alone (SEMANTICS 2): status can be lost."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.core import marks as m
from slipway.core.lineage import cleared, has_served, trace
from slipway.core.marks import Approved, Cause, Kept, Marks, Rejected
from slipway.core.record.owed import Owed
from slipway.core.revision import Revision

T = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def approval(minute: int = 0) -> Approved:
    return Approved("web-1", "uid-web-1", "sha256:" + "a" * 64, ("alice", "bob"), T + minute * MINUTE)


def served(minute: int, returned: int | None = None) -> Marks:
    return Marks(
        approved=approval(minute),
        promoted_at=T + minute * MINUTE,
        verified_at=T + (minute + 1) * MINUTE,
        returned_at=None if returned is None else T + returned * MINUTE,
    )


BACK = Rejected("gate errors", Cause.BREACH, T + 9 * MINUTE, "uid-web-1")


def revision(name: str, marks: Marks) -> Revision:
    return Revision(name, name * 64, {}, [], marks, 1, "1", f"uid-{name}", True)


def lineage(desired: str | None = None, **marks: Marks) -> dict[str, str | None]:
    found = trace(
        {name: revision(name, each) for name, each in marks.items()}, revision(desired, Marks()) if desired else None
    )
    roles = {"stable": found.stable, "previous": found.previous, "shifting": found.shifting, "desired": found.desired}
    return {role: each.name if each else None for role, each in roles.items()}


def roles(**marks: Marks) -> tuple[str | None, str | None, str | None]:
    found = lineage(None, **marks)
    return found["stable"], found["previous"], found["shifting"]


# --- Roles ------------------------------------------------------------------------------------------------------------


def test_semantics_2_nothing_marked_is_nothing_known() -> None:
    assert roles() == (None, None, None)
    assert roles(a=Marks()) == (None, None, None)


def test_the_last_that_was_fully_promoted_is_stable_and_the_one_before_it_previous() -> None:
    assert roles(a=served(0)) == ("a", None, None)
    assert roles(a=served(0), b=served(10), c=served(5)) == ("b", "c", None)


def test_the_approved_one_is_shifting_and_stable_stays_stable() -> None:
    assert roles(a=served(0), b=Marks(approved=approval(5))) == ("a", None, "b")


def test_semantics_5_promoted_but_not_verified_is_not_stable_yet() -> None:
    marks = Marks(approved=approval(5), promoted_at=T + 6 * MINUTE)
    assert roles(a=served(0), b=marks) == ("a", None, "b")


def test_a_rejected_one_has_no_role() -> None:
    for marks in (served(5), Marks(approved=approval(5)), Marks()):
        assert roles(a=served(0), b=replace(marks, rejected=BACK)) == ("a", None, None)


def test_semantics_26_after_going_back_there_is_no_previous_to_go_forward_to() -> None:
    assert roles(a=served(0, returned=20), b=served(10)) == ("a", None, None)
    assert roles(a=served(0, returned=20), b=served(10), c=served(30)) == ("c", "a", None)


def test_a_first_revision_that_is_kept_is_stable() -> None:
    kept = Marks(approved=approval(), promoted_at=T, kept=Kept("gate errors", T))
    assert has_served(revision("a", kept))
    assert roles(a=kept) == ("a", None, None)


@pytest.mark.parametrize("missing", ["approved", "promoted_at", "verified_at"])
def test_semantics_2_what_lacks_a_mark_has_not_served(missing: str) -> None:
    assert not has_served(revision("a", replace(served(0), **{missing: None})))


def test_the_newest_approval_is_the_one_in_flight() -> None:
    assert roles(a=Marks(approved=approval(1)), b=Marks(approved=approval(2)))[2] == "b"


def test_the_desired_one_is_the_stored_one_if_it_is_stored() -> None:
    stored = revision("a", served(0))
    assert trace({"a": stored}, revision("a", Marks())).desired is stored
    assert lineage("z", a=served(0))["desired"] == "z"


def test_roles_follow_the_marks_that_are_about_to_be_written() -> None:
    before = trace({"a": revision("a", served(0)), "b": revision("b", Marks(approved=approval(5)))}, None)
    after = before.with_marks("b", served(5))
    assert (after.stable, after.previous, after.shifting) == (after.get("b"), after.get("a"), None)
    assert before.stable == before.get("a")
    assert before.get(None) is None
    assert before.get("z") is None


def test_what_starts_again_keeps_the_abort_that_was_acted_on_and_the_records_that_it_owes() -> None:
    owed = (Owed("rollback", T, {"outcome": "RolledBack"}),)
    full = replace(served(0, returned=3), rejected=BACK, kept=Kept("x", T), abort_acted=True, owed=owed)
    assert cleared(full) == Marks(abort_acted=True, owed=owed, sent_back=BACK)
    assert cleared(replace(full, abort_acted=False, owed=())) == Marks(sent_back=BACK)


def test_only_what_users_had_is_remembered_as_sent_back() -> None:
    restarted = replace(BACK, cause=Cause.RESTART)
    assert cleared(Marks(rejected=BACK)) == Marks()
    assert cleared(Marks(approved=approval(1), rejected=restarted)) == Marks()
    # One that restarts by itself says nothing about why it was sent back before.
    assert cleared(Marks(approved=approval(1), rejected=restarted, sent_back=BACK)) == Marks(sent_back=BACK)


@pytest.mark.parametrize("end", [{"verified_at": T}, {"kept": Kept("x", T)}, {"rejected": BACK}])
def test_in_flight_ends_with_verified_kept_or_rejected(end: dict[str, Any]) -> None:
    assert Marks(approved=approval()).in_flight
    assert not Marks().in_flight
    assert not replace(Marks(approved=approval()), **end).in_flight


# --- Any marks --------------------------------------------------------------------------------------------------------

INSTANTS = st.integers(0, 20_000_000).map(lambda ms: T + timedelta(milliseconds=ms))
TEXT = st.text(max_size=8)
SOME = st.builds(
    Marks,
    approved=st.none()
    | st.builds(
        Approved,
        promotion=TEXT,
        promotion_uid=TEXT.filter(bool),
        plan_hash=TEXT,
        by=st.lists(TEXT, max_size=2).map(tuple),
        at=INSTANTS,
    ),
    promoted_at=st.none() | INSTANTS,
    verified_at=st.none() | INSTANTS,
    kept=st.none() | st.builds(Kept, TEXT, INSTANTS),
    rejected=st.none() | st.builds(Rejected, TEXT, st.sampled_from(Cause), INSTANTS, TEXT),
    abort_acted=st.booleans(),
    returned_at=st.none() | INSTANTS,
    owed=st.lists(
        st.builds(Owed, TEXT.filter(bool), INSTANTS, st.dictionaries(st.sampled_from(["outcome", "plan"]), TEXT)),
        max_size=2,
    ).map(tuple),
)


@given(SOME)
def test_annotations_are_read_back_as_they_were_written(marks: Marks) -> None:
    assert Marks.read(marks.annotations()) == marks


@given(SOME, SOME)
def test_changes_lead_from_one_set_of_marks_to_another(before: Marks, after: Marks) -> None:
    annotations: dict[str, str] = {"kubernetes.io/change-cause": "kept", **before.annotations()}
    for key, value in after.changes(before).items():
        if value is None:
            del annotations[key]
        else:
            annotations[key] = value
    assert Marks.read(annotations) == after
    assert annotations["kubernetes.io/change-cause"] == "kept"
    assert after.changes(after) == {}


@given(st.dictionaries(st.sampled_from("abcd"), SOME), st.sampled_from([None, "a", "z"]))
def test_semantics_2_any_marks_give_one_answer(marks: dict[str, Marks], desired: str | None) -> None:
    found = trace({name: revision(name, each) for name, each in marks.items()}, None)
    for role in (found.stable, found.previous, found.shifting):
        assert role is None or (role.name in marks and not role.marks.rejected and role.marks.approved)
    assert found.previous is None or found.previous != found.stable
    assert found.shifting is None or found.shifting not in (found.stable, found.previous)
    assert (found.stable is None) == (not any(has_served(revision(n, each)) for n, each in marks.items()))
    # The order in which the API server lists them says nothing.
    turned = {name: revision(name, marks[name]) for name in reversed(marks)}
    assert lineage(desired, **marks) == lineage(desired, **{name: each.marks for name, each in turned.items()})


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
)
KEYS = [m.APPROVED, m.PROMOTED, m.VERIFIED, m.KEPT, m.REJECTED, m.ABORT_ACTED, m.RETURNED, m.OWED]


@given(st.dictionaries(st.sampled_from(KEYS), TEXT | ANY_JSON.map(json.dumps)))
def test_semantics_30_no_annotation_stops_the_reading(annotations: dict[str, str]) -> None:
    marks = Marks.read(annotations)
    assert Marks.read(marks.annotations()) == marks


@pytest.mark.parametrize(
    "text",
    [
        "",
        "true",
        "{",
        "{}",
        '{"by":["alice"],"planHash":"sha256:a"}',
        '{"at":"2026-01-01T12:00:00Z","planHash":"sha256:a"}',
        '{"at":"2026-01-01T12:00:00Z","by":["alice"]}',
        '{"at":"2026-01-01T12:00:00","by":["alice"],"planHash":"sha256:a"}',
    ],
)
def test_semantics_21_nothing_is_approved_by_a_bad_mark(text: str) -> None:
    assert Marks.read({m.APPROVED: text}).approved is None


def test_a_rejection_of_an_unknown_cause_is_still_one() -> None:
    found = Marks.read({m.REJECTED: '{"at":"2026-01-01T12:00:00Z","cause":"Whim","reason":"x"}'}).rejected
    assert found == Rejected("x", Cause.BREACH, T)
