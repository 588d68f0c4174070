"""What a person looks at after the switch holds back no approval and no way back, but the success."""

from __future__ import annotations

import json

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.objects import Object, blue_green, canary, template

V2 = revision_of(blue_green(2))
ASK = "Does the basket keep its articles?"
BASKET: Object = {"name": "basket", "category": "Quality", "manual": {"ask": ASK, "when": "after"}}
SEARCH: Object = {"name": "search", "category": "Quality", "manual": {"ask": "Is anything found?", "when": "after"}}


def launched(*checks: Object, spec: Object | None = None) -> Cluster:
    """A second version with all traffic, its verification over but for what people have to look at."""
    cluster = proposed(*checks, spec=spec)
    cluster.approve("web-2")
    cluster.run(90)
    return cluster


def proposed(*checks: Object, spec: Object | None = None) -> Cluster:
    cluster = serving(spec or blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=list(checks or (BASKET,)))
    cluster.settle()
    return cluster


def status(cluster: Cluster) -> Object:
    found: Object = cluster.get("Promotion", "web-2")["status"]
    return found


def result(cluster: Cluster, name: str = "basket") -> Object:
    return next(check for check in status(cluster)["checks"] if check["name"] == name)


def tick(cluster: Cluster, *names: str, plan: str = "") -> None:
    entry = {"by": "ada", "plan": plan or status(cluster)["planHash"]}
    before = cluster.get("Promotion", "web-2")["spec"].get("confirmed") or {}
    cluster.say("web-2", confirmed={**before, **dict.fromkeys(names or ("basket",), entry)})


def report(cluster: Cluster) -> Object:
    found: Object = json.loads(cluster.get("ConfigMap", "web-2-report")["data"]["report.json"])
    return found


def test_it_does_not_hold_up_the_approval() -> None:
    cluster = proposed()
    assert cluster.phase("web-2") == "AwaitingApproval", status(cluster)["message"]
    assert (result(cluster)["result"], result(cluster)["message"]) == (
        "Pending",
        f"to be looked at after the switch: {ASK}",
    )
    assert "checks passed" in status(cluster)["message"]
    assert "after the switch a person looks at basket" in status(cluster)["message"]


def test_the_count_of_those_that_passed_leaves_it_out() -> None:
    cluster, without = proposed(), serving(blue_green())
    without.edit(template=template(2))
    without.promote("web-2")
    without.settle()
    count = status(without)["message"].partition(" checks passed")[0]
    assert status(cluster)["message"].startswith(f"{count} checks passed")


@pytest.mark.parametrize("spec", [blue_green(), canary()], ids=["blueGreen", "canary"])
def test_nothing_succeeds_before_it_is_ticked(spec: Object) -> None:
    cluster = launched(spec=spec)
    assert (cluster.phase("web-2"), cluster.phase()) == ("Shifting", "Verifying")
    assert cluster.live == V2
    assert "still to be looked at: basket" in status(cluster)["message"]
    assert (
        f"{ASK} Confirm it under your own name: kubectl -n shop patch promotions.slipway.dev web-2"
        in status(cluster)["message"]
    )
    assert "verified-at" not in str(cluster.marks(V2))
    assert cluster.status["stable"]["revision"] != V2
    tick(cluster)
    cluster.run(60)
    assert (cluster.phase("web-2"), cluster.phase()) == ("Succeeded", "Healthy")
    assert (result(cluster)["result"], result(cluster)["message"]) == ("Passed", f"confirmed by ada: {ASK}")


def test_all_of_them_have_to_be_ticked() -> None:
    cluster = launched(BASKET, SEARCH)
    assert "still to be looked at: basket, search" in status(cluster)["message"]
    tick(cluster, "basket")
    cluster.run(30)
    assert cluster.phase("web-2") == "Shifting"
    assert result(cluster)["result"] == "Passed"
    assert "still to be looked at: search" in status(cluster)["message"]
    tick(cluster, "search")
    cluster.run(30)
    assert cluster.phase("web-2") == "Succeeded"


def test_gates_go_on_while_it_waits_and_a_breach_goes_back() -> None:
    cluster = launched()
    measured = len(cluster.measured)
    cluster.run(30)
    assert len(cluster.measured) > measured
    cluster.measure = lambda _: {"value": 1.0}
    cluster.run(60)
    assert cluster.phase("web-2") == "RolledBack"
    assert cluster.live != V2


def test_an_abort_goes_back_while_it_waits() -> None:
    cluster = launched()
    cluster.say("web-2", abort="it does not")
    cluster.run(30)
    assert cluster.phase("web-2") == "Aborted"
    assert cluster.live != V2


def test_the_previous_revision_is_kept_up_while_it_waits() -> None:
    cluster = launched()
    cluster.run(600)
    assert cluster.ready(revision_of(blue_green(1))) == 2


def test_a_tick_for_another_plan_counts_for_nothing() -> None:
    cluster = launched()
    tick(cluster, plan="sha256:" + "0" * 64)
    cluster.run(30)
    assert cluster.phase("web-2") == "Shifting"
    assert result(cluster)["result"] == "Pending"


