"""Stakeholders are told before the launch where a Promotion asks for it, and nothing waits for itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, serving
from tests.unit.core.objects import Object, blue_green, canary, template
from tests.unit.core.test_notices import TEAM, Post, notice, notices, told

from slipway.core.decision import HttpProbe, NoticeProbe, Probe
from slipway.core.notice_routes import NoticeRoute, NoticeRoutes

NOTIFIED = {"name": "stakeholders-notified"}
BOTH = NoticeRoutes(routes=(NoticeRoute(channels=("team", "on-call")),), known=frozenset({"team", "on-call"}))


def listening(spec: Object | None = None, routes: NoticeRoutes = TEAM, **promotion: Any) -> Cluster:
    """As for other notices, and the second Promotion asks for this check."""
    cluster = serving(spec or blue_green())
    cluster.settings = replace(cluster.settings, notices=routes)
    cluster.edit(template=template(2))
    cluster.promote("web-2", **{"version": "v2", "checks": [NOTIFIED], **promotion})
    return cluster


def found(cluster: Cluster) -> Object:
    checks: list[Object] = cluster.get("Promotion", "web-2")["status"]["checks"]
    return next(check for check in checks if check["name"] == NOTIFIED["name"])


@pytest.mark.parametrize("spec", [blue_green(), canary()], ids=["blue/green", "canary"])
def test_a_launch_that_asks_for_it_is_told_before_anybody_can_approve(spec: Object) -> None:
    cluster = listening(spec)
    post = Post(cluster)
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"
    assert told(cluster) == ["Planned", "AwaitingApproval"]
    assert found(cluster)["result"] == "Passed"
    assert found(cluster)["message"].startswith("told by channel team at ")
    assert found(cluster)["at"] == notice(cluster, "Planned")["deliveries"][0]["at"]
    assert "The launch of web v2 in production is planned" in notice(cluster, "Planned")["text"]
    cluster.approve("web-2")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status
    assert post.events == ["Planned", "AwaitingApproval", "Approved", "Shifting", "Launched"]


def test_nobody_is_told_of_a_plan_unless_it_is_asked_for() -> None:
    for checks in (
        [],
        [{**NOTIFIED, "attest": {"passed": True, "summary": "by phone", "evidence": "https://wiki.example/calls"}}],
    ):
        cluster = listening(checks=checks)
        cluster.settle()
        assert told(cluster) == ["AwaitingApproval"]


def test_it_waits_until_all_other_checks_have_passed() -> None:
    cluster = listening(spec=blue_green() | {"smokeTests": [{"name": "home", "http": {"path": "/", "port": "http"}}]})
    cluster.probe = lambda probe: not isinstance(probe, HttpProbe)
    cluster.edit(smokeTests=[{"name": "home", "http": {"path": "/", "port": "http"}}])
    cluster.settle()
    assert cluster.phase("web-2") == "Blocked"
    assert told(cluster) == []
    assert found(cluster)["message"] == "told as soon as all other checks have passed"
    cluster.probe = lambda _: True
    cluster.say("web-2", rerun="2")
    cluster.settle()
    assert told(cluster) == ["Planned", "AwaitingApproval"]


class Undelivered:
    """Nothing is known yet of any notice."""

    def __call__(self, probe: Probe) -> str:
        return "on its way" if isinstance(probe, NoticeProbe) else ""


def test_until_a_channel_has_taken_it_nobody_can_approve() -> None:
    cluster = listening()
    cluster.unverified = Undelivered()
    cluster.settle()
    assert (found(cluster)["result"], found(cluster)["message"]) == ("Pending", "being told by channel team")
    assert cluster.phase("web-2") == "Checking"
    cluster.approve("web-2")
    cluster.run(60)
    assert cluster.exposure(cluster.status["candidate"]["revision"]) == 0


def test_one_channel_that_took_it_is_enough() -> None:
    cluster = listening(routes=BOTH)
    cluster.probe = lambda probe: not isinstance(probe, NoticeProbe) or probe.channel == "on-call"
    cluster.settle()
    assert found(cluster)["result"] == "Passed"
    assert "told by channel on-call" in found(cluster)["message"]


def test_where_all_have_failed_it_says_why_and_a_rerun_tells_again() -> None:
    cluster = listening(routes=BOTH)
    post = Post(cluster, answers=False)
    cluster.settle()
    assert cluster.phase("web-2") == "Blocked"
    assert found(cluster)["message"] == "nobody could be told: team: answered 500; on-call: answered 500"
    cluster.run(60)
    assert told(cluster) == ["Planned"]
    post.answers = True
    cluster.say("web-2", rerun="2")
    cluster.settle()
    assert told(cluster) == ["Planned", "Planned", "AwaitingApproval"]
    cluster.say("web-2", rerun="3")
    cluster.settle()
    assert told(cluster).count("Planned") == 2, "who knows it is not told again"
    assert cluster.phase("web-2") == "AwaitingApproval"


def test_another_candidate_is_told_anew() -> None:
    cluster = listening()
    cluster.settle()
    cluster.edit(template=template(3))
    cluster.settle()
    assert told(cluster).count("Planned") == 2
    assert cluster.phase("web-2") == "AwaitingApproval"


@pytest.mark.parametrize(
    "routes",
    [
        NoticeRoutes(),
        NoticeRoutes(known=frozenset({"team"})),
        replace(TEAM, routes=(NoticeRoute(events=frozenset({"Launched"}), channels=("team",)),)),
        replace(TEAM, per_issue=frozenset({"team"})),
    ],
)
def test_without_a_channel_it_cannot_be_so_and_says_what_would_be_right(routes: NoticeRoutes) -> None:
    cluster = listening(routes=routes)
    cluster.settle()
    assert found(cluster)["result"] == "Unverifiable"
    assert "no channel is told of Planned in environment production" in found(cluster)["message"]
    cluster.settings = replace(cluster.settings, notices=TEAM)
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"


def test_a_channel_that_a_promotion_may_not_name_tells_nobody() -> None:
    named = {"notify": ["ceo"]}
    cluster = listening(routes=NoticeRoutes(known=frozenset({"team"})), communication=named)
    cluster.settle()
    assert cluster.phase("web-2") == "Blocked"
    assert (
        "communication.notify: ceo names no channel that is open"
        in cluster.get("Promotion", "web-2")["status"]["message"]
    )
    assert notices(cluster) == []


def test_a_dry_run_tells_nobody() -> None:
    cluster = listening(dryRun=True)
    cluster.settle()
    assert cluster.phase("web-2") == "DryRunComplete"
    assert notices(cluster) == []
    assert found(cluster)["result"] == "NotApplicable"


def test_a_status_that_was_lost_is_made_good() -> None:
    cluster = listening()
    cluster.settle()
    cluster.put("Promotion", {**cluster.get("Promotion", "web-2"), "status": {"observedGeneration": -1}})
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"
    assert found(cluster)["result"] == "Passed"
