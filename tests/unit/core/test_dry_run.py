"""`dryRun`: every check, in charge of nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.environments import message, result, status
from tests.unit.core.objects import Object, blue_green, canary, template

from slipway.core import dry_run
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.decision import DryRun, MetricProbe, Probe
from slipway.core.demanded import demanded
from slipway.core.policy.demands import Demands

V2 = revision_of(blue_green(2))


def attested(passed: bool = True) -> Object:
    return {
        "name": "tests",
        "category": "Quality",
        "attest": {"passed": passed, "summary": "185/185", "evidence": "https://ci.example/7"},
    }


def condition(cluster: Cluster, name: str, kind: str) -> Object:
    return next(c for c in status(cluster, name)["conditions"] if c["type"] == kind)


def tried(cluster: Cluster | None = None, **spec: Any) -> Cluster:
    cluster = cluster or serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("trial", dryRun=True, **spec)
    cluster.settle()
    return cluster


def test_it_ends_with_all_checks_passed_and_nothing_moved() -> None:
    cluster = tried(checks=[attested()])
    assert cluster.phase("trial") == "DryRunComplete", message(cluster, "trial")
    assert condition(cluster, "trial", "ChecksPassed")["status"] == "True"
    assert condition(cluster, "trial", "Succeeded")["status"] == "False"
    assert "nothing was moved" in message(cluster, "trial")
    names = {check["name"] for check in status(cluster, "trial")["checks"]}
    assert {"tests", "health-probe", "references-exist", "gates-answer", "rollback-rehearsed"} <= names
    assert status(cluster, "trial")["target"]["revision"] == V2
    assert status(cluster, "trial")["finishedAt"]
    assert cluster.phase() == "AwaitingPromotion"
    cluster.run(30)
    assert cluster.exposure(V2) == 0


def test_it_ends_with_what_did_not_pass() -> None:
    cluster = tried(checks=[attested(False)], images=[{"name": "web", "image": "registry.example/web:v3"}])
    assert cluster.phase("trial") == "DryRunComplete"
    assert condition(cluster, "trial", "ChecksPassed")["status"] == "False"
    assert "2 of " in message(cluster, "trial")
    assert "check images Failed" in message(cluster, "trial")
    assert "check tests Failed" in message(cluster, "trial")


def test_it_supersedes_nothing_and_is_superseded_by_nothing() -> None:
    cluster = serving(blue_green())
    cluster.broken[V2] = "NotReady"
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.promote("trial", dryRun=True)
    cluster.promote("web-3")
    cluster.settle()
    assert [cluster.phase(name) for name in ("web-2", "trial", "web-3")] == ["Superseded", "Checking", "Checking"]
    assert cluster.status["promotion"] == "web-3"
    cluster.promote("trial-2", dryRun=True)
    cluster.settle()
    assert cluster.status["promotion"] == "web-3"
    cluster.broken.clear()
    cluster.controllers()
    cluster.settle()
    phases = [cluster.phase(name) for name in ("trial", "web-3", "trial-2")]
    assert phases == ["DryRunComplete", "AwaitingApproval", "DryRunComplete"]
    cluster.approve("web-3")
    assert cluster.run(60, lambda: cluster.phase("web-3") == "Succeeded")


def test_its_questions_are_its_own() -> None:
    """What it asks again, or finds, is not the result of the Promotion in charge."""
    cluster = serving(blue_green())
    seen: list[Probe] = []
    cluster.probe = lambda probe: not seen.append(probe)  # type: ignore[func-returns-value]
    refused: list[str] = []

    def measure(probe: MetricProbe) -> dict[str, Any]:
        seen.append(probe)
        return {"value": 2.0} if probe.query == "orders" else {"value": 0.001}

    cluster.measure = measure
    asks = {"name": "orders", "category": "Operations", "prometheus": {"query": "orders", "above": 1}}
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[asks])
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval", (message(cluster, "web-2"), refused)
    before = status(cluster, "web-2")
    seen.clear()
    cluster.promote("trial", dryRun=True, rerun="7", checks=[{**asks, "prometheus": {"query": "orders", "above": 3}}])
    cluster.settle()
    assert result(cluster, "trial", "orders")["result"] == "Failed"
    assert any(isinstance(probe, DryRun) and probe.key.startswith("rehearsal/") for probe in seen)
    assert status(cluster, "web-2") == before
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")


def test_it_waits_for_a_candidate() -> None:
    cluster = serving(blue_green())
    cluster.promote("trial", dryRun=True)
    cluster.settle()
    assert cluster.phase("trial") == "Checking"
    assert "has no candidate" in message(cluster, "trial")
    cluster.edit(template=template(2))
    cluster.settle()
    assert cluster.phase("trial") == "DryRunComplete"


def test_it_waits_while_traffic_moves() -> None:
    cluster = shifting(canary())
    cluster.promote("trial", dryRun=True)
    cluster.settle()
    assert cluster.phase("trial") == "Blocked"
    assert "is shifting" in message(cluster, "trial")
    assert cluster.run(90, lambda: cluster.phase("web-2") == "Succeeded")
    assert cluster.phase("trial") == "Checking"


def test_it_waits_while_an_automatic_rollout_moves() -> None:
    cluster = Cluster(canary(1, approval="Automatic"), automatic=True)
    assert cluster.run(60, lambda: cluster.phase() == "Healthy")
    cluster.edit(template=template(2))
    assert cluster.run(30, lambda: cluster.weight == 25)
    cluster.promote("trial", dryRun=True)
    cluster.settle()
    assert cluster.phase("trial") == "Blocked"
    assert "is shifting" in message(cluster, "trial")
    assert cluster.run(90, lambda: cluster.phase() == "Healthy")
    assert cluster.phase("trial") == "Checking"


def test_another_environment_or_revision_is_said() -> None:
    cluster = tried(revision="0" * 10)
    assert cluster.phase("trial") == "Blocked"
    cluster.promote("other", dryRun=True, environment="staging")
    cluster.settle()
    assert "spec.environment: staging" in message(cluster, "other")


def test_it_does_not_wait_for_ever_for_pods() -> None:
    cluster = serving(blue_green())
    cluster.broken[V2] = "ImagePullBackOff"
    tried(cluster)
    assert cluster.phase("trial") == "Checking"
    assert "references-exist" in message(cluster, "trial")
    assert cluster.run(180, lambda: cluster.phase("trial") == "DryRunComplete")
    assert condition(cluster, "trial", "ChecksPassed")["status"] == "False"
    assert "not ready by spec.progressDeadline" in message(cluster, "trial")


def test_a_template_that_the_api_server_refuses_ends_it() -> None:
    cluster = serving(blue_green())
    cluster.probe = lambda probe: not (isinstance(probe, DryRun) and probe.key.startswith("template/"))
    tried(cluster)
    assert cluster.phase("trial") == "DryRunComplete"
    assert condition(cluster, "trial", "ChecksPassed")["status"] == "False"
    assert "spec.template: refused" in message(cluster, "trial")


def test_a_word_of_abort_ends_it_and_touches_nothing_else() -> None:
    cluster = serving(blue_green())
    cluster.promote("trial", dryRun=True, abort="never mind")
    cluster.settle()
    assert cluster.phase("trial") == "Aborted"


@pytest.mark.parametrize("word", [{"hold": "lunch"}, {"rollbackPlanNeeded": True}])
def test_its_words_hold_nobody(word: Object) -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.promote("trial", dryRun=True, **word)
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")


def test_it_does_not_ask_for_what_was_sent_back() -> None:
    cluster = shifting(canary())
    cluster.say("web-2", abort="no")
    assert cluster.run(60, lambda: cluster.phase() == "RolledBack")
    cluster.now = cluster.now.replace(minute=cluster.now.minute + 1)
    cluster.promote("trial", dryRun=True)
    cluster.run(10)
    assert cluster.phase() == "RolledBack"
    assert cluster.phase("trial") == "Checking"


def test_semantics_31_at_rest_nothing_is_written() -> None:
    cluster = tried()
    assert cluster.decide().writes == ()
    cluster.promote("waits", dryRun=True, environment="staging")
    cluster.settle()
    assert cluster.decide().writes == ()


def test_its_report_goes_by_what_is_advisory_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by what is for the Promotion in charge, or for none."""

    def lenient(case: Case, claim: Claim | None) -> Demands:
        return replace(demanded(case, claim), advisory=frozenset({"tests"}))

    monkeypatch.setattr(dry_run, "demanded", lenient)
    cluster = tried(checks=[attested(False)])
    assert condition(cluster, "trial", "ChecksPassed")["status"] == "True"
    report = json.loads(cluster.get("ConfigMap", "trial-report")["data"]["report.json"])
    assert report["answer"] == {"go": True}


