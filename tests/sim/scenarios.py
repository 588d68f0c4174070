"""What happens to a Rollout in its life, each with the end that the contract promises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

from tests.sim.images import image
from tests.sim.jobs import template as job_template
from tests.sim.patches import merge_patch
from tests.sim.script import (
    End,
    Predicate,
    Script,
    always,
    approve,
    both,
    for_seconds,
    live,
    phase,
    promotion,
    propose,
    stable_v1,
    weight,
)
from tests.sim.world import BLUE_GREEN, CANARY, NAME, STAGING, World

from slipway.cluster.resources import DEPLOYMENTS, PROMOTIONS, ROLLOUTS

Object = dict[str, Any]
Scenario = Callable[[], Script]

SCENARIOS: dict[str, Scenario] = {}


def scenario(make: Scenario) -> Scenario:
    """Enter a scenario under its name."""
    SCENARIOS[make.__name__] = make
    return make


def family(name: str, make: Callable[..., Script], *arguments: Any) -> None:
    """Enter one of several scenarios of the same form."""
    SCENARIOS[name] = lambda: make(*arguments)


def automatic(spec: Object) -> Object:
    """The same Rollout in a namespace that needs nobody's approval."""
    return merge_patch(spec, {"approval": "Automatic"})


V2_HEALTHY = End("v2", "Healthy", {"p2": "Succeeded"})
V1_STAYS = "v1"

# --- The ordinary ways --------------------------------------------------------------------------------------


def first_revision(spec: Object) -> Script:
    script = Script(spec=spec)
    script.when(always, lambda w: w.create_rollout(spec))
    script.when(phase("AwaitingPromotion"), lambda w: w.promote("p1"))
    script.when(for_seconds(5, promotion("p1", "AwaitingApproval")), lambda w: w.approve("p1"))
    script.end = End("v1", "Healthy", {"p1": "Succeeded"}, {"v1": spec["replicas"]})
    return script


family("first_revision_blue_green", first_revision, BLUE_GREEN)
family("first_revision_canary", first_revision, CANARY)


@scenario
def first_revision_that_nobody_approves() -> Script:
    script = Script(spec=BLUE_GREEN)
    script.when(always, lambda w: w.create_rollout(BLUE_GREEN))
    script.when(always, lambda w: w.promote("p1"))
    script.once(for_seconds(30, promotion("p1", "AwaitingApproval")))
    script.end = End("", "AwaitingApproval", {"p1": "AwaitingApproval"})
    return script


@scenario
def first_revision_fails_and_keeps_serving() -> Script:
    script = Script(spec=BLUE_GREEN)
    script.when(always, lambda w: w.create_rollout(BLUE_GREEN, "failing"))
    script.when(always, lambda w: w.promote("p1"))
    script.when(promotion("p1", "AwaitingApproval"), lambda w: w.approve("p1"))
    script.end = End("v1", "Degraded")
    script.quiet = False
    return script


def healthy(spec: Object) -> Script:
    script = approve(propose(stable_v1(spec)))
    script.end = End("v2", "Healthy", {"p2": "Succeeded"}, {"v1": 0, "v2": spec["replicas"]})
    return script


family("blue_green_healthy", healthy, BLUE_GREEN)
family("canary_healthy", healthy, CANARY)


def told(spec: Object, answers: Literal["takes", "refuses", "hangs"], **promotion: Any) -> Script:
    """The same launch while people are told of it."""
    script = stable_v1(spec)
    script.when(always, lambda w: w.post.open(answers))
    approve(propose(script, **promotion))
    script.end = End("v2", "Healthy", {"p2": "Succeeded"}, {"v1": 0, "v2": spec["replicas"]})
    return script


family("told_by_a_channel_that_takes_it", told, BLUE_GREEN, "takes")
family("told_by_a_channel_that_refuses", told, BLUE_GREEN, "refuses")
family("told_by_a_channel_that_hangs", told, CANARY, "hangs")


@scenario
def told_before_anybody_can_approve() -> Script:
    return told(BLUE_GREEN, "takes", checks=[{"name": "stakeholders-notified"}])


@scenario
def stakeholders_that_cannot_be_told() -> Script:
    script = stable_v1(BLUE_GREEN)
    script.when(always, lambda w: w.post.open("refuses"))
    propose(script, checks=[{"name": "stakeholders-notified"}])
    script.once(for_seconds(10, promotion("p2", "Blocked")))
    script.end = End(V1_STAYS, promotions={"p2": "Blocked"})
    return script


@scenario
def candidate_waits_for_its_promotion() -> Script:
    script = stable_v1(BLUE_GREEN)
    script.when(always, lambda w: w.deploy("good", 2))
    script.once(for_seconds(30, phase("AwaitingPromotion")))
    script.end = End("v1", "AwaitingPromotion")
    return script


@scenario
def canary_step_that_asks_again() -> Script:
    steps = [{"weight": 25, "hold": "3s"}, {"weight": 50, "hold": "3s", "approval": "Required"}]
    script = approve(propose(stable_v1(merge_patch(CANARY, {"strategy": {"canary": {"steps": steps}}}))))
    script.when(
        for_seconds(10, both(weight(25), phase("AwaitingApproval"))),
        lambda w: w.patch_promotion("p2", "ada", approvedWeight=50),
    )
    script.end = V2_HEALTHY
    return script


# --- A Service that was there before ------------------------------------------------------------------------

ADOPT = {"slipway.dev/adopt": NAME}


