"""SEMANTICS, what people say and do (20 to 35), as far as decide() has the word."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, Conflict, revision_of, serving, shifting
from tests.unit.core.objects import ANALYSIS, GATE, NAME, Object, blue_green, canary, template

from slipway.core import marks
from slipway.core.decision import Apply, CommitPromotionStatus, CommitRolloutStatus, CreateRevision, SetWeights

V1, V2, V3 = (revision_of(blue_green(version)) for version in (1, 2, 3))
BOTH = pytest.mark.parametrize("spec", [blue_green(), canary()], ids=["blue/green", "canary"])


def promoting(spec: Object, version: int = 2, cluster: Cluster | None = None) -> Cluster:
    """A candidate whose Promotion waits for approval."""
    cluster = cluster or serving(spec)
    cluster.edit(template=template(version))
    cluster.promote(f"web-{version}")
    cluster.settle()
    assert cluster.phase(f"web-{version}") == "AwaitingApproval", cluster.status
    return cluster


def said(cluster: Cluster, name: str, kind: str) -> Object:
    conditions = cluster.get("Promotion", name)["status"]["conditions"]
    return next(condition for condition in conditions if condition["type"] == kind)


def approved(cluster: Cluster, revision: str) -> Object:
    return dict(json.loads(cluster.marks(revision)[marks.APPROVED]))


# --- 20: a shift runs the plan that was approved


def loosened(**analysis: Any) -> Object:
    return {"analysis": ANALYSIS | {"gates": [GATE | {"below": 0.9}]} | analysis}


@pytest.mark.parametrize("edit", [loosened(), {"analysis": {"gates": []}}], ids=["bound", "no gates"])
def test_semantics_20_an_edit_in_flight_holds_and_never_loosens_a_gate_that_runs(edit: Object) -> None:
    cluster = shifting(canary())
    cluster.edit(**edit)
    cluster.run(20)
    assert (cluster.phase(), cluster.weight) == ("Held", 25)
    assert "the plan was edited during the shift" in cluster.status["message"]
    cluster.measure = lambda _: {"value": 0.5}
    assert cluster.run(20, lambda: cluster.exposure(V2) == 0)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "RolledBack")


def test_semantics_20_an_undone_edit_resumes_the_stored_plan() -> None:
    cluster = shifting(canary())
    cluster.edit(**loosened())
    cluster.run(20)
    cluster.edit(analysis=ANALYSIS)
    assert cluster.run(20, lambda: cluster.weight == 50), cluster.status


def test_semantics_20_a_new_plan_runs_when_it_is_approved() -> None:
    cluster = shifting(canary())
    before = approved(cluster, V2)
    cluster.edit(**loosened())
    cluster.settle()
    cluster.approve("web-2", by="bob")
    cluster.settle()
    after = approved(cluster, V2)
    assert after["by"] == ["bob"]
    assert after["planHash"] != before["planHash"]
    cluster.measure = lambda _: {"value": 0.5}
    assert cluster.run(60, lambda: cluster.weight == 50), "under the new bound"


# --- 21: to what an approval is bound


@BOTH
def test_semantics_21_the_mark_says_who_approved_which_plan_on_which_promotion(spec: Object) -> None:
    cluster = promoting(spec)
    plan = cluster.approve("web-2", by="ada@example.com")
    assert cluster.run(60, lambda: cluster.exposure(V2) > 0)
    mark = approved(cluster, V2)
    assert (mark["by"], mark["planHash"]) == (["ada@example.com"], plan)
    assert mark["promotion"] == {"name": "web-2", "uid": cluster.get("Promotion", "web-2")["metadata"]["uid"]}
    stored = cluster.get("ControllerRevision", f"{NAME}-plan-{plan.removeprefix('sha256:')[:10]}")
    assert stored["data"]["hash"] == plan


EDITS = {
    "template": {"template": template(3)},
    "threshold": loosened(),
    "window": {"analysis": ANALYSIS | {"gates": [GATE | {"window": "9s"}]}},
    "test": {"smokeTests": [{"name": "home", "http": {"path": "/", "port": "http"}}]},
    "strategy": {"strategy": {"blueGreen": {"previewReplicas": 1, "verify": "0s", "keepPrevious": "30s"}}},
    "minReadySeconds": {"minReadySeconds": 1},
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_semantics_21_a_later_edit_voids_the_approval_before_traffic(edit: Object) -> None:
    """And undoing the edit revives nothing: the approval is taken back, not kept for later."""
    cluster = promoting(blue_green())
    before = cluster.get("Rollout")["spec"]
    plan = cluster.approve("web-2")
    cluster.edit(**edit)
    cluster.settle()
    assert cluster.live == V1
    spec = cluster.get("Promotion", "web-2")["spec"]
    assert "approved" not in spec
    assert not spec.get("approvals")
    assert said(cluster, "web-2", "Approved")["reason"] == "PlanChanged"
    cluster.edit(**{key: before.get(key) for key in edit})
    cluster.run(30)
    assert cluster.get("Promotion", "web-2")["status"]["planHash"] == plan
    assert (cluster.live, cluster.phase("web-2")) == (V1, "AwaitingApproval")
    assert marks.APPROVED not in cluster.marks(V2)


def test_semantics_21_an_approval_does_not_carry_over_to_the_next_revision() -> None:
    cluster = shifting(blue_green(), 100)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")
    cluster.edit(template=template(3))
    cluster.run(60)
    assert (cluster.live, cluster.phase()) == (V2, "AwaitingPromotion")
    assert marks.APPROVED not in cluster.marks(V3)


@pytest.mark.parametrize(("spec", "share"), [(blue_green(), 100), (canary(), 25)], ids=["blue/green", "canary"])
@pytest.mark.parametrize(
    "word", [{"rollout": {"abort": V2}}, {"promotion": {"abort": "no"}}], ids=["Rollout", "Promotion"]
)
def test_semantics_21_what_is_approved_while_it_goes_back_is_no_word_on_the_next_revision(
    spec: Object, share: int, word: Object
) -> None:
    cluster = shifting(spec, share)
    shown = cluster.get("Promotion", "web-2")["status"]
    cluster.edit(template=template(3), **word.get("rollout", {}))
    cluster.say("web-2", **word.get("promotion", {}))
    for _ in range(10):
        cluster.once()
        status = cluster.get("Promotion", "web-2")["status"]
        assert (status["target"], status["planHash"]) == (shown["target"], shown["planHash"])
        cluster.say("web-2", approved=True, approvals={"ada": status["planHash"]})
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Aborted")
    cluster.settle()
    assert marks.APPROVED not in cluster.marks(V3)
    assert cluster.exposure(V3) == 0


def test_semantics_21_an_approval_does_not_survive_a_delete_and_recreate() -> None:
    """A backup brings Promotions back as they were, approval included."""
    cluster = promoting(blue_green())
    plan = cluster.get("Promotion", "web-2")["status"]["planHash"]
    cluster.remove("Promotion", "web-2")
    cluster.settle()
    cluster.promote("web-2", approved=True, approvals={"ada": plan})
    cluster.run(30)
    assert (cluster.live, cluster.phase("web-2")) == (V1, "AwaitingApproval")
    assert "approved" not in cluster.get("Promotion", "web-2")["spec"]


def test_semantics_21_a_hash_that_somebody_typed_approves_nothing() -> None:
    cluster = promoting(blue_green())
    cluster.say("web-2", approved=True, approvals={"eve": "sha256:" + "0" * 64})
    cluster.run(30)
    assert cluster.live == V1
    assert marks.APPROVED not in cluster.marks(V2)


# --- 22: a withdrawal in between wins


@BOTH
def test_semantics_22_an_advance_commits_first_where_its_approval_was_read(spec: Object) -> None:
    cluster = promoting(spec)
    cluster.approve("web-2")
    for _ in range(60):
        decision = cluster.decide()
        kinds = [type(write) for write in decision.writes]
        fences = [w for w in decision.writes if isinstance(w, CommitPromotionStatus) and w.fence]
        if fences:
            break
        cluster.once()
        cluster.controllers()
        cluster.now += timedelta(seconds=1)
    assert decision.writes[0] == fences[0]
    assert fences[0].resource_version == cluster.get("Promotion", "web-2")["metadata"]["resourceVersion"]
    assert kinds.index(CommitRolloutStatus) < kinds.index(CreateRevision), "the plan is stored beside the status"
    cluster.say("web-2", approved=False)
    with pytest.raises(Conflict):
        cluster.write(decision.writes[0])
    cluster.run(30)
    assert (cluster.live, cluster.exposure(V2)) == (V1, 0)
    assert marks.APPROVED not in cluster.marks(V2)


def test_semantics_22_every_further_step_is_fenced_too() -> None:
    cluster = shifting(canary())
    rising: list[bool] = []
    for _ in range(80):
        decision = cluster.decide()
        entered = [w for w in decision.writes if isinstance(w, SetWeights | Apply | CommitRolloutStatus)]
        index = (cluster.status["candidate"].get("step") or {}).get("index")
        then = next(
            (w.status["candidate"]["step"]["index"] for w in entered if isinstance(w, CommitRolloutStatus)), index
        )
        if then != index:
            rising.append(isinstance(decision.writes[0], CommitPromotionStatus) and decision.writes[0].fence)
        if then == 2:
            break
        cluster.once()
        cluster.controllers()
        cluster.now += timedelta(seconds=1)
    assert rising == [True, True]


# --- 25 and 27: holding, withdrawing, aborting

WORDS: dict[str, Object] = {
    "hold": {"hold": "lunch"},
    "no confidence": {"rollbackPlanNeeded": True},
    "withdrawn": {"approved": False},
}


@BOTH
@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_semantics_25_before_the_first_traffic_none_moves(spec: Object, word: Object) -> None:
    cluster = promoting(spec)
    cluster.approve("web-2")
    cluster.say("web-2", **word)
    cluster.run(20)
    assert (cluster.live, cluster.exposure(V2)) == (V1, 0)
    assert marks.APPROVED not in cluster.marks(V2)


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_semantics_25_in_flight_nothing_advances_and_gates_still_protect(word: Object) -> None:
    cluster = shifting(canary())
    cluster.say("web-2", **word)
    cluster.run(30)
    assert (cluster.live, cluster.weight) == (V1, 25)
    assert cluster.phase() in {"Held", "AwaitingApproval"}
    cluster.measure = lambda _: {"value": 0.5}
    assert cluster.run(20, lambda: cluster.exposure(V2) == 0)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "RolledBack")


def test_semantics_25_a_hold_that_is_lifted_goes_on() -> None:
    cluster = shifting(canary())
    cluster.say("web-2", hold="lunch")
    cluster.run(60)
    assert "lunch" in cluster.status["message"]
    assert "lunch" in cluster.get("Promotion", "web-2")["status"]["message"]
    cluster.say("web-2", hold=None)
    assert cluster.run(20, lambda: cluster.weight == 50)


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
@pytest.mark.parametrize(("spec", "share"), [(blue_green(), 100), (canary(), 25), (canary(), 50)])
def test_semantics_27_a_hold_blocks_only_the_way_forward(spec: Object, share: int, word: Object) -> None:
    cluster = shifting(spec, share)
    cluster.say("web-2", **word)
    cluster.settle()
    cluster.say("web-2", abort="no")
    cluster.once()
    assert (cluster.live, cluster.exposure(V2)) == (V1, 0)


# --- 26: returning


@BOTH
@pytest.mark.parametrize("running", [True, False])
def test_semantics_26_back_to_what_served_immediately_before_needs_no_approval_and_no_steps(
    spec: Object, running: bool
) -> None:
    cluster = shifting(spec, 100)
    assert cluster.run(60, lambda: cluster.phase() == "Watching")
    if not running:
        assert cluster.run(120, lambda: cluster.size(V1) == 0)
    shares: set[int] = set()
    cluster.after_write.append(lambda _: shares.add(cluster.exposure(V1)))
    cluster.edit(template=template(1))
    assert cluster.run(60, lambda: cluster.live == V1)
    cluster.run(30)
    assert (cluster.live, cluster.status["stable"]["revision"]) == (V1, V1)
    assert shares <= {0, 100}
    assert not [p for p in cluster.all("Promotion") if p["metadata"]["name"] not in ("web-1", "web-2")]


def test_semantics_26_an_older_one_is_a_new_candidate_like_any_other() -> None:
    cluster = shifting(blue_green(), 100)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")
    promoting(blue_green(), 3, cluster)
    cluster.approve("web-3")
    assert cluster.run(60, lambda: cluster.phase("web-3") == "Succeeded")
    cluster.edit(template=template(1))
    cluster.run(60)
    assert (cluster.live, cluster.phase()) == (V3, "AwaitingPromotion")
    cluster.promote("web-again")
    cluster.settle()
    assert (cluster.live, cluster.phase("web-again")) == (V3, "AwaitingApproval")


def test_semantics_26_forward_again_needs_a_new_approval() -> None:
    cluster = shifting(blue_green(), 100)
    assert cluster.run(60, lambda: cluster.phase() == "Watching")
    cluster.edit(template=template(1))
    assert cluster.run(60, lambda: cluster.live == V1)
    cluster.run(30)
    cluster.edit(template=template(2))
    cluster.run(60)
    assert cluster.live == V1


# --- 31: what is written


@pytest.mark.parametrize("spec", [blue_green(), canary(), canary(approval="Automatic")])
def test_semantics_31_at_rest_nothing_is_written(spec: Object) -> None:
    cluster = Cluster(spec, automatic=True)
    cluster.promote("web-1")
    cluster.settle()
    cluster.approve("web-1")
    assert cluster.run(60, lambda: cluster.phase() == "Healthy")
    cluster.run(60)
    for _ in range(5):
        cluster.now += timedelta(minutes=27)
        assert cluster.decide().writes == ()


def test_semantics_31_an_unapproved_candidate_writes_nothing_while_it_waits() -> None:
    cluster = promoting(blue_green())
    cluster.run(10)
    for _ in range(5):
        cluster.now += timedelta(minutes=27)
        assert cluster.decide().writes == ()


# --- 33: deleting


def test_semantics_33_deleting_the_promotion_in_charge_aborts_before_all_traffic_has_moved() -> None:
    cluster = shifting(canary())
    cluster.remove("Promotion", "web-2")
    cluster.once()
    assert (cluster.live, cluster.exposure(V2)) == (V1, 0)


def test_semantics_33_deleting_the_promotion_after_the_end_moves_nothing() -> None:
    cluster = shifting(blue_green(), 100)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")
    cluster.remove("Promotion", "web-2")
    cluster.run(120)
    assert (cluster.live, cluster.phase()) == (V2, "Healthy")


def test_semantics_33_a_rollout_that_is_being_deleted_is_left_to_the_garbage_collector() -> None:
    cluster = shifting(canary())
    cluster.edit(replicas=9)
    assert cluster.decide().writes
    obj = cluster.get("Rollout")
    meta = {**obj["metadata"], "deletionTimestamp": "2026-01-01T12:00:00Z"}
    cluster.put("Rollout", {**obj, "metadata": meta})
    assert cluster.decide().writes == ()


# --- 34: deadlines


@pytest.mark.parametrize("wait", ["nobody promotes", "nobody approves", "held"])
def test_semantics_34_waiting_for_a_person_never_counts_against_the_deadline(wait: str) -> None:
    cluster = serving(blue_green(progressDeadline="30s"))
    cluster.edit(template=template(2))
    cluster.settle()
    if wait != "nobody promotes":
        cluster.promote("web-2", **({"hold": "lunch"} if wait == "held" else {}))
    cluster.run(90)
    assert cluster.condition("Progressing")["reason"] != "ProgressDeadlineExceeded"
    if wait == "nobody promotes":
        cluster.promote("web-2")
    cluster.say("web-2", hold=None)
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.live == V2), cluster.status


def test_semantics_34_resuming_gives_the_whole_deadline_again() -> None:
    cluster = shifting(canary(progressDeadline="30s"))
    make = cluster._pod

    def second_is_late(deployment: Object, index: int) -> Object:
        pod = make(deployment, index)
        if index == 1 and deployment["metadata"]["name"] == f"{NAME}-{V2}":
            pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
        return pod

    cluster._pod = second_is_late  # type: ignore[method-assign]
    assert cluster.run(30, lambda: "1 of 2 pods are ready for 50 %" in cluster.status["message"]), cluster.status
    cluster.run(20)
    cluster.say("web-2", hold="lunch")
    cluster.run(60)
    cluster.say("web-2", hold=None)
    cluster.run(20)
    assert cluster.condition("Progressing")["status"] == "True"
    cluster.run(15)
    assert cluster.condition("Progressing")["reason"] == "ProgressDeadlineExceeded"
    assert cluster.weight == 25


def test_semantics_34_pods_that_never_come_are_late() -> None:
    """And the time of a hold is not theirs: the clock begins when they are waited for."""
    cluster = serving(blue_green(progressDeadline="30s"))
    cluster.broken[V2] = "NotReady"
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    begun = cluster.now
    assert cluster.run(100, lambda: cluster.phase("web-2") == "Failed")
    assert (cluster.now - begun).total_seconds() == pytest.approx(30, abs=2)
    assert "spec.progressDeadline" in cluster.get("Promotion", "web-2")["status"]["message"]
    assert cluster.live == V1


# --- 35: pods in trouble


@BOTH
@pytest.mark.parametrize(
    "reason", ["CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError"]
)
def test_semantics_35_a_candidate_in_trouble_is_told_by_the_pods_own_reason_and_takes_no_traffic(
    spec: Object, reason: str
) -> None:
    cluster = serving(spec)
    cluster.broken[V2] = reason
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.run(10)
    assert f"pod {NAME}-{V2}-0: {reason}" in cluster.status["message"]
    assert f"pod {NAME}-{V2}-0" in cluster.get("Promotion", "web-2")["status"]["message"]
    cluster.approve("web-2")
    cluster.run(30)
    assert (cluster.live, cluster.exposure(V2)) == (V1, 0)
    assert marks.APPROVED not in cluster.marks(V2)


def test_semantics_35_a_pod_that_is_not_scheduled_is_told_by_the_schedulers_reason() -> None:
    cluster = promoting(blue_green())
    cluster.broken[V2] = "NotReady"
    cluster.controllers()
    pod = cluster.get("Pod", f"{NAME}-{V2}-0")
    why = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}
    pending = {"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}, why]}
    cluster.put("Pod", {**pod, "status": pending})
    cluster.once()
    assert "Unschedulable (0/3 nodes are available)" in cluster.status["message"]
    assert cluster.live == V1


def test_semantics_34_a_hold_stops_the_clock_of_pods_that_are_missing() -> None:
    cluster = serving(blue_green(progressDeadline="30s"))
    cluster.broken[V2] = "NotReady"
    cluster.edit(template=template(2))
    cluster.promote("web-2", hold="lunch")
    cluster.run(100)
    assert cluster.phase("web-2") == "Held"
    cluster.say("web-2", hold=None)
    begun = cluster.now
    assert cluster.run(100, lambda: cluster.phase("web-2") == "Failed")
    assert (cluster.now - begun).total_seconds() == pytest.approx(30, abs=2)
