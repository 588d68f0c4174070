"""The command that `slipway explain` ends with, for every reason for which a Promotion waits."""

import copy
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.console.test_tree import ROLLOUT

from slipway.console.explain import explain
from slipway.console.next_step import BLOCKED, HELD, next_step
from slipway.console.program import program
from slipway.core import ceiling, verdicts
from slipway.core.ceiling import Code

RETRY = "when that is mended: slipway retry web-2 -n shop"
FOLLOW = "it goes on by itself; to follow it: slipway get web -n shop -w"
APPROVE = "slipway approve web-2 -n shop"
EDIT = "kubectl edit promotions.slipway.dev web-2 -n shop"
DELETE = "kubectl delete promotions.slipway.dev web-2 -n shop"
ROLLOUT_EDIT = "correct the Rollout: kubectl edit rollouts.slipway.dev web -n shop"
TABLE = {
    ("Blocked", "Checks"): RETRY,
    ("Blocked", "NoPods"): RETRY,
    ("Blocked", "NoPlan"): RETRY,
    ("Blocked", "MigrationFailed"): RETRY,
    ("Blocked", "Invalid"): ROLLOUT_EDIT,
    ("Blocked", "ImagesNotSet"): ROLLOUT_EDIT,
    ("Blocked", "Policy"): f"complete the case by what the policies demand: {EDIT}",
    ("Blocked", "InvalidSpec"): f"correct it: {EDIT}",
    ("Blocked", "InFlight"): FOLLOW,
    ("Blocked", "OtherRevision"): f"it waits until its revision is the candidate; where it never will be: {DELETE}",
    ("Blocked", "EnvironmentMismatch"): f"the environment cannot be changed: create another one for it, and {DELETE}",
    ("Held", "Held"): "slipway resume web-2 -n shop",
    ("Held", "Window"): FOLLOW,
    ("Held", "PlanChanged"): f"undo the edit of the plan; or, where it was not of its migrations: {APPROVE}",
    ("Held", "NoPlan"): "slipway abort web-2 'its approved plan is lost' -n shop",
    ("Held", "NoData"): (
        "mend what measures; or, who may approve, with your own reason: "
        "slipway accept-no-data web-2 --weight 10 --reason WHY -n shop"
    ),
    ("AwaitingApproval", "Approval"): APPROVE,
    ("AwaitingApproval", "Asks"): APPROVE,
    ("AwaitingApproval", "Withdrawn"): APPROVE,
    ("Checking", "Checks"): "",
    ("Checking", "NoCandidate"): "",
    ("Checking", "SettingImages"): "",
    ("Approved", "Capacity"): "",
    ("Shifting", "Stage"): "",
}


def promotion(phase: str, reason: str, **spec: Any) -> dict[str, Any]:
    at = "2026-01-01T00:00:00Z"
    stalled = {"type": "Stalled", "status": "True", "reason": reason, "message": "m", "lastTransitionTime": at}
    return {
        "metadata": {"name": "web-2", "namespace": "shop", "creationTimestamp": at},
        "spec": {"rollout": "web", **spec},
        "status": {"phase": phase, "message": "m", "conditions": [stalled]},
    }


@pytest.mark.parametrize(("phase", "reason"), TABLE)
def test_each_reason_has_what_helps_against_it(phase: str, reason: str) -> None:
    wanted = TABLE[phase, reason]
    assert next_step(promotion(phase, reason), ROLLOUT) == wanted
    lines = list(explain(ROLLOUT, [promotion(phase, reason)]))
    assert lines[-1] == (f"  next: {wanted}" if wanted else f"Promotion web-2 is {phase}: m")


def test_no_reason_is_left_out() -> None:
    code = Path(verdicts.__file__).read_text()
    literal = set(re.findall(r'"Blocked",[^)]*?reason="(\w+)"', code))
    assert literal >= {"InvalidSpec", "EnvironmentMismatch", "ImagesNotSet"}
    said = {"OtherRevision", "InFlight"}
    codes = {Code.POLICY, Code.MIGRATION_FAILED, Code.CHECKS, Code.ABSENT, Code.INVALID, Code.NO_PLAN}
    assert set(BLOCKED) == literal | said | {str(one) for one in codes}
    assert set(HELD) == {str(one) for one in ceiling.HELD}
    assert {key for key in TABLE if key[0] in ("Blocked", "Held")} == {
        *(("Blocked", str(reason)) for reason in BLOCKED),
        *(("Held", str(reason)) for reason in HELD),
    }