def adopting(spec: Object, behaviour: str = "good") -> Script:
    """Up to the first approval; until then nobody notices anything."""
    script = Script(spec=spec)
    script.when(always, lambda w: w.serve_already(ADOPT))
    script.when(for_seconds(5, World.serves_as_before), lambda w: w.create_rollout(spec, behaviour))
    script.when(always, lambda w: w.promote("p1"))
    approvable = both(promotion("p1", "AwaitingApproval"), World.serves_as_before)
    script.when(for_seconds(5, approvable), lambda w: w.approve("p1"))
    return script


def adopted(spec: Object) -> Script:
    script = adopting(spec)
    script.once(both(live("v1"), World.may_go_back_to_before))
    script.once(for_seconds(10, both(phase("Healthy"), lambda w: not w.may_go_back_to_before())))
    script.end = End("v1", "Healthy", {"p1": "Succeeded"}, {"": 2, "v1": spec["replicas"]})
    return script


family("adopted_blue_green", adopted, BLUE_GREEN)
family("adopted_canary", adopted, CANARY)


def adopted_fails(spec: Object) -> Script:
    script = adopting(spec, "failing")
    script.once(live("v1"))
    script.once(for_seconds(10, both(World.serves_as_before, World.left_alone)))
    script.end = End("", "RolledBack", {"p1": "RolledBack"}, {"": 2, "v1": 0})
    return script


family("adopted_blue_green_fails_and_is_given_back", adopted_fails, BLUE_GREEN)
family("adopted_canary_fails_and_is_given_back", adopted_fails, CANARY)


@scenario
def adopted_and_given_back_and_adopted_again() -> Script:
    script = adopting(BLUE_GREEN, "failing")
    script.when(for_seconds(10, both(phase("RolledBack"), World.serves_as_before)), lambda w: w.deploy("good", 2))
    script.when(always, lambda w: w.promote("p2"))
    again = both(promotion("p2", "AwaitingApproval"), World.serves_as_before)
    script.when(for_seconds(5, again), lambda w: w.approve("p2"))
    script.end = End("v2", "Healthy", {"p1": "RolledBack", "p2": "Succeeded"})
    return script


@scenario
def adopted_and_given_back_and_its_rollout_deleted() -> Script:
    script = adopting(BLUE_GREEN, "failing")
    given_back = both(phase("RolledBack"), both(World.serves_as_before, World.left_alone))
    script.when(for_seconds(10, given_back), lambda w: w.delete(ROLLOUTS, NAME))
    script.once(for_seconds(10, World.serves_as_before))
    script.end = End("")
    return script


@scenario
def service_of_others_is_never_taken() -> Script:
    script = Script(spec=BLUE_GREEN)
    script.when(always, World.serve_already)
    script.when(for_seconds(5, World.serves_as_before), lambda w: w.create_rollout(BLUE_GREEN))
    script.once(for_seconds(20, both(phase("Invalid"), World.serves_as_before)))
    script.end = End("", "Invalid")
    return script


# --- Gates --------------------------------------------------------------------------------------------------


def failing(spec: Object, behaviour: str) -> Script:
    script = approve(propose(stable_v1(spec), behaviour))
    script.end = End(V1_STAYS, "RolledBack", {"p2": "RolledBack"})
    return script


family("blue_green_fails_its_gate", failing, BLUE_GREEN, "failing")
family("canary_fails_at_its_first_step", failing, CANARY, "failing")


def fails_later(spec: Object, moment: Predicate) -> Script:
    script = approve(propose(stable_v1(spec)))
    script.when(moment, lambda w: w.turn("good", 2, "failing"))
    script.end = End(V1_STAYS, "RolledBack", {"p2": "RolledBack"})
    return script


family("canary_fails_at_its_second_step", fails_later, CANARY, weight(50))
family("canary_fails_while_verifying", fails_later, CANARY, both(live("v2"), phase("Verifying")))


@scenario
def smoke_test_fails_before_traffic() -> Script:
    script = propose(stable_v1(BLUE_GREEN), "smokefails")
    script.once(for_seconds(10, promotion("p2", "Blocked")))
    script.end = End(V1_STAYS, promotions={"p2": "Blocked"})
    return script


def never_ready(behaviour: str) -> Script:
    spec = merge_patch(BLUE_GREEN, {"progressDeadline": "20s"})
    script = propose(stable_v1(spec), behaviour)
    script.end = End(V1_STAYS, promotions={"p2": "Failed"})
    return script


family("candidate_crash_loops", never_ready, "crashloop")
family("candidate_image_cannot_be_pulled", never_ready, "nopull")


@scenario
def candidate_dies_after_the_switch() -> Script:
    script = approve(propose(stable_v1(BLUE_GREEN)))
    script.when(both(live("v2"), phase("Verifying")), lambda w: (w.invariants.expect_loss(), w.crash_pods("v2")))
    script.end = End(V1_STAYS, "RolledBack", {"p2": "RolledBack"})
    return script


def no_data(behaviour: str) -> Script:
    script = approve(propose(stable_v1(CANARY), behaviour))
    script.once(for_seconds(40, both(phase("Held"), weight(25))))
    script.end = End(V1_STAYS, "Held", {"p2": "Held"})
    script.quiet = False
    return script


for _behaviour in ("empty", "nan", "several", "down"):
    family(f"gate_holds_when_metrics_are_{_behaviour}", no_data, _behaviour)


