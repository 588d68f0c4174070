"""The checks that a Promotion lists block until they pass, and are part of what is approved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.objects import Object, blue_green, template

from slipway.api.check import BUILT_IN, OF_TEMPLATE
from slipway.core.checking import Result, outcome
from slipway.core.checks import Checked
from slipway.core.decision import (
    JobProbe,
    MetricProbe,
    ObjectProbe,
    Probe,
    RulesProbe,
    SecretProbe,
    ServiceHttpProbe,
    TcpProbe,
)

V2 = revision_of(blue_green(2))
EVIDENCE = "https://ci.example/runs/7"


def attested(passed: bool = True, name: str = "tests", **stated: Any) -> Object:
    about = {"passed": passed, "summary": "185/185", "evidence": EVIDENCE} | stated
    return {"name": name, "category": "Quality", "attest": about}


def asked(**bounds: float) -> Object:
    return {"name": "orders", "category": "Operations", "prometheus": {"query": "orders", **(bounds or {"above": 1.0})}}


def proposed(*checks: Object) -> Cluster:
    """A second version with this checklist."""
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=list(checks))
    cluster.settle()
    return cluster


def answers(cluster: Cluster, **answer: Any) -> list[MetricProbe]:
    """Let the check's query have this answer; the list grows with each time that it is asked."""
    times: list[MetricProbe] = []

    def measure(probe: MetricProbe) -> dict[str, Any]:
        if probe.query != "orders":
            return {"value": 0.001}
        times.append(probe)
        return answer

    cluster.measure = measure
    return times


def result(cluster: Cluster, name: str) -> Object:
    found: list[Object] = cluster.get("Promotion", "web-2")["status"]["checks"]
    return next(check for check in found if check["name"] == name)


def message(cluster: Cluster) -> str:
    return str(cluster.get("Promotion", "web-2")["status"]["message"])


def test_what_is_stated_is_shown_with_its_evidence() -> None:
    cluster = proposed(attested())
    found = result(cluster, "tests")
    assert (found["result"], found["category"], found["evidence"]) == ("Passed", "Quality", EVIDENCE)
    assert found["message"] == "attested: 185/185"
    assert found["at"]
    assert cluster.phase("web-2") == "AwaitingApproval"


@pytest.mark.parametrize(
    ("failed", "words"),
    [
        (1, "check a0 Failed: no"),
        (2, "check a0 Failed: no; and 1 more: a1"),
        (4, "check a0 Failed: no; and 3 more: a1, a2, a3"),
        (9, "check a0 Failed: no; and 8 more: a1, a2, a3, a4, a5, …"),
    ],
)
def test_all_that_failed_is_named_in_order_and_in_few_words(failed: int, words: str) -> None:
    found = [outcome(f"a{n}", "Quality", Result.FAILED, "no") for n in range(failed)]
    assert Checked((*found, outcome("b", "Quality", Result.PENDING, "later")), ()).against == words


def test_a_fact_that_is_not_so_blocks_and_says_which() -> None:
    cluster = proposed(attested(name="review"), attested(False, summary="184/185"))
    assert cluster.phase("web-2") == "Blocked"
    assert "check tests Failed: attested: 184/185" in message(cluster)
    cluster.approve("web-2")
    cluster.run(30)
    assert cluster.exposure(cluster.status["candidate"]["revision"]) == 0


def test_a_corrected_fact_lets_it_on() -> None:
    cluster = proposed(attested(False))
    cluster.say("web-2", checks=[attested()])
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster)


def test_semantics_21_another_checklist_voids_the_approval() -> None:
    """As where admission, which freezes the list, is not installed."""
    cluster = proposed(attested())
    cluster.say("web-2", hold="lunch")
    cluster.approve("web-2")
    cluster.settle()
    cluster.say("web-2", checks=[attested(summary="186/186")], hold=None)
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster)
    assert "approved" not in cluster.get("Promotion", "web-2")["spec"]


