"""What a Promotion says of itself is checked: score, assessment, rollback plan, stakeholders."""

from typing import Any

import pytest

from slipway.api.check_status import CheckStatus
from slipway.api.promotion import PromotionSpec
from slipway.core.notice_routes import NoticeRoute, NoticeRoutes
from slipway.core.stated import is_command, is_measurable, stated_checks
from slipway.notifying.cdevents import CDEvents, routed

READY = {"stage": "REFINE", "status": "approved", "score": 8}
PLAN = {"steps": ["`kubectl get pods`"], "verification": ["errors below 1 %"]}
NO_CHANNELS = NoticeRoutes()


def checks(channels: NoticeRoutes = NO_CHANNELS, /, **case: Any) -> dict[str, CheckStatus]:
    spec = PromotionSpec.model_validate({"rollout": "web", "environment": "production", **case})
    return {check.name: check for check in stated_checks(spec, channels)}


def test_nothing_stated_is_nothing_checked() -> None:
    assert checks() == {}


def test_readiness_score_must_be_seven_or_overridden() -> None:
    assert checks(readiness=READY)["readiness-score"].result == "Passed"
    assert checks(readiness=READY | {"score": 7})["readiness-score"].result == "Passed"
    low = checks(readiness=READY | {"score": 6.9})["readiness-score"]
    assert (low.result, low.category) == ("Failed", "Quality")
    assert low.message.startswith("readiness.score is 6.9, at least 7 is asked for")
    assert checks(readiness=READY | {"score": 6.9, "override": ""})["readiness-score"].result == "Failed"
    over = checks(readiness=READY | {"score": 6.9, "override": "only text is missing"})["readiness-score"]
    assert over.result == "Passed"
    assert "overridden: only text is missing" in over.message


def test_a_policy_can_ask_for_a_higher_score() -> None:
    spec = PromotionSpec.model_validate({"rollout": "web", "environment": "production", "readiness": READY})
    found = {check.name: check for check in stated_checks(spec, NO_CHANNELS, 9)}
    assert found["readiness-score"].result == "Failed"


@pytest.mark.parametrize(("status", "result"), [("approved", "Passed"), ("Approved", "Passed"), ("draft", "Failed")])
def test_the_stage_must_be_approved(status: str, result: str) -> None:
    found = checks(readiness=READY | {"status": status})["idea-approved"]
    assert found.result == result
    assert "REFINE" in found.message


@pytest.mark.parametrize("stage", ["IDEA", "Spark", "PROTOTYPE", "concept"])
def test_a_stage_before_refine_is_too_early(stage: str) -> None:
    found = checks(readiness=READY | {"stage": stage})["idea-approved"]
    assert found.result == "Failed"
    assert found.message.startswith(f"readiness.stage: {stage} is too early. A launch is the stage SCALE")


@pytest.mark.parametrize("stage", ["REFINE", "SCALE", "scale", "Pilot"])
def test_later_stages_and_those_of_an_organisation_are_not(stage: str) -> None:
    assert checks(readiness=READY | {"stage": stage})["idea-approved"].result == "Passed"


def test_every_critical_issue_must_be_resolved() -> None:
    assert checks(readiness=READY)["critical-issues"].message == "none is known"
    issues = [{"id": "BUG-1", "resolved": True}, {"id": "BUG-2", "resolved": False}, {"id": "BUG-3"}]
    found = checks(readiness=READY | {"criticalIssues": issues})["critical-issues"]
    assert (found.result, found.message) == ("Failed", "readiness.criticalIssues: BUG-2, BUG-3 not resolved")
    assert checks(readiness=READY | {"criticalIssues": issues[:1]})["critical-issues"].result == "Passed"