@scenario
def no_data_rolls_back_where_the_plan_says_so() -> Script:
    spec = merge_patch(CANARY, {"analysis": {"onNoData": "Rollback"}})
    script = approve(propose(stable_v1(spec), "empty"))
    script.end = End(V1_STAYS, "RolledBack", {"p2": "RolledBack"})
    return script


@scenario
def no_data_accepted_by_an_approver() -> Script:
    script = approve(propose(stable_v1(CANARY), "empty"))
    script.when(
        for_seconds(8, weight(25)),
        lambda w: w.patch_promotion("p2", "ada", acceptNoData={"weight": 100, "reason": "a quiet night"}),
    )
    script.end = V2_HEALTHY
    return script


COMPARING = merge_patch(
    CANARY,
    {
        "analysis": {
            "gates": [
                {
                    "name": "error-rate",
                    "preset": "error-rate",
                    "baseline": {"maxIncrease": "0.005"},
                    "window": "2s",
                }
            ]
        }
    },
)
family("candidate_as_good_as_stable", healthy, COMPARING)
family("candidate_worse_than_stable", failing, COMPARING, "failing")

LINES = merge_patch(
    CANARY, {"analysis": {"gates": [{"name": "log", "preset": "error-lines", "below": 1, "window": "2s"}]}}
)
family("candidate_logs_no_errors", healthy, LINES)
family("candidate_logs_errors", failing, LINES, "noisy")


@scenario
def logs_that_cannot_be_counted_hold() -> Script:
    script = approve(propose(stable_v1(LINES), "nolog"))
    script.once(for_seconds(30, both(weight(25), phase("Held"))))
    script.quiet = False
    script.end = End(V1_STAYS, "Held", {"p2": "Held"})
    return script


@scenario
def status_wiped_while_a_comparison_runs() -> Script:
    script = approve(propose(stable_v1(COMPARING)))
    script.when(weight(25), lambda w: w.wipe_status())
    script.end = V2_HEALTHY
    script.moves_vary = True
    return script


# --- Going back ---------------------------------------------------------------------------------------------

BEFORE_TRAFFIC: dict[str, Predicate] = {
    "deploying": phase("Deploying"),
    "awaiting_approval": phase("AwaitingApproval"),
}
CANARY_TRAFFIC: dict[str, Predicate] = {
    "first_step": weight(25),
    "second_step": weight(50),
    "final_switch": weight(100),
    "verifying": both(live("v2"), phase("Verifying")),
}
BLUE_GREEN_TRAFFIC: dict[str, Predicate] = {
    "verifying": both(live("v2"), phase("Verifying")),
    "watching": both(live("v2"), phase("Watching")),
}

ABORTS: dict[str, Callable[[World], object]] = {
    "its_promotion": lambda w: w.patch_promotion("p2", abort="changed our minds"),
    "the_rollout": lambda w: w.edit({"abort": w.revision("good", 2)}),
    "deleting_the_promotion": lambda w: w.delete(PROMOTIONS, "p2"),
    "a_revert_in_git": lambda w: w.deploy("good", 1),
}


def aborted(spec: Object, moment: Predicate, abort: Callable[[World], object], ends: str) -> Script:
    script = propose(stable_v1(spec))
    if moment not in BEFORE_TRAFFIC.values():
        approve(script)
    script.when(moment, abort)
    script.end = End(ends)
    script.moves_vary = moment in CANARY_TRAFFIC.values()
    return script


for _way, _abort in ABORTS.items():
    for _moment, _seen in BEFORE_TRAFFIC.items():
        family(f"abort_by_{_way}_while_{_moment}", aborted, BLUE_GREEN, _seen, _abort, "v1")
    for _moment, _seen in CANARY_TRAFFIC.items():
        # Deleting the Promotion aborts before 100 %, afterwards it only ends the watch.
        _at_100 = _moment in ("final_switch", "verifying")
        _ends = "v2" if _way == "deleting_the_promotion" and _at_100 else "v1"
        family(f"canary_abort_by_{_way}_in_{_moment}", aborted, CANARY, _seen, _abort, _ends)
    for _moment, _seen in BLUE_GREEN_TRAFFIC.items():
        # Once verified, a Promotion has Succeeded, which is final: what it says counts no more.
        _over = _way == "deleting_the_promotion" or (_way, _moment) == ("its_promotion", "watching")
        _ends = "v2" if _over else "v1"
        family(f"blue_green_abort_by_{_way}_in_{_moment}", aborted, BLUE_GREEN, _seen, _abort, _ends)


@scenario
def revert_in_git_after_the_previous_was_scaled_down() -> Script:
    script = approve(propose(stable_v1(BLUE_GREEN)))
    script.when(
        both(phase("Healthy"), live("v2"), lambda w: w.replicas().get("v1") == 0),
        lambda w: w.deploy("good", 1),
    )
    script.end = End("v1", "Healthy")
    return script


@scenario
def rollout_abort_of_the_stable_revision_after_it_was_healthy() -> Script:
    script = approve(propose(stable_v1(BLUE_GREEN)))
    script.when(
        both(phase("Healthy"), live("v2"), lambda w: w.replicas().get("v1") == 0),
        lambda w: w.edit({"abort": w.revision("good", 2)}),
    )
    script.end = End("v1")
    return script


@scenario
def rejected_and_asked_for_again_by_a_newer_promotion() -> Script:
    script = approve(propose(stable_v1(BLUE_GREEN)))
    script.when(live("v2"), lambda w: w.turn("good", 2, "failing"))
    script.when(both(phase("RolledBack"), live("v1")), lambda w: (w.turn("good", 2, "good"), w.promote("p3")))
    script.when(
        for_seconds(5, promotion("p3", "Blocked")),
        lambda w: w.patch_promotion("p3", retry={"fix": "the database answers again"}),
    )
    approve(script, 3)
    script.end = End("v2", "Healthy", {"p2": "RolledBack", "p3": "Succeeded"})
    return script