DEMANDS: Object = {
    "requiredChecks": ["assessment", "scan"],
    "minReadinessScore": 8,
    "from": {"required": True},
    "minWatch": "24h",
    "approvals": {"fourEyes": True},
}


def demand(cluster: Cluster, **spec: Any) -> Cluster:
    cluster.put("PromotionPolicy", {"metadata": {"name": "org"}, "spec": {"match": {}, **spec}})
    return cluster


def answer(cluster: Cluster) -> Object:
    report = json.loads(cluster.get("ConfigMap", "trial-report")["data"]["report.json"])
    found: Object = report["answer"]
    return found


def test_it_is_judged_by_policies_as_the_launch_would_be() -> None:
    cluster = tried(demand(serving(blue_green()), **DEMANDS), checks=[attested()])
    cluster.promote("web-2", checks=[attested()])
    cluster.settle()
    assert cluster.phase("web-2") == "Blocked"
    demanded = message(cluster, "web-2")
    assert demanded.count("policy org demands") == 5
    assert cluster.phase("trial") == "DryRunComplete"
    assert demanded in message(cluster, "trial")
    assert "nothing was moved" in message(cluster, "trial")
    passed = condition(cluster, "trial", "ChecksPassed")
    assert (passed["status"], passed["reason"]) == ("False", "NotPassed")
    assert answer(cluster) == {"go": False, "blockers": [demanded]}