@pytest.mark.parametrize(
    ("bounds", "value", "phase"),
    [
        ({"above": 1.0}, 2.0, "AwaitingApproval"),
        ({"above": 1.0}, 1.0, "Blocked"),
        ({"below": 1.0}, 0.5, "AwaitingApproval"),
        ({"below": 1.0}, 1.0, "Blocked"),
        ({"above": 1.0, "below": 3.0}, 3.5, "Blocked"),
    ],
)
def test_a_number_is_asked_once_and_held_against_its_bounds(bounds: dict[str, float], value: float, phase: str) -> None:
    cluster = serving(blue_green())
    times = answers(cluster, value=value)
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[asked(**bounds)])
    cluster.run(30)
    assert cluster.phase("web-2") == phase, message(cluster)
    assert len(times) == 1
    assert f"{value:g}" in result(cluster, "orders")["message"]


def test_a_number_out_of_bounds_stays_a_failure_until_a_rerun() -> None:
    cluster = serving(blue_green())
    answers(cluster, value=0.5)
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[asked()])
    cluster.run(10)
    answers(cluster, value=2.0)
    cluster.run(30)
    assert cluster.phase("web-2") == "Blocked"
    cluster.say("web-2", rerun="2")
    cluster.run(10)
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster)


def test_what_is_stated_without_evidence_is_not_verified() -> None:
    cluster = proposed(attested(evidence=None))
    found = result(cluster, "tests")
    assert found["result"] == "Unverifiable"
    assert found["message"].startswith("attested without evidence: 185/185.")
    assert "give attest.evidence" in message(cluster)
    assert cluster.phase("web-2") == "Blocked"
    assert result(proposed(attested(False, evidence=None)), "tests")["result"] == "Failed"
    cluster.say("web-2", checks=[attested()])
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"


@pytest.mark.parametrize("answer", [{"no_data": "no series"}, {"error": "no answer"}, {"value": float("nan")}], ids=str)
def test_semantics_13_no_number_is_no_pass_and_is_asked_for_again(answer: dict[str, Any]) -> None:
    cluster = serving(blue_green())
    times = answers(cluster, **answer)
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[asked()])
    cluster.run(20)
    assert result(cluster, "orders")["result"] == "Unverifiable"
    assert cluster.phase("web-2") == "Blocked"
    assert len(times) > 2
    answers(cluster, value=2.0)
    cluster.run(10)
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster)


def test_semantics_31_checks_that_have_passed_are_written_once() -> None:
    cluster = serving(blue_green())
    answers(cluster, value=2.0)
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[attested(), asked()])
    cluster.run(20)
    assert cluster.decide().writes == ()


HTTP = {"service": "ledger", "port": "http", "path": "/up", "expectStatus": 204, "expectBody": "ok", "timeout": "2s"}


@pytest.mark.parametrize(
    ("question", "probe"), [({"http": HTTP}, ServiceHttpProbe), ({"tcp": {"service": "db", "port": 5432}}, TcpProbe)]
)
@pytest.mark.parametrize("answers_well", [True, False])
def test_a_service_is_asked_once(question: Object, probe: type[Probe], answers_well: bool) -> None:
    cluster = serving(blue_green())
    asked_for: list[Probe] = []

    def answer(one: Probe) -> bool:
        if not isinstance(one, probe):
            return True
        asked_for.append(one)
        return answers_well

    cluster.probe = answer  # type: ignore[assignment]
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[{"name": "needs", "category": "Operations", **question}])
    cluster.run(30)
    assert len(asked_for) == 1
    assert result(cluster, "needs")["result"] == ("Passed" if answers_well else "Failed")
    assert cluster.phase("web-2") == ("AwaitingApproval" if answers_well else "Blocked")
    if isinstance(one := asked_for[0], ServiceHttpProbe):
        assert (one.service, one.port, one.path, one.expect_status, one.expect_body, one.timeout) == (
            "ledger",
            "http",
            "/up",
            204,
            "ok",
            timedelta(seconds=2),
        )


