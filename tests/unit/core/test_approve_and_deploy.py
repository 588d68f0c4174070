"""To approve and to deploy are two words: an approval under a hold counts, and moves nothing until that is lifted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.objects import Object, blue_green, canary, template

from slipway.core.decision import Probe

V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))
HOLDS = [pytest.param({"hold": "on Tuesday"}, id="hold"), pytest.param({"rollbackPlanNeeded": True}, id="doubt")]


def held(spec: Object | None = None, **words: Any) -> Cluster:
    cluster = serving(spec or blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2", **(words or {"hold": "on Tuesday"}))
    cluster.settle()
    assert cluster.phase("web-2") == "Held"
    return cluster


def status(cluster: Cluster) -> Object:
    found: Object = cluster.get("Promotion", "web-2")["status"]
    return found


def condition(cluster: Cluster, kind: str) -> str:
    return str(next(c["status"] for c in status(cluster)["conditions"] if c["type"] == kind))


@pytest.mark.parametrize("words", HOLDS)
@pytest.mark.parametrize("spec", [blue_green(), canary()], ids=["blueGreen", "canary"])
def test_it_moves_under_the_approval_that_was_given_while_it_was_held(spec: Object, words: Object) -> None:
    cluster = held(spec, **words)
    plan = cluster.approve("web-2")
    cluster.run(300)
    assert (cluster.phase("web-2"), cluster.exposure(V2)) == ("Held", 0)
    assert condition(cluster, "Approved") == "True"
    given = status(cluster)["approvals"]
    assert [(entry["by"], entry["planHash"]) for entry in given] == [("ada", plan)]
    cluster.say("web-2", **dict.fromkeys(words))
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded"), status(cluster)["message"]
    assert status(cluster)["approvals"] == given
    assert cluster.live == V2


def test_the_message_has_both_commands() -> None:
    cluster = held()
    told = status(cluster)["message"]
    patch = "kubectl -n shop patch promotions.slipway.dev web-2 --type merge -p"
    assert f"""an approver lifts it: {patch} '{{"spec":{{"hold":null}}}}'""" in told
    assert (
        "it can be approved before, and does not move then: kubectl -n shop patch promotions.slipway.dev web-2" in told
    )
    cluster.approve("web-2")
    cluster.settle()
    told = status(cluster)["message"]
    assert "approved by ada, it moves when that is lifted" in told
    assert "approved before" not in told


def test_what_is_doubted_is_lifted_by_its_own_word() -> None:
    assert """'{"spec":{"rollbackPlanNeeded":null}}'""" in status(held(rollbackPlanNeeded=True))["message"]


def test_nobody_is_asked_to_approve_what_does_not_pass() -> None:
    stated = {"name": "tests", "category": "Quality", "attest": {"passed": False, "summary": "184/185"}}
    told = status(held(hold="on Tuesday", checks=[stated]))["message"]
    assert "an approver lifts it" in told
    assert "approved before" not in told


def test_the_report_is_there_while_it_is_held_and_frozen_by_the_approval() -> None:
    cluster = held()
    shown = status(cluster)["report"]["digest"]
    blockers = json.loads(cluster.get("ConfigMap", "web-2-report")["data"]["report.json"])["answer"]["blockers"]
    assert blockers == ["held on Promotion web-2: on Tuesday"]
    cluster.approve("web-2")
    cluster.settle()
    cluster.say("web-2", hold=None)
    cluster.run(30)
    assert status(cluster)["approvals"][0]["reportDigest"] == shown
    assert status(cluster)["report"]["digest"] == shown


def test_another_plan_voids_it_under_the_hold_too() -> None:
    cluster = held()
    cluster.approve("web-2")
    cluster.settle()
    cluster.edit(template=template(3))
    cluster.settle()
    cluster.say("web-2", hold=None)
    cluster.run(60)
    assert cluster.phase("web-2") == "AwaitingApproval"
    assert "approved" not in cluster.get("Promotion", "web-2")["spec"]
    assert cluster.live == V1


def test_withdrawn_under_the_hold_it_does_not_move() -> None:
    cluster = held()
    cluster.approve("web-2")
    cluster.settle()
    cluster.say("web-2", approved=False, approvals=None)
    cluster.settle()
    cluster.say("web-2", hold=None)
    cluster.run(60)
    assert (cluster.phase("web-2"), cluster.live) == ("AwaitingApproval", V1)


def test_a_word_that_lapses_lapses_under_the_hold_too() -> None:
    cluster = serving(blue_green())
    spec = {"match": {}, "approvals": {"validFor": "1h"}}
    cluster.put("PromotionPolicy", {"metadata": {"name": "org"}, "spec": spec})
    cluster.edit(template=template(2))
    cluster.promote("web-2", hold="on Tuesday")
    cluster.settle()
    cluster.approve("web-2")
    cluster.run(3700, stride=60)
    cluster.say("web-2", hold=None)
    cluster.run(60)
    assert (cluster.phase("web-2"), cluster.live) == ("AwaitingApproval", V1)


def test_what_breaks_under_the_hold_does_not_move_when_it_is_lifted() -> None:
    """The hold is no excuse: what holds a launch back otherwise still does."""
    cluster = held(blue_green(smokeTests=[{"name": "home", "http": {"path": "/", "port": "http"}}]))
    cluster.approve("web-2")
    cluster.settle()

    def fails(_: Probe) -> bool:
        return False

    cluster.probe = fails
    cluster.broken[V2] = "NotReady"
    cluster.controllers()
    cluster.say("web-2", hold=None)
    cluster.run(60)
    assert cluster.live == V1