@pytest.mark.parametrize(
    ("stated", "result"),
    [
        ({"recommendation": "Proceed"}, "Passed"),
        ({"recommendation": "Proceed", "risk": "Medium", "dataClassification": "INTERNAL"}, "Passed"),
        ({"recommendation": "Proceed with Caution"}, "Failed"),
        ({"recommendation": "Proceed with Caution", "reason": "new to us"}, "Passed"),
        ({"recommendation": "Do Not Proceed", "reason": "fails under load"}, "Failed"),
        ({"recommendation": "Proceed", "risk": "High"}, "Failed"),
        ({"recommendation": "Proceed", "risk": "High", "mitigations": ["canary"]}, "Passed"),
        ({"risk": "Low"}, "Pending"),
    ],
)
def test_the_assessment_must_advise_it(stated: dict[str, Any], result: str) -> None:
    found = checks(assessment=stated)["assessment"]
    assert found.result == result
    assert found.message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": []}, "rollbackPlan.steps: none"),
        ({"steps": ["Restore the old version"]}, "rollbackPlan.steps[0]: 'Restore the old version' names no command"),
        (
            {"verification": []},
            "rollbackPlan.verification: none; write at least one command, or a number to compare with",
        ),
        ({"verification": ["all is well"]}, "rollbackPlan.verification[0]: 'all is well' has neither"),
    ],
)
def test_a_rollback_plan_is_commands_and_numbers(change: dict[str, Any], words: str) -> None:
    assert checks(rollbackPlan=PLAN)["rollback-plan-concrete"].result == "Passed"
    assert checks(rollbackPlan=PLAN | {"triggers": ["users are unhappy"]})["rollback-plan-concrete"].result == "Passed"
    found = checks(rollbackPlan=PLAN | change)["rollback-plan-concrete"]
    assert found.result == "Failed"
    assert words in found.message


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("kubectl -n shop get pods", True),
        ("$ ./restore.sh last", True),
        ("/opt/tools/restore last", True),
        ("Run `psql -f down.sql` on the primary", True),
        ("roll back the database", False),
        ("Kubernetes is told", False),
        ("``", False),
        ("", False),
    ],
)
def test_what_a_command_is(line: str, command: bool) -> None:
    assert is_command(line) is command


def test_what_is_measurable() -> None:
    assert is_measurable("p95 below 0.5 s")
    assert is_measurable("`curl -f https://shop.example/healthz`")
    assert not is_measurable("users are happy")


def test_somebody_has_to_be_told() -> None:
    assert checks(communication={"changelog": "faster"})["stakeholders-configured"].result == "Failed"
    words = "communication.notify: nobody; name the stakeholders and those on call"
    assert checks(communication={"changelog": "faster"})["stakeholders-configured"].message == words


CHANNELS = NoticeRoutes(
    routes=(
        NoticeRoute(environments=frozenset({"production"}), channels=("on-call",)),
        NoticeRoute(environments=frozenset({"staging"}), channels=("testers",)),
    ),
    known=frozenset({"on-call", "status", "support", "testers", "ceo"}),
    open=frozenset({"status", "support"}),
)


@pytest.mark.parametrize(
    ("notify", "result", "message"),
    [
        (["support"], "Passed", "to be told: support"),
        (["on-call", "status"], "Passed", "to be told: on-call, status"),
        (["support", "ceo"], "Passed", "to be told: support; not by Slipway, as no open channel has the name: ceo"),
        (
            ["ceo", "testers"],
            "Failed",
            "communication.notify: ceo, testers names no channel that is open to Promotions in environment production, "
            "so nobody of them would be told; those that are: status, support",
        ),
    ],
)
def test_who_is_to_be_told_can_be_told(notify: list[str], result: str, message: str) -> None:
    found = checks(CHANNELS, communication={"notify": notify})["stakeholders-configured"]
    assert (found.result, found.message) == (result, message)


def test_names_are_no_channels_where_nothing_is_open() -> None:
    found = checks(NoticeRoutes(known=frozenset({"on-call"})), communication={"notify": ["support"]})
    assert found["stakeholders-configured"].result == "Failed"
    assert found["stakeholders-configured"].message.endswith(
        "those that are: none; an administrator marks one open in notifications.channels"
    )


@pytest.mark.parametrize("channels", [NO_CHANNELS, routed(NO_CHANNELS, CDEvents(urlFile="/etc/cdevents"))])
def test_without_notifications_it_is_said_that_slipway_tells_nobody(channels: NoticeRoutes) -> None:
    found = checks(channels, communication={"notify": ["support", "on call"]})["stakeholders-configured"]
    words = "named: support, on call; this operator has no notifications set up, so Slipway tells nobody: tell them"
    assert (found.result, found.message) == ("Passed", words)
