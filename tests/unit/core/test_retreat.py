"""What sends a revision back, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.core.cluster import revision_of, shifting
from tests.unit.core.objects import NAME, Object, blue_green, canary, template

from slipway.core import marks
from slipway.core.traffic import Traffic, next_traffic

V1, V2, V3 = (revision_of(blue_green(version)) for version in (1, 2, 3))


def test_an_abort_that_was_acted_on_does_not_send_the_same_revision_back_again() -> None:
    """It stays in the spec (in Git) until somebody takes it out; a newer Promotion that asks again is a newer word."""
    cluster = shifting(blue_green(), 100)
    cluster.edit(abort=V2)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Aborted")
    cluster.run(30)
    cluster.promote("web-3", retry={"fix": "users were asked"})
    cluster.settle()
    assert cluster.phase("web-3") == "AwaitingApproval", cluster.status
    cluster.approve("web-3")
    assert cluster.run(120, lambda: cluster.phase("web-3") == "Succeeded"), cluster.status
    assert cluster.live == V2


@pytest.mark.parametrize(("crashed", "goes_back"), [(1, False), (2, True), (4, True)])
def test_semantics_03_one_crashed_pod_of_many_is_no_breach_and_half_of_them_are(crashed: int, goes_back: bool) -> None:
    cluster = shifting(blue_green(replicas=4), 100)
    make = cluster._pod

    def some_crash(deployment: Object, index: int) -> Object:
        pod = make(deployment, index)
        if index < crashed and deployment["metadata"]["name"] == f"{NAME}-{V2}":
            waiting = {"reason": "CrashLoopBackOff", "message": "the kubelet's words"}
            pod["status"]["containerStatuses"] = [{"state": {"waiting": waiting}}]
            pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
        return pod

    cluster._pod = some_crash  # type: ignore[method-assign]
    cluster.controllers()
    cluster.settle()
    assert (marks.REJECTED in cluster.marks(V2)) is goes_back
    assert cluster.live == (V1 if goes_back else V2)


def test_the_abort_of_one_revision_says_nothing_about_the_one_that_waits_behind_it() -> None:
    cluster = shifting(canary(), 25)
    cluster.edit(template=template(3))
    cluster.settle()
    cluster.say("web-2", abort="enough")
    cluster.run(60)
    assert cluster.phase("web-2") == "Aborted"
    assert marks.REJECTED not in cluster.marks(V3)
    assert cluster.phase() == "AwaitingPromotion", cluster.status


def test_what_was_gone_back_to_has_no_previous_and_is_marked_so() -> None:
    """Forward again needs a new approval, also when the mark of the revision that was sent back is long gone."""
    cluster = shifting(blue_green(), 100)
    cluster.say("web-2", abort="enough")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Aborted")
    assert marks.RETURNED in cluster.marks(V1)


def test_semantics_09_old_endpoints_behind_the_live_service_are_not_yet_a_switch() -> None:
    cluster = shifting(blue_green(), 100)
    stale = cluster.get("EndpointSlice", f"{NAME}-slice")
    old: dict[str, Any] = {
        "addresses": ["10.0.0.99"],
        "conditions": {"ready": True},
        "targetRef": {"kind": "Pod", "name": f"{NAME}-{V1}-0"},
    }
    cluster.endpoints = lambda: None  # type: ignore[method-assign]
    cluster.controllers()
    ends = [
        {**old, "targetRef": {"kind": "Pod", "name": f"{NAME}-{V2}-{index}"}, "addresses": [f"10.0.0.{index + 1}"]}
        for index in range(2)
    ]
    cluster.put("EndpointSlice", {**stale, "endpoints": [*ends, old]})
    cluster.run(30)
    assert "convergedAt" not in cluster.status["candidate"]["step"], cluster.status
    assert "1 endpoints of another revision" in cluster.status["message"]


def test_semantics_06_weights_go_home_only_when_the_switch_of_the_live_service_was_followed() -> None:
    """A gateway that still has the old endpoints of the live Service would send everybody to stable's pods."""
    now = Traffic(live=V2, candidate=V2, weight=100)
    goal: dict[str, Any] = {"share": 100, "stable": V1, "subject": V2, "routed": True}
    assert next_traffic(now, settled=False, **goal) == now
    assert next_traffic(now, settled=True, **goal).weight == 0


def test_a_canary_whose_pods_have_all_died_comes_to_its_end() -> None:
    """Nobody is sent to it any more: endpoints that will never be there are not waited for."""
    cluster = shifting(canary(), 25)
    cluster.broken[V2] = "CrashLoopBackOff"
    assert cluster.run(120, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    assert (cluster.live, cluster.weight) == (V1, 0)
