"""When kstatus, and Flux with it, takes a Rollout for failed: somebody has to change something, waiting will not do."""

from __future__ import annotations

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.objects import ANALYSIS, GATE, blue_green, canary, template

V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))


def stalled(cluster: Cluster) -> tuple[str, str]:
    found = cluster.condition("Stalled")
    return found["status"], found["reason"]


@pytest.mark.parametrize("spec", [blue_green(), canary()], ids=["blue/green", "canary"])
def test_a_launch_that_goes_well_never_stalls(spec: dict[str, object]) -> None:
    cluster = serving(spec)
    seen = {stalled(cluster)}
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.run(5, lambda: bool(seen.add(stalled(cluster))))
    cluster.settle()
    seen.add(stalled(cluster))
    assert cluster.status["phase"] == "AwaitingApproval"
    cluster.approve("web-2")
    for _ in range(200):
        cluster.run(1)
        seen.add(stalled(cluster))
    assert cluster.status["phase"] == "Healthy"
    assert seen == {("False", "NotStalled")}


def test_what_was_sent_back_stalls_once_traffic_is_back_and_until_the_template_changes() -> None:
    cluster = shifting(canary())
    cluster.say("web-2", abort="slow")
    cluster.once()
    assert (cluster.status["phase"], stalled(cluster)[0]) == ("RollingBack", "False")
    cluster.run(60)
    assert (cluster.status["phase"], stalled(cluster)) == ("RolledBack", ("True", "CandidateRejected"))
    assert cluster.condition("Stalled")["message"] == cluster.status["message"]
    cluster.edit(template=template(1))
    cluster.settle()
    assert stalled(cluster) == ("False", "NotStalled")


def test_a_candidate_that_is_late_stalls() -> None:
    cluster = serving(blue_green(progressDeadline="30s"))
    cluster.broken[V2] = "NotReady"
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    assert cluster.run(100, lambda: cluster.condition("Stalled")["status"] == "True"), cluster.status
    assert stalled(cluster)[1] == "ProgressDeadlineExceeded"


def test_a_first_revision_that_failed_and_keeps_serving_stalls() -> None:
    cluster = Cluster(blue_green(analysis=ANALYSIS | {"gates": [GATE]}))
    cluster.promote("web-1")
    cluster.settle()
    cluster.approve("web-1")
    cluster.measure = lambda _: {"value": 0.5}
    assert cluster.run(120, lambda: cluster.phase("web-1") == "Failed"), cluster.status
    cluster.settle()
    assert (cluster.status["phase"], stalled(cluster)) == ("Degraded", ("True", "NothingToGoBackTo"))


def test_a_spec_that_cannot_be_done_stalls_and_its_mend_ends_that() -> None:
    cluster = serving(blue_green())
    good = cluster.get("Rollout")["spec"]["strategy"]
    cluster.edit(strategy={"blueGreen": {"verify": "soon"}})
    cluster.settle()
    assert stalled(cluster) == ("True", "InvalidSpec")
    assert cluster.condition("Stalled")["message"] == cluster.condition("Accepted")["message"]
    cluster.edit(strategy=good)
    cluster.settle()
    assert stalled(cluster) == ("False", "NotStalled")


def test_a_route_that_is_yet_to_come_is_waited_for() -> None:
    """Flux and Argo CD apply a Rollout and its route at once, in any order."""
    cluster = Cluster(canary(), routes=())
    cluster.settle()
    assert cluster.condition("Accepted")["reason"] == "RouteNotFound"
    assert stalled(cluster) == ("False", "NotStalled")


def test_pods_that_serve_and_restart_are_waited_for() -> None:
    cluster = serving(blue_green())
    cluster.broken[V1] = "NotReady"
    cluster.controllers()
    cluster.settle()
    assert (cluster.status["phase"], stalled(cluster)) == ("Degraded", ("False", "NotStalled"))
