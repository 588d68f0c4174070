"""The stored plan of a launch goes while it is watched: nothing can be measured any more, and that is said."""

from __future__ import annotations

import json

import pytest
from tests.unit.core.cluster import Cluster
from tests.unit.core.test_records import records
from tests.unit.core.test_watch import BAD, V1, V2, condition, hours, launched

from slipway.core import names
from slipway.core.marks import APPROVED


def plan_name(cluster: Cluster) -> str:
    return names.plan_name("web", json.loads(cluster.marks(V2)[APPROVED])["planHash"])


def lost(how: str = "deleted") -> Cluster:
    """Version 2 was watched for a minute before its plan went."""
    cluster = launched(watch=[{"for": "1h", "interval": "30s"}])
    cluster.run(60)
    name = plan_name(cluster)
    if how == "deleted":
        cluster.remove("ControllerRevision", name)
    else:
        stored = cluster.get("ControllerRevision", name)
        data = stored["data"] | {"plan": stored["data"]["plan"] | {"revision": "another"}}
        cluster.put("ControllerRevision", {**stored, "data": data})
    cluster.measure = lambda _: BAD
    cluster.measured.clear()
    return cluster


def watched(cluster: Cluster) -> str:
    found = cluster.get("Promotion", "web-2")["status"]["conditions"]
    return str(next(c["message"] for c in found if c["type"] == "Watched"))


@pytest.mark.parametrize("how", ["deleted", "altered"])
def test_the_watch_says_that_it_measures_nothing_and_what_to_do(how: str) -> None:
    cluster = lost(how)
    cluster.run(600, stride=20)
    assert not cluster.measured
    assert condition(cluster, "web-2", "Watched") == ("Unknown", "Running")
    words = watched(cluster)
    assert f"nothing is measured: ControllerRevision {plan_name(cluster)}" in words
    assert f"set spec.abort to bring revision {V1} back" in words
    assert words in cluster.get("Promotion", "web-2")["status"]["message"]
    assert "0.001" not in words, "the last good figure says nothing of now"


def test_the_rollout_shows_missing_data_and_not_the_last_good_figure() -> None:
    cluster = lost()
    cluster.run(60)
    assert "error-rate 0.001" not in cluster.status["message"]
    assert [(gate["verdict"], gate.get("value")) for gate in cluster.status["watch"]["gates"]] == [("NoData", None)]
    assert [gate["verdict"] for gate in cluster.status["gates"]] == ["NoData"]


def test_a_watch_that_could_not_measure_has_not_completed() -> None:
    cluster = lost()
    assert hours(cluster, 25 * 3600, lambda: cluster.phase("web-2") == "Succeeded")
    assert condition(cluster, "web-2", "Watched") == ("False", "PlanLost")
    assert plan_name(cluster) in watched(cluster)
    cluster.settle()
    [record] = [one for one in records(cluster) if one["kind"] == "watch"]
    assert record["outcome"] == "PlanLost"
    assert not record.get("gates")


def test_an_abort_still_brings_the_previous_revision_back() -> None:
    cluster = lost()
    cluster.run(10)
    cluster.say("web-2", abort="nobody sees how it is")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Aborted")
    assert cluster.live == V1


def test_a_plan_that_comes_back_is_measured_by_again() -> None:
    cluster = launched(watch=[{"for": "1h", "interval": "30s"}])
    cluster.run(60)
    kept = cluster.get("ControllerRevision", plan_name(cluster))
    cluster.remove("ControllerRevision", plan_name(cluster))
    cluster.run(60)
    cluster.measure = lambda probe: BAD if probe.variables["revision"] == V2 else {"value": 0.001}
    cluster.put("ControllerRevision", kept)
    assert cluster.run(600, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status["message"]