def test_nothing_is_asked_before_the_candidate_has_pods() -> None:
    """A query for its pods would find none, and a Service of its own nobody."""
    cluster = serving(blue_green())
    cluster.broken[V2] = "NotReady"
    times = answers(cluster, value=2.0)
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[asked()])
    cluster.run(10)
    assert (len(times), result(cluster, "orders")["message"]) == (0, "waiting for the candidate's pods")
    cluster.broken.pop(V2)
    cluster.controllers()
    cluster.run(10)
    assert len(times) == 1
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster)


@pytest.mark.parametrize("checks", [[attested(False)], [asked()]], ids=["failed", "unverifiable"])
def test_semantics_31_what_stays_blocked_is_not_written_again(checks: list[Object]) -> None:
    cluster = serving(blue_green())
    answers(cluster, no_data="no series")
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=checks)
    cluster.run(30)
    assert cluster.phase("web-2") == "Blocked"
    writes = 0
    for _ in range(20):
        cluster.now += timedelta(seconds=1)
        writes += len(cluster.decide().writes)
        cluster.once()
    assert writes == 0


def test_the_reserved_names_are_those_of_the_operators_own_checks() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote(
        "web-2",
        images=[{"name": "web", "image": "registry.example/web:v2"}],
        setImages=True,
        **{"from": {"rollout": "web-staging"}},
        readiness={"stage": "REFINE", "status": "approved", "score": 8},
        assessment={"recommendation": "Proceed"},
        rollbackPlan={"steps": ["kubectl get pods"]},
        migrations={"scripts": []},
        communication={"notify": ["support"]},
    )
    cluster.settle()
    found = {check["name"] for check in cluster.get("Promotion", "web-2")["status"]["checks"]}
    assert found == {*BUILT_IN, *OF_TEMPLATE}


def test_a_check_of_the_catalogue_waits_for_its_answer_and_says_what_it_asks() -> None:
    cluster = proposed({"name": "runbook-updated"})
    found = result(cluster, "runbook-updated")
    assert (found["result"], found["category"]) == ("Pending", "Documentation")
    assert "runbook" in message(cluster)
    assert "attest" in message(cluster)
    cluster.approve("web-2")
    cluster.run(30)
    assert cluster.exposure(V2) == 0
    cluster.say("web-2", approved=None, approvals=None, checks=[attested(name="runbook-updated")])
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster)


def test_what_does_not_apply_does_not_block() -> None:
    cluster = proposed({"name": "privacy-review", "notApplicable": {"reason": "no personal data"}})
    found = result(cluster, "privacy-review")
    assert (found["result"], found["category"]) == ("NotApplicable", "Compliance")
    assert "no personal data" in found["message"]
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster)


OBJECT = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "expression": "object.status.readyReplicas > 0"}
JOB = {"template": {"spec": {"containers": [{"name": "m", "image": "m:v1"}]}}}


@pytest.mark.parametrize(("question", "probe"), [({"object": OBJECT}, ObjectProbe), ({"job": JOB}, JobProbe)])
@pytest.mark.parametrize("passes", [True, False])
def test_an_object_and_a_job_are_asked_once(question: Object, probe: type[Probe], passes: bool) -> None:
    cluster = serving(blue_green())
    asked_for: list[str] = []

    def answer(one: Probe) -> bool:
        if isinstance(one, probe):
            asked_for.append(one.key)
        return passes or not isinstance(one, probe)

    cluster.probe = answer
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[{"name": "needs", "category": "Operations", **question}])
    cluster.run(30)
    assert len(asked_for) == 1
    assert cluster.phase("web-2") == ("AwaitingApproval" if passes else "Blocked")
    cluster.say("web-2", rerun="2")
    cluster.run(10)
    assert len(asked_for) == 2


