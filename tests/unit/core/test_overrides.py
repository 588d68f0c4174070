"""What people took upon themselves outlives the Promotion: in its status, its report and its records."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.unit.core.cluster import Cluster, revision_of
from tests.unit.core.objects import Object, blue_green, canary
from tests.unit.core.test_baseline import comparing, numbers
from tests.unit.core.test_baseline import proposed as compared
from tests.unit.core.test_policies import GLASS, STRICT, proposed, sign
from tests.unit.core.test_records import records, records_of

V2, V2_CANARY = revision_of(blue_green(2)), revision_of(canary(2))
LENIENT = {**STRICT, "breakGlass": "Allow"}


def status(cluster: Cluster) -> Object:
    found: Object = cluster.get("Promotion", "web-2")["status"]
    return found


def page(cluster: Cluster) -> str:
    return str(records_of(cluster)[-1]["data"]["record.md"])


def test_broken_glass_is_in_report_status_and_record() -> None:
    cluster = proposed(blue_green(), LENIENT, breakGlass=GLASS)
    told = cluster.get("ConfigMap", "web-2-report")["data"]
    assert json.loads(told["report.json"])["breakGlass"]["policies"] == ["org"]
    opening = told["report.md"].partition("| Stage |")[0]
    assert "**Glass is broken** by ada: what policies demand is lifted (`org`). The reason: the shop is down" in opening
    sign(cluster, "ada")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")
    cluster.settle()
    found = records(cluster)[-1]["breakGlass"]
    assert found == status(cluster)["breakGlass"]
    assert (found["by"], found["reason"], found["policies"]) == ("ada", "the shop is down", ["org"])
    [row] = [line for line in page(cluster).splitlines() if line.startswith("| breakGlass")]
    assert row == "| breakGlass | ada | the shop is down | policies org |"


def test_words_that_are_taken_out_before_traffic_lift_nothing_and_after_it_stay() -> None:
    cluster = proposed(blue_green(), LENIENT, breakGlass=GLASS)
    assert status(cluster)["breakGlass"]["by"] == "ada"
    cluster.say("web-2", breakGlass=None)
    cluster.settle()
    assert "breakGlass" not in status(cluster)
    assert "breakGlass" not in json.loads(cluster.get("ConfigMap", "web-2-report")["data"]["report.json"])
    cluster.say("web-2", breakGlass=GLASS)
    sign(cluster, "ada")
    assert cluster.run(60, lambda: cluster.exposure(V2) == 100)
    cluster.say("web-2", breakGlass=None)
    assert cluster.run(300, lambda: cluster.phase("web-2") in ("Succeeded", "RolledBack"))
    cluster.settle()
    assert records(cluster)[-1]["breakGlass"]["by"] == "ada"


def test_glass_that_may_not_be_broken_is_on_no_record() -> None:
    cluster = proposed(blue_green(), {**STRICT, "breakGlass": "Deny"}, breakGlass=GLASS)
    assert "breakGlass" not in status(cluster)


def accepted_without_data(*, verified: bool = True, **words: object) -> Cluster:
    cluster = compared(comparing(canary()))
    cluster.settings = replace(cluster.settings, identity_verified=verified)
    numbers(cluster, stable=None, candidate=0.1)
    cluster.say("web-2", acceptNoData={"weight": 100, "reason": "night", **words})
    assert cluster.run(300, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status["message"]
    cluster.settle()
    return cluster


def test_missing_data_that_was_accepted_is_on_record_with_who_did() -> None:
    cluster = accepted_without_data(by="ada")
    found = records(cluster)[-1]["acceptNoData"]
    assert (found["by"], found["weight"], found["reason"]) == ("ada", 100, "night")
    assert found["used"].endswith("p95 had no data; accepted by ada: night")
    assert "| acceptNoData | ada | night | up to 100 %: at " in page(cluster)
    told = {event.message for event in cluster.events if event.reason == "NoDataAccepted"}
    assert told == {f"missing data of p95 was accepted by ada for revision {V2_CANARY}"}
    assert "acceptNoData" not in records(cluster)[0]


@pytest.mark.parametrize(("verified", "words"), [(True, {}), (False, {"by": "ada"})], ids=["nobody", "unverified"])
def test_missing_data_that_somebody_unnamed_accepted_is_on_record(verified: bool, words: Object) -> None:
    cluster = accepted_without_data(verified=verified, **words)
    found = records(cluster)[-1]["acceptNoData"]
    assert "by" not in found
    assert found["used"].endswith("p95 had no data; accepted: night")
    assert "| acceptNoData | an approver | night | up to 100 %: at " in page(cluster)
