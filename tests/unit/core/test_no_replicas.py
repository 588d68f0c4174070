"""spec.replicas: 0. What is scaled to nothing has no pod, can be launched all the same, and holds up no way back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.objects import Object, blue_green, canary, template
from tests.unit.core.test_capacity import S, X, lineage, wanted, world

V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))
C1 = revision_of(canary(1))
WHOLE: Object = {"blueGreen": {"verify": "10s", "keepPrevious": "30s"}}


def nothing(spec: Object) -> Cluster:
    cluster = serving(spec)
    cluster.edit(replicas=0)
    cluster.run(60)
    return cluster


def launch(cluster: Cluster, **promotion: Any) -> None:
    cluster.edit(template=template(2))
    cluster.promote("web-2", **promotion)
    cluster.settle()
    cluster.approve("web-2")


@pytest.mark.parametrize("spec", [blue_green(), canary()])
def test_at_rest_stable_is_scaled_to_nothing_and_up_again(spec: Object) -> None:
    cluster = nothing(spec)
    assert cluster.size(revision_of(spec)) == 0
    assert cluster.phase() == "Healthy"
    assert "0 of 0 pods ready" in cluster.status["message"]
    cluster.edit(replicas=3)
    assert cluster.run(10, lambda: cluster.ready(revision_of(spec)) == 3)


@pytest.mark.parametrize("strategy", [WHOLE, {"blueGreen": {**WHOLE["blueGreen"], "previewReplicas": 1}}])
def test_a_revision_can_be_launched_and_has_a_pod_to_be_verified_by(strategy: Object) -> None:
    cluster = nothing(blue_green(strategy=strategy))
    launch(cluster)
    assert cluster.run(120, lambda: cluster.live == V2), cluster.status["message"]
    assert cluster.ready(V2) == 1
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status["message"]
    cluster.run(60)
    assert (cluster.size(V1), cluster.size(V2)) == (0, 0)


def test_what_has_to_go_back_waits_for_no_pod_that_nobody_wants() -> None:
    cluster = serving(blue_green())
    launch(cluster, watch=[{"for": "1h", "interval": "30s"}])
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Watching")
    cluster.run(60)
    cluster.edit(replicas=0)
    cluster.run(30)
    assert (cluster.size(V1), cluster.size(V2)) == (0, 0)
    cluster.say("web-2", abort="it must not be")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Aborted"), cluster.status["message"]
    assert cluster.live == V1


def test_a_canary_with_traffic_goes_back_too() -> None:
    cluster = shifting(canary())
    cluster.edit(replicas=0)
    cluster.run(3)
    cluster.say("web-2", abort="it must not be")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Aborted"), cluster.status["message"]
    assert cluster.live == C1


@pytest.mark.parametrize("replicas", [0, 4])
def test_only_stable_goes_to_nothing_while_requests_may_come(replicas: int) -> None:
    """What no role wants keeps its pods: it may be what users are still sent to."""
    assert wanted(world({S: 4, X: 3}, X), lineage(), replicas)[X] == 3
    assert wanted(world({S: 4}, S), lineage(), replicas)[S] == replicas
    assert wanted(world({S: 4}, S), lineage(stable=None), replicas)[S] == 4


def test_a_way_back_that_waits_for_pods_goes_on_when_none_are_wanted_any_more() -> None:
    cluster = serving(blue_green())
    launch(cluster, watch=[{"for": "1h", "interval": "30s"}])
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Watching")
    cluster.run(60)
    cluster.broken[V1] = "ImagePullBackOff"
    cluster.say("web-2", abort="it must not be")
    cluster.run(30)
    assert cluster.live == V2, "2 pods are wanted, and none of them is ready"
    cluster.now += timedelta(seconds=1)
    cluster.edit(replicas=0)
    assert cluster.run(60, lambda: cluster.live == V1)


def test_a_spec_that_does_not_parse_asks_for_no_such_thing() -> None:
    """Nobody knows how many pods are wanted then: traffic does not go where there are none."""
    cluster = serving(blue_green())
    launch(cluster, watch=[{"for": "1h", "interval": "30s"}])
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Watching")
    cluster.run(60)
    assert cluster.size(V1) == 0
    cluster.edit(analysis={"interval": "never"})
    cluster.say("web-2", abort="it must not be")
    cluster.run(60)
    assert cluster.ready(cluster.live or "") == 2
