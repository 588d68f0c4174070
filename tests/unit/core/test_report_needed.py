"""Whose word a launch takes, and when it is closed: said where GO is said, and where people decide."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, serving
from tests.unit.core.objects import Object, blue_green, template


def waiting(policy: Object, **case: Any) -> Cluster:
    cluster = serving(blue_green())
    cluster.put("PromotionPolicy", {"metadata": {"name": "org"}, "spec": {"match": {}, **policy}})
    cluster.edit(template=template(2))
    cluster.promote("web-2", **{"requestedBy": "dev", **case})
    cluster.settle()
    return cluster


def report(cluster: Cluster) -> Object:
    found: Object = json.loads(cluster.get("ConfigMap", "web-2-report")["data"]["report.json"])
    return found


def text(cluster: Cluster) -> str:
    return str(cluster.get("ConfigMap", "web-2-report")["data"]["report.md"])


def freeze(cluster: Cluster, **span: float) -> Object:
    end = cluster.now + timedelta(**span)
    return {"deny": "inventory", "from": "2020-01-01", "until": end.strftime("%Y-%m-%dT%H:%M")}


def test_several_people_are_named_with_the_command_of_each_further_one() -> None:
    cluster = waiting({"approvals": {"count": 2, "fourEyes": True}})
    plan = cluster.get("Promotion", "web-2")["status"]["planHash"]
    needed = report(cluster)["approvals"]
    assert (needed["count"], needed["fourEyes"], needed["author"], needed["policies"]) == (2, True, "dev", ["org"])
    assert plan in needed["further"]
    assert "whoami" in needed["further"]
    assert report(cluster)["answer"] == {"go": True}
    shown = text(cluster)
    assert "**GO** – nothing stands in the way but the approval of 2 people." in shown
    assert "| Approvals needed | 2, of different people; `dev`, who created it, may not approve (`org`) |" in shown
    deciding = shown.partition("## The decision")[2]
    for part in ("2 different people have to approve", "`dev`, who created it, may not approve", needed["further"]):
        assert part in deciding


def test_an_author_whom_nobody_knows_is_said() -> None:
    cluster = waiting({"approvals": {"fourEyes": True}}, requestedBy=None)
    assert "nobody knows who that is" in text(cluster)


@pytest.mark.parametrize("case", [{}, {"hold": "lunch"}], ids=str)
def test_a_closed_window_is_said_and_gone_when_it_opens(case: Object) -> None:
    cluster = serving(blue_green())
    window = freeze(cluster, hours=2)
    cluster.put("PromotionPolicy", {"metadata": {"name": "org"}, "spec": {"match": {}, "windows": [window]}})
    cluster.edit(template=template(2))
    cluster.promote("web-2", **case)
    cluster.settle()
    assert report(cluster)["closed"].startswith("inventory (policy org); opens at 2026-01-01T14:")
    assert "| Closed | inventory (policy org); opens at" in text(cluster)
    assert "It is closed now: inventory" in text(cluster).partition("## The decision")[2]
    assert ("nothing moves before it opens" in text(cluster)) == (not case)
    assert not cluster.decide().writes
    cluster.now += timedelta(hours=3)
    cluster.settle()
    assert "closed" not in report(cluster)
    assert "closed" not in text(cluster).lower()


def test_a_broken_glass_lifts_both() -> None:
    cluster = serving(blue_green())
    policy = {"approvals": {"count": 2}, "windows": [freeze(cluster, hours=2)], "breakGlass": "Allow"}
    cluster.put("PromotionPolicy", {"metadata": {"name": "org"}, "spec": {"match": {}, **policy}})
    cluster.edit(template=template(2))
    cluster.promote("web-2", breakGlass={"reason": "checkout is down"})
    cluster.settle()
    assert report(cluster)["approvals"]["count"] == 1
    assert "closed" not in report(cluster)


def test_where_one_is_enough_no_more_is_said_than_before() -> None:
    cluster = waiting({})
    assert "**GO** – nothing stands in the way but a person's approval." in text(cluster)
    assert "Approvals needed" not in text(cluster)
    assert "Closed" not in text(cluster)
