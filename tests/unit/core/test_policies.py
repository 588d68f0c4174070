"""PromotionPolicies in the life of a Rollout: what they hold, what they say, and what they never hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.objects import NAME, START, Object, blue_green, canary, promotion, template

from slipway.core.decision import CommitPromotionStatus, MetricProbe
from slipway.core.snapshot import Settings

V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))
DEV = "dev"


def demand(cluster: Cluster, name: str = "org", **spec: Any) -> None:
    cluster.put("PromotionPolicy", {"metadata": {"name": name}, "spec": {"match": {}, **spec}})


def proposed(spec: Object, policy: Object, **case: Any) -> Cluster:
    """A second revision whose Promotion is in charge, under a policy."""
    cluster = serving(spec)
    demand(cluster, **policy)
    cluster.edit(template=template(2))
    cluster.promote("web-2", requestedBy=DEV, **case)
    cluster.settle()
    return cluster


def message(cluster: Cluster, name: str = "web-2") -> str:
    return str(cluster.get("Promotion", name)["status"]["message"])


def said(cluster: Cluster, kind: str, name: str = "web-2") -> Object:
    conditions = cluster.get("Promotion", name)["status"]["conditions"]
    return next((condition for condition in conditions if condition["type"] == kind), {})


def sign(cluster: Cluster, *names: str, promotion: str = "web-2") -> None:
    """An own entry beside those of others."""
    spec = cluster.get("Promotion", promotion)["spec"]
    plan = cluster.get("Promotion", promotion)["status"]["planHash"]
    cluster.say(promotion, approved=True, approvals={**(spec.get("approvals") or {}), **dict.fromkeys(names, plan)})
    cluster.settle()


def moment(seconds: float) -> str:
    """A local time in UTC, so many seconds after the start of these tests."""
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M")


def until(cluster: Cluster, minutes: float) -> Object:
    """A freeze that ends on a whole minute, at least so many minutes from now."""
    end = (cluster.now + timedelta(minutes=minutes + 1)).replace(second=0, microsecond=0)
    return {"deny": "inventory", "from": "2020-01-01", "until": end.strftime("%Y-%m-%dT%H:%M")}


# --- n of m


def test_two_approvers_each_with_an_own_entry_and_the_command_for_the_second() -> None:
    cluster = proposed(blue_green(), {"approvals": {"count": 2}})
    assert cluster.phase("web-2") == "AwaitingApproval"
    assert "2 people have to approve (policy org)" in message(cluster)
    plan = cluster.approve("web-2", "ada")
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"
    assert "1 of 2 approvals (by ada) (policy org)" in message(cluster)
    assert '{\\"approvals\\":{\\"$(kubectl auth whoami' in message(cluster)
    assert plan in message(cluster)
    assert [entry["by"] for entry in cluster.get("Promotion", "web-2")["status"]["approvals"]] == ["ada"]
    assert said(cluster, "Approved")["status"] == "False"
    assert not cluster.run(120, lambda: cluster.exposure(V2) > 0)
    sign(cluster, "bob")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")
    assert [entry["by"] for entry in cluster.get("Promotion", "web-2")["status"]["approvals"]] == ["ada", "bob"]


def test_an_unnamed_approval_and_one_that_nothing_verifies_are_not_two_people() -> None:
    cluster = proposed(blue_green(), {"approvals": {"count": 2}})
    sign(cluster, "ada", "unverified")
    assert "an entry without a name does not count" in message(cluster)
    cluster.settings = Settings(identity_verified=False)
    sign(cluster, "bob")
    assert "nothing verifies" in message(cluster)
    assert not cluster.run(60, lambda: cluster.exposure(V2) > 0)


def test_a_second_word_that_is_withdrawn_in_flight_holds() -> None:
    cluster = proposed(canary(), {"approvals": {"count": 2}})
    sign(cluster, "ada", "bob")
    second = revision_of(cluster.get("Rollout")["spec"])
    assert cluster.run(60, lambda: cluster.exposure(second) == 25)
    plan = cluster.get("Promotion", "web-2")["status"]["planHash"]
    cluster.say("web-2", approvals={"ada": plan})
    cluster.run(30)
    assert (cluster.weight, cluster.phase()) == (25, "AwaitingApproval")
    assert "whoami" in message(cluster)
    sign(cluster, "eve")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")


def test_what_a_policy_demands_later_is_not_asked_of_those_under_whose_word_traffic_moves() -> None:
    cluster = shifting(canary())
    demand(cluster, approvals={"count": 3, "fourEyes": True, "validFor": "1s"}, requiredChecks=["scan"])
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")


def test_a_share_that_asks_again_asks_as_many_people() -> None:
    steps = [{"weight": 25, "hold": "2s"}, {"weight": 50, "hold": "2s", "approval": "Required"}]
    cluster = proposed(canary(steps=steps), {"approvals": {"count": 2}})
    sign(cluster, "ada", "bob")
    second = revision_of(cluster.get("Rollout")["spec"])
    assert cluster.run(60, lambda: cluster.phase("web-2") == "AwaitingApproval")
    plan = cluster.get("Promotion", "web-2")["status"]["planHash"]
    agreed = {"weight": 50, "plan": plan}
    cluster.say("web-2", approvedWeight=50, weightApprovals={"ada": agreed})
    cluster.run(20)
    assert cluster.exposure(second) == 25
    assert "2 people have to agree" in message(cluster)
    assert "weightApprovals" in message(cluster)
    cluster.say("web-2", weightApprovals={"ada": agreed, "bob": agreed})
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")


def entering(cluster: Cluster, weight: int) -> str:
    """What the Event says of a share that was entered."""
    [words] = [event.message for event in cluster.events if f"is entering {weight} % of traffic" in event.message]
    return str(words.partition(" % of traffic")[2])


def test_an_event_names_those_who_agreed_to_the_share_that_asked_for_them() -> None:
    steps = [{"weight": 25, "hold": "2s"}, {"weight": 50, "hold": "2s", "approval": "Required"}]
    cluster = proposed(canary(steps=steps), {"approvals": {"fourEyes": True}})
    sign(cluster, "ada")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "AwaitingApproval")
    plan = cluster.get("Promotion", "web-2")["status"]["planHash"]
    entries = {
        "bob": {"weight": 50, "plan": plan},
        "cleo": {"weight": 40, "plan": plan},
        "dan": {"weight": 50, "plan": "sha256:" + "0" * 64},
        DEV: {"weight": 50, "plan": plan},
        "eve": {"weight": 60, "plan": plan},
    }
    cluster.say("web-2", approvedWeight=60, weightApprovals=entries)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")
    assert entering(cluster, 25) == ", approved by ada"
    assert entering(cluster, 50) == ", approved by bob, eve"


def test_an_event_of_a_share_that_asked_for_nobody_names_those_who_approved_the_plan() -> None:
    cluster = proposed(canary(), {"approvals": {"count": 1}})
    sign(cluster, "ada")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")
    assert entering(cluster, 50) == ", approved by ada"


# --- Four eyes, accounts, age


def test_four_eyes_the_author_does_not_count() -> None:
    cluster = proposed(blue_green(), {"approvals": {"fourEyes": True}})
    sign(cluster, DEV)
    assert "dev created this Promotion" in message(cluster)
    assert "whoami" in message(cluster)
    assert not cluster.run(60, lambda: cluster.exposure(V2) > 0)
    sign(cluster, "ada")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")


def test_a_word_that_does_not_count_stays_without_weight_in_flight() -> None:
    cluster = proposed(canary(), {"approvals": {"fourEyes": True}})
    second = revision_of(cluster.get("Rollout")["spec"])
    sign(cluster, DEV, "ada")
    assert cluster.run(60, lambda: cluster.exposure(second) == 25)
    cluster.run(3)
    assert [entry["by"] for entry in cluster.get("Promotion", "web-2")["status"]["approvals"]] == ["ada"]
    plan = cluster.get("Promotion", "web-2")["status"]["planHash"]
    # Under whose word traffic moves takes it back; what is left is the author's own.
    cluster.say("web-2", approvals={DEV: plan})
    cluster.run(60)
    assert (cluster.weight, cluster.phase()) == (25, "AwaitingApproval")
    sign(cluster, "bob")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")


def test_four_eyes_fail_closed_where_nobody_knows_the_author() -> None:
    cluster = serving(blue_green())
    demand(cluster, approvals={"fourEyes": True})
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    assert cluster.phase("web-2") == "Blocked"
    assert "nobody knows who created this Promotion" in message(cluster)
    sign(cluster, "ada")
    assert not cluster.run(60, lambda: cluster.exposure(V2) > 0)


def test_only_listed_service_accounts_count() -> None:
    gate = "system:serviceaccount:ci:gate"
    cluster = proposed(blue_green(), {"approvals": {"serviceAccounts": []}})
    sign(cluster, gate)
    assert f"the policy does not count {gate}" in message(cluster)
    demand(cluster, approvals={"serviceAccounts": [gate]})
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")


def test_an_approval_that_is_not_acted_on_lapses_and_the_same_command_works_again() -> None:
    cluster = proposed(blue_green(), {"approvals": {"validFor": "1m"}, "windows": []})
    demand(cluster, "freeze", windows=[until(cluster, 5)])
    cluster.approve("web-2", "ada")
    cluster.settle()
    assert cluster.phase("web-2") == "Held"
    assert cluster.run(90, lambda: "approved" not in cluster.get("Promotion", "web-2")["spec"])
    cluster.settle()
    assert said(cluster, "Approved")["reason"] == "Lapsed"
    assert cluster.phase("web-2") == "AwaitingApproval"
    cluster.remove("PromotionPolicy", "freeze")
    cluster.approve("web-2", "ada")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")


def test_only_the_word_that_is_too_old_is_taken_away() -> None:
    cluster = proposed(blue_green(), {"approvals": {"count": 2, "validFor": "1m"}})
    sign(cluster, "ada")
    cluster.run(40)
    demand(cluster, "freeze", windows=[until(cluster, 1)])
    sign(cluster, "bob")
    assert cluster.run(60, lambda: list(cluster.get("Promotion", "web-2")["spec"]["approvals"]) == ["bob"])
    cluster.remove("PromotionPolicy", "freeze")
    sign(cluster, "ada")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")


def test_an_approval_under_which_traffic_moves_does_not_lapse() -> None:
    cluster = proposed(blue_green(), {"approvals": {"validFor": "5s"}})
    cluster.approve("web-2", "ada")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")


# --- Windows


def test_a_freeze_holds_what_is_approved_and_lets_it_go_when_it_ends_by_itself() -> None:
    cluster = serving(blue_green())
    freeze = until(cluster, 2)
    demand(cluster, windows=[freeze])
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"
    shut = f"closed: inventory (policy org); opens at {freeze['until']}:00Z"
    assert f"; {shut}; " in message(cluster)
    assert f"not approved yet; {shut}; approve: kubectl" in cluster.status["message"]
    cluster.approve("web-2")
    cluster.settle()
    assert (cluster.phase(), cluster.phase("web-2")) == ("Held", "Held")
    opens = datetime.fromisoformat(freeze["until"] + "+00:00")
    assert f"closed: inventory (policy org); opens at {freeze['until']}:00Z" in message(cluster)
    look = cluster.decide().look_again
    assert look is not None
    assert look <= opens
    assert cluster.run(300, lambda: cluster.exposure(V2) > 0)
    assert cluster.now >= opens
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")


def test_a_freeze_that_begins_in_flight_holds_the_share_and_goes_on_after_it() -> None:
    cluster = shifting(canary())
    demand(cluster, windows=[until(cluster, 1)])
    cluster.run(30)
    assert (cluster.weight, cluster.phase(), cluster.phase("web-2")) == (25, "Held", "Held")
    assert cluster.run(200, lambda: cluster.phase("web-2") == "Succeeded")


def test_verify_is_finished_in_a_freeze() -> None:
    cluster = shifting(canary(), share=100)
    demand(cluster, windows=[{"deny": "sold", "from": "2020-01-01"}])
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")


@pytest.mark.parametrize("way", ["gate", "abort", "revert"])
@pytest.mark.parametrize(
    "policy",
    [{"windows": [{"deny": "sold", "from": "2020-01-01"}]}, {"nonsense": 1}, {"approvals": {"count": 9}}],
    ids=["freeze", "invalid", "count"],
)
def test_going_back_is_never_blocked(way: str, policy: Object) -> None:
    cluster = shifting(canary())
    second = revision_of(cluster.get("Rollout")["spec"])
    demand(cluster, automatic="Deny", **policy)
    cluster.settle()
    if way == "gate":
        cluster.measure = lambda _: {"value": 0.5}
    elif way == "abort":
        cluster.say("web-2", abort="no")
    else:
        cluster.edit(template=template(1))
    assert cluster.run(60, lambda: cluster.exposure(second) == 0)
    assert cluster.run(60, lambda: cluster.phase("web-2") in ("RolledBack", "Aborted"))


def test_a_policy_that_cannot_be_read_holds_and_says_where() -> None:
    cron = {"windows": [{"deny": "x", "cron": "0 0 30 2 *", "duration": "1h"}]}
    cluster = proposed(blue_green(), cron)
    cluster.approve("web-2")
    assert not cluster.run(60, lambda: cluster.exposure(V2) > 0)
    assert cluster.phase("web-2") == "Held"
    assert "PromotionPolicy org is not valid: spec.windows[0].cron: '0 0 30 2 *'" in message(cluster)
    demand(cluster, windows=[])
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")


def test_a_policy_of_another_environment_is_nobodys_business() -> None:
    cluster = proposed(blue_green(), {"match": {"environments": ["staging"]}, "nonsense": 1})
    cluster.approve("web-2")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")


# --- The case


READY = {"stage": "REFINE", "status": "approved", "score": 8}


def test_a_score_is_demanded_with_the_policy_that_says_so() -> None:
    cluster = proposed(blue_green(), {"minReadinessScore": 9})
    assert cluster.phase("web-2") == "Blocked"
    assert "policy org demands the check readiness-score: state spec.readiness" in message(cluster)
    cluster.say("web-2", readiness=READY)
    cluster.settle()
    assert cluster.phase("web-2") == "Blocked"
    assert "at least 9" in message(cluster)
    cluster.say("web-2", readiness={**READY, "override": "a fix that cannot wait"})
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"


TESTS = {"name": "tests", "category": "Quality", "attest": {"passed": False, "summary": "184 of 185"}}


def test_required_and_advisory_checks() -> None:
    cluster = proposed(blue_green(), {"requiredChecks": ["tests"]})
    assert "policy org demands the check tests: list it in spec.checks" in message(cluster)
    cluster.say("web-2", checks=[TESTS])
    cluster.settle()
    assert "check tests Failed" in message(cluster)
    demand(cluster, advisoryChecks=["tests"])
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"
    assert "required checks passed, advisory: tests Failed" in message(cluster)
    assert said(cluster, "ChecksPassed")["status"] == "True"


def test_a_rule_asks_for_more_where_the_case_is_grave() -> None:
    rules = [{"when": {"dataClassification": ["CONFIDENTIAL"]}, "count": 2}]
    assessment = {"dataClassification": "CONFIDENTIAL", "recommendation": "Proceed"}
    cluster = proposed(blue_green(), {"rules": rules})
    assert "policy org goes by spec.assessment.dataClassification: state it" in message(cluster)
    cluster.say("web-2", assessment=assessment)
    cluster.settle()
    sign(cluster, "ada")
    assert "1 of 2 approvals" in message(cluster)
    cluster.say("web-2", approved=None, approvals=None)
    cluster.say("web-2", assessment=assessment | {"dataClassification": "PUBLIC"})
    cluster.settle()
    sign(cluster, "ada")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")


def test_checks_that_are_too_old_are_asked_again_before_traffic() -> None:
    ask = {"name": "queue", "category": "Operations", "prometheus": {"query": "vector(1)", "below": 10}}
    cluster = proposed(blue_green(), {"maxAge": "30s"}, checks=[ask])
    assert cluster.phase("web-2") == "AwaitingApproval"

    def asked() -> list[MetricProbe]:
        return [probe for _, probe, _ in cluster.measured if probe.query == "vector(1)"]

    before = len(asked())
    cluster.run(100)
    assert 3 <= len(asked()) - before <= 4
    # It has become worse meanwhile: who approves now is not told of an old good result.
    cluster.measure = lambda probe: {"value": 50 if probe.query == "vector(1)" else 0.001}
    cluster.run(40)
    assert cluster.phase("web-2") == "Blocked"
    assert not cluster.decide().writes


# --- Automatic


def test_automatic_is_denied_and_what_moves_already_stays_and_may_go_back() -> None:
    cluster = Cluster(blue_green(approval="Automatic"), automatic=True)
    assert cluster.run(60, lambda: cluster.phase() == "Healthy")
    demand(cluster, automatic="Deny")
    cluster.edit(template=template(2))
    assert not cluster.run(60, lambda: cluster.exposure(V2) > 0)
    assert cluster.condition("Accepted")["reason"] == "AutomaticNotAllowed"
    assert "policy org denies Automatic in environment production" in cluster.status["message"]


def test_windows_and_the_case_hold_an_automatic_rollout_too() -> None:
    cluster = Cluster(blue_green(approval="Automatic"), automatic=True)
    assert cluster.run(60, lambda: cluster.phase() == "Healthy")
    demand(cluster, requiredChecks=["tests"], approvals={"count": 2, "fourEyes": True})
    cluster.edit(template=template(2))
    assert not cluster.run(30, lambda: cluster.exposure(V2) > 0)
    assert "only a Promotion can say that: create one" in cluster.status["message"]
    demand(cluster, minWatch="1h")
    assert not cluster.run(30, lambda: cluster.exposure(V2) > 0)
    assert "demands a watch of 1h: without a Promotion there is none" in cluster.status["message"]
    demand(cluster, windows=[until(cluster, 1)], approvals={"count": 2, "fourEyes": True})
    assert not cluster.run(20, lambda: cluster.exposure(V2) > 0)
    assert cluster.phase() == "Held"
    assert cluster.run(200, lambda: cluster.live == V2)


# --- Broken glass


GLASS = {"reason": "the shop is down", "by": "ada"}
STRICT = {
    "approvals": {"count": 2, "fourEyes": True},
    "requiredChecks": ["tests"],
    "windows": [{"deny": "sold", "from": "2020-01-01"}],
}


def test_broken_glass_lifts_what_the_policy_lets_it_and_is_recorded() -> None:
    cluster = proposed(blue_green(), {**STRICT, "breakGlass": "Allow"})
    assert cluster.phase("web-2") == "Blocked"
    cluster.say("web-2", breakGlass=GLASS)
    assert not cluster.run(30, lambda: cluster.exposure(V2) > 0)
    assert cluster.phase("web-2") == "AwaitingApproval"
    sign(cluster, "ada")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")
    assert (said(cluster, "GlassBroken")["status"], said(cluster, "GlassBroken")["message"]) == (
        "True",
        "policies are lifted by ada: the shop is down",
    )
    assert [event.reason for event in cluster.events].count("GlassBroken") == 1


@pytest.mark.parametrize("why", ["policy", "another policy", "admission"])
def test_glass_that_may_not_be_broken_lifts_nothing_and_says_so(why: str) -> None:
    cluster = proposed(blue_green(), {**STRICT, "breakGlass": "Deny" if why == "policy" else "Allow"})
    if why == "another policy":
        demand(cluster, "another")
    if why == "admission":
        cluster.settings = Settings(identity_verified=False)
    cluster.say("web-2", breakGlass=GLASS)
    cluster.settle()
    assert cluster.phase("web-2") == "Blocked"
    assert said(cluster, "GlassBroken")["reason"] == "NotAllowed"


def test_broken_glass_never_lifts_a_gate_or_a_failed_check() -> None:
    cluster = proposed(blue_green(), {**STRICT, "breakGlass": "Allow"}, checks=[TESTS], breakGlass=GLASS)
    assert "check tests Failed" in message(cluster)
    cluster = proposed(canary(), {**STRICT, "breakGlass": "Allow"}, breakGlass=GLASS)
    sign(cluster, "ada")
    second = revision_of(cluster.get("Rollout")["spec"])
    assert cluster.run(60, lambda: cluster.exposure(second) == 25)
    cluster.measure = lambda _: {"value": 0.5}
    assert cluster.run(60, lambda: cluster.phase("web-2") == "RolledBack")


# --- Rest


@pytest.mark.parametrize(
    "policy",
    [
        STRICT,
        {"approvals": {"count": 2}},
        {"maxAge": "30s"},
        {"approvals": {"validFor": "1h"}},
        {"windows": [{"deny": "x", "from": "2020-01-01"}]},
        {"nonsense": 1},
    ],
)
def test_semantics_31_at_rest_nothing_is_written(policy: Object) -> None:
    cluster = proposed(blue_green(), policy)
    sign(cluster, "ada")
    cluster.settle()
    cluster.now += timedelta(seconds=7)
    writes = [write for write in cluster.decide().writes if isinstance(write, CommitPromotionStatus)]
    if policy.get("maxAge") is None and policy.get("approvals") != {"validFor": "1h"}:
        assert not writes


def test_a_promotion_whose_policies_are_there_from_its_first_second() -> None:
    cluster = Cluster(blue_green())
    demand(cluster, approvals={"count": 2})
    cluster.put("Promotion", promotion("web-1", requestedBy=DEV))
    cluster.settle()
    sign(cluster, "ada", promotion="web-1")
    assert not cluster.run(30, lambda: cluster.live is not None and cluster.live == V1)
    sign(cluster, "bob", promotion="web-1")
    assert cluster.run(60, lambda: cluster.phase() == "Watching")
    assert cluster.get("Rollout", NAME)["status"]["stable"]["revision"] == V1
