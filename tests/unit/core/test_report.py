"""The report: what it says, when it is written, and that nobody's words can pose as ours."""

import json
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.cluster import Cluster, serving
from tests.unit.core.objects import Object, blue_green, canary, route, template

from slipway.api.promotion_status import Summary
from slipway.api.report import CONFIRMATIONS
from slipway.core.decision import Probe, PublishReport
from slipway.core.report.publish import AGAIN
from slipway.core.report.summary import render_summary
from slipway.core.report.template import changes, variables

IN_ORDER = ("waiting", "held", "shifting", "verifying", "total")
IDEA = {"id": "IDEA-1", "summary": "Pay later.", "journey": [{"stage": "SPARK", "at": "2026-03-15", "iterations": 2}]}


def waiting(spec: Object | None = None, **case: Any) -> Cluster:
    """Version 1 serves, version 2 waits for a person."""
    cluster = serving(spec or blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2", **case)
    cluster.settle()
    return cluster


def status(cluster: Cluster, name: str = "web-2") -> Object:
    return cluster.get("Promotion", name)["status"]


def report(cluster: Cluster, name: str = "web-2") -> dict[str, Any]:
    return json.loads(cluster.get("ConfigMap", f"{name}-report")["data"]["report.json"])


def text(cluster: Cluster, name: str = "web-2") -> str:
    return str(cluster.get("ConfigMap", f"{name}-report")["data"]["report.md"])


def approve(cluster: Cluster) -> None:
    cluster.say("web-2", approved=True, approvals={"alice": status(cluster)["planHash"]})


# --- what it says ----------------------------------------------------------------------------------------------------


def test_whoever_is_asked_finds_the_report_in_the_message() -> None:
    cluster = waiting(idea=IDEA)
    made = cluster.get("ConfigMap", "web-2-report")
    assert "get configmap web-2-report -o jsonpath='{.data.report\\.md}'" in status(cluster)["message"]
    assert status(cluster)["report"]["configMap"] == "web-2-report"
    owner = made["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["uid"]) == ("Promotion", cluster.get("Promotion", "web-2")["metadata"]["uid"])
    assert made["metadata"]["labels"]["slipway.dev/idea"] == "IDEA-1"


def test_it_says_go_and_what_approving_confirms() -> None:
    cluster = waiting(idea=IDEA)
    found = report(cluster)
    assert (found["schema"], found["stage"], found["answer"]) == ("slipway.dev/report/v1", "SCALE", {"go": True})
    assert found["confirmations"] == list(CONFIRMATIONS)
    lines = text(cluster).splitlines()
    assert lines[0] == "# IDEA-1: launch of web " + found["revision"]
    assert lines[2].startswith("**GO**")
    assert "| Journey | SPARK (2) → SCALE |" in lines
    assert lines[-1] == f"- {CONFIRMATIONS[-1]}"


def test_it_says_no_go_and_what_stands_in_the_way() -> None:
    cluster = waiting(assessment={"recommendation": "Do Not Proceed"}, hold="lunch")
    found = report(cluster)
    assert found["answer"]["go"] is False
    assert [blocker.split(":")[0] for blocker in found["answer"]["blockers"]] == [
        "check assessment is Failed",
        "held on Promotion web-2",
    ]
    assert "**NO-GO** – in the way:" in text(cluster)


def test_what_is_missing_is_named() -> None:
    found = report(waiting(idea=IDEA))
    of_idea = [f"idea.{field}" for field in ("problem", "evidence", "lessons", "artifacts")]
    missing = ["readiness", "assessment", "rollbackPlan", "migrations", "operations", "communication"]
    assert found["missing"] == [*of_idea, *missing]
    assert "Not stated: neither `spec.readiness` nor `spec.assessment` is given." in text(waiting())


def test_the_plan_is_told_step_by_step() -> None:
    cluster = waiting(canary())
    steps = [step["what"] for step in report(cluster)["plan"]]
    assert steps == [
        "the new revision waits with 1 pod, without users",
        "25 % of traffic goes to the new revision",
        "50 % of traffic goes to the new revision",
        "all traffic goes to the new revision, which is verified",
        "the previous revision stays up, ready to take traffic back at once",
    ]


def test_the_watch_and_the_policies_are_told() -> None:
    cluster = waiting(watch=[{"for": "1h", "interval": "30s"}, {"for": "24h", "interval": "5m"}])
    watch = ["until 1h after verify, every 30s", "until 24h after verify, every 5m"]
    assert report(cluster)["watch"] == watch
    assert "| Policies | none matches |" in text(cluster)
    cluster.put("PromotionPolicy", {"metadata": {"name": "org"}, "spec": {"match": {}}})
    cluster.settle()
    assert report(cluster)["policies"] == ["org"]


def test_the_way_back_is_commands_and_their_rehearsal() -> None:
    found = report(waiting())["wayBack"]
    assert found["rehearsed"].startswith("rollback verified")
    assert found["commands"][0].startswith("kubectl -n shop patch promotions.slipway.dev web-2 --type merge -p")
    assert found["triggers"][0].startswith("gate error-rate < 0.01")


def test_the_first_launch_has_nothing_to_go_back_to() -> None:
    cluster = Cluster(blue_green())
    cluster.promote("web-1")
    cluster.settle()
    assert "serving" not in report(cluster, "web-1")
    assert "there is nothing to go back to" in text(cluster, "web-1")


def test_what_only_the_author_vouches_for_is_marked() -> None:
    stated = {"name": "tests", "category": "Quality", "attest": {"passed": True, "summary": "185 of 185"}}
    cluster = waiting(checks=[stated])
    by_name = {check["name"]: check for check in report(cluster)["checks"]}
    assert by_name["tests"]["attested"] is True
    assert by_name["health-probe"]["attested"] is False
    assert "| the author, without evidence" in text(cluster)
    assert "| Requested by | not known |" in text(cluster)


def test_each_result_names_who_stands_behind_it() -> None:
    def listed(name: str, **answer: Any) -> Object:
        return {"name": name, "category": "Quality", **answer}

    checks = [
        listed("stated", attest={"passed": True, "summary": "fine"}),
        listed("proved", attest={"passed": True, "summary": "185", "evidence": "https://ci.example/1"}),
        listed("excused", notApplicable={"reason": "no users"}),
        listed("looked-at", manual={"ask": "Is it blue?"}),
        listed("waiting", manual={"ask": "Is it round?"}),
        listed("asked", tcp={"service": "db", "port": 5432}),
        {"name": "code-reviewed"},
    ]
    migrations = {"scripts": ["1.sql"], "backwardCompatible": True, "rollback": ["1-undo.sql"]}
    readiness = {"stage": "REFINE", "status": "approved", "score": 8}
    cluster = waiting(checks=checks, readiness=readiness, migrations=migrations, requestedBy="dev")
    cluster.say("web-2", confirmed={"looked-at": {"by": "ada", "plan": status(cluster)["planHash"]}})
    cluster.settle()
    found = {check["name"]: check["vouchedBy"] for check in report(cluster)["checks"]}
    by_author = ["stated", "excused", "readiness-score", "idea-approved", "critical-issues", "migrations-complete"]
    assert {found[name] for name in by_author} == {"author dev"}
    assert found["proved"] == "CI evidence, given by author dev"
    assert (found["looked-at"], found["waiting"], found["code-reviewed"]) == ("person ada", "nobody yet", "nobody yet")
    assert {found[name] for name in ("asked", "health-probe", "image-pinned", "rollback-rehearsed")} == {"Slipway"}
    assert "| Requested by | dev (verified) |" in text(cluster)


def test_addresses_come_from_the_routes() -> None:
    cluster = serving(canary(), routes=[route(hostnames=["shop.example", "www.shop.example"])])
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    assert report(cluster)["configuration"]["urls"] == ["shop.example", "www.shop.example"]


# --- no secret is in it ----------------------------------------------------------------------------------------------


def container(**fields: Any) -> Object:
    return {"spec": {"containers": [{"name": "web", "image": "web:1", **fields}]}}


def test_no_value_is_shown() -> None:
    literal = {"name": "PASSWORD", "value": "hunter2"}
    secret = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "db", "key": "token"}}}
    old = container(env=[literal], args=["--password=hunter1"])
    new = container(env=[{**literal, "value": "hunter3"}, secret], args=["--password=hunter4"])
    found = [(c.what, c.before, c.after) for c in changes(old, new)]
    assert found == [
        ("web: variable PASSWORD", "template", "another value"),
        ("web: variable TOKEN", "", "Secret db, key token"),
        ("web: args", "given", "another"),
    ]
    shown = [(v.name, v.source, v.sensitive) for v in variables(new)]
    assert shown == [("PASSWORD", "template", True), ("TOKEN", "Secret db, key token", True)]