# --- The watch after a launch ---------------------------------------------------------------------------------

WATCH = [{"for": "30s", "interval": "2s"}, {"for": "1m30s", "interval": "5s"}]


def scaled_down(world: World) -> bool:
    """keepPrevious is over, and the watch goes on."""
    return world.live() == "v2" and world.replicas().get("v1") == 0 and world.promotion_phase("p2") == "Watching"


def watched(spec: Object) -> Script:
    return approve(propose(stable_v1(spec), watch=WATCH))


def watched_to_the_end(spec: Object) -> Script:
    script = watched(spec)
    script.once(scaled_down)
    script.end = End("v2", "Healthy", {"p2": "Succeeded"}, {"v1": 0, "v2": spec["replicas"]})
    return script


family("watched_to_the_end_blue_green", watched_to_the_end, BLUE_GREEN)
family("watched_to_the_end_canary", watched_to_the_end, CANARY)


def breach_in_the_watch(spec: Object, into: str) -> Script:
    script = watched(spec)
    script.when(scaled_down, lambda w: w.turn("good", 2, into))
    script.end = End("v1", "RolledBack", {"p2": "RolledBack"}, {"v1": spec["replicas"], "v2": 0})
    return script


family("breach_in_the_watch_blue_green", breach_in_the_watch, BLUE_GREEN, "failing")
family("breach_in_the_watch_canary", breach_in_the_watch, CANARY, "failing")
family("smoke_tests_fail_in_the_watch", breach_in_the_watch, BLUE_GREEN, "smokefails")


@scenario
def breach_40_minutes_after_the_launch() -> Script:
    script = approve(propose(stable_v1(BLUE_GREEN), watch=[{"for": "24h", "interval": "1m"}]))
    script.limit = 3600.0
    script.when(
        for_seconds(2400, both(live("v2"), promotion("p2", "Watching"))),
        lambda w: w.turn("good", 2, "failing"),
    )
    script.end = End("v1", "RolledBack", {"p2": "RolledBack"}, {"v1": 2, "v2": 0})
    return script


@scenario
def previous_is_slow_to_start_when_the_watch_breaks() -> Script:
    """Nobody is sent to it before its pods are ready, however bad the one that serves is."""
    script = Script(spec=BLUE_GREEN)
    script.when(always, lambda w: w.create_rollout(BLUE_GREEN, "slowstart"))
    script.when(always, lambda w: w.promote("p1"))
    script.when(promotion("p1", "AwaitingApproval"), lambda w: w.approve("p1"))
    script.once(both(phase("Healthy"), live("v1"))).faults_from_here()
    approve(propose(script, watch=WATCH))
    script.when(scaled_down, lambda w: w.turn("good", 2, "failing"))
    script.end = End("v1", "RolledBack", {"p2": "RolledBack"}, {"v1": 2, "v2": 0})
    return script


@scenario
def abort_on_the_promotion_that_watches() -> Script:
    script = watched(BLUE_GREEN)
    script.when(scaled_down, lambda w: w.patch_promotion("p2", abort="users complain"))
    said = {"p2": (("abort", "developer", "verified", ""),)}
    script.end = End("v1", promotions={"p2": "Aborted"}, said=said)
    return script


@scenario
def promotion_that_watches_is_deleted() -> Script:
    script = watched(BLUE_GREEN)
    script.when(scaled_down, lambda w: w.delete(PROMOTIONS, "p2"))
    script.end = End("v2", "Healthy")
    return script


@scenario
def status_wiped_in_the_watch() -> Script:
    script = watched(BLUE_GREEN)
    script.when(scaled_down, lambda w: (w.wipe_status(), w.wipe_promotion("p2")))
    script.end = V2_HEALTHY
    return script


@scenario
def next_launch_closes_the_watch() -> Script:
    script = watched(CANARY)
    script.when(scaled_down, lambda w: w.deploy("good", 3))
    script.when(always, lambda w: w.promote("p3"))
    script.once(both(promotion("p3", "AwaitingApproval"), promotion("p2", "Watching")))
    approve(script, 3)
    script.once(both(weight(25), promotion("p2", "Watching")))
    script.end = End("v3", "Healthy", {"p2": "Succeeded", "p3": "Succeeded"})
    return script


@scenario
def stable_breaks_while_a_candidate_takes_traffic() -> Script:
    steps = [{"weight": 25, "hold": "1m"}]
    script = watched(CANARY)
    script.when(scaled_down, lambda w: w.edit({"strategy": {"canary": {"steps": steps}}}))
    script.when(always, lambda w: w.deploy("good", 3))
    script.when(always, lambda w: w.promote("p3"))
    approve(script, 3)
    script.when(for_seconds(5, weight(25)), lambda w: w.turn("good", 2, "failing"))
    script.end = End("v1", "RolledBack", {"p2": "RolledBack", "p3": "RolledBack"})
    return script


@scenario
def first_revision_breaks_in_its_watch_and_keeps_serving() -> Script:
    script = Script(spec=BLUE_GREEN)
    script.when(always, lambda w: w.create_rollout(BLUE_GREEN))
    script.when(always, lambda w: w.promote("p1", watch=WATCH))
    script.when(promotion("p1", "AwaitingApproval"), lambda w: w.approve("p1"))
    script.when(promotion("p1", "Watching"), lambda w: w.turn("good", 1, "failing"))
    script.end = End("v1", "Degraded", {"p1": "Failed"})
    return script