def test_semantics_13_what_cannot_be_found_out_blocks_and_is_asked_again() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[{"name": "needs", "category": "Operations", "object": OBJECT}])
    refused: list[Probe] = []

    def nothing(probe: Probe) -> str:
        if not isinstance(probe, ObjectProbe):
            return ""
        refused.append(probe)
        return "Slipway may not read it" if len(refused) < 4 else ""

    cluster.unverified = nothing
    cluster.run(3)
    assert result(cluster, "needs")["result"] == "Unverifiable"
    assert cluster.phase("web-2") == "Blocked"
    assert "Slipway may not read it" in message(cluster)
    cluster.run(30)
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster)


def test_semantics_28_a_job_that_is_asked_for_again_is_the_same_run() -> None:
    """Another operator, or one that could not find out: the Job is found by its name."""
    cluster = serving(blue_green())
    jobs: set[str] = set()

    def nothing(probe: Probe) -> str:
        if not isinstance(probe, JobProbe):
            return ""
        jobs.add(probe.job["metadata"]["name"])
        return "the policy is missing"

    cluster.unverified = nothing
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[{"name": "needs", "category": "Operations", "job": JOB}])
    cluster.run(30)
    assert len(jobs) == 1
    cluster.say("web-2", rerun="2")
    cluster.run(30)
    assert len(jobs) == 2


BASKET: Object = {"name": "basket", "category": "Quality", "manual": {"ask": "Does the basket keep its articles?"}}


def test_semantics_21_a_person_confirms_for_the_plan_that_they_saw() -> None:
    cluster = proposed(BASKET)
    found = result(cluster, "basket")
    assert found["result"] == "Pending"
    assert "Does the basket keep its articles? Confirm it under your own name: kubectl -n shop" in message(cluster)
    plan = cluster.get("Promotion", "web-2")["status"]["planHash"]
    cluster.say("web-2", confirmed={"basket": {"by": "ada", "plan": plan}})
    cluster.settle()
    assert result(cluster, "basket")["message"] == "confirmed by ada: Does the basket keep its articles?"
    assert cluster.phase("web-2") == "AwaitingApproval"
    # Another candidate has to be looked at anew.
    cluster.edit(template=template(3))
    cluster.settle()
    assert result(cluster, "basket")["result"] == "Pending"
    cluster.approve("web-2")
    cluster.run(30)
    assert cluster.exposure(cluster.status["candidate"]["revision"]) == 0


def test_where_admission_does_not_verify_names_a_confirmation_says_so() -> None:
    cluster = proposed(BASKET)
    cluster.settings = replace(cluster.settings, identity_verified=False)
    plan = cluster.get("Promotion", "web-2")["status"]["planHash"]
    cluster.say("web-2", confirmed={"basket": {"by": "ada", "plan": plan}})
    cluster.settle()
    assert "nobody has verified who that is" in result(cluster, "basket")["message"]


def test_a_check_that_slipway_answers_by_itself_needs_no_answer_and_takes_any() -> None:
    cluster = proposed({"name": "no-secrets-in-logs"})
    found = result(cluster, "no-secrets-in-logs")
    assert (found["result"], found["category"]) == ("Passed", "Security")
    assert cluster.phase("web-2") == "AwaitingApproval"
    stated = proposed(
        {"name": "no-secrets-in-logs", "attest": {"passed": True, "summary": "looked through", "evidence": EVIDENCE}}
    )
    assert result(stated, "no-secrets-in-logs")["message"] == "attested: looked through"


