"""Which patch a person's word becomes, and when it makes no sense."""

from typing import Any

import pytest

from slipway.console import decisions
from slipway.console.decisions import CannotSay

PLAN = "sha256:" + "a" * 64


def promotion(phase: str = "AwaitingApproval", plan: str = PLAN, **spec: Any) -> dict[str, Any]:
    status: dict[str, Any] = {"phase": phase, "planHash": plan}
    status["target"] = {"rollout": "web", "uid": "r", "revision": "3f2a9c01de", "digest": "3f", "images": []}
    return {
        "metadata": {"name": "web-1", "namespace": "shop", "uid": "p", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"rollout": "web", "environment": "production", **spec},
        "status": status,
    }


def rollout(weight: int = 10, phase: str = "AwaitingApproval") -> dict[str, Any]:
    steps = [{"weight": 10}, {"weight": 50}]
    return {
        "spec": {"strategy": {"canary": {"steps": steps}}},
        "status": {"phase": phase, "candidate": {"weight": weight}},
    }


def test_an_approval_carries_the_name_and_the_plan_that_was_read() -> None:
    patch, what = decisions.approval(promotion(), rollout(0), "ada")
    assert patch == {"approved": True, "approvals": {"ada": PLAN}}
    assert what == "revision 3f2a9c01de"


def test_a_second_one_adds_an_own_entry() -> None:
    patch, _ = decisions.approval(promotion(approved=True, approvals={"ada": PLAN}), rollout(0), "bob")
    assert patch == {"approved": True, "approvals": {"bob": PLAN}}


def test_at_a_step_that_asks_again_the_word_is_about_its_share() -> None:
    waiting = promotion(approved=True, approvals={"ada": PLAN})
    patch, what = decisions.approval(waiting, rollout(10), "ada")
    assert patch == {"approvedWeight": 50, "weightApprovals": {"ada": {"weight": 50, "plan": PLAN}}}
    assert what == "up to 50 % of the traffic"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (promotion(dryRun=True), "dry run"),
        (promotion("Succeeded"), "has ended: Succeeded"),
        (promotion("Watching"), "has ended: Watching"),
        (promotion("Checking", plan=""), "no plan yet"),
        (promotion(approved=True, approvals={"ada": PLAN}), "approved this plan of web-1 already"),
    ],
)
def test_what_cannot_be_approved(given: dict[str, Any], why: str) -> None:
    with pytest.raises(CannotSay, match=why):
        decisions.approval(given, rollout(10, "Shifting"), "ada")


def test_only_what_holds_is_lifted() -> None:
    assert decisions.resume(promotion(hold="lunch")) == {"hold": None}
    assert decisions.resume(promotion(hold="lunch", rollbackPlanNeeded=True)) == {
        "hold": None,
        "rollbackPlanNeeded": None,
    }
    with pytest.raises(CannotSay, match="not held"):
        decisions.resume(promotion())


@pytest.mark.parametrize(
    ("phase", "whom", "patch"),
    [
        ("Checking", "Promotion", {"abort": "no"}),
        ("Shifting", "Promotion", {"abort": "no"}),
        ("Watching", "Rollout", {"abort": "3f2a9c01de"}),
        ("Succeeded", "Rollout", {"abort": "3f2a9c01de"}),
    ],
)
def test_an_abort_tells_whoever_can_act_on_it(phase: str, whom: str, patch: dict[str, Any]) -> None:
    assert decisions.abort(promotion(phase), "no") == (whom, patch)


@pytest.mark.parametrize("phase", ["RolledBack", "Aborted", "Failed", "Superseded", "DryRunComplete"])
def test_what_has_ended_is_neither_aborted_nor_run_again(phase: str) -> None:
    with pytest.raises(CannotSay, match=phase):
        decisions.abort(promotion(phase), "no")
    assert decisions.rerun(promotion(phase)) is None


def test_each_rerun_is_another_value() -> None:
    first = decisions.rerun(promotion("Blocked"))
    assert first is not None
    again = promotion("Blocked")
    again["status"]["rerun"] = first["rerun"]
    assert decisions.rerun(again) != first


@pytest.mark.parametrize(("phase", "fix"), [("RolledBack", "a longer timeout"), ("Aborted", "later"), ("Failed", "")])
def test_another_attempt_has_the_case_and_nobodys_word(phase: str, fix: str) -> None:
    ended = promotion(phase, version="2", approved=True, approvals={"ada": PLAN}, abort="no", learnings={"fix": "x"})
    made = decisions.another_attempt(ended, {"web-1", "web-1-2"}, fix)
    assert made["metadata"] == {"name": "web-1-3", "namespace": "shop"}
    case = {"rollout": "web", "environment": "production", "version": "2"}
    assert made["spec"] == case | ({"retry": {"fix": fix}} if fix else {})


def test_a_fix_that_was_learned_needs_not_be_said_again() -> None:
    made = decisions.another_attempt(promotion("RolledBack", learnings={"fix": "a longer timeout"}), set(), "")
    assert "retry" not in made["spec"]


@pytest.mark.parametrize(("phase", "why"), [("RolledBack", "--fix"), ("Aborted", "--fix"), ("Succeeded", "ended well")])
def test_what_was_sent_back_asks_for_a_fix_and_what_went_well_for_nothing(phase: str, why: str) -> None:
    with pytest.raises(CannotSay, match=why):
        decisions.another_attempt(promotion(phase), set(), "")
