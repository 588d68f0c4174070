"""A shift that began under Automatic, and needs a person's word before it is through."""

from __future__ import annotations

import json

import pytest
from tests.unit.core.cluster import Cluster, revision_of
from tests.unit.core.environments import automatic
from tests.unit.core.objects import Object, canary, template

from slipway.core import marks

STEPS = [{"weight": 25, "hold": "20s"}, {"weight": 50, "hold": "20s"}]
DENIED = {
    "apiVersion": "slipway.dev/v1alpha1",
    "kind": "PromotionPolicy",
    "metadata": {"name": "people"},
    "spec": {"match": {}, "automatic": "Deny"},
}


def at_a_quarter(promotion: str = "") -> tuple[Cluster, str]:
    """An automatic canary in its first step, and its revision."""
    strategy = canary(steps=STEPS)["strategy"]
    cluster = automatic(strategy=strategy, replicas=4, traffic={"httpRoutes": [{"name": "web"}]})
    cluster.edit(template=template(2))
    if promotion:
        cluster.promote(promotion, environment="staging")
    candidate = revision_of(cluster.get("Rollout")["spec"])
    assert cluster.run(60, lambda: cluster.exposure(candidate) == 25)
    return cluster, candidate


def holds(cluster: Cluster) -> bool:
    """For longer than the steps last."""
    cluster.run(50)
    return cluster.weight == 25 and cluster.phase() == "AwaitingApproval"


def approved(cluster: Cluster, revision: str) -> Object:
    return dict(json.loads(cluster.marks(revision)[marks.APPROVED]))


@pytest.mark.parametrize("policy", [False, True], ids=["edited", "after a policy denies"])
def test_it_holds_at_its_share_until_a_person_has_approved(policy: bool) -> None:
    cluster, candidate = at_a_quarter()
    if policy:
        cluster.put("PromotionPolicy", DENIED)
        cluster.run(60)
        assert (cluster.phase(), cluster.weight) == ("Invalid", 25)
        assert "use approval: Required" in cluster.status["message"]
    cluster.edit(approval="Required")
    assert holds(cluster), cluster.status["message"]
    said = cluster.status["message"]
    assert "began under Automatic and needs a person's approval now; create a Promotion with spec.rollout: web" in said
    assert f'or go back with spec.abort: "{candidate}" on the Rollout' in said
    cluster.promote("web-2", environment="staging")
    assert holds(cluster)
    assert cluster.phase("web-2") == "AwaitingApproval"
    assert "nobody has approved Promotion web-2; approve: kubectl -n shop patch" in cluster.status["message"]
    assert cluster.approve("web-2")
    assert cluster.run(200, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status["message"]
    assert (cluster.live, approved(cluster, candidate)["by"]) == (candidate, ["ada"])


def test_a_promotion_that_was_there_all_along_has_to_be_approved_too() -> None:
    cluster, candidate = at_a_quarter("web-2")
    cluster.edit(approval="Required")
    assert holds(cluster)
    assert "nobody has approved Promotion web-2; approve: " in cluster.status["message"]
    assert cluster.approve("web-2")
    assert cluster.run(200, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status["message"]
    assert approved(cluster, candidate)["by"] == ["ada"]


def test_where_its_promotion_is_gone_a_new_one_is_asked_for() -> None:
    cluster, candidate = at_a_quarter("web-2")
    cluster.edit(approval="Required")
    cluster.remove("Promotion", "web-2")
    assert holds(cluster)
    assert "create a Promotion with spec.rollout: web" in cluster.status["message"]
    cluster.promote("web-3", environment="staging")
    assert holds(cluster)
    assert cluster.approve("web-3")
    assert cluster.run(200, lambda: cluster.phase("web-3") == "Succeeded"), cluster.status["message"]
    assert approved(cluster, candidate)["promotion"]["name"] == "web-3"


def test_gates_protect_while_it_waits() -> None:
    cluster, candidate = at_a_quarter()
    cluster.edit(approval="Required")
    assert holds(cluster)
    cluster.measure = lambda _: {"value": 0.5}
    assert cluster.run(60, lambda: cluster.exposure(candidate) == 0)


def test_it_goes_back_by_the_command_that_is_named() -> None:
    cluster, candidate = at_a_quarter()
    cluster.edit(approval="Required")
    assert holds(cluster)
    cluster.edit(abort=candidate)
    assert cluster.run(60, lambda: cluster.exposure(candidate) == 0)


def test_it_goes_on_by_itself_where_the_edit_is_undone() -> None:
    cluster, candidate = at_a_quarter()
    cluster.edit(approval="Required")
    assert holds(cluster)
    cluster.edit(approval="Automatic")
    assert cluster.run(200, lambda: cluster.phase() == "Healthy" and cluster.live == candidate)
    assert approved(cluster, candidate)["by"] == ["automatic"]


def test_all_traffic_is_not_verified_without_a_word_either() -> None:
    cluster, candidate = at_a_quarter()
    assert cluster.run(120, lambda: cluster.exposure(candidate) == 100)
    cluster.edit(approval="Required")
    cluster.run(50)
    assert (cluster.phase(), cluster.live) == ("AwaitingApproval", candidate)
    assert marks.VERIFIED not in cluster.marks(candidate)
    cluster.promote("web-2", environment="staging")
    cluster.settle()
    assert cluster.approve("web-2")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status["message"]
