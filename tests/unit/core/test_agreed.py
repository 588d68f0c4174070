"""Who agreed to what stays known, whatever becomes of the words in the spec."""

from __future__ import annotations

import json

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.objects import Object, canary, template
from tests.unit.core.test_records import records, records_of

STEPS = [{"weight": 25, "hold": "10s"}, {"weight": 50, "hold": "10s", "approval": "Required"}]
V2 = revision_of(canary(2, steps=STEPS))


def at_25(steps: list[Object] = STEPS) -> Cluster:
    """The first step of a canary whose second asks again; ada approved it."""
    cluster = serving(canary(1, steps=steps))
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    cluster.approve("web-2", "ada")
    assert cluster.run(60, lambda: cluster.exposure(V2) == 25)
    return cluster


def status(cluster: Cluster) -> Object:
    found: Object = cluster.get("Promotion", "web-2")["status"]
    return found


def lets_on(cluster: Cluster, who: str = "bob") -> None:
    entry = {"weight": 50, "plan": status(cluster)["planHash"]}
    cluster.say("web-2", approvedWeight=50, weightApprovals={who: entry})


def changes_the_plan(cluster: Cluster) -> None:
    """The steps wait longer; bob approves that while 25 % of the traffic is with the candidate."""
    longer = [{**step, "hold": "30s"} for step in STEPS]
    cluster.edit(strategy=canary(2, steps=longer)["strategy"])
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Held"), cluster.status["message"]
    cluster.approve("web-2", "bob")
    assert cluster.run(60, lambda: cluster.phase("web-2") != "Held"), cluster.status["message"]


def test_who_let_it_go_to_a_share_is_in_status_and_record() -> None:
    cluster = at_25()
    assert cluster.run(60, lambda: cluster.phase("web-2") == "AwaitingApproval")
    lets_on(cluster)
    assert cluster.run(60, lambda: cluster.exposure(V2) == 50)
    [entry] = status(cluster)["weightApprovals"]
    assert (entry["by"], entry["weight"], entry["identity"]) == ("bob", 50, "verified")
    assert entry["planHash"] == status(cluster)["planHash"]
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")
    cluster.settle()
    assert records(cluster)[-1]["weightApprovals"] == [entry]
    page = records_of(cluster)[-1]["data"]["record.md"]
    assert "## Shares agreed to" in page
    assert "| 50 % | bob | verified |" in page


def test_it_stays_when_the_word_is_withdrawn() -> None:
    cluster = at_25()
    lets_on(cluster)
    assert cluster.run(60, lambda: cluster.exposure(V2) == 50)
    entries = status(cluster)["weightApprovals"]
    cluster.say("web-2", approvedWeight=None, weightApprovals=None)
    cluster.run(3)
    assert status(cluster)["weightApprovals"] == entries
    cluster.say("web-2", abort="no")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Aborted")
    cluster.settle()
    assert records(cluster)[-1]["weightApprovals"] == entries


def test_before_traffic_only_what_counts_is_there() -> None:
    cluster = serving(canary(1, steps=STEPS))
    cluster.edit(template=template(2))
    cluster.promote("web-2", hold="not yet")
    cluster.settle()
    cluster.approve("web-2", "ada")
    lets_on(cluster)
    cluster.run(3)
    assert [entry["by"] for entry in status(cluster)["weightApprovals"]] == ["bob"]
    cluster.say("web-2", approved=False)
    cluster.settle()
    assert "weightApprovals" not in status(cluster)


def test_a_word_about_another_plan_is_not_there() -> None:
    cluster = at_25()
    cluster.say("web-2", approvedWeight=50, weightApprovals={"bob": {"weight": 50, "plan": "sha256:" + "0" * 64}})
    cluster.run(3)
    assert "weightApprovals" not in status(cluster)


def test_who_changes_often_does_not_fill_the_status() -> None:
    cluster = at_25()
    plan = status(cluster)["planHash"]
    for weight in range(30, 90):
        cluster.say("web-2", weightApprovals={"bob": {"weight": weight, "plan": plan}}, approvedWeight=30)
        cluster.settle()
    assert len(status(cluster)["weightApprovals"]) == 50


def test_under_whose_word_traffic_first_moved_is_known_after_another_plan_was_approved() -> None:
    cluster = at_25()
    first = status(cluster)["planHash"]
    changes_the_plan(cluster)
    second = status(cluster)["planHash"]
    assert first != second
    signed = [(entry["by"], entry["planHash"]) for entry in status(cluster)["approvals"]]
    assert signed == [("ada", first), ("bob", second)]
    lets_on(cluster)
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status["message"]
    cluster.settle()
    assert [(entry["by"], entry["planHash"]) for entry in status(cluster)["approvals"]] == signed
    last = records(cluster)[-1]
    assert [(entry["by"], entry["planHash"]) for entry in last["approvals"]] == signed


@pytest.mark.parametrize("well", [True, False])
def test_the_shift_began_when_traffic_first_moved(well: bool) -> None:
    cluster = at_25()
    began = json.loads(cluster.marks(V2)["slipway.dev/approved"])["at"]
    cluster.run(5)
    changes_the_plan(cluster)
    mark = json.loads(cluster.marks(V2)["slipway.dev/approved"])
    assert mark["since"] == began < mark["at"]
    if well:
        lets_on(cluster)
    else:
        cluster.say("web-2", abort="no")
    assert cluster.run(200, lambda: cluster.phase("web-2") in ("Succeeded", "Aborted")), cluster.status["message"]
    cluster.settle()
    last = records(cluster)[-1]
    assert last["times"]["trafficAt"] == began
    assert last["outcome"] == ("Succeeded" if well else "Aborted")
