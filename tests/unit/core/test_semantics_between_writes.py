"""SEMANTICS where a pass or the operator has ended between two writes, and people or pods are others by then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.objects import ANALYSIS, NAME, Object, backend, blue_green, canary, route, template

from slipway.core import marks
from slipway.core.decision import CommitPromotionStatus, MarkRevision

V1, V2, V3 = (revision_of(blue_green(version)) for version in (1, 2, 3))


def waiting(spec: Object) -> Cluster:
    """A candidate whose Promotion waits for approval."""
    cluster = serving(spec)
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"
    return cluster


def dies_after(cluster: Cluster, last: Callable[[Any], bool]) -> Cluster:
    """The operator, right after the first write that is `last`."""

    def written() -> bool:
        found = [number for number, write in enumerate(cluster.decide().writes) if last(write)]
        if found:
            cluster.once(writes=found[0] + 1)
        return bool(found)

    for _ in range(400):
        if written():
            return cluster
        cluster.once()
        cluster.controllers()
        cluster.now += timedelta(seconds=1)
    raise AssertionError("it was never written")


def marked(key: str) -> Callable[[Any], bool]:
    return lambda write: isinstance(write, MarkRevision) and key in write.annotations


def stay_unready(cluster: Cluster, revision: str, *numbers: int, **reason: str) -> None:
    """These pods of a revision, from now on; `reason` is the scheduler's."""
    made = cluster._pod

    def some(deployment: Object, index: int) -> Object:
        pod: Object = made(deployment, index)
        if index in numbers and deployment["metadata"]["name"] == f"{NAME}-{revision}":
            conditions = [{"type": "Ready", "status": "False"}]
            if reason:
                conditions.append({"type": "PodScheduled", "status": "False", **reason})
            pod["status"] = {**pod["status"], "conditions": conditions}
        return pod

    cluster._pod = some  # type: ignore[method-assign]
    cluster.controllers()


# --- 25: nobody has got it yet


@pytest.mark.parametrize(
    ("words", "phase", "why"),
    [
        ({"approved": False}, "AwaitingApproval", "was withdrawn"),
        ({"approved": None, "approvals": None}, "AwaitingApproval", "was withdrawn"),
        ({"hold": "stop"}, "Held", "held on Promotion web-2: stop"),
    ],
    ids=["withdrawn", "taken out", "held"],
)
@pytest.mark.parametrize("spec", [canary(), blue_green()], ids=["canary", "blue/green"])
def test_semantics_25_a_word_before_the_first_request_comes_before_a_share_that_is_committed(
    spec: Object, words: Object, phase: str, why: str
) -> None:
    cluster = waiting(spec)
    cluster.approve("web-2")
    dies_after(cluster, marked(marks.APPROVED))
    assert cluster.exposure(V2) == 0
    cluster.say("web-2", **words)
    assert not cluster.run(120, lambda: cluster.exposure(V2) > 0)
    assert cluster.phase("web-2") == phase
    assert why in cluster.status["message"]
    if "hold" in words:
        cluster.say("web-2", hold=None)
    else:
        cluster.approve("web-2")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status["message"]


def test_semantics_04_a_hold_on_what_comes_next_keeps_nobody_on_what_was_sent_back() -> None:
    cluster = shifting(blue_green(), 100)
    cluster.broken[V1] = "NotReady"
    cluster.controllers()
    cluster.say("web-2", abort="it breaks orders")
    cluster.run(10)
    assert cluster.live == V2, "stable has nobody to go back to"
    cluster.edit(template=template(3))
    without = [{"name": "rollback-rehearsed", "notApplicable": {"reason": "stable has no pod"}}]
    cluster.promote("web-3", checks=without)
    cluster.run(10)
    assert cluster.phase("web-3") == "AwaitingApproval", cluster.get("Promotion", "web-3")["status"]
    cluster.approve("web-3")
    dies_after(cluster, lambda write: isinstance(write, MarkRevision) and write.name.endswith(V3))
    assert cluster.exposure(V3) == 0
    cluster.say("web-3", hold="lunch")
    assert not cluster.run(60, lambda: cluster.live != V2), "still nobody there"
    cluster.broken.pop(V1)
    cluster.controllers()
    assert cluster.run(60, lambda: cluster.live == V1), cluster.status["message"]
    assert not cluster.run(60, lambda: cluster.live != V1)
    assert cluster.phase("web-2") == "Aborted"
    cluster.say("web-3", hold=None)
    assert cluster.run(120, lambda: cluster.phase("web-3") == "Succeeded"), cluster.status["message"]


# --- 21: an approval without a name


@pytest.mark.parametrize(
    "edited", [{"analysis": ANALYSIS | {"gates": []}}, {"template": template(3)}], ids=["gates", "template"]
)
def test_semantics_21_an_approval_of_another_plan_is_never_bound_to_the_new_one(edited: Object) -> None:
    cluster = waiting(blue_green())
    cluster.say("web-2", approved=True)
    cluster.edit(**edited)
    dies_after(cluster, lambda write: isinstance(write, CommitPromotionStatus))
    assert cluster.get("Promotion", "web-2")["spec"]["approved"] is True, "it died before that was taken away"
    assert not cluster.run(60, lambda: cluster.live != V1)
    spec = cluster.get("Promotion", "web-2")["spec"]
    assert ("approved" in spec, spec.get("approvals")) == (False, None)
    assert cluster.phase("web-2") == "AwaitingApproval"
    cluster.approve("web-2")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")


# --- 33: deleted below 100 %


