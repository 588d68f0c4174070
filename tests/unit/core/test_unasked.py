"""The operator's own checks where nobody is asked: under Automatic without a Promotion."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of
from tests.unit.core.environments import automatic
from tests.unit.core.objects import ANALYSIS, GATE, Object, blue_green, canary, template
from tests.unit.core.test_gates_answer import ORDERS, says

from slipway.core.decision import DryRun, HttpProbe, Probe
from slipway.core.template_checks import TEMPLATE_CHECKS

STAGING: dict[str, Any] = {"environment": "staging", "approval": "Automatic"}
V1 = revision_of(blue_green(1, **STAGING))
V2 = revision_of(blue_green(2, **STAGING))
GATED = ANALYSIS | {"gates": [GATE]}
OWN = {"template-accepted", "health-probe", "references-exist", "gates-answer", "rollback-rehearsed", *TEMPLATE_CHECKS}


def gated(*gates: Object) -> Cluster:
    return automatic(analysis=ANALYSIS | {"gates": list(gates or (GATE,))})


def candidate(cluster: Cluster) -> Object:
    found: Object = cluster.status.get("candidate") or {}
    return found


def results(cluster: Cluster) -> dict[str, str]:
    return {check["name"]: check["result"] for check in candidate(cluster).get("checks", [])}


def message(cluster: Cluster, name: str) -> str:
    return next(check["message"] for check in candidate(cluster)["checks"] if check["name"] == name)


def serves(cluster: Cluster, revision: str) -> bool:
    return cluster.phase() == "Healthy" and cluster.live == revision


def test_all_of_them_run_before_traffic_and_the_rollout_keeps_their_results() -> None:
    cluster = gated()
    cluster.edit(template=template(2))
    assert cluster.run(60, lambda: cluster.live == V2)
    found = results(cluster)
    assert set(found) == OWN
    assert set(found.values()) == {"Passed"}, found
    assert candidate(cluster)["planHash"].startswith("sha256:")
    assert cluster.run(60, lambda: serves(cluster, V2))


def test_with_a_promotion_its_status_keeps_them() -> None:
    cluster = gated()
    cluster.promote("web-2", environment="staging", hold="later")
    cluster.edit(template=template(2))
    cluster.settle()
    assert candidate(cluster)["revision"] == V2
    assert not results(cluster)
    assert "planHash" not in candidate(cluster)


def test_a_gate_that_sees_nothing_while_users_are_there_holds_the_launch_and_is_tried_again() -> None:
    cluster = gated()
    cluster.measure = says(100, "none", 0.001)
    cluster.edit(template=template(2), analysis=ANALYSIS | {"gates": [GATE, ORDERS]})
    assert not cluster.run(60, lambda: cluster.live == V2)
    assert results(cluster)["gates-answer"] == "Unverifiable"
    assert "list gates-answer in spec.checks of a Promotion with notApplicable" in message(cluster, "gates-answer")
    assert "check gates-answer Unverifiable" in cluster.status["message"]
    cluster.measure = says(100)
    assert cluster.run(60, lambda: serves(cluster, V2))


def test_a_promotion_can_say_that_it_does_not_apply() -> None:
    cluster = gated()
    cluster.measure = says(100, "none", 0.001)
    cluster.edit(template=template(2), analysis=ANALYSIS | {"gates": [GATE, ORDERS]})
    assert not cluster.run(30, lambda: cluster.live == V2)
    cluster.measure = lambda probe: {"value": 1.0 if probe.preset is None else 0.001}
    cluster.promote(
        "web-2",
        environment="staging",
        checks=[{"name": "gates-answer", "notApplicable": {"reason": "orders come at night"}}],
    )
    assert cluster.run(60, lambda: serves(cluster, V2))


def test_a_way_back_that_is_refused_holds_the_launch_and_is_tried_again() -> None:
    cluster = gated()
    refused = True

    def answers(probe: Probe) -> bool:
        return not (refused and isinstance(probe, DryRun) and probe.key.startswith("rehearsal/"))

    cluster.probe = answers
    cluster.edit(template=template(2))
    assert not cluster.run(60, lambda: cluster.live == V2)
    assert results(cluster)["rollback-rehearsed"] == "Unverifiable"
    assert message(cluster, "rollback-rehearsed") == "rollback cannot be verified: refused"
    refused = False
    assert cluster.run(60, lambda: serves(cluster, V2))


def test_a_smoke_test_that_failed_is_tried_again_and_one_that_passed_is_not() -> None:
    """A Job of ten minutes that has passed is not run again and again beside one that fails."""
    tests = [{"name": name, "http": {"path": f"/{name}", "port": "http"}} for name in ("good", "bad")]
    cluster = automatic(smokeTests=tests)
    ran: list[str] = []
    broken = True

    def answers(probe: Probe) -> bool:
        if isinstance(probe, HttpProbe) and V2 in probe.key:
            ran.append(probe.path)
        return not (broken and isinstance(probe, HttpProbe) and probe.path == "/bad" and V2 in probe.key)

    cluster.probe = answers
    cluster.edit(template=template(2))
    assert not cluster.run(120, lambda: cluster.live == V2)
    assert ran.count("/bad") > 2
    assert ran.count("/good") == 1, ran
    broken = False
    assert cluster.run(60, lambda: serves(cluster, V2))


def test_what_serves_nobody_does_not_keep_its_own_mend_away() -> None:
    cluster = gated()
    cluster.broken[V1] = "CrashLoopBackOff"
    cluster.controllers()
    cluster.edit(template=template(2))
    cluster.measure = lambda probe: {"no_data": "none"} if probe.variables["revision"] == V1 else {"value": 0.001}
    assert cluster.run(120, lambda: cluster.live == V2), cluster.status
    assert results(cluster)["rollback-rehearsed"] == "NotApplicable"
    assert message(cluster, "rollback-rehearsed").startswith("rollback cannot be verified: Deployment ")
    assert cluster.run(60, lambda: serves(cluster, V2))


def test_the_first_revision_has_nothing_to_go_back_to() -> None:
    cluster = Cluster(blue_green(1, analysis=GATED, **STAGING), automatic=True)
    assert cluster.run(60, lambda: bool(results(cluster)))
    assert {name for name, result in results(cluster).items() if result == "NotApplicable"} == {
        "gates-answer",
        "rollback-rehearsed",
    }
    assert cluster.run(60, lambda: serves(cluster, V1))


@pytest.mark.parametrize("edit", ["template", "plan"])
def test_results_are_about_one_candidate_under_one_plan(edit: str) -> None:
    cluster = gated()
    cluster.measure = says("none", "none", "!down")
    cluster.edit(template=template(2))
    cluster.run(20)
    assert results(cluster)["gates-answer"] == "Unverifiable"
    cluster.measure = says(100)
    begin = len(cluster.measured)
    changed: Object = {"template": template(3)} if edit == "template" else {"analysis": GATED | {"interval": "3s"}}
    cluster.edit(**changed)
    asked = []
    cluster.run(60, lambda: cluster.live != V1)
    asked = [probe for _, probe, _ in cluster.measured[begin:] if probe.key.startswith("answer/")]
    assert len(asked) == 1, "what was found out under another plan says nothing"


def test_at_rest_nothing_is_asked_or_written_twice() -> None:
    cluster = gated()
    cluster.measure = says("none", "none", "!down")
    cluster.edit(template=template(2), analysis=ANALYSIS | {"gates": [GATE], "interval": "10s"})
    cluster.run(5)
    version, asked = cluster.version, len(cluster.measured)
    cluster.run(4)
    assert (cluster.version, len(cluster.measured)) == (version, asked)


def test_a_status_that_was_wiped_is_found_out_anew() -> None:
    cluster = gated()
    cluster.measure = says(100, rate="!down")
    cluster.edit(template=template(2))
    cluster.run(20)
    cluster.wipe_status()
    cluster.measure = says(100)
    assert cluster.run(60, lambda: serves(cluster, V2))


def test_a_step_that_asks_says_how_it_is_answered_where_no_promotion_is_there() -> None:
    steps = [{"weight": 25, "hold": "5s"}, {"weight": 50, "hold": "5s", "approval": "Required"}]
    strategy = canary(steps=steps)["strategy"]
    cluster = automatic(strategy=strategy, replicas=4, traffic={"httpRoutes": [{"name": "web"}]})
    cluster.edit(template=template(2))
    assert cluster.run(120, lambda: cluster.phase() == "AwaitingApproval")
    assert "create a Promotion with spec.rollout: web and spec.environment: staging" in cluster.status["message"]
    launched = candidate(cluster)["revision"]
    cluster.promote("web-2", environment="staging")
    cluster.settle()
    said = cluster.status["message"]
    assert (
        """kubectl -n shop patch promotions.slipway.dev web-2 --type merge -p '{"spec":{"approvedWeight":50}}'"""
        in said
    )
    agreed = {"weight": 50, "plan": cluster.get("Promotion", "web-2")["status"]["planHash"]}
    cluster.say("web-2", approvedWeight=50, weightApprovals={"ada": agreed})
    assert cluster.run(200, lambda: cluster.phase() == "Healthy"), cluster.status["message"]
    assert cluster.live == launched


def test_a_step_that_asks_is_answered_on_another_promotion_where_its_own_is_gone() -> None:
    steps = [{"weight": 25, "hold": "5s"}, {"weight": 50, "hold": "5s", "approval": "Required"}]
    strategy = canary(steps=steps)["strategy"]
    cluster = automatic(strategy=strategy, replicas=4, traffic={"httpRoutes": [{"name": "web"}]})
    cluster.promote("web-2", environment="staging")
    cluster.edit(template=template(2))
    assert cluster.run(120, lambda: cluster.phase() == "AwaitingApproval")
    launched = candidate(cluster)["revision"]
    cluster.remove("Promotion", "web-2")
    cluster.run(10)
    assert (cluster.phase(), cluster.weight) == ("AwaitingApproval", 25)
    assert "create a Promotion with spec.rollout: web" in cluster.status["message"]
    cluster.promote("web-3", environment="staging")
    cluster.run(10)
    assert (cluster.phase(), cluster.phase("web-3"), cluster.weight) == ("AwaitingApproval", "AwaitingApproval", 25)
    agreed = {"weight": 50, "plan": cluster.get("Promotion", "web-3")["status"]["planHash"]}
    cluster.say("web-3", approvedWeight=50, weightApprovals={"ada": agreed})
    assert cluster.run(200, lambda: cluster.phase() == "Healthy"), cluster.status["message"]
    assert cluster.live == launched
