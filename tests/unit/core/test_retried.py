"""Trying again what was sent back: somebody says what is different now, before anybody can approve it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.environments import message, result
from tests.unit.core.objects import blue_green, canary, template
from tests.unit.core.test_records import records

from slipway.core import marks

V2 = revision_of(blue_green(2))
FIX = {"fix": "the pool of connections has a limit now"}


def sent_back(**retry: Any) -> Cluster:
    """Revision 2 broke its gates under web-2; web-3 asks for it again."""
    cluster = shifting(blue_green(), 100)
    cluster.measure = lambda probe: {"value": 0.5}
    assert cluster.run(120, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    cluster.measure = lambda probe: {"value": 0.001}
    cluster.run(30)
    cluster.promote("web-3", **retry)
    cluster.run(5)
    return cluster


def test_it_is_blocked_until_the_fix_is_described() -> None:
    cluster = sent_back()
    assert cluster.phase("web-3") == "Blocked"
    found = result(cluster, "web-3", "fix-described")
    assert found["result"] == "Failed"
    for words in (V2, "error-rate", "spec.retry.fix", "kubectl -n shop patch promotions.slipway.dev web-3"):
        assert words in found["message"]
    assert "fix-described" in message(cluster, "web-3")
    assert not cluster.approve("web-3") or cluster.phase("web-3") == "Blocked"
    cluster.run(30)
    assert cluster.live != V2
    cluster.say("web-3", retry=FIX, approved=None, approvals=None)
    cluster.run(5)
    assert cluster.phase("web-3") == "AwaitingApproval", message(cluster, "web-3")
    cluster.approve("web-3")
    assert cluster.run(60, lambda: cluster.phase("web-3") == "Succeeded")
    assert cluster.live == V2


def test_what_was_said_is_approved_and_recorded() -> None:
    cluster = sent_back(retry=FIX)
    plan = cluster.approve("web-3")
    cluster.say("web-3", retry={"fix": "something else"})
    cluster.settle()
    assert cluster.get("Promotion", "web-3")["status"]["planHash"] != plan
    cluster.say("web-3", retry=FIX)
    cluster.settle()
    cluster.approve("web-3")
    assert cluster.run(60, lambda: cluster.phase("web-3") == "Succeeded")
    cluster.settle()
    record = records(cluster)[-1]
    assert record["plan"]["inputs"]["promotion"]["retry"] == FIX
    assert next(c["message"] for c in record["checks"] if c["name"] == "fix-described") == FIX["fix"]


def test_the_learnings_of_the_launch_that_failed_will_do() -> None:
    cluster = sent_back()
    cluster.say("web-2", learnings={"rootCause": "no limit"})
    cluster.run(5)
    assert cluster.phase("web-3") == "Blocked"
    cluster.say("web-2", learnings={"fix": "a limit"})
    cluster.run(5)
    assert cluster.phase("web-3") == "AwaitingApproval"
    assert result(cluster, "web-3", "fix-described")["message"] == "learnings of Promotion web-2: a limit"


def test_a_revision_that_was_never_sent_back_needs_none() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    assert result(cluster, "web-2", "fix-described")["result"] == "NotApplicable"


def test_an_abort_before_any_user_came_leaves_nothing_to_fix() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    cluster.say("web-2", abort="not today")
    cluster.run(30)
    cluster.promote("web-3")
    cluster.settle()
    assert cluster.phase("web-3") == "AwaitingApproval"


def test_another_template_in_between_does_not_make_it_forgotten() -> None:
    cluster = sent_back()
    cluster.say("web-3", abort="another one first")
    cluster.run(30)
    cluster.edit(template=template(3))
    cluster.run(60)
    assert marks.REJECTED not in cluster.marks(V2)
    assert marks.SENT_BACK in cluster.marks(V2)
    cluster.edit(template=template(2))
    cluster.promote("web-4")
    cluster.run(10)
    assert result(cluster, "web-4", "fix-described")["result"] == "Failed"
    cluster.remove("Promotion", "web-2")
    cluster.run(5)
    assert cluster.phase("web-4") == "Blocked"


def test_once_it_has_passed_it_is_a_revision_like_any_other() -> None:
    cluster = sent_back(retry=FIX)
    cluster.approve("web-3")
    assert cluster.run(60, lambda: cluster.phase("web-3") == "Succeeded")
    assert marks.SENT_BACK not in cluster.marks(V2)
    cluster.edit(template=template(3))
    cluster.promote("web-4")
    cluster.settle()
    cluster.approve("web-4")
    assert cluster.run(60, lambda: cluster.phase("web-4") == "Succeeded")
    cluster.edit(template=template(2))
    assert cluster.run(60, lambda: cluster.live == V2), "back to what served before asks nobody"


def test_under_automatic_only_a_promotion_that_asks_again_is_asked() -> None:
    cluster = Cluster(canary(approval="Automatic"), automatic=True)
    assert cluster.run(120, lambda: cluster.phase() == "Healthy"), cluster.status
    cluster.edit(template=template(2))
    cluster.measure = lambda probe: {"value": 0.5} if probe.variables["revision"] == V2 else {"value": 0.001}
    assert cluster.run(120, lambda: cluster.phase() == "RolledBack"), cluster.status
    cluster.measure = lambda probe: {"value": 0.001}
    cluster.run(30)
    cluster.promote("web-again")
    cluster.run(60)
    assert (cluster.phase("web-again"), cluster.weight) == ("Blocked", 0)
    cluster.say("web-again", retry=FIX)
    assert cluster.run(120, lambda: cluster.live == V2), cluster.status


@pytest.mark.parametrize("death", range(4))
def test_going_back_never_asks_for_a_fix(death: int) -> None:
    cluster = sent_back(retry=FIX)
    cluster.approve("web-3")
    assert cluster.run(60, lambda: cluster.live == V2)
    cluster.measure = lambda probe: {"value": 0.5}
    cluster.now += timedelta(seconds=20)
    cluster.once(writes=death)
    assert cluster.run(120, lambda: cluster.phase("web-3") == "RolledBack")
    assert cluster.live != V2
