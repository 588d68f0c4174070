"""The record of a watch: one for each that began, however it ended, with what was measured until then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of
from tests.unit.core.objects import Object, blue_green
from tests.unit.core.test_records import owed, records
from tests.unit.core.test_watch import BAD, V2, condition, fails, hours, launched, propose

from slipway.core import marks
from slipway.core.decision import MarkRevision


def watches(cluster: Cluster) -> list[Object]:
    return [record for record in records(cluster) if record["kind"] == "watch"]


def test_a_watch_to_its_end_is_recorded_with_the_last_measurements() -> None:
    cluster = launched()
    cluster.measure = lambda probe: {"value": 0.002}
    assert not watches(cluster)
    assert hours(cluster, 3700, lambda: bool(watches(cluster)))
    [record] = watches(cluster)
    assert (record["outcome"], record["promotion"]["name"], record["revision"]["name"]) == ("Completed", "web-2", V2)
    [gate] = record["gates"]
    assert (gate["verdict"], gate["value"]) == ("Pass", 0.002)
    # Of the last minute, although statuses are written far less often.
    assert gate["at"] > record["times"]["endedAt"][:11] + "12:59"
    assert record["durations"]["watch"] == "1h"
    assert "watched until" in record["reason"]
    cluster.settle()
    assert not owed(cluster)
    kinds = [entry["kind"] for entry in cluster.get("Promotion", "web-2")["status"]["records"]]
    assert kinds == ["launch", "watch"]
    assert cluster.phase("web-2") == "Succeeded"


def test_a_breach_in_the_watch_is_recorded_beside_the_rollback() -> None:
    cluster = launched()
    hours(cluster, 2400)
    fails(cluster, V2)
    assert hours(cluster, 600, lambda: cluster.phase("web-2") == "RolledBack")
    cluster.run(5)
    launch, watch, back = records(cluster)[-3:]
    assert (launch["kind"], watch["kind"], back["kind"]) == ("launch", "watch", "rollback")
    assert watch["outcome"] == "RolledBack"
    assert "error-rate" in watch["reason"]
    assert (watch["gates"][0]["verdict"], watch["gates"][0]["value"]) == ("Fail", 0.5)
    assert watch["durations"]["watch"].startswith("4")
    assert back["durations"]["watch"] == watch["durations"]["watch"]


def test_no_watch_no_record() -> None:
    cluster = launched(watch=[])
    hours(cluster, 3000)
    propose(cluster)
    assert not watches(cluster)
    assert marks.WATCH not in cluster.marks(V2)


def test_the_next_launch_ends_it_with_what_was_measured_before_traffic_moved_on() -> None:
    cluster = launched()
    cluster.run(200)
    name = propose(cluster)
    cluster.approve(name)
    assert cluster.run(120, lambda: bool(watches(cluster)))
    [record] = watches(cluster)
    assert record["outcome"] == "Replaced"
    assert record["gates"][0]["value"] == 0.001
    assert condition(cluster, "web-2", "Watched") == ("True", "Replaced")


def test_a_launch_that_goes_back_leaves_the_watch_of_stable_to_go_on() -> None:
    cluster = launched()
    cluster.run(30)
    name = propose(cluster)
    third = revision_of(cluster.get("Rollout")["spec"])
    cluster.approve(name)
    fails(cluster, third)
    assert cluster.run(120, lambda: cluster.phase(name) == "RolledBack"), cluster.status
    assert hours(cluster, 4000, lambda: bool(watches(cluster)))
    cluster.run(600)
    assert len(watches(cluster)) == 1


@pytest.mark.parametrize(("word", "outcome"), [({"abort": "users complain"}, "Aborted"), (None, "PromotionDeleted")])
def test_people_end_it(word: dict[str, Any] | None, outcome: str) -> None:
    cluster = launched()
    cluster.run(30)
    if word:
        cluster.say("web-2", **word)
    else:
        cluster.remove("Promotion", "web-2")
    cluster.run(60)
    assert [record["outcome"] for record in watches(cluster)] == [outcome]
    assert not owed(cluster)


def test_a_first_revision_that_breaks_in_its_watch_has_the_breach_on_record() -> None:
    cluster = Cluster(blue_green())
    cluster.promote("web-1", watch=[{"for": "1h", "interval": "10s"}])
    cluster.settle()
    cluster.approve("web-1")
    assert cluster.run(60, lambda: cluster.phase("web-1") == "Watching")
    cluster.measure = lambda probe: BAD
    assert cluster.run(60, lambda: cluster.phase("web-1") == "Failed")
    cluster.run(5)
    launch, watch = records(cluster)
    assert (launch["outcome"], watch["outcome"]) == ("Succeeded", "Failed")
    assert "error-rate" in watch["reason"]
    assert "nothing to go back to" in watch["reason"]


def test_the_end_of_the_watch_and_what_is_owed_are_one_write() -> None:
    cluster = launched()
    written: list[MarkRevision] = []
    cluster.after_write.append(lambda write: written.append(write) if isinstance(write, MarkRevision) else None)
    hours(cluster, 3700, lambda: bool(watches(cluster)))
    [closing] = [write for write in written if marks.WATCH in write.annotations]
    assert closing.annotations[marks.WATCH] == "closed"
    assert marks.OWED in closing.annotations


@pytest.mark.parametrize("wiped", [False, True])
def test_one_record_whatever_write_the_operator_dies_after(wiped: bool) -> None:
    for death in range(4):
        cluster = launched()
        hours(cluster, 3590)
        # Each try comes one write further, with what the process knew forgotten after it.
        while cluster.marks(V2)[marks.WATCH] == "open":
            cluster.now += timedelta(seconds=15)
            cluster.once(writes=death)
            cluster.controllers()
            death += 1
        cluster.observations.clear()
        if wiped:
            cluster.wipe_status()
        hours(cluster, 1200)
        assert [record["outcome"] for record in watches(cluster)] == ["Completed"]
        assert watches(cluster)[0]["gates"][0]["value"] == 0.001


def test_a_watch_that_an_older_operator_began_is_recorded_and_one_that_is_over_is_not() -> None:
    for begins, expected in ((60.0, ["Completed"]), (4000.0, [])):
        cluster = launched()
        revision = cluster.get("ControllerRevision", f"web-{V2}")
        annotations = {k: v for k, v in revision["metadata"]["annotations"].items() if k != marks.WATCH}
        cluster.put(
            "ControllerRevision", {**revision, "metadata": {**revision["metadata"], "annotations": annotations}}
        )
        cluster.now += timedelta(seconds=begins)
        hours(cluster, 4000)
        assert [record["outcome"] for record in watches(cluster)] == expected