def test_a_literal_is_as_sensitive_as_its_name_and_its_look_say() -> None:
    given = {
        "LOG_LEVEL": "info",
        "DB_URL": "postgres://shop:hunter2@db/shop",
        "API_TOKEN": "abc",
        "TOKEN_FILE": "/run/token",
        "PASSWORD": "$(PASSWORD_OF_DB)",
        "USE_SECRET": "true",
    }
    env = [{"name": name, "value": value} for name, value in given.items()]
    found = variables(container(env=[*env, {"name": "SECRET"}]))
    assert [v.name for v in found if v.sensitive] == ["DB_URL", "API_TOKEN"]


def test_differences_are_found_wherever_they_are() -> None:
    old = container(resources={"limits": {"memory": "1Gi"}}, readinessProbe={"httpGet": {"path": "/", "port": 80}})
    new = container(image="web:2", readinessProbe={"httpGet": {"path": "/ready", "port": 80}})
    new["spec"] |= {"serviceAccountName": "web"}
    new["metadata"] = {"labels": {"team": "shop"}}
    new["spec"]["containers"].append({"name": "proxy", "image": "proxy:1"})
    assert [change.what for change in changes(old, new)] == [
        "web: image",
        "web: resources",
        "web: readinessProbe",
        "container proxy",
        "spec.serviceAccountName",
        "metadata.labels[team]",
    ]
    assert changes(new, new) == []


