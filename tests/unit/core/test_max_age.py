"""A policy's `maxAge`: results that are too old are found anew, once each time, whatever asks for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, serving
from tests.unit.core.environments import message, result
from tests.unit.core.objects import Object, blue_green, template

from slipway.core.decision import JobProbe, MetricProbe, Probe
from slipway.core.snapshot import Probed

AGE = timedelta(seconds=60)
POD = {"spec": {"containers": [{"name": "look", "image": "registry.example/look:v1"}]}}
ASKED: dict[str, Object] = {
    "job": {"job": {"template": POD}},
    "http": {"http": {"service": "web-preview", "port": "http", "path": "/"}},
    "tcp": {"tcp": {"service": "db", "port": 5432}},
    "object": {"object": {"apiVersion": "v1", "kind": "Service", "name": "db", "expression": "true"}},
    "prometheus": {"prometheus": {"query": "vector(0)", "below": 10}},
}


def proposed(*checks: Object, age: str = "60s") -> Cluster:
    cluster = serving(blue_green(analysis=blue_green()["analysis"] | {"interval": "7s"}))
    cluster.put("PromotionPolicy", {"metadata": {"name": "org"}, "spec": {"match": {}, "maxAge": age}})
    cluster.edit(template=template(2))
    cluster.promote("web-2", checks=list(checks))
    cluster.settle()
    return cluster


def question(kind: str) -> Object:
    if kind == "log":
        return {"name": "no-secrets-in-logs"}
    return {"name": "asked", "category": "Operations", **ASKED[kind]}


@pytest.mark.parametrize("kind", [*ASKED, "log"])
def test_an_old_result_is_asked_for_once_more_and_settles(kind: str) -> None:
    cluster = proposed(question(kind))
    name = question(kind)["name"]
    found = [result(cluster, "web-2", name)["at"]]
    assert cluster.phase("web-2") == "AwaitingApproval", message(cluster, "web-2")
    for _ in range(3):
        cluster.now += AGE
        cluster.settle()
        assert cluster.phase("web-2") == "AwaitingApproval", message(cluster, "web-2")
        found.append(result(cluster, "web-2", name)["at"])
        cluster.now += AGE / 2
        cluster.settle()
        assert result(cluster, "web-2", name)["at"] == found[-1]
    assert len(set(found)) == 4
    assert len(cluster.job_ends) == (4 if kind == "job" else 0)


def test_what_people_and_pipelines_say_stays() -> None:
    cluster = proposed(
        {"name": "seen", "category": "Quality", "manual": {"ask": "Is it well?"}},
        {
            "name": "tests",
            "category": "Quality",
            "attest": {"passed": True, "summary": "1/1", "evidence": "https://ci"},
        },
    )
    plan = cluster.get("Promotion", "web-2")["status"]["planHash"]
    cluster.say("web-2", confirmed={"seen": {"by": "ada", "plan": plan}})
    cluster.settle()
    before = [result(cluster, "web-2", name) for name in ("seen", "tests")]
    cluster.now += 3 * AGE
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"
    assert [result(cluster, "web-2", name) for name in ("seen", "tests")] == before


def test_while_the_next_run_is_waited_for_nothing_counts_and_its_name_stays() -> None:
    cluster = proposed(question("job"))
    first = result(cluster, "web-2", "asked")["at"]
    cluster.now += AGE
    wanted: set[str] = set()
    for _ in range(4):
        # The operator dies before any run has ended, again and again.
        decision = cluster.decide()
        for write in decision.writes:
            cluster.write(write)
        wanted |= {probe.job["metadata"]["name"] for probe in decision.probes if isinstance(probe, JobProbe)}
        cluster.now += AGE
    assert len(wanted) == 1
    assert not wanted & set(cluster.job_ends)
    waits = result(cluster, "web-2", "asked")
    assert (waits["result"], waits["at"]) == ("Pending", first)
    assert cluster.phase("web-2") == "Checking"
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"
    assert set(cluster.job_ends) > wanted


def test_a_run_that_ended_while_nobody_looked_is_followed_by_another_and_never_counts() -> None:
    cluster = proposed(question("job"))
    cluster.approve("web-2")
    cluster.say("web-2", hold="wait")
    cluster.settle()
    old, runs = cluster.now, len(cluster.job_ends)
    cluster.now += AGE
    seen: list[str] = []

    def late(probe: Probe) -> bool:
        if isinstance(probe, JobProbe):
            seen.append(probe.job["metadata"]["name"])
        return True

    cluster.probe = late
    decision = cluster.decide()
    for write in decision.writes:
        cluster.write(write)
    due = next(probe for probe in decision.probes if isinstance(probe, JobProbe))
    cluster.job_ends[due.job["metadata"]["name"]] = Probed(at=old + AGE / 2, passed=True, message="")
    cluster.now += 2 * AGE
    cluster.say("web-2", hold=None)
    cluster.settle()
    assert len(seen) == 1
    assert len(cluster.job_ends) == runs + 2


def test_a_status_that_was_lost_leads_to_a_fresh_result_all_the_same() -> None:
    cluster = proposed(question("job"))
    cluster.now += AGE
    cluster.settle()
    cluster.now += AGE / 2
    promotion: dict[str, Any] = cluster.get("Promotion", "web-2")
    cluster.put("Promotion", {**promotion, "status": {"observedGeneration": -1}})
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"
    assert len(cluster.job_ends) == 2


def test_a_run_that_could_not_be_made_is_tried_again_and_stays_the_same() -> None:
    cluster = proposed(question("job"))
    wanted: set[str] = set()

    def unmade(probe: Probe) -> str:
        if not isinstance(probe, JobProbe):
            return ""
        wanted.add(probe.job["metadata"]["name"])
        return "the policy is missing"

    cluster.unverified = unmade
    cluster.now += AGE
    cluster.settle()
    assert cluster.phase("web-2") == "Blocked"
    cluster.run(3 * AGE.total_seconds())
    assert len(wanted) == 1
    assert not wanted & set(cluster.job_ends)
    cluster.unverified = lambda _: ""
    cluster.run(10)
    assert cluster.phase("web-2") == "AwaitingApproval"
    assert wanted < set(cluster.job_ends)


def test_smoke_tests_gates_and_the_rehearsal_are_repeated_too() -> None:
    cluster = proposed()
    cluster.edit(smokeTests=[{"name": "home", "http": {"path": "/", "port": "http"}}])
    cluster.settle()
    asked: set[str] = set()

    def note(probe: Probe) -> bool:
        asked.add(type(probe).__name__)
        return True

    def measure(probe: MetricProbe) -> dict[str, Any]:
        asked.add(type(probe).__name__)
        return {"value": 0.001}

    cluster.probe, cluster.measure = note, measure
    for _ in range(2):
        asked.clear()
        cluster.settle()
        assert not asked & {"HttpProbe", "MetricProbe", "DryRun"}
        cluster.now += AGE
        cluster.settle()
        assert cluster.phase("web-2") == "AwaitingApproval", message(cluster, "web-2")
        assert {"HttpProbe", "MetricProbe", "DryRun"} <= asked