def test_what_did_not_pass_and_what_is_demanded_are_both_said() -> None:
    cluster = tried(demand(serving(blue_green()), requiredChecks=["scan"]), checks=[attested(False)])
    assert "check tests Failed" in message(cluster, "trial")
    assert "policy org demands the check scan" in message(cluster, "trial")
    assert len(answer(cluster)["blockers"]) == 2


def test_it_needs_to_know_its_author_where_four_eyes_are_demanded() -> None:
    cluster = tried(demand(serving(blue_green()), approvals={"fourEyes": True}))
    assert condition(cluster, "trial", "ChecksPassed")["status"] == "False"
    assert "nobody knows who created this Promotion" in message(cluster, "trial")


def test_a_policy_that_cannot_be_read_passes_none() -> None:
    cluster = tried(demand(serving(blue_green()), windows=[{"deny": "x", "cron": "nonsense", "duration": "1h"}]))
    assert condition(cluster, "trial", "ChecksPassed")["status"] == "False"
    assert "PromotionPolicy org is not valid" in message(cluster, "trial")
    assert answer(cluster)["go"] is False


def test_one_that_has_all_that_is_demanded_passes_also_while_it_is_closed() -> None:
    freeze = {"deny": "inventory", "from": "2020-01-01", "until": "2030-01-01"}
    cluster = demand(serving(blue_green()), requiredChecks=["tests"], minWatch="1h", windows=[freeze])
    tried(cluster, checks=[attested()], watch=[{"for": "1h", "interval": "1m"}])
    assert condition(cluster, "trial", "ChecksPassed")["status"] == "True", message(cluster, "trial")
    assert answer(cluster) == {"go": True}