@pytest.mark.parametrize(("spec", "share"), [(canary(), 50), (blue_green(), 0)], ids=["canary", "blue/green"])
def test_semantics_33_a_promotion_deleted_below_all_traffic_aborts(spec: Object, share: int) -> None:
    if share:
        cluster = shifting(spec, share)
    else:
        cluster = waiting(spec)
        cluster.approve("web-2")
    dies_after(cluster, marked(marks.PROMOTED))
    assert cluster.exposure(V2) == share
    cluster.remove("Promotion", "web-2")
    assert cluster.run(60, lambda: cluster.phase() == "RolledBack"), cluster.status["message"]
    assert (cluster.live, cluster.exposure(V2)) == (V1, 0)


# --- 6: pods that have gone meanwhile


def test_semantics_06_no_weight_is_raised_above_the_pods_that_are_there() -> None:
    cluster = dies_after(shifting(canary(), 50), marked(marks.PROMOTED))
    stay_unready(cluster, V2, 1, 2, 3)
    assert cluster.ready(V2) == 1
    assert not cluster.run(20, lambda: cluster.exposure(V2) > 50)
    assert f"revision {V2} has 1 of 4 ready pods for 100 %" in cluster.status["message"]


# --- 3 and 4: going back where a pod of stable is missing


@pytest.mark.parametrize(
    ("spec", "share", "missing"),
    [
        (blue_green(replicas=4), 100, (0,)),
        (canary(steps=[{"weight": 75, "hold": "60s"}]), 75, (0, 1)),
    ],
    ids=["blue/green", "canary"],
)
def test_semantics_04_a_pod_that_stable_lacks_does_not_keep_users_with_what_is_broken(
    spec: Object, share: int, missing: tuple[int, ...]
) -> None:
    cluster = shifting(spec, share)
    stay_unready(cluster, V1, *missing)
    cluster.measure = lambda _: {"value": 1.0}
    assert cluster.run(60, lambda: cluster.phase() == "RollingBack")
    assert not cluster.run(20, lambda: cluster.exposure(V2) < share), "its pods get time to come"
    assert cluster.run(60, lambda: cluster.exposure(V2) == 0), cluster.status["message"]


def test_semantics_04_with_less_than_half_of_its_pods_stable_is_waited_for() -> None:
    cluster = shifting(blue_green(replicas=4), 100)
    stay_unready(cluster, V1, 0, 1, 2)
    cluster.measure = lambda _: {"value": 1.0}
    assert not cluster.run(180, lambda: cluster.exposure(V2) < 100)
    assert f"revision {V1} has 1 of 4 ready pods" in cluster.status["message"]


# --- 2: what was stable has lost its marks


@pytest.mark.parametrize("lost", ["ControllerRevision", "marks"])
def test_semantics_02_a_stable_revision_whose_marks_are_lost_goes_on_serving(lost: str) -> None:
    cluster = shifting(blue_green(), 100)
    assert cluster.run(120, lambda: cluster.phase() == "Healthy")
    name = f"{NAME}-{V2}"
    found = cluster.get("ControllerRevision", name)
    if lost == "marks":
        cluster.put("ControllerRevision", {**found, "metadata": {**found["metadata"], "annotations": {}}})
    else:
        cluster.remove("ControllerRevision", name)
    assert not cluster.run(120, lambda: cluster.live != V2)
    assert cluster.phase() == "Held"
    assert "which was stable, but no ControllerRevision says so any more" in cluster.status["message"]
    assert not any(event.reason == "DriftRestored" for event in cluster.events)
    # A person's word for what serves ends it, and moves nobody.
    cluster.promote("web-3")
    cluster.settle()
    cluster.approve("web-3")
    assert not cluster.run(20, lambda: cluster.live != V2)
    assert cluster.run(120, lambda: cluster.phase() == "Healthy"), cluster.status["message"]


# --- 20: another route


def test_semantics_20_a_route_that_is_listed_during_a_shift_keeps_its_weights_until_that_is_approved() -> None:
    only_live: Object = {"backendRefs": [backend(NAME, 100)]}
    cluster = Cluster(canary(), routes=[route(), route("admin", only_live)])
    cluster.promote("web-1", environment="production")
    cluster.settle()
    cluster.approve("web-1")
    assert cluster.run(60, lambda: cluster.phase() == "Healthy")
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.exposure(V2) == 25)
    cluster.put("HTTPRoute", {**route("admin"), "metadata": cluster.get("HTTPRoute", "admin")["metadata"]})
    cluster.edit(traffic={"httpRoutes": [{"name": NAME}, {"name": "admin"}]})
    cluster.run(30)
    (rule,) = cluster.get("HTTPRoute", "admin")["spec"]["rules"]
    assert [ref["weight"] for ref in rule["backendRefs"]] == [100, 0]
    assert cluster.phase() == "Held"
    assert "the plan was edited during the shift" in cluster.status["message"]


# --- 35: the pod's own reason


def test_semantics_35_a_pod_that_cannot_run_is_told_in_a_shift_too() -> None:
    steps = [{"weight": 25, "hold": "5s"}, {"weight": 50, "hold": "5s"}]
    strategy = {"canary": {"steps": steps, "verify": "10s", "previewReplicas": 1, "keepPrevious": "30s"}}
    cluster = shifting(canary(strategy=strategy), 25)
    stay_unready(cluster, V2, 1, reason="Unschedulable", message="0/3 nodes")
    assert not cluster.run(30, lambda: cluster.exposure(V2) > 25)
    words = f"1 of 2 pods are ready for 50 %; pod {NAME}-{V2}-1: Unschedulable (0/3 nodes)"
    assert words in cluster.status["message"]
    assert words in cluster.get("Promotion", "web-2")["status"]["message"]
