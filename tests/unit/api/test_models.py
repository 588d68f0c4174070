"""The models take what is good and say where the bad is."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from tests.unit.api import objects
from tests.unit.api.objects import ACCEPTED, REFUSED, Refused

from slipway.api import promotion, rollout
from slipway.api.model import dump
from slipway.api.problems import FieldProblem, problems
from slipway.api.promotion import PromotionSpec, read_promotion
from slipway.api.rollout import BlueGreen, CanaryStep, Gate, RolloutSpec, read_rollout


def read(made: dict[str, Any]) -> rollout.Rollout | promotion.Promotion:
    return read_rollout(made) if made["kind"] == "Rollout" else read_promotion(made)


def faults(made: dict[str, Any]) -> list[FieldProblem]:
    with pytest.raises(ValidationError) as caught:
        read(made)
    return problems(caught.value)


@pytest.mark.parametrize("made", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_good_objects_are_read(made: dict[str, Any]) -> None:
    assert read(made).metadata["name"] == made["metadata"]["name"]


@pytest.mark.parametrize("made", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_spec_reads_as_what_it_was_written_from(made: dict[str, Any]) -> None:
    spec = read(made).spec
    assert type(spec).model_validate(dump(spec)) == spec


@pytest.mark.parametrize("case", REFUSED, ids=[case.what for case in REFUSED])
def test_bad_objects_are_refused_with_the_path(case: Refused) -> None:
    found = faults(case.made)
    assert case.path in [problem.path for problem in found], found
    assert all(problem.wrong and problem.right for problem in found)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (objects.rollout(replica=3), "spec.replica: unknown field (did you mean replicas?)"),
        (
            objects.canary({"weight": 50}, {"weight": 10}),
            "spec.strategy.canary.steps[1].weight: 10 follows 50 (weights rise from step to step)",
        ),
        (
            objects.canary({"weight": 10, "hold": "5 minutes"}),
            "spec.strategy.canary.steps[0].hold: '5 minutes' is no duration (such as 30s, 5m or 1h30m)",
        ),
        (
            objects.gates({"name": "x", "query": "up{pod='$(pod)'}", "below": 1}),
            "spec.analysis.gates[0].query: '$(pod)' is not replaced by anything (one of $(namespace),"
            " $(rollout), $(environment), $(revision), $(deployment), $(service), $(window))",
        ),
        (
            objects.rollout(approval="Maybe"),
            "spec.approval: 'Maybe' is not known ('Required' or 'Automatic')",
        ),
        (objects.rollout(replicas="three"), "spec.replicas: 'three' has the wrong type (a whole number)"),
        (objects.promotion(approvedWeight=101), "spec.approvedWeight: 101 is too large (at most 100)"),
        (
            objects.promotion(foo=1),
            "spec.foo: unknown field (one of rollout, environment, revision, images, version, commit,"
            " idea, readiness, assessment, checks, rollbackPlan, migrations, operations, communication, approved,"
            " approvals, approvedWeight, weightApprovals, acceptNoData, hold, rollbackPlanNeeded, abort, rerun,"
            " confirmed)",
        ),
    ],
)
def test_problems_say_what_would_be_right(made: dict[str, Any], said: str) -> None:
    assert [str(problem) for problem in faults(made)] == [said]


def test_all_problems_are_named_at_once() -> None:
    made = objects.rollout(replicas=-1, approval="Maybe", environment="PROD")
    assert [problem.path for problem in faults(made)] == [
        "spec.environment",
        "spec.replicas",
        "spec.approval",
    ]


def test_a_missing_spec_is_a_problem_not_a_crash() -> None:
    made = objects.rollout()
    del made["spec"]
    assert [problem.path for problem in faults(made)] == ["spec.environment", "spec.template", "spec.service"]


def test_defaults_of_a_rollout() -> None:
    spec = RolloutSpec.model_validate(objects.rollout()["spec"])
    assert (spec.replicas, spec.min_ready_seconds, spec.revision_history_limit) == (1, 0, 3)
    assert spec.progress_deadline == timedelta(minutes=10)
    assert spec.approval == "Required"
    assert spec.strategy.blue_green == BlueGreen(
        preview_replicas=None, verify=timedelta(minutes=5), keep_previous=timedelta(minutes=30)
    )
    assert spec.strategy.canary is None
    assert spec.analysis.source == "default"
    assert spec.analysis.on_no_data == "Hold"
    assert (spec.analysis.interval, spec.analysis.no_data_timeout) == (
        timedelta(seconds=30),
        timedelta(minutes=10),
    )
    assert spec.analysis.gates == [
        Gate(name="error-rate", preset="error-rate", below=0.01),
        Gate(name="latency-p95", preset="latency-p95", below=0.5),
    ]
    gate = spec.analysis.gates[0]
    assert (gate.window, gate.failure_threshold, gate.success_threshold) == (timedelta(minutes=1), 2, 1)
    assert gate.min_requests == 1
    assert spec.smoke_tests == []


def test_an_empty_list_of_gates_means_none() -> None:
    assert RolloutSpec.model_validate(objects.gates()["spec"]).analysis.gates == []


def test_defaults_of_a_canary_and_of_smoke_tests() -> None:
    made = objects.canary({"weight": 10}, smokeTests=[{"name": "home", "http": {"port": 80}}])
    spec = RolloutSpec.model_validate(made["spec"])
    assert spec.strategy.canary is not None
    assert spec.strategy.canary.preview_replicas == 1
    assert spec.strategy.canary.steps == [CanaryStep(weight=10, hold=timedelta(minutes=5))]
    http = spec.smoke_tests[0].http
    assert http is not None
    assert (http.path, http.expect_status, http.expect_body, http.timeout) == (
        "/",
        200,
        None,
        timedelta(seconds=5),
    )


def test_nobody_approves_by_default() -> None:
    spec = PromotionSpec(rollout="web", environment="production")
    assert dump(spec).keys().isdisjoint({"approved", "approvedWeight", "acceptNoData"})


def test_what_is_hashed_has_no_defaults() -> None:
    made = objects.rollout()
    assert dump(read(made).spec)["service"] == made["spec"]["service"]
    assert dump(read(made).spec)["template"] == made["spec"]["template"]


def test_models_are_frozen() -> None:
    spec = PromotionSpec(rollout="web", environment="production")
    with pytest.raises(ValidationError, match="frozen"):
        spec.approved = True  # type: ignore[misc]