@pytest.mark.parametrize("word", [{"hold": "lunch"}, {"rollbackPlanNeeded": True}])
@pytest.mark.parametrize("phase", ["Held", "Blocked"])
def test_what_a_person_holds_a_person_lifts(phase: str, word: dict[str, Any]) -> None:
    assert next_step(promotion(phase, "Policy", **word), ROLLOUT) == "slipway resume web-2 -n shop"


def waiting(**spec: Any) -> dict[str, Any]:
    made = copy.deepcopy(ROLLOUT)
    made["spec"] = {"environment": "production", **spec}
    made["status"]["candidate"]["weight"] = 0
    return made


def test_where_gates_decide_alone_nobody_is_asked_for_a_promotion() -> None:
    assert not any("Promotion" in line for line in explain(waiting(approval="Automatic"), []))


def test_the_first_promotion_is_a_command_that_can_be_run() -> None:
    *_, said, command = explain(waiting(), [])
    assert said == "There is no Promotion for the candidate."
    words = shlex.split(command.removeprefix("  next: "))
    assert words[0] == "echo"
    assert words[2:] == ["|", "kubectl", "create", "-f", "-"]
    assert '"name": "web-bbb", "namespace": "shop"' in words[1]
    assert '"environment": "production"' in words[1]


def tried(name: str, phase: str, revision: str = "bbb", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"rollout": "web", "environment": "production", **spec},
        "status": {
            "phase": phase,
            "message": "m",
            "target": {"rollout": "web", "uid": "u", "revision": revision, "digest": "d", "images": []},
        },
    }


@pytest.mark.parametrize(
    ("promotions", "wanted"),
    [
        ([tried("web-bbb", "Failed")], "slipway retry web-bbb -n shop"),
        ([tried("web-bbb", "Superseded")], "slipway retry web-bbb -n shop"),
        ([tried("web-bbb", "Superseded"), tried("web-bbb-2", "Failed")], "slipway retry web-bbb-2 -n shop"),
        (
            [tried("web-bbb", "Failed"), tried("web-dry", "DryRunComplete", dryRun=True)],
            "slipway retry web-bbb -n shop",
        ),
    ],
)
def test_a_candidate_that_was_tried_is_tried_again(promotions: list[Any], wanted: str) -> None:
    *_, said, command = explain(waiting(), promotions)
    last = wanted.split()[2]
    phase = next(one["status"]["phase"] for one in promotions if one["metadata"]["name"] == last)
    assert (said, command) == (f"Promotion {last} of the candidate is {phase}: m", f"  next: {wanted}")


@pytest.mark.parametrize(
    ("promotions", "name"),
    [
        ([tried("web-1", "Failed", "aaa")], "web-bbb"),
        ([tried("web-bbb", "Succeeded")], "web-bbb-2"),
        ([tried("web-bbb", "DryRunComplete", dryRun=True), tried("web-bbb-2", "Failed", dryRun=True)], "web-bbb-3"),
        ([tried("web-1", "Failed", environment="demo")], "web-bbb"),
    ],
)
def test_what_cannot_be_tried_again_is_asked_for_under_a_name_that_is_free(promotions: list[Any], name: str) -> None:
    *_, said, command = explain(waiting(), promotions)
    assert said == "There is no Promotion for the candidate."
    assert f'"name": "{name}"' in command


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("slipway", "slipway"),
        ("/home/ada/.krew/bin/kubectl-slipway", "kubectl slipway"),
        ("/usr/lib/python3/site-packages/slipway/cli.py", "slipway"),
        ("", "slipway"),
    ],
)
def test_commands_name_the_program_as_it_was_called(called: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [called, "explain", "web"])
    assert program() == name
    lines = list(explain(ROLLOUT, [promotion("AwaitingApproval", "Approval")]))
    assert lines[-1] == f"  next: {name} approve web-2 -n shop"