@given(st.recursive(st.none() | st.text(max_size=3) | st.integers(), lambda x: st.lists(x, max_size=2), max_leaves=4))
def test_a_malformed_template_is_no_reason_to_fail(junk: Any) -> None:
    for broken in (junk, {"spec": junk}, {"spec": {"containers": junk}}, container(env=junk, resources=junk)):
        if isinstance(broken, dict):
            assert changes(broken, broken) == []
            variables(broken)


# --- when it is written ----------------------------------------------------------------------------------------------


def published(cluster: Cluster) -> list[Probe]:
    return [probe for probe in cluster.decide().probes if isinstance(probe, PublishReport)]


def test_at_rest_nothing_is_written() -> None:
    cluster = waiting()
    version = cluster.version
    cluster.run(60)
    assert (cluster.version, published(cluster)) == (version, [])


def test_an_autoscaler_changes_nothing_in_it() -> None:
    """Replicas are of no revision: the new one gets as many as the Rollout has by then."""
    cluster = waiting()
    before = status(cluster)["report"]
    cluster.edit(replicas=7)
    cluster.settle()
    assert status(cluster)["report"] == before
    assert "\nReplicas: as many as serve by then. " in cluster.get("ConfigMap", "web-2-report")["data"]["report.md"]


def test_it_follows_the_plan_while_it_waits() -> None:
    cluster = waiting()
    before = status(cluster)["report"]["digest"]
    cluster.edit(strategy={"blueGreen": {"verify": "1h"}})
    cluster.settle()
    assert status(cluster)["report"]["digest"] != before
    assert report(cluster)["planHash"] == status(cluster)["planHash"]


def test_the_approval_names_the_report_that_was_there_and_freezes_it() -> None:
    cluster = waiting()
    shown = status(cluster)["report"]["digest"]
    read = text(cluster)
    approve(cluster)
    cluster.run(600, lambda: status(cluster)["phase"] == "Succeeded")
    entry = status(cluster)["approvals"][0]
    assert (entry["reportDigest"], entry["confirmed"]) == (shown, list(CONFIRMATIONS))
    assert status(cluster)["report"]["digest"] == shown
    assert text(cluster) == read


def test_a_report_that_cannot_be_written_stops_nothing_and_is_told() -> None:
    cluster = serving(blue_green())
    cluster.probe = lambda probe: not isinstance(probe, PublishReport)
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    told = {c["type"]: c for c in status(cluster)["conditions"]}["Reported"]
    assert (told["status"], told["message"]) == ("False", "refused")
    assert "report:" not in status(cluster)["message"]
    approve(cluster)
    cluster.run(600, lambda: status(cluster)["phase"] == "Succeeded")
    assert "reportDigest" not in status(cluster)["approvals"][0]


def test_it_is_tried_again() -> None:
    cluster = serving(blue_green())
    cluster.probe = lambda probe: not isinstance(probe, PublishReport)
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    for _ in range(3):
        cluster.now += AGAIN
        cluster.settle()
        assert "report" not in status(cluster)
    cluster.probe = lambda _: True
    cluster.now += AGAIN
    cluster.settle()
    assert status(cluster)["report"]["configMap"] == "web-2-report"
    assert "Reported" not in {c["type"] for c in status(cluster)["conditions"]}


