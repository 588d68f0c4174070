"""The rehearsal of the way back, and the launch that mends what serves nobody any more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.environments import result, status
from tests.unit.core.objects import ANALYSIS, GATE, Object, blue_green, canary, template

from slipway.core.decision import DryRun, MetricProbe, Probe

REASON = "shop is down since the certificate of the old version ended"
SAID = [{"name": "rollback-rehearsed", "notApplicable": {"reason": REASON}}]
KINDS = pytest.mark.parametrize("spec", [blue_green, canary])


def down(spec: Any, **promotion: Any) -> Cluster:
    """Stable has lost all of its pods, and a Promotion brings the version that mends it."""
    cluster = serving(spec(analysis=ANALYSIS | {"gates": [GATE]}))
    cluster.broken[str(cluster.live)] = "CrashLoopBackOff"
    cluster.controllers()
    cluster.edit(template=template(2))
    cluster.promote("web-2", **promotion)
    cluster.settle()
    return cluster


def _healthy(probe: MetricProbe) -> float:
    return 100.0 if probe.preset == "requests" else 0.001


def rehearsed(cluster: Cluster) -> Object:
    return result(cluster, "web-2", "rollback-rehearsed")


def test_without_a_pod_to_go_back_to_it_blocks_and_names_the_way_out() -> None:
    cluster = down(blue_green)
    assert rehearsed(cluster)["result"] == "Unverifiable"
    assert "has no available pod" in rehearsed(cluster)["message"]
    assert "list rollback-rehearsed in spec.checks with notApplicable" in rehearsed(cluster)["message"]
    assert cluster.phase("web-2") == "Blocked"
    cluster.broken.clear()
    cluster.controllers()
    cluster.settle()
    assert rehearsed(cluster)["result"] == "Passed"
    assert cluster.phase("web-2") == "AwaitingApproval"


@KINDS
def test_a_person_can_say_that_there_is_nothing_to_go_back_to(spec: Any) -> None:
    cluster = down(spec, checks=SAID)
    assert rehearsed(cluster)["result"] == "NotApplicable"
    assert REASON in rehearsed(cluster)["message"]
    assert "cannot be verified" in rehearsed(cluster)["message"]
    assert cluster.phase("web-2") == "AwaitingApproval", status(cluster, "web-2")
    before = cluster.live
    cluster.run(30)
    assert cluster.live == before, "it takes its approval as any other"
    # Whom the gateway sends to stable gets no answer: all that are counted are the candidate's.
    cluster.measure = lambda probe: {"value": 0.0 if probe.variables["revision"] == before else _healthy(probe)}
    cluster.approve("web-2")
    assert cluster.run(300, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status
    assert cluster.live == revision_of(spec(2, analysis=ANALYSIS | {"gates": [GATE]}))


def test_the_reason_lifts_nothing_while_there_is_somebody_to_go_back_to() -> None:
    cluster = serving(blue_green())

    def answers(probe: Probe) -> bool:
        return not (isinstance(probe, DryRun) and probe.key.startswith("rehearsal/"))

    cluster.probe = answers
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=SAID)
    cluster.settle()
    assert rehearsed(cluster)["result"] == "Unverifiable"
    assert rehearsed(cluster)["message"] == "rollback cannot be verified: refused"
    cluster.probe = lambda _: True
    cluster.say("web-2", rerun="2")
    cluster.settle()
    assert rehearsed(cluster)["result"] == "Passed"


@KINDS
def test_one_that_fails_too_stays_where_it_is_until_stable_has_pods(spec: Any) -> None:
    cluster = down(spec, checks=SAID)
    broken = cluster.live
    cluster.approve("web-2")
    cluster.run(3)
    cluster.measure = lambda _: {"value": 0.5}
    cluster.run(60)
    cluster.broken.clear()
    cluster.controllers()
    assert cluster.run(120, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    assert cluster.live == broken


@pytest.mark.parametrize("dies", [False, True], ids=["breaks its gates", "crashes"])
@pytest.mark.parametrize(
    ("spec", "then"),
    [(blue_green, blue_green), (canary, canary), (canary, blue_green)],
    ids=["blue/green", "canary", "canary, then blue/green"],
)
def test_one_that_fails_too_does_not_keep_the_next_mend_away(spec: Any, then: Any, dies: bool) -> None:
    cluster = down(spec, checks=SAID)
    stable, worse = cluster.live, revision_of(spec(2))
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.exposure(worse) > 0), cluster.status
    cluster.measure = lambda _: {"value": 0.5}
    if dies:
        cluster.broken[worse] = "CrashLoopBackOff"
        cluster.controllers()
    cluster.run(90)
    assert "slipway.dev/rejected" in cluster.marks(worse), cluster.status
    cluster.measure = lambda probe: {"value": 0.0 if probe.variables["revision"] == stable else _healthy(probe)}
    cluster.edit(template=template(3), strategy=then()["strategy"])
    cluster.promote("web-3", checks=SAID)
    cluster.settle()
    assert cluster.phase("web-3") == "AwaitingApproval", status(cluster, "web-3")
    cluster.approve("web-3")
    assert cluster.run(600, lambda: cluster.phase("web-3") == "Succeeded"), cluster.status["message"]
    assert cluster.exposure(revision_of(spec(3))) == 100


def test_what_was_rehearsed_stays_so_while_pods_come_and_go() -> None:
    cluster = serving(blue_green())
    stable = str(cluster.live)
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    assert rehearsed(cluster)["result"] == "Passed"
    cluster.broken[stable] = "NotReady"
    cluster.controllers()
    cluster.settle()
    assert rehearsed(cluster)["result"] == "Passed"
    assert cluster.phase("web-2") == "AwaitingApproval"


def test_pods_that_are_ready_and_not_yet_available_are_somebody() -> None:
    """minReadySeconds: users are served by them, and nothing is said to be down."""
    cluster = serving(blue_green())
    live = cluster.get("Deployment", f"web-{cluster.live}")
    cluster.put("Deployment", {**live, "status": {**live["status"], "availableReplicas": 0}})
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=SAID)
    cluster.once()
    assert rehearsed(cluster)["result"] == "Unverifiable"
    assert "notApplicable" not in rehearsed(cluster)["message"]


def test_who_vouches_for_a_way_back_that_is_not_there() -> None:
    first = Cluster(blue_green())
    first.promote("web-1", checks=SAID)
    first.settle()
    assert vouched(first, "web-1") == "Slipway", "there was nothing to say"
    assert vouched(down(blue_green, checks=SAID), "web-2") == "the author"
    assert vouched(down(blue_green), "web-2") == "Slipway"


def vouched(cluster: Cluster, promotion: str) -> str:
    report = json.loads(cluster.get("ConfigMap", f"{promotion}-report")["data"]["report.json"])
    return str(next(check["vouchedBy"] for check in report["checks"] if check["name"] == "rollback-rehearsed"))