# --- Edits on the way ---------------------------------------------------------------------------------------


@scenario
def template_edited_before_approval() -> Script:
    script = propose(stable_v1(BLUE_GREEN))
    script.when(promotion("p2", "AwaitingApproval"), lambda w: w.deploy("good", 3))
    script.once(lambda w: w.status.get("candidate", {}).get("revision") == w.revision("good", 3) != "")
    approve(script)
    script.end = End("v3", "Healthy", {"p2": "Succeeded"})
    return script


@scenario
def template_edited_between_approval_and_traffic() -> Script:
    # Slow pods: there is time between the approval and the first traffic.
    script = approve(propose(stable_v1(BLUE_GREEN), "slowstart"))
    script.when(for_seconds(2), lambda w: w.deploy("good", 3))
    script.once(for_seconds(20, promotion("p2", "AwaitingApproval")))
    script.end = End("v1", "AwaitingApproval", {"p2": "AwaitingApproval"})
    return script


@scenario
def newer_template_waits_while_traffic_moves() -> Script:
    script = approve(propose(stable_v1(CANARY)))
    script.when(weight(25), lambda w: w.deploy("good", 3))
    script.once(both(live("v2"), phase("AwaitingPromotion")))
    script.when(always, lambda w: w.promote("p3"))
    approve(script, 3)
    script.end = End("v3", "Healthy", {"p2": "Succeeded", "p3": "Succeeded"})
    return script


def _threshold(below: float) -> Object:
    gate = {"name": "error-rate", "preset": "error-rate", "below": below, "window": "2s"}
    return {"analysis": {"gates": [gate]}}


@scenario
def threshold_edited_mid_shift_and_undone() -> Script:
    script = approve(propose(stable_v1(CANARY)))
    script.when(weight(25), lambda w: w.edit(_threshold(0.9)))
    script.when(for_seconds(15, both(phase("Held"), weight(25))), lambda w: w.edit(_threshold(0.01)))
    script.end = V2_HEALTHY
    return script


@scenario
def threshold_edited_mid_shift_and_approved_again() -> Script:
    script = approve(propose(stable_v1(CANARY)))
    script.when(weight(25), lambda w: w.edit(_threshold(0.02)))
    script.when(
        for_seconds(15, both(phase("Held"), weight(25))),
        lambda w: w.patch_promotion("p2", "ada", approvals={"ada": w.promotion("p2")["status"]["planHash"]}),
    )
    script.end = V2_HEALTHY
    return script


@scenario
def loosened_gate_does_not_save_a_failing_candidate() -> Script:
    script = approve(propose(stable_v1(CANARY)))
    script.when(weight(25), lambda w: (w.edit(_threshold(0.9)), w.turn("good", 2, "failing")))
    script.end = End("v1", "RolledBack", {"p2": "RolledBack"})
    return script


@scenario
def plan_edited_before_traffic_voids_the_approval() -> Script:
    script = approve(propose(stable_v1(BLUE_GREEN), "slowstart"))
    script.when(for_seconds(2), lambda w: w.edit(_threshold(0.02)))
    script.once(for_seconds(20, lambda w: "approved" not in w.promotion("p2")["spec"] and w.live() == "v1"))
    approve(script)
    script.end = End("v2", "Healthy", {"p2": "Succeeded"})
    return script


@scenario
def withdrawn_before_traffic() -> Script:
    script = approve(propose(stable_v1(BLUE_GREEN), "slowstart"))
    script.when(for_seconds(2), lambda w: w.withdraw("p2"))
    script.once(for_seconds(20, promotion("p2", "AwaitingApproval")))
    script.end = End("v1", "AwaitingApproval", {"p2": "AwaitingApproval"})
    return script


def withdrawn(share: int) -> Script:
    script = approve(propose(stable_v1(CANARY)))
    script.when(weight(share), lambda w: w.withdraw("p2"))
    script.when(for_seconds(20, weight(share)), lambda w: w.approve("p2"))
    script.end = V2_HEALTHY
    return script


family("withdrawn_in_first_step_and_approved_again", withdrawn, 25)
family("withdrawn_in_second_step_and_approved_again", withdrawn, 50)


@scenario
def held_by_a_developer_and_lifted_by_an_approver() -> Script:
    script = approve(propose(stable_v1(CANARY)))
    script.when(weight(25), lambda w: w.patch_promotion("p2", hold="waiting for marketing"))
    script.when(for_seconds(20, both(phase("Held"), weight(25))), lambda w: w.patch_promotion("p2", "ada", hold=None))
    script.end = replace(V2_HEALTHY, said={"p2": (("hold", "developer", "verified", "ada"),)})
    return script


def approved_under(spec: Object, words: Object) -> Script:
    """To approve is one word, to deploy another: the second one needs no further approval."""
    script = propose(stable_v1(spec), **words)
    script.when(for_seconds(5, promotion("p2", "Held")), lambda w: w.approve("p2"))
    script.when(
        for_seconds(30, both(promotion("p2", "Held"), live("v1"))),
        lambda w: w.patch_promotion("p2", "bob", **dict.fromkeys(words)),
    )
    said = {"p2": tuple((word, "developer", "verified", "bob") for word in words)}
    script.end = End("v2", "Healthy", {"p2": "Succeeded"}, {"v1": 0, "v2": spec["replicas"]}, said)
    return script


