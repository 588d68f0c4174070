"""Approval is bound to a plan's hash and to a person's name (SEMANTICS 21, 25)."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.api.promotion import PromotionSpec
from slipway.core.approval import UNVERIFIED, allowed_weight, consent, identity

PLAN, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
ALICE = {"alice": PLAN}
APPROVAL = {"approved": True, "approvals": ALICE}
WEIGHTS = {"alice": {"weight": 50, "plan": PLAN}}


def promotion(**fields: Any) -> PromotionSpec:
    return PromotionSpec.model_validate({"rollout": "web", "environment": "production", **fields})


@pytest.mark.parametrize("in_flight", [True, False])
def test_what_nobody_approved_is_not_approved_and_needs_no_write(in_flight: bool) -> None:
    found = consent(promotion(), PLAN, PLAN, in_flight)
    assert (found.granted, found.void, found.reason, found.patch) == (False, False, "not approved yet", {})


def test_semantics_21_an_entry_for_this_plan_counts() -> None:
    found = consent(promotion(approved=True, approvals={"bob": PLAN, "alice": PLAN, "eve": OTHER}), PLAN, PLAN, False)
    assert (found.granted, found.by, found.void, found.patch) == (True, ("alice", "bob"), False, {})


def test_entries_without_approved_count_for_nothing() -> None:
    found = consent(promotion(approvals=ALICE), PLAN, PLAN, False)
    assert (found.granted, found.by, found.reason) == (False, (), "withdrawn")
    assert found.patch == {"approvals": None}


def test_semantics_21_what_is_approved_before_there_was_a_plan_is_void() -> None:
    for fields in ({"approved": True}, APPROVAL):
        found = consent(promotion(**fields), PLAN, "", False)
        assert (found.granted, found.void, found.reason) == (False, True, "approved before there was a plan")
        assert found.patch == dict.fromkeys(fields)


def test_an_unstamped_approval_is_bound_once_and_as_unverified() -> None:
    spec = promotion(approved=True)
    found = consent(spec, PLAN, PLAN, False)
    assert (found.granted, found.by, found.void) == (False, (), False)
    assert found.patch == {"approvals": {UNVERIFIED: PLAN}}
    bound = promotion(approved=True, approvals=found.patch["approvals"])
    then = consent(bound, PLAN, PLAN, False)
    assert (then.granted, then.by, then.patch) == (True, (UNVERIFIED,), {})
    changed = consent(bound, OTHER, OTHER, False)
    assert (changed.granted, changed.void) == (False, True)
    assert "approvals" in changed.patch
    assert changed.patch["approvals"] is None


def test_semantics_21_an_unstamped_approval_is_not_bound_to_a_plan_that_nobody_was_shown() -> None:
    found = consent(promotion(approved=True), PLAN, OTHER, False)
    assert (found.granted, found.void, found.patch) == (False, True, {"approved": None})


def test_semantics_21_an_entry_for_another_plan_is_void_before_traffic() -> None:
    found = consent(promotion(approved=True, approvals={"alice": OTHER}), PLAN, PLAN, False)
    assert (found.granted, found.by, found.void) == (False, (), True)
    assert found.patch == {"approved": None, "approvals": None}


def test_semantics_20_in_flight_a_changed_plan_waits_and_removes_nothing() -> None:
    found = consent(promotion(approved=True, approvals={"alice": OTHER}), PLAN, PLAN, True)
    assert (found.granted, found.void, found.patch) == (False, True, {})
    assert found.reason == "the plan has changed since it was approved"


@pytest.mark.parametrize("in_flight", [True, False])
def test_semantics_25_a_withdrawal_removes_only_what_is_there(in_flight: bool) -> None:
    everything = {
        "approvals": ALICE,
        "approvedWeight": 50,
        "weightApprovals": WEIGHTS,
        "acceptNoData": {"weight": 10, "reason": "little traffic"},
    }
    found = consent(promotion(approved=False, **everything), PLAN, PLAN, in_flight)
    assert (found.granted, found.reason) == (False, "withdrawn")
    assert found.patch == dict.fromkeys(["approved", *everything])
    for key, value in everything.items():
        assert consent(promotion(**{key: value}), PLAN, PLAN, in_flight).patch == {key: None}


def test_semantics_31_once_removed_nothing_is_written_again() -> None:
    spec = promotion(approved=False, approvals=ALICE)
    left = spec.model_dump(by_alias=True, exclude_none=True) | {"approvals": {}}
    left.pop("approved")
    assert consent(PromotionSpec.model_validate(left), PLAN, PLAN, False).patch == {}


def test_a_hold_or_an_abort_is_no_matter_of_consent() -> None:
    assert consent(promotion(**APPROVAL, hold="lunch", abort="no"), PLAN, PLAN, False).granted


# --- Shares that ask again --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("approved_weight", "entries", "allowed"),
    [
        (None, WEIGHTS, 0),
        (50, {}, 0),
        (50, WEIGHTS, 50),
        (80, WEIGHTS, 50),
        (20, WEIGHTS, 20),
        (50, {"alice": {"weight": 50, "plan": OTHER}}, 0),
        (80, WEIGHTS | {"bob": {"weight": 80, "plan": OTHER}}, 50),
        (80, WEIGHTS | {"bob": {"weight": 80, "plan": PLAN}}, 80),
    ],
)
def test_a_share_is_allowed_only_as_far_as_an_entry_for_this_plan_bears_it(
    approved_weight: int | None, entries: dict[str, Any], allowed: int
) -> None:
    spec = promotion(approved=True, approvedWeight=approved_weight, weightApprovals=entries)
    assert allowed_weight(spec, PLAN) == allowed


def test_an_unstamped_weight_is_bound_once_and_only_beside_an_approval_that_counts() -> None:
    bound = {"weightApprovals": {UNVERIFIED: {"weight": 50, "plan": PLAN}}}
    assert consent(promotion(**APPROVAL, approvedWeight=50), PLAN, PLAN, True).patch == bound
    assert consent(promotion(**APPROVAL, approvedWeight=50, **bound), PLAN, PLAN, True).patch == {}
    assert consent(promotion(approved=True, approvedWeight=50), PLAN, PLAN, True).patch == {
        "approvals": {UNVERIFIED: PLAN}
    }
    assert consent(promotion(approvedWeight=50), PLAN, PLAN, True).patch == {"approvedWeight": None}


@pytest.mark.parametrize(
    ("who", "verified", "words"),
    [
        ("alice", True, "verified"),
        ("alice", False, "unverified"),
        (UNVERIFIED, True, "unverified"),
        ("system:serviceaccount:ci:deployer", True, "delegated"),
        ("system:serviceaccount:ci:deployer", False, "unverified"),
    ],
)
def test_how_sure_it_is_who_approved(who: str, verified: bool, words: str) -> None:
    assert identity(who, verified) == words
