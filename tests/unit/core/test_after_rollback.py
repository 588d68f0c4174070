"""What is asked once traffic has gone back: each question once, what was approved, and an answer in bounded time."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.objects import NAME, Object, blue_green, canary, template

from slipway.core import after_rollback, names
from slipway.core.decision import JobProbe, MetricProbe, ObjectProbe, Probe, ServiceHttpProbe, TcpProbe
from slipway.core.notice_routes import NoticeRoute, NoticeRoutes
from slipway.core.snapshot import Settings

V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))
JOB: Object = {"name": "orders", "job": {"template": {"spec": {"containers": []}}, "timeout": "1m"}}
HTTP: Object = {"name": "home", "http": {"service": "web", "port": 80}}
NUMBER: Object = {"name": "errors", "prometheus": {"query": "up", "below": 1, "window": "30s"}}
ALL: list[Object] = [
    JOB,
    HTTP,
    NUMBER,
    {"name": "port", "tcp": {"service": "web", "port": 80}},
    {
        "name": "database",
        "object": {"apiVersion": "v1", "kind": "Service", "name": "web", "expression": "object.spec.ports.size() > 0"},
    },
]


def launching(checks: list[Object], spec: Object | None = None, **promotion: Any) -> Cluster:
    """Version 2 is being verified under web-2, which asks `checks` when traffic has gone back."""
    cluster = serving(spec or blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2", afterRollback=checks, **promotion)
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.exposure(V2) > 0)
    return cluster


def sent_back(cluster: Cluster) -> Cluster:
    """Until the Promotion says so; the time stands still from then on."""
    cluster.say("web-2", abort="a test")
    asked = cluster.run_probes
    cluster.run_probes = lambda probes: asked(p for p in probes if not p.key.startswith("after/"))  # type: ignore[method-assign]
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Aborted"), cluster.get("Promotion", "web-2")
    cluster.run_probes = asked  # type: ignore[method-assign]
    return cluster


def answers(cluster: Cluster, promotion: str = "web-2") -> dict[str, str]:
    found = (cluster.get("Promotion", promotion).get("status") or {}).get("afterRollback") or []
    return {check["name"]: check["result"] for check in found}


def wanted(cluster: Cluster) -> list[Probe]:
    return [probe for probe in cluster.decide().probes if probe.key.startswith("after/")]


def records(cluster: Cluster, kind: str = "rollback") -> list[Object]:
    held = [obj for obj in cluster.all("ConfigMap") if obj["metadata"]["labels"].get(names.RECORD_LABEL) == kind]
    return [json.loads(obj["data"]["statement.json"])["predicate"] for obj in held]


def test_every_kind_is_asked_once_when_traffic_is_back() -> None:
    cluster = launching(ALL)
    assert wanted(cluster) == []
    sent_back(cluster)
    assert cluster.live == V1
    assert answers(cluster) == dict.fromkeys((check["name"] for check in ALL), "Pending")
    kinds = {probe.key.split("/")[2]: type(probe) for probe in wanted(cluster)}
    assert kinds == {
        **{"orders": JobProbe, "home": ServiceHttpProbe, "errors": MetricProbe, "port": TcpProbe},
        "database": ObjectProbe,
    }
    cluster.settle()
    assert answers(cluster) == dict.fromkeys((check["name"] for check in ALL), "Passed") | {"errors": "Pending"}
    assert cluster.run(60, lambda: answers(cluster)["errors"] == "Passed")
    assert wanted(cluster) == []
    assert not cluster.decide().writes


def test_a_number_is_asked_for_when_its_window_lies_behind_the_way_back() -> None:
    cluster = sent_back(launching([NUMBER]))
    (probe,) = wanted(cluster)
    assert isinstance(probe, MetricProbe)
    assert probe.due == cluster.now + timedelta(seconds=30)
    assert probe.variables["revision"] == V1


@pytest.mark.parametrize("make", [blue_green, canary])
def test_a_breach_asks_too_in_a_canary_as_in_blue_green(make: Any) -> None:
    cluster = launching([HTTP], spec=make())
    cluster.measure = lambda probe: {"value": 0.5 if probe.variables["revision"] == V2 else 0.001}
    assert cluster.run(120, lambda: cluster.phase("web-2") == "RolledBack")
    cluster.settle()
    assert answers(cluster) == {"home": "Passed"}


def test_nothing_is_asked_where_no_traffic_had_moved() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2", afterRollback=[HTTP], abort="no")
    cluster.run(30)
    assert (cluster.phase("web-2"), answers(cluster)) == ("Aborted", {})


def test_nothing_is_asked_after_a_success() -> None:
    cluster = launching([HTTP])
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")
    cluster.run(60)
    assert answers(cluster) == {}


def test_failures_are_told_by_an_event_and_a_notice_and_nothing_moves() -> None:
    cluster = launching([HTTP, JOB])
    routes = NoticeRoutes(routes=(NoticeRoute(channels=("chat",)),), known=frozenset({"chat"}))
    cluster.settings = Settings(notices=routes)
    sent_back(cluster)
    cluster.probe = lambda probe: not probe.key.startswith("after/")
    cluster.run(5)
    assert answers(cluster) == {"home": "Failed", "orders": "Failed"}
    told = {event.message.split(" after")[0] for event in cluster.events if event.reason == "AfterRollback"}
    assert told == {"check home", "check orders"}
    notices = [n for n in cluster.get("Promotion", "web-2")["status"]["notices"] if n["event"] == "AfterRollback"]
    assert len(notices) == 1
    assert "home Failed" in notices[0]["text"]
    assert "answered 500" not in notices[0]["text"]
    assert (cluster.live, cluster.phase("web-2")) == (V1, "Aborted")


def test_going_back_never_waits_for_an_answer() -> None:
    cluster = launching([JOB])
    asked = cluster.run_probes
    cluster.run_probes = lambda probes: asked(p for p in probes if not p.key.startswith("after/"))  # type: ignore[method-assign]
    cluster.say("web-2", abort="a test")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Aborted")
    assert answers(cluster) == {"orders": "Pending"}
    assert cluster.run(60, lambda: cluster.condition("Restored")["status"] == "True")
    limit = (after_rollback.ANSWERED_WITHIN + timedelta(minutes=1)).total_seconds()
    assert cluster.run(limit + 5, lambda: answers(cluster) == {"orders": "Unverifiable"}, stride=30)
    assert wanted(cluster) == []


def test_what_was_approved_is_asked_whatever_the_spec_says_by_then() -> None:
    cluster = launching([HTTP])
    cluster.say("web-2", approved=None, approvals=None)
    cluster.say("web-2", afterRollback=[JOB])
    sent_back(cluster)
    assert answers(cluster) == {"home": "Pending"}
    cluster.say("web-2", afterRollback=None)
    cluster.settle()
    assert answers(cluster) == {"home": "Passed"}


def test_it_is_part_of_the_plan() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    before = cluster.get("Promotion", "web-2")["status"]["planHash"]
    cluster.say("web-2", afterRollback=[HTTP])
    cluster.settle()
    assert cluster.get("Promotion", "web-2")["status"]["planHash"] != before


def test_the_record_of_the_rollback_has_the_answers() -> None:
    cluster = sent_back(launching([HTTP, NUMBER]))
    cluster.settle()
    assert records(cluster) == []
    cluster.run(60)
    (record,) = records(cluster)
    assert {check["name"]: check["result"] for check in record["afterRollback"]} == {
        "home": "Passed",
        "errors": "Passed",
    }


def test_the_record_waits_for_a_bounded_time() -> None:
    cluster = launching([JOB])
    asked = cluster.run_probes
    cluster.run_probes = lambda probes: asked(p for p in probes if not p.key.startswith("after/"))  # type: ignore[method-assign]
    cluster.say("web-2", abort="a test")
    assert cluster.run(600, lambda: bool(records(cluster)), stride=30)
    assert records(cluster)[0]["afterRollback"][0]["result"] == "Unverifiable"


def test_a_template_that_goes_back_at_once_takes_no_question_away() -> None:
    """A revert in Git clears the marks of what was sent back: the record that is owed still names the plan."""
    cluster = sent_back(launching([NUMBER]))
    cluster.edit(template=template(1))
    cluster.run(40)
    assert answers(cluster) == {"errors": "Passed"}
    assert records(cluster)[0]["afterRollback"][0]["result"] == "Passed"


def test_the_next_launch_ends_the_questions() -> None:
    cluster = sent_back(launching([{**NUMBER, "prometheus": {**NUMBER["prometheus"], "window": "10m"}}]))
    cluster.edit(template=template(3))
    cluster.promote("web-3")
    cluster.settle()
    cluster.approve("web-3")
    assert cluster.run(60, lambda: cluster.phase("web-3") == "Succeeded")
    assert answers(cluster) == {"errors": "Unverifiable"}
    (found,) = cluster.get("Promotion", "web-2")["status"]["afterRollback"]
    assert "the next launch" in found["message"]


def test_without_its_rollout_no_question_stays_open() -> None:
    cluster = sent_back(launching([HTTP]))
    cluster.remove("Rollout", NAME)
    cluster.once()
    assert answers(cluster) == {"home": "Unverifiable"}
    assert not cluster.decide().writes


@pytest.mark.parametrize(
    "damage",
    [
        {"finishedAt": None},
        {"afterRollback": [{"name": "other", "result": "Pending"}]},
        {"afterRollback": [{"name": "home", "result": "Odd"}, {"name": "home", "result": "Pending"}]},
    ],
)
def test_a_status_that_others_have_damaged_comes_to_rest(damage: Object) -> None:
    cluster = sent_back(launching([HTTP]))
    cluster.change("Promotion", "web-2", "status", **damage)
    cluster.run(30)
    assert "Pending" not in answers(cluster).values()


@pytest.mark.parametrize("died_after", range(1, 12))
def test_a_crash_asks_no_other_job(died_after: int) -> None:
    """The name of the Job is the same whatever was written before."""
    cluster = launching([JOB])
    cluster.say("web-2", abort="a test")
    names_seen = set()
    for _ in range(60):
        cluster.once(writes=died_after % 4)
        cluster.controllers()
        decision = cluster.once()
        cluster.controllers()
        names_seen |= {p.job["metadata"]["name"] for p in decision.probes if isinstance(p, JobProbe)}
        cluster.now += timedelta(seconds=1)
    assert answers(cluster) == {"orders": "Passed"}
    assert len(names_seen) == 1