family("approved_under_a_hold_blue_green", approved_under, BLUE_GREEN, {"hold": "on Tuesday"})
family("approved_under_a_hold_canary", approved_under, CANARY, {"hold": "on Tuesday"})
family("approved_before_there_is_a_rollback_plan", approved_under, BLUE_GREEN, {"rollbackPlanNeeded": True})


@scenario
def approved_under_a_hold_and_withdrawn_before_it_is_lifted() -> Script:
    script = propose(stable_v1(BLUE_GREEN), hold="on Tuesday")
    script.when(for_seconds(5, promotion("p2", "Held")), lambda w: w.approve("p2"))
    script.when(for_seconds(5, promotion("p2", "Held")), lambda w: w.withdraw("p2"))
    script.when(for_seconds(5, promotion("p2", "Held")), lambda w: w.patch_promotion("p2", "bob", hold=None))
    script.end = End("v1", "AwaitingApproval", {"p2": "AwaitingApproval"})
    return script


@scenario
def scaled_mid_shift() -> Script:
    script = approve(propose(stable_v1(CANARY)))
    script.when(weight(25), lambda w: w.edit({"replicas": 6}))
    script.end = End("v2", "Healthy", {"p2": "Succeeded"}, {"v1": 0, "v2": 6})
    return script


# --- Hands and losses ---------------------------------------------------------------------------------------

ANY_PHASE = {**BEFORE_TRAFFIC, **CANARY_TRAFFIC, "watching": both(live("v2"), phase("Watching"))}


def status_wiped(moment: Predicate) -> Script:
    script = propose(stable_v1(CANARY))
    if moment in BEFORE_TRAFFIC.values():
        script.when(moment, lambda w: w.wipe_status())
        approve(script)
    else:
        approve(script).when(moment, lambda w: w.wipe_status())
    script.end = V2_HEALTHY
    script.moves_vary = True
    return script


for _moment, _seen in ANY_PHASE.items():
    family(f"status_wiped_while_{_moment}", status_wiped, _seen)


@scenario
def status_wiped_while_healthy() -> Script:
    script = stable_v1(BLUE_GREEN)
    script.when(always, lambda w: w.wipe_status())
    script.once(phase("Healthy"))
    script.end = End("v1", "Healthy", {"p1": "Succeeded"})
    return script


@scenario
def stable_deployment_deleted_while_healthy() -> Script:
    script = stable_v1(BLUE_GREEN)
    script.when(
        always,
        lambda w: (w.invariants.expect_loss(), w.delete(DEPLOYMENTS, f"{NAME}-{w.revision('good', 1)}")),
    )
    script.once(for_seconds(10, phase("Healthy")))
    script.end = End("v1", "Healthy", replicas={"v1": 2})
    return script


@scenario
def stable_deployment_deleted_while_a_candidate_waits() -> Script:
    script = propose(stable_v1(BLUE_GREEN))
    script.when(
        promotion("p2", "AwaitingApproval"),
        lambda w: (w.invariants.expect_loss(), w.delete(DEPLOYMENTS, f"{NAME}-{w.revision('good', 1)}")),
    )
    script.once(for_seconds(20, lambda w: w.replicas().get("v1") == 2))
    approve(script)
    script.end = V2_HEALTHY
    return script


@scenario
def live_selector_wiped_while_a_candidate_waits() -> Script:
    script = propose(stable_v1(BLUE_GREEN))
    script.when(promotion("p2", "AwaitingApproval"), lambda w: w.patch_service(NAME, {"selector": None}))
    script.once(for_seconds(10, live("v1")))
    script.end = End("v1", "AwaitingApproval", {"p2": "AwaitingApproval"})
    return script


@scenario
def port_added_to_the_live_service_by_hand() -> Script:
    """An apply alone never takes away what another field manager has added: it would be tried for ever."""
    ports = [{"name": "http", "port": 80, "targetPort": 9898}, {"name": "debug", "port": 6060, "targetPort": 6060}]
    script = stable_v1(BLUE_GREEN)
    script.when(always, lambda w: w.patch_service(NAME, {"ports": ports}))
    script.once(for_seconds(10, lambda w: w.ports() == [80]))
    script.end = End("v1", "Healthy")
    return script


@scenario
def live_service_deleted_while_healthy() -> Script:
    script = stable_v1(BLUE_GREEN)
    script.when(always, lambda w: (w.invariants.expect_loss(), w.delete_service(NAME)))
    script.once(for_seconds(10, live("v1")))
    script.end = End("v1", "Healthy")
    return script


@scenario
def weights_edited_by_hand_mid_shift() -> Script:
    script = approve(propose(stable_v1(CANARY)))
    script.when(both(weight(25), phase("Shifting")), lambda w: w.set_weights(90, 10))
    script.end = V2_HEALTHY
    script.moves_vary = True
    return script


@scenario
def hand_on_the_template_of_what_serves_is_undone() -> Script:
    script = stable_v1(BLUE_GREEN)
    script.when(always, lambda w: (w.invariants.expect_loss(), w.add_environment("v1")))
    script.once(for_seconds(15, lambda w: not w.has_environment("v1")))
    script.end = End("v1", "Healthy", {"p1": "Succeeded"}, {"v1": 2})
    return script


@scenario
def gateway_stops_accepting_the_route_mid_shift() -> Script:
    script = approve(propose(stable_v1(CANARY)))
    script.when(weight(25), lambda w: w.gateway_accepts(False))
    script.when(for_seconds(30, weight(25)), lambda w: w.gateway_accepts(True))
    script.end = V2_HEALTHY
    return script


