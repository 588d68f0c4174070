"""An abort that names what is not the newest, or what was sent back before."""

from __future__ import annotations

from typing import Any

from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.environments import automatic, launch, message
from tests.unit.core.objects import ANALYSIS, Object, blue_green, canary, template
from tests.unit.core.test_records import records

V1, V2, V3 = (revision_of(blue_green(version)) for version in (1, 2, 3))


def third_verifying() -> Cluster:
    """Two versions were launched; the third has all traffic and is not verified yet."""
    cluster = shifting(blue_green(), 100)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")
    cluster.edit(template=template(3))
    cluster.run(1)
    cluster.promote("web-3")
    cluster.settle()
    cluster.approve("web-3")
    assert cluster.run(60, lambda: cluster.live == V3)
    return cluster


def sent_back(**retry: Any) -> Cluster:
    """Revision 2 was aborted under web-2; web-3 asks for it again and waits for its approval."""
    cluster = shifting(blue_green(replicas=4), 100)
    cluster.say("web-2", abort="orders fail")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Aborted")
    cluster.run(60)
    cluster.promote("web-3", **(retry or {"retry": {"fix": "orders are mended"}}))
    assert cluster.run(60, lambda: cluster.phase("web-3") == "AwaitingApproval"), message(cluster, "web-3")
    return cluster


def test_the_stable_revision_aborted_during_a_shift_goes_back_after_what_shifts() -> None:
    cluster = third_verifying()
    served: list[str | None] = []
    cluster.after_write.append(lambda _: served.append(cluster.live) if served[-1:] != [cluster.live] else None)
    cluster.edit(abort=V2)
    assert cluster.run(120, lambda: cluster.live == V1)
    assert [revision for revision in served if revision] == [V3, V2, V1]
    assert cluster.run(60, lambda: cluster.phase("web-3") == "Aborted"), message(cluster, "web-3")
    assert f"the stable revision {V2} goes back, and this one first" in message(cluster, "web-3")
    cluster.run(60)
    assert (cluster.live, cluster.phase()) == (V1, "RolledBack")


def test_it_leaves_the_approval_of_what_shifts_until_that_is_back() -> None:
    cluster = third_verifying()
    cluster.run(3)
    cluster.edit(abort=V2)
    cluster.run(30)
    assert "was withdrawn" not in message(cluster, "web-3")


def test_under_automatic_it_comes_to_rest() -> None:
    cluster = automatic()
    launch(cluster, 2)
    cluster.run(60)
    cluster.edit(template=template(3))
    assert cluster.run(60, lambda: cluster.live == V3)
    cluster.run(3)
    cluster.edit(abort=V2)
    cluster.run(120)
    before = cluster.version
    cluster.run(30)
    assert cluster.version == before


def test_a_retry_that_waits_is_aborted_at_once() -> None:
    cluster = sent_back()
    cluster.edit(abort=V2)
    assert cluster.run(5, lambda: cluster.phase("web-3") == "Aborted"), message(cluster, "web-3")
    cluster.approve("web-3")
    cluster.run(60)
    assert cluster.live == V1


def test_a_retry_that_ends_before_traffic_leaves_no_trace_of_a_rollback() -> None:
    cluster = sent_back()
    made, returned = records(cluster), cluster.marks(V1)["slipway.dev/returned-at"]
    cluster.say("web-3", abort="not today")
    assert cluster.run(5, lambda: cluster.phase("web-3") == "Aborted")
    cluster.run(120)
    assert records(cluster) == made
    assert cluster.marks(V1)["slipway.dev/returned-at"] == returned
    assert "orders fail" in cluster.marks(V2)["slipway.dev/sent-back"]


def test_a_retry_that_waits_is_not_taken_for_what_goes_back() -> None:
    cluster = sent_back()
    cluster.edit(replicas=2)
    assert cluster.run(60, lambda: cluster.size(V1) == 2), cluster.status["message"]
    late = cluster.put

    def lagging(kind: str, obj: Object) -> Object:
        if kind == "EndpointSlice" and obj["metadata"]["name"] == "web-slice":
            obj = {**obj, "endpoints": obj["endpoints"][:1]}
        return late(kind, obj)

    cluster.put = lagging  # type: ignore[method-assign]
    cluster.controllers()
    cluster.run(3)
    assert cluster.phase() == "AwaitingApproval"


def test_accepted_missing_data_sends_nothing_back() -> None:
    steps = [{"weight": 25, "hold": "60s"}]
    cluster = serving(canary(1, steps=steps, analysis=ANALYSIS | {"onNoData": "Rollback"}))
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    cluster.approve("web-2")
    cluster.say("web-2", acceptNoData={"weight": 25, "reason": "night"})
    found = revision_of(cluster.get("Rollout")["spec"])
    cluster.measure = lambda p: {"no_data": "few"} if p.variables["revision"] == found else {"value": 0.001}
    # Up to 25 %, and no further.
    assert cluster.run(100, lambda: cluster.live == found), cluster.status["message"]
    assert cluster.run(100, lambda: cluster.phase("web-2") == "RolledBack")