def test_a_tick_that_is_taken_away_before_the_end_is_missing_again() -> None:
    cluster = proposed()
    cluster.approve("web-2")
    assert cluster.run(30, until=lambda: cluster.phase() == "Verifying")
    tick(cluster)
    cluster.run(2)
    assert result(cluster)["result"] == "Passed"
    cluster.say("web-2", confirmed=None)
    cluster.run(60)
    assert cluster.phase("web-2") == "Shifting"
    assert result(cluster)["result"] == "Pending"


def test_who_watches_the_verification_is_told_before_its_time_is_over() -> None:
    cluster = proposed()
    cluster.approve("web-2")
    assert cluster.run(30, until=lambda: "still to be looked at: basket" in status(cluster)["message"])
    assert cluster.phase() == "Verifying"


def test_an_item_that_policies_make_advisory_holds_back_nothing() -> None:
    cluster = serving(blue_green())
    cluster.put(
        "PromotionPolicy",
        {"metadata": {"name": "org"}, "spec": {"match": {}, "advisoryChecks": ["basket"]}},
    )
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[BASKET])
    cluster.settle()
    cluster.approve("web-2")
    cluster.run(90)
    assert cluster.phase("web-2") == "Succeeded"
    assert result(cluster)["result"] == "Pending"


def test_a_check_that_a_policy_demands_cannot_be_put_off() -> None:
    cluster = serving(blue_green())
    cluster.put(
        "PromotionPolicy",
        {"metadata": {"name": "org"}, "spec": {"match": {}, "requiredChecks": ["basket"]}},
    )
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[BASKET])
    cluster.settle()
    assert cluster.phase("web-2") == "Blocked"
    assert "policy org demands the check basket: it is put off until after the switch" in status(cluster)["message"]


def test_without_its_promotion_nobody_could_tick_it() -> None:
    """Deleting it after the switch ends what it asks for, as it ends the watch."""
    cluster = launched()
    cluster.remove("Promotion", "web-2")
    cluster.run(60)
    assert cluster.phase() == "Healthy"
    assert cluster.live == V2


def test_a_promotion_that_cannot_be_read_has_not_been_looked_at() -> None:
    cluster = launched()
    good = cluster.get("Promotion", "web-2")["spec"]
    cluster.say("web-2", checks="nonsense")
    cluster.run(60)
    assert cluster.status["stable"]["revision"] != V2
    cluster.say("web-2", **good)
    tick(cluster)
    cluster.run(60)
    assert cluster.phase("web-2") == "Succeeded"


def test_under_automatic_it_is_waited_for_too() -> None:
    cluster = serving(blue_green(approval="Automatic"), automatic=True)
    cluster.promote("web-2", checks=[BASKET])
    cluster.edit(template=template(2))
    cluster.run(90)
    assert cluster.phase("web-2") == "Shifting", status(cluster)["message"]
    assert cluster.live == V2
    tick(cluster)
    cluster.run(30)
    assert cluster.phase("web-2") == "Succeeded"


def test_a_lost_status_of_the_promotion_loses_no_question() -> None:
    cluster = launched()
    obj = cluster.get("Promotion", "web-2")
    cluster.put("Promotion", {**obj, "status": {"observedGeneration": -1}})
    cluster.run(30)
    assert (cluster.phase("web-2"), result(cluster)["result"]) == ("AwaitingApproval", "Pending")
    cluster.approve("web-2")
    cluster.run(30)
    assert cluster.phase("web-2") == "Shifting"
    assert status(cluster)["shiftedAt"]
    tick(cluster)
    cluster.run(60)
    assert cluster.phase("web-2") == "Succeeded"
    assert result(cluster)["message"] == f"confirmed by ada: {ASK}"


def test_the_report_names_it_and_says_go() -> None:
    cluster = proposed()
    found = report(cluster)
    assert found["answer"]["go"] is True
    assert found["plan"][-2]["until"].endswith("a person has looked at basket")
    text = cluster.get("ConfigMap", "web-2-report")["data"]["report.md"]
    assert "after the switch" in text


def test_a_dry_run_does_not_wait_for_it() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=[BASKET], dryRun=True)
    cluster.run(60)
    assert cluster.phase("web-2") == "DryRunComplete"
    assert next(c for c in status(cluster)["conditions"] if c["type"] == "ChecksPassed")["status"] == "True"


def test_the_record_says_who_looked() -> None:
    cluster = launched()
    tick(cluster)
    cluster.run(60)
    kept = [c for c in cluster.all("ConfigMap") if c["metadata"]["name"].startswith("launch-web-2")]
    statement = json.loads(kept[-1]["data"]["statement.json"])
    checks = {check["name"]: check for check in statement["predicate"]["checks"]}
    assert checks["basket"]["message"] == f"confirmed by ada: {ASK}"


def test_before_is_what_nobody_has_to_say() -> None:
    cluster = proposed({**BASKET, "manual": {"ask": ASK}})
    assert cluster.phase("web-2") == "Checking"
    plan = status(cluster)["planHash"]
    said = proposed({**BASKET, "manual": {"ask": ASK, "when": "before"}})
    assert status(said)["planHash"] == plan