# --- Several Promotions ----------------------------------------------------------------------------------


@scenario
def blocked_smoke_test_passes_on_a_rerun() -> Script:
    script = propose(stable_v1(BLUE_GREEN), "smokefails")
    script.when(
        for_seconds(10, promotion("p2", "Blocked")),
        lambda w: (w.turn("smokefails", 2, "good"), w.patch_promotion("p2", rerun="2")),
    )
    approve(script)
    script.end = V2_HEALTHY
    return script


@scenario
def newer_promotion_supersedes_an_older_one_before_traffic() -> Script:
    script = propose(stable_v1(BLUE_GREEN))
    script.when(promotion("p2", "AwaitingApproval"), lambda w: w.promote("p3"))
    script.once(promotion("p2", "Superseded"))
    approve(script, 3)
    script.end = End("v2", "Healthy", {"p2": "Superseded", "p3": "Succeeded"})
    return script


@scenario
def promotion_created_mid_shift_waits() -> Script:
    script = approve(propose(stable_v1(CANARY)))
    script.when(weight(25), lambda w: w.promote("p3"))
    script.once(promotion("p3", "Blocked"))
    script.end = End("v2", "Healthy", {"p2": "Succeeded", "p3": "Checking"})
    return script


@scenario
def first_revision_is_aborted() -> Script:
    script = stable_v1(BLUE_GREEN)
    script.when(always, lambda w: (w.invariants.expect_loss(), w.edit({"abort": w.revision("good", 1)})))
    script.once(for_seconds(10, live("")))
    script.end = End("")
    return script


# --- Automatic ----------------------------------------------------------------------------------------------


@scenario
def automatic_needs_no_promotion() -> Script:
    script = stable_v1(automatic(CANARY), automatic=True)
    script.when(always, lambda w: w.deploy("good", 2))
    script.end = End("v2", "Healthy", replicas={"v1": 0, "v2": 4})
    return script


@scenario
def automatic_rolls_back() -> Script:
    script = stable_v1(automatic(CANARY), automatic=True)
    script.when(always, lambda w: w.deploy("failing", 2))
    script.end = End("v1", "RolledBack")
    return script


@scenario
def automatic_returns_to_stable_before_a_newer_template() -> Script:
    script = stable_v1(automatic(CANARY), automatic=True)
    script.when(always, lambda w: w.deploy("good", 2))
    script.when(weight(50), lambda w: w.deploy("good", 3))
    script.end = End("v3", "Healthy", replicas={"v1": 0, "v2": 0, "v3": 4})
    return script


# --- Policies -----------------------------------------------------------------------------------------------

FROZEN = [{"deny": "inventory", "from": "2020-01-01"}]


def until(world: World, seconds: float) -> str:
    """The first whole minute, in UTC, that is at least so many seconds away."""
    end = world.server.now() + timedelta(seconds=seconds + 59)
    return end.strftime("%Y-%m-%dT%H:%M")


@scenario
def freeze_that_begins_mid_shift_and_is_lifted() -> Script:
    script = approve(propose(stable_v1(CANARY)))
    script.when(weight(25), lambda w: w.demand("freeze", windows=FROZEN))
    script.when(for_seconds(20, phase("Held")), lambda w: w.lift("freeze"))
    script.end = V2_HEALTHY
    script.moves_vary = True
    return script


@scenario
def freeze_that_ends_by_itself() -> Script:
    script = stable_v1(BLUE_GREEN)
    script.when(always, lambda w: w.demand("freeze", windows=[{**FROZEN[0], "until": until(w, 60)}]))
    approve(propose(script))
    script.once(for_seconds(10, both(phase("Held"), live("v1"))))
    script.end = V2_HEALTHY
    return script


@scenario
def abort_in_a_freeze() -> Script:
    script = approve(propose(stable_v1(CANARY)))
    script.when(weight(25), lambda w: w.demand("freeze", windows=FROZEN))
    script.when(phase("Held"), lambda w: w.patch_promotion("p2", abort="no"))
    script.end = End("v1", "RolledBack", {"p2": "Aborted"})
    script.moves_vary = True
    return script


@scenario
def two_approvers() -> Script:
    script = stable_v1(BLUE_GREEN)
    script.when(always, lambda w: w.demand("org", approvals={"count": 2, "fourEyes": True}))
    approve(propose(script))
    script.when(for_seconds(15, both(promotion("p2", "AwaitingApproval"), live("v1"))), lambda w: w.sign("p2", "bob"))
    script.end = V2_HEALTHY
    return script


@scenario
def policy_that_cannot_be_read() -> Script:
    script = stable_v1(BLUE_GREEN)
    script.when(always, lambda w: w.demand("broken", windows=[{"deny": "x", "cron": "0 0 30 2 *", "duration": "1h"}]))
    approve(propose(script))
    script.when(for_seconds(15, both(phase("Held"), live("v1"))), lambda w: w.lift("broken"))
    script.end = V2_HEALTHY
    return script


# --- What people look at after the switch -------------------------------------------------------------------

BASKET: Object = {"name": "basket", "category": "Quality", "manual": {"ask": "Does it work?", "when": "after"}}


def not_looked_at(spec: Object) -> Script:
    """All traffic is there, and verify is long over."""
    script = approve(propose(stable_v1(spec), checks=[BASKET]))
    return script.once(for_seconds(40, both(phase("Verifying"), promotion("p2", "Shifting"), live("v2"))))