def test_secrets_in_logs_block_and_what_cannot_be_read_is_asked_again() -> None:
    cluster = serving(blue_green())
    cluster.probe = lambda probe: not isinstance(probe, SecretProbe)
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[{"name": "no-secrets-in-logs"}])
    cluster.settle()
    assert cluster.phase("web-2") == "Blocked"
    cluster.probe = lambda _: True
    cluster.unverified = lambda probe: "the pods have logged nothing" if isinstance(probe, SecretProbe) else ""
    cluster.say("web-2", rerun="2")
    cluster.settle()
    assert result(cluster, "no-secrets-in-logs")["result"] == "Unverifiable"
    cluster.unverified = lambda _: ""
    assert cluster.run(120, lambda: cluster.phase("web-2") == "AwaitingApproval")


def test_alerting_rules_are_asked_for_by_the_names_of_the_rollout() -> None:
    asked: list[RulesProbe] = []
    cluster = serving(blue_green())
    cluster.probe = lambda probe: not isinstance(probe, RulesProbe) or asked.append(probe) is not None
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[{"name": "monitoring-configured"}])
    cluster.settle()
    assert cluster.phase("web-2") == "Blocked"
    assert {(p.source, p.namespace, p.rollout) for p in asked} == {("default", "shop", "web")}
    assert {p.deployments for p in asked} == {(f"web-{V2}", f"web-{revision_of(blue_green())}")}
    cluster.say("web-2", checks=[{"name": "monitoring-configured", "notApplicable": {"reason": "a demo"}}])
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"


MOVES = {"template": {"spec": {"containers": [{"name": "m", "image": "migrate:v2"}]}}}
MOVED_BY_JOBS = {"backwardCompatible": True, "jobs": {"expand": MOVES, "contract": MOVES, "rollback": MOVES}}


@pytest.mark.parametrize(
    ("migrations", "words"),
    [
        ({"scripts": ["1.sql", "2.sql"], "backwardCompatible": True, "rollback": ["1", "2"]}, "(2 scripts pending)"),
        ({"scripts": ["1.sql"], "backwardCompatible": True, "rollback": ["1"]}, "(1 script pending)"),
        (MOVED_BY_JOBS, "(Jobs expand and contract pending)"),
        (MOVED_BY_JOBS | {"scripts": ["1.sql"], "rollback": ["1"]}, "(1 script, Jobs expand and contract pending)"),
        ({"jobs": {"contract": MOVES}, "backwardCompatible": True}, "(Job contract pending)"),
        ({"backfill": "prices"}, "(spec.migrations names neither scripts nor jobs)"),
        (None, "(spec.migrations names neither scripts nor jobs)"),
    ],
)
def test_whether_migrations_were_tested_counts_what_runs(migrations: Object | None, words: str) -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    stated = {
        "name": "migrations-tested",
        "attest": {"passed": True, "summary": "on a copy", "evidence": "https://ci/1"},
    }
    cluster.promote("web-2", checks=[stated], **({"migrations": migrations} if migrations else {}))
    cluster.settle()
    checks = {check["name"]: check for check in cluster.get("Promotion", "web-2")["status"]["checks"]}
    assert checks["migrations-tested"]["message"] == f"attested: on a copy {words}"


def test_semantics_31_scripts_are_counted_once_however_often_it_is_asked() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    job = {"template": {"spec": {"containers": [{"name": "dry-run", "image": "migrate:v2"}]}}}
    cluster.unverified = lambda probe: "no Job yet" if isinstance(probe, JobProbe) else ""
    scripts = {"scripts": ["1.sql"], "backwardCompatible": True, "rollback": ["1-undo.sql"]}
    cluster.promote("web-2", checks=[{"name": "migrations-tested", "job": job}], migrations=scripts)
    cluster.run(10)
    version = cluster.get("Promotion", "web-2")["metadata"]["resourceVersion"]
    cluster.run(120)
    [found] = [c for c in cluster.get("Promotion", "web-2")["status"]["checks"] if c["name"] == "migrations-tested"]
    assert (found["result"], found["message"]) == ("Unverifiable", "no Job yet (1 script pending)")
    assert cluster.get("Promotion", "web-2")["metadata"]["resourceVersion"] == version
