"""SEMANTICS, traffic (1 to 12), as far as decide() has the word."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core import objects
from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.objects import NAME, backend, blue_green, canary, route, template

from slipway.core import marks

V1, V2, V3 = (revision_of(blue_green(version)) for version in (1, 2, 3))


def promoting(cluster: Cluster, version: int = 2, name: str = "web-2") -> Cluster:
    """A candidate whose Promotion waits for approval."""
    cluster.edit(template=template(version))
    cluster.promote(name)
    cluster.settle()
    assert cluster.phase(name) == "AwaitingApproval", cluster.get("Promotion", name)["status"]
    return cluster


def promoted(spec: objects.Object) -> Cluster:
    """The second revision is stable and the first is kept."""
    cluster = shifting(spec, 100)
    assert cluster.run(60, lambda: cluster.phase() == "Watching"), cluster.status
    return cluster


# --- 1: drift of the live selector


@pytest.mark.parametrize("selector", [{"app": "web"}, {"slipway.dev/rollout": NAME}, {}, None])
def test_semantics_01_a_lost_selector_is_restored_and_said(selector: dict[str, str] | None) -> None:
    cluster = promoting(serving(blue_green()))
    cluster.change("Service", NAME, "spec", selector=selector)
    cluster.once()
    assert cluster.live == V1
    assert any(event.reason == "DriftRestored" for event in cluster.events)
    cluster.controllers()
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"


def test_semantics_01_a_selector_on_the_unapproved_candidate_is_restored() -> None:
    cluster = promoting(serving(blue_green()))
    live = cluster.get("Service")["spec"]["selector"]
    cluster.change("Service", NAME, "spec", selector=live | {"slipway.dev/revision": V2})
    cluster.once()
    assert cluster.live == V1
    assert marks.APPROVED not in cluster.marks(V2)


def test_semantics_01_a_lost_selector_mid_shift_does_not_promote() -> None:
    cluster = shifting(canary(), 25)
    cluster.change("Service", NAME, "spec", selector={"app": "web"})
    cluster.once()
    assert (cluster.live, cluster.weight) == (V1, 25)
    assert marks.PROMOTED not in cluster.marks(V2)


# --- 2: the marks are the truth


@pytest.mark.parametrize("spec", [blue_green(), canary()])
def test_semantics_02_lost_status_is_rebuilt(spec: objects.Object) -> None:
    cluster = promoted(spec)
    before = cluster.status
    cluster.wipe_status()
    cluster.settle()
    assert cluster.status["stable"]["revision"] == V2
    assert cluster.status["previous"]["revision"] == V1
    assert (cluster.live, cluster.phase()) == (V2, before["phase"])


def test_semantics_02_lost_status_mid_step_reads_the_step_from_the_route_and_restarts_its_time() -> None:
    cluster = shifting(canary(), 25)
    cluster.run(4)
    cluster.wipe_status()
    cluster.settle()
    step = cluster.status["candidate"]["step"]
    assert (step["index"], step["weight"], cluster.weight) == (0, 25, 25)
    wiped = cluster.now
    cluster.run(4)
    assert cluster.weight == 25
    assert cluster.run(30, lambda: cluster.weight == 50)
    assert (cluster.now - wiped).total_seconds() >= 5


def test_semantics_02_lost_status_before_approval_does_not_skip_it() -> None:
    cluster = promoting(serving(blue_green()))
    cluster.wipe_status()
    cluster.run(30)
    assert cluster.live == V1
    assert marks.APPROVED not in cluster.marks(V2)


def test_semantics_02_a_deleted_stable_deployment_comes_back_before_anything_else() -> None:
    cluster = promoting(serving(blue_green()))
    cluster.remove("Deployment", f"{NAME}-{V1}")
    cluster.settle()
    assert cluster.size(V1) == 2
    assert cluster.live == V1


def test_semantics_02_a_service_without_marks_holds() -> None:
    """A restore brought the Service back but not the marks: nobody knows what may serve."""
    cluster = serving(blue_green())
    obj = cluster.get("ControllerRevision", f"{NAME}-{V1}")
    cluster.put("ControllerRevision", {**obj, "metadata": {**obj["metadata"], "annotations": {}}})
    cluster.wipe_status()
    cluster.edit(template=template(2))
    cluster.run(30)
    assert cluster.live == V1
    assert cluster.phase() == "Held"
    assert "no revision is marked as approved" in cluster.status["message"]
    assert marks.APPROVED not in cluster.marks(V2)


# --- 3: switch only when ready


def test_semantics_03_all_replicas_are_ready_before_the_switch() -> None:
    cluster = promoting(serving(blue_green(replicas=3)))
    cluster.approve("web-2")
    for _ in range(5):
        cluster.once()
    assert (cluster.live, cluster.size(V2)) == (V1, 3)
    cluster.pods()
    cluster.once()
    assert cluster.live == V1, "the EndpointSlices do not show them yet"
    cluster.settle()
    assert cluster.live == V2


def test_semantics_03_a_lost_pod_after_the_switch_undoes_nothing() -> None:
    cluster = shifting(blue_green(), 100)
    pod = cluster.get("Pod", f"{NAME}-{V2}-0")
    status = pod["status"] | {"conditions": [{"type": "Ready", "status": "False"}]}
    cluster.put("Pod", {**pod, "status": status})
    cluster.endpoints()
    cluster.once()
    assert cluster.live == V2
    assert marks.REJECTED not in cluster.marks(V2)
    cluster.controllers()
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")


# --- 4: back first


@pytest.mark.parametrize(("spec", "share"), [(blue_green(), 100), (canary(), 25), (canary(), 50), (canary(), 100)])
@pytest.mark.parametrize("trouble", ["", "CrashLoopBackOff", "ImagePullBackOff", "NotReady"])
def test_semantics_04_abort_moves_traffic_in_one_pass_whatever_the_candidate_does(
    spec: objects.Object, share: int, trouble: str
) -> None:
    cluster = shifting(spec, share)
    cluster.measure = lambda _: {"error": "connection refused"}
    cluster.broken[V2] = trouble
    cluster.say("web-2", hold="not now", abort="no")
    size = cluster.size(V2)
    cluster.once()
    assert (cluster.live, cluster.exposure(V2)) == (V1, 0)
    assert cluster.size(V2) == size, "the candidate is touched only when traffic is gone"


def test_semantics_04_the_candidate_keeps_its_pods_until_the_drain_delay_is_over() -> None:
    cluster = shifting(canary(), 50)
    cluster.edit(abort=V2)
    cluster.settle()
    left = cluster.now
    assert cluster.size(V2) > 0
    assert cluster.run(60, lambda: cluster.size(V2) == 0)
    assert cluster.now - left >= cluster.settings.drain_delay
    assert cluster.phase("web-2") == "Aborted"


def test_semantics_04_a_stable_that_was_scaled_down_is_scaled_up_before_traffic_returns() -> None:
    cluster = shifting(blue_green(), 100)
    for index in range(2):
        pod = cluster.get("Pod", f"{NAME}-{V1}-{index}")
        cluster.put("Pod", {**pod, "status": pod["status"] | {"conditions": [{"type": "Ready", "status": "False"}]}})
    deployment = cluster.get("Deployment", f"{NAME}-{V1}")
    cluster.put("Deployment", {**deployment, "spec": {**deployment["spec"], "replicas": 0}})
    cluster.edit(abort=V2)
    cluster.once()
    assert (cluster.live, cluster.size(V1)) == (V2, 2)
    cluster.settle()
    assert cluster.live == V1


# --- 5: a newer template


def test_semantics_05_before_traffic_a_newer_template_replaces_the_candidate() -> None:
    cluster = promoting(serving(blue_green()))
    cluster.edit(template=template(3))
    cluster.settle()
    assert cluster.status["candidate"]["revision"] == V3
    assert cluster.size(V2) == 0
    assert cluster.live == V1


def test_semantics_05_under_required_a_newer_template_waits() -> None:
    cluster = shifting(canary(), 25)
    cluster.edit(template=template(3))
    cluster.settle()
    assert cluster.status["next"]["revision"] == V3
    assert (cluster.status["candidate"]["revision"], cluster.weight) == (V2, 25)
    assert cluster.size(V3) == 0
    assert cluster.run(120, lambda: cluster.status.get("stable", {}).get("revision") == V2)
    assert marks.APPROVED not in cluster.marks(V3)


def test_semantics_05_under_automatic_traffic_returns_to_stable_first() -> None:
    spec = canary(approval="Automatic")
    cluster = Cluster(spec, automatic=True)
    assert cluster.run(60, lambda: cluster.phase() == "Healthy")
    cluster.edit(template=template(2))
    assert cluster.run(60, lambda: cluster.exposure(V2) == 25)
    cluster.edit(template=template(3))
    cluster.once()
    assert (cluster.live, cluster.exposure(V2), cluster.size(V2) > 0) == (V1, 0, True)
    assert cluster.run(120, lambda: cluster.exposure(V3) == 25)
    assert cluster.status["stable"]["revision"] == V1


def test_semantics_05_a_template_equal_to_stable_is_an_abort() -> None:
    cluster = shifting(canary(), 50)
    cluster.edit(template=template(1))
    cluster.once()
    assert (cluster.live, cluster.weight) == (V1, 0)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Aborted")


# --- 6 and 7: endpoints, scaling


@pytest.mark.parametrize("late", ["pods", "endpoints"])
def test_semantics_06_no_weight_without_ready_endpoints(late: str) -> None:
    cluster = promoting(serving(canary()))
    cluster.broken[V2] = "NotReady"
    cluster.pods()
    if late == "endpoints":
        cluster.endpoints()
    cluster.approve("web-2")
    for _ in range(10):
        cluster.once()
        cluster.now += timedelta(seconds=2)
        cluster.gateway()
    assert cluster.weight == 0
    assert marks.APPROVED not in cluster.marks(V2)


def test_semantics_06_the_candidate_service_is_pointed_at_the_candidate_at_weight_zero_and_then_waits() -> None:
    cluster = promoting(serving(canary()))
    cluster.approve("web-2")
    seen: list[tuple[str | None, int]] = []
    cluster.after_write.append(lambda _: seen.append((cluster.selected(f"{NAME}-candidate"), cluster.weight)))
    cluster.once()
    assert cluster.selected(f"{NAME}-candidate") == V2, "stable is its target before"
    assert cluster.weight == 0
    cluster.once()
    assert cluster.weight == 0, "its endpoints are not known to follow yet"
    assert cluster.run(30, lambda: cluster.weight == 25)
    assert all(weight == 0 or target == V2 for target, weight in seen)


@pytest.mark.parametrize(("share", "pods"), [(25, 1), (50, 2), (100, 4)])
def test_semantics_06_pods_for_the_share_are_ready_before_it(share: int, pods: int) -> None:
    cluster = promoting(serving(canary()))
    cluster.approve("web-2")

    def enough(_: Any) -> None:
        assert cluster.ready(V2) >= -(-4 * cluster.exposure(V2) // 100)

    cluster.after_write.append(enough)
    assert cluster.run(60, lambda: cluster.exposure(V2) == share)
    assert cluster.ready(V2) >= pods


def test_semantics_07_what_a_hand_has_sent_traffic_to_is_not_scaled_down() -> None:
    """Before scaling down, the live Service is looked at, not the status."""
    cluster = promoted(blue_green())
    assert cluster.run(120, lambda: cluster.size(V1) == 0)
    cluster.change("Deployment", f"{NAME}-{V1}", "spec", replicas=2)
    cluster.controllers()
    live = cluster.get("Service")["spec"]["selector"]
    cluster.change("Service", NAME, "spec", selector=live | {"slipway.dev/revision": V1})
    for write in cluster.decide().writes:
        kind = getattr(write, "kind", "")
        assert kind != "Deployment" or write.object["spec"]["replicas"] == 2


def test_semantics_07_the_previous_is_kept_for_keep_previous() -> None:
    cluster = shifting(blue_green(), 100)
    switched = cluster.now
    assert cluster.run(120, lambda: cluster.size(V1) == 0)
    assert (cluster.now - switched).total_seconds() >= 30


# --- 8: routes


def test_semantics_08_only_our_two_weights_change() -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": backend("audit")}}
    ours = {"filters": [mirror], "backendRefs": [backend(NAME, 100, filters=[mirror]), backend(f"{NAME}-candidate", 0)]}
    foreign = {"backendRefs": [backend("docs", 7), backend("docs-b", 3)]}
    cluster = promoting(serving(canary(), routes=[route(NAME, ours, foreign)]))
    before = copy.deepcopy(cluster.get("HTTPRoute")["spec"])
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.weight == 25)
    before["rules"][0]["backendRefs"][0]["weight"] = 75
    before["rules"][0]["backendRefs"][1]["weight"] = 25
    assert cluster.get("HTTPRoute")["spec"] == before


def test_semantics_08_weights_are_written_at_the_version_that_was_read() -> None:
    cluster = promoting(serving(canary()))
    cluster.approve("web-2")
    while not (found := [w for w in cluster.decide().writes if type(w).__name__ == "SetWeights"]):
        cluster.once()
        cluster.controllers()
        cluster.now += timedelta(seconds=1)
    assert found[0].resource_version == cluster.get("HTTPRoute")["metadata"]["resourceVersion"]


# --- 9: converged


@pytest.mark.parametrize("late", ["gateway", "endpoints"])
def test_semantics_09_a_step_counts_only_from_when_it_is_followed(late: str) -> None:
    cluster = shifting(canary(), 25)
    follow = getattr(cluster, late)
    setattr(cluster, late, lambda: None)
    if late == "endpoints":
        slice_ = cluster.get("EndpointSlice", f"{NAME}-candidate-slice")
        cluster.put("EndpointSlice", {**slice_, "endpoints": []})
    else:
        obj = cluster.get("HTTPRoute")
        cluster.put("HTTPRoute", {**obj, "spec": {**obj["spec"], "hostnames": ["web.example"]}})
    cluster.run(40)
    assert cluster.weight == 25
    assert "convergedAt" not in cluster.status["candidate"]["step"]
    setattr(cluster, late, follow)
    assert cluster.run(40, lambda: cluster.weight == 50)


# --- 10


def test_semantics_10_what_belongs_to_another_is_refused_and_left_alone() -> None:
    cluster = Cluster(blue_green())
    other = {"kind": "Rollout", "name": "other", "uid": "uid-other", "controller": True}
    cluster.put("Service", {"metadata": {"name": NAME, "ownerReferences": [other]}, "spec": {"selector": {"app": "x"}}})
    cluster.promote("web-1")
    cluster.settle()
    assert cluster.condition("Accepted")["reason"] == "NameTaken"
    assert cluster.get("Service")["spec"]["selector"] == {"app": "x"}
    assert not cluster.all("Deployment")


# --- 11 and 12


def test_semantics_11_replicas_change_nothing_but_replicas() -> None:
    cluster = shifting(canary(), 50)
    cluster.run(2)
    step = cluster.status["candidate"]["step"]
    cluster.edit(replicas=8)
    cluster.settle()
    assert (cluster.size(V1), cluster.size(V2), cluster.weight) == (8, 4, 50)
    assert cluster.status["candidate"]["step"]["startedAt"] == step["startedAt"]
    assert cluster.phase("web-2") == "Shifting"


@pytest.mark.parametrize(
    "steps", [[], [{"weight": 0}], [{"weight": 90}, {"weight": 10}], [{"weight": 100, "hold": "1s"}], "all"]
)
def test_semantics_12_an_edited_or_invalid_step_list_never_jumps(steps: Any) -> None:
    cluster = shifting(canary(), 25)
    cluster.edit(strategy={"canary": {"steps": steps, "verify": "1s", "keepPrevious": "1s"}})
    cluster.run(60)
    assert (cluster.live, cluster.weight) == (V1, 25)
    assert cluster.phase() in {"Held", "Invalid"}


def test_semantics_12_a_new_plan_never_begins_with_more_than_it_has() -> None:
    cluster = shifting(canary(), 25)
    cluster.edit(strategy={"canary": {"steps": [{"weight": 10, "hold": "1s"}, {"weight": 80, "hold": "1s"}]}})
    cluster.settle()
    cluster.say("web-2", approved=None, approvals=None)
    cluster.settle()
    cluster.approve("web-2")
    cluster.once()
    assert cluster.exposure(V2) <= 25
    assert cluster.status["candidate"]["step"]["weight"] == 10