def looked_at_after_the_switch(spec: Object) -> Script:
    script = not_looked_at(spec)
    script.when(always, lambda w: w.confirm("p2", "basket"))
    script.end = End("v2", "Healthy", {"p2": "Succeeded"}, {"v1": 0, "v2": spec["replicas"]})
    return script


family("looked_at_after_the_switch_blue_green", looked_at_after_the_switch, BLUE_GREEN)
family("looked_at_after_the_switch_canary", looked_at_after_the_switch, CANARY)


@scenario
def nobody_looks_after_the_switch() -> Script:
    script = not_looked_at(BLUE_GREEN)
    script.end = End("v2", "Verifying", {"p2": "Shifting"}, {"v1": 2, "v2": 2})
    script.quiet = False
    return script


@scenario
def breach_before_anybody_has_looked() -> Script:
    script = not_looked_at(CANARY)
    script.when(always, lambda w: w.turn("good", 2, "failing"))
    script.end = End("v1", "RolledBack", {"p2": "RolledBack"})
    return script


# --- From the environment before ----------------------------------------------------------------------------

FROM = {"namespace": STAGING, "rollout": NAME}


@scenario
def images_come_from_staging() -> Script:
    script = stable_v1(CANARY)
    script.when(always, lambda w: w.stage(2))
    script.when(lambda w: w.staged(2), lambda w: w.promote("p2", setImages=True, **{"from": FROM}))
    script.once(lambda w: w.asks_for() == "v2")
    approve(script)
    script.end = End("v2", "Healthy", {"p2": "Succeeded"}, {"v1": 0, "v2": 4})
    return script


@scenario
def images_wait_for_staging_and_follow_it() -> Script:
    script = stable_v1(BLUE_GREEN)
    script.when(always, lambda w: w.stage(1))
    script.when(lambda w: w.staged(1), lambda w: w.stage(2))
    script.when(always, lambda w: w.promote("p2", setImages=True, **{"from": FROM}))
    script.when(for_seconds(5, promotion("p2", "AwaitingApproval")), lambda w: w.stage(3))
    script.once(both(lambda w: w.staged(3), lambda w: w.asks_for() == "v3"))
    approve(script)
    script.end = End("v3", "Healthy", {"p2": "Succeeded"})
    return script


@scenario
def images_that_somebody_changes_again_are_not_fought_over() -> Script:
    script = stable_v1(BLUE_GREEN)
    wanted = [{"name": NAME, "image": image("good", 2)}]
    script.when(always, lambda w: w.promote("p2", setImages=True, images=wanted))
    script.when(for_seconds(5, promotion("p2", "AwaitingApproval")), lambda w: w.deploy("good", 3))
    script.once(for_seconds(10, both(promotion("p2", "Blocked"), lambda w: w.asks_for() == "v3")))
    script.when(always, lambda w: w.patch_promotion("p2", rerun="2"))
    approve(script)
    script.end = End("v2", "Healthy", {"p2": "Succeeded"})
    return script


@scenario
def images_are_not_set_while_traffic_moves() -> Script:
    script = approve(propose(stable_v1(CANARY)))
    wanted = [{"name": NAME, "image": image("good", 3)}]
    script.when(weight(25), lambda w: w.promote("p3", setImages=True, images=wanted))
    script.once(both(weight(50), lambda w: w.asks_for() == "v2"))
    approve(script, 3)
    script.end = End("v3", "Healthy", {"p2": "Succeeded", "p3": "Succeeded"})
    return script


# --- Migrations ---------------------------------------------------------------------------------------------


def migrated(spec: Object, behaviour: str) -> Script:
    """Data is migrated before the first traffic; what fails then is undone."""
    jobs = {step: {"template": job_template()} for step in ("expand", "contract", "rollback")}
    steps = {"backwardCompatible": True, "jobs": jobs}
    return approve(propose(stable_v1(spec), behaviour, migrations=steps))


@scenario
def migrated_canary_is_contracted_at_the_end() -> Script:
    script = migrated(CANARY, "good")
    script.once(lambda w: [name.split("-")[1] for name in w.jobs.runs] == ["expand", "contract"])
    script.end = V2_HEALTHY
    return script


@scenario
def migrated_canary_fails_and_is_undone() -> Script:
    script = migrated(CANARY, "failing")
    script.once(lambda w: [name.split("-")[1] for name in w.jobs.runs] == ["expand", "rollback"])
    script.end = End(V1_STAYS, "RolledBack", {"p2": "RolledBack"})
    return script


# --- The end ------------------------------------------------------------------------------------------------


@scenario
def rollout_deleted() -> Script:
    script = stable_v1(BLUE_GREEN)
    script.when(always, lambda w: (w.invariants.expect_loss(), w.delete(ROLLOUTS, NAME)))
    script.once(for_seconds(10, lambda w: not w.replicas()))
    script.end = End("", replicas={})
    return script


@scenario
def rollout_orphaned_and_created_again() -> Script:
    script = stable_v1(BLUE_GREEN)
    script.when(always, lambda w: w.delete(ROLLOUTS, NAME, "Orphan"))
    script.once(for_seconds(10, lambda w: w.replicas() == {"v1": 2}))
    script.when(always, lambda w: w.create_rollout(BLUE_GREEN))
    script.once(for_seconds(10, both(phase("Healthy"), live("v1"))))
    script.end = End("v1", "Healthy", replicas={"v1": 2})
    return script