def test_a_summary_is_added_at_the_end() -> None:
    cluster = waiting(version="1.2.3", commit="abc1234")
    approve(cluster)
    cluster.run(600, lambda: status(cluster)["phase"] == "Succeeded")
    cluster.settle()
    found = status(cluster)["summary"]
    assert (found["outcome"], found["strategy"], found["version"]) == ("Succeeded", "BlueGreen", "1.2.3")
    assert found["delivered"] == "1.2.3: registry.example/web:v2"
    checks = len(status(cluster)["checks"])
    assert found["checks"] == f"{checks} of {checks} passed"
    assert set(found["durations"]) == {"waiting", "shifting", "verifying", "total"}
    assert found["verification"] == ["error-rate 0.001 < 0.01: Pass"]
    assert f'"abort":"{found["revision"]}"' in found["rollback"]
    summed_up = cluster.get("ConfigMap", "web-2-report")["data"]["summary.md"]
    assert summed_up.startswith("# web-2: Succeeded\n")
    assert "| Delivered | 1.2.3: registry.example/web:v2 |" in summed_up
    version = cluster.version
    cluster.run(120)
    assert status(cluster)["report"]["summaryDigest"]
    assert cluster.get("ConfigMap", "web-2-report")["data"]["summary.md"] == summed_up
    assert published(cluster) == []
    assert version <= cluster.version


def test_what_is_approved_under_a_hold_counts_as_held_until_its_first_traffic() -> None:
    cluster = waiting(hold="goes out on Tuesday")
    cluster.now += timedelta(minutes=3)
    approve(cluster)
    cluster.settle()
    cluster.run(65 * 3600, stride=3600)
    cluster.say("web-2", hold=None)
    cluster.run(600, lambda: status(cluster)["phase"] == "Succeeded")
    cluster.settle()
    found = status(cluster)["summary"]["durations"]
    assert found["waiting"] == "3m"
    assert found["held"] == "65h"
    assert found["shifting"].endswith("s")
    assert found["total"].startswith("65h")
    page = cluster.get("ConfigMap", "web-2-report")["data"]["summary.md"]
    [row] = [line for line in page.splitlines() if line.startswith("| Took |")]
    assert row == "| Took | " + ", ".join(f"{name} {found[name]}" for name in IN_ORDER) + " |"


def test_how_long_it_took_is_told_in_the_order_in_which_it_happened_however_it_is_stored() -> None:
    made = Summary(
        **{"outcome": "Succeeded", "delivered": "v2", "environment": "production", "strategy": "Canary"},
        **{"revision": "0123456789", "checks": "1 of 1 passed"},
        durations=dict.fromkeys(sorted([*IN_ORDER, "resting"]), "5s"),
    )
    row = "| Took | waiting 5s, held 5s, shifting 5s, verifying 5s, total 5s |"
    assert row in render_summary("web-2", made).splitlines()


def test_what_never_got_traffic_neither_was_held_nor_shifted() -> None:
    cluster = waiting(hold="goes out on Tuesday")
    approve(cluster)
    cluster.run(120)
    cluster.say("web-2", abort="not today")
    cluster.run(20, lambda: status(cluster)["phase"] == "Aborted")
    assert set(status(cluster)["summary"]["durations"]) == {"waiting", "total"}


def test_a_launch_that_went_back_says_which_gate_broke() -> None:
    cluster = waiting()
    approve(cluster)
    cluster.measure = lambda _: {"value": 0.5}
    cluster.run(600, lambda: status(cluster)["phase"] == "RolledBack")
    cluster.settle()
    found = status(cluster)["summary"]
    assert found["outcome"] == "RolledBack"
    assert found["verification"] == ["error-rate 0.5 < 0.01: Fail"]
    assert "rollback" not in found
    assert found["wentBack"].startswith("gate error-rate")
    page = cluster.get("ConfigMap", "web-2-report")["data"]["summary.md"]
    assert "## After going back" in page
    assert (
        """kubectl -n shop patch promotions.slipway.dev web-2 --type merge -p '{"spec":{"learnings":{"rootCause":"""
        in page
    )


def test_an_abort_before_traffic_asks_for_no_root_cause() -> None:
    cluster = waiting()
    cluster.say("web-2", abort="not today")
    cluster.settle()
    assert status(cluster)["phase"] == "Aborted"
    assert "rootCause" not in status(cluster).get("summary", {})


def test_a_report_of_a_moment_ago_is_none() -> None:
    """Nobody decides on what is no longer so: neither the message nor the approval names it."""
    cluster = waiting()
    cluster.probe = lambda probe: not isinstance(probe, PublishReport)
    cluster.edit(strategy={"blueGreen": {"verify": "1h"}})
    cluster.settle()
    assert "report" not in status(cluster)
    assert "report:" not in status(cluster)["message"]
    approve(cluster)
    cluster.settle()
    assert "reportDigest" not in status(cluster)["approvals"][0]
    cluster.probe = lambda _: True
    cluster.now += AGAIN
    cluster.settle()
    assert report(cluster)["planHash"] == status(cluster)["approvals"][0]["planHash"]
    assert report(cluster)["answer"] == {"go": True}
