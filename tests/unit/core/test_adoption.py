"""Which Service may be taken over, and what it keeps."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of
from tests.unit.core.objects import NAME, Object, blue_green, template

from slipway.core.adoption import Adoption, adoption
from slipway.core.decision import DryRun, TcpProbe

V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))
OWN = {"app": "before"}
PORTS = [{"name": "old", "port": 80, "targetPort": 9898}]


def service(**changes: Any) -> Object:
    meta = {"name": NAME, "labels": {"team": "shop"}, "annotations": {"slipway.dev/adopt": NAME}}
    return {"metadata": meta | changes.pop("metadata", {}), "spec": {"selector": OWN, "ports": PORTS} | changes}


def adopting(**changes: Any) -> Cluster:
    """A Rollout whose Service was there before it."""
    cluster = Cluster(blue_green())
    cluster.put("Service", service(**changes))
    cluster.promote("web-1")
    cluster.settle()
    return cluster


def test_the_annotation_names_the_rollout_that_may_take_it() -> None:
    assert adoption(service(), NAME) == Adoption(OWN, PORTS, taken=False)
    assert adoption(service(), "other") is None
    assert adoption(service(metadata={"annotations": {}}), NAME) is None
    assert adoption(None, NAME) is None


def test_what_belongs_to_a_controller_is_not_taken_from_it() -> None:
    owner = {"kind": "Shop", "name": "shop", "uid": "1", "controller": True}
    assert adoption(service(metadata={"ownerReferences": [owner]} | service()["metadata"]), NAME) is None


@pytest.mark.parametrize("selector", [None, {}])
def test_a_service_without_a_selector_is_not_taken(selector: Object | None) -> None:
    """Endpoints that it got from us would stay when it was given back: nobody cleans them up."""
    assert adoption(service(selector=selector), NAME) is None


BAD_NOTES = {
    "empty": "",
    "cut": "{",
    "a list": "[]",
    "null": "null",
    "no ports": '{"selector": {"app": "x"}, "ports": []}',
    "no selector": '{"selector": {}, "ports": [{"port": 80}]}',
    "a number selects": '{"selector": {"app": 5}, "ports": [{"port": 80}]}',
    "a port in words": '{"selector": {"app": "x"}, "ports": [{"port": "x"}]}',
    "other types": '{"selector": 1, "ports": 2}',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("kept", BAD_NOTES.values(), ids=list(BAD_NOTES))
def test_a_note_that_was_edited_by_hand_is_no_note(kept: str) -> None:
    labels = {"slipway.dev/rollout": NAME}
    assert adoption(service(metadata={"labels": labels, "annotations": {"slipway.dev/adopted": kept}}), NAME) is None


def test_the_note_of_a_taken_service_is_read_again() -> None:
    found = adoption(service(), NAME)
    assert found is not None
    labels = {"slipway.dev/rollout": NAME}
    assert adoption(service(metadata={"labels": labels, "annotations": found.note()}), NAME) == Adoption(
        OWN, PORTS, taken=True
    )


def test_nothing_of_it_changes_before_the_first_approval() -> None:
    cluster = adopting()
    before = copy.deepcopy(cluster.get("Service"))
    cluster.run(60)
    assert cluster.phase("web-1") == "AwaitingApproval", cluster.status
    assert cluster.get("Service") == before


@pytest.mark.parametrize("given_back", [False, True])
def test_semantics_10_one_that_would_select_the_candidates_pods_is_never_adopted(given_back: bool) -> None:
    """Also when it was given back, and a newer template has its labels."""
    overlapping = template(2)
    overlapping["metadata"]["labels"] |= OWN
    cluster = adopting()
    if given_back:
        cluster.approve("web-1")
        assert cluster.run(60, lambda: cluster.live == V1)
        cluster.say("web-1", abort="no")
        assert cluster.run(60, lambda: cluster.phase("web-1") == "Aborted")
        assert cluster.get("Service")["spec"]["selector"] == OWN
        assert cluster.get("Service")["spec"]["ports"] == PORTS
        assert cluster.get("Service")["metadata"]["labels"]["team"] == "shop"
    cluster.edit(template=overlapping)
    cluster.run(30)
    condition = cluster.condition("Accepted")
    assert (condition["status"], condition["reason"]) == ("False", "SelectorOverlap")
    candidate = revision_of(blue_green(template=overlapping))
    assert cluster.size(candidate) == 0


def test_semantics_10_automatic_takes_no_service_that_would_select_its_candidate() -> None:
    """Its users would reach pods that no gate has seen, and could not come back from them."""
    cluster = Cluster(blue_green(approval="Automatic"), automatic=True)
    cluster.put("Service", service(selector={"app": "web"}))
    cluster.run(30)
    assert cluster.condition("Accepted")["reason"] == "SelectorOverlap"
    assert cluster.size(V1) == 0


def test_what_others_said_of_it_stays() -> None:
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "app", "uid": "u"}
    ports = [{"name": "old", "port": 80, "targetPort": 9898, "nodePort": 30080}]
    cluster = adopting(ports=ports)
    found = cluster.get("Service")
    cluster.put("Service", {**found, "metadata": {**found["metadata"], "ownerReferences": [other]}})
    cluster.settle()
    cluster.approve("web-1")
    assert cluster.run(60, lambda: cluster.live == V1)
    taken = cluster.get("Service")
    assert taken["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": 9898, "nodePort": 30080}]
    assert other in taken["metadata"]["ownerReferences"]
    assert taken["metadata"]["labels"]["team"] == "shop"


def test_a_way_back_to_nobody_is_not_verified() -> None:
    cluster = Cluster(blue_green())
    cluster.put("Service", service())
    cluster.probe = lambda probe: not isinstance(probe, TcpProbe)
    cluster.promote("web-1")
    cluster.settle()
    assert cluster.phase("web-1") == "Blocked"
    assert "rollback cannot be verified" in cluster.get("Promotion", "web-1")["status"]["message"]


def test_a_way_back_to_nobody_can_be_done_without_by_a_persons_word() -> None:
    cluster = Cluster(blue_green())
    cluster.put("Service", service())
    cluster.probe = lambda probe: not isinstance(probe, TcpProbe)
    reason = {"reason": "the old workload is down"}
    cluster.promote("web-1", checks=[{"name": "rollback-rehearsed", "notApplicable": reason}])
    cluster.settle()
    assert cluster.phase("web-1") == "AwaitingApproval", cluster.status


@pytest.mark.parametrize("deserted", [True, False])
def test_under_automatic_nobody_behind_a_service_holds_up_nothing(deserted: bool) -> None:
    """Somebody who does not answer the operator is not nobody: a NetworkPolicy may keep it away."""
    cluster = Cluster(blue_green(approval="Automatic", environment="staging"), automatic=True)
    cluster.put("Service", service())
    cluster.probe = lambda probe: not isinstance(probe, TcpProbe)
    cluster.deserted = deserted
    assert cluster.run(60, lambda: cluster.phase() == "Healthy") is deserted, cluster.status
    if not deserted:
        (found,) = [one for one in cluster.status["candidate"]["checks"] if one["name"] == "rollback-rehearsed"]
        assert found["result"] == "Unverifiable"
        assert "in spec.checks of a Promotion with notApplicable" in found["message"]


def test_under_automatic_a_way_back_that_is_refused_holds_up_everything() -> None:
    cluster = Cluster(blue_green(approval="Automatic", environment="staging"), automatic=True)
    cluster.put("Service", service())
    cluster.probe = lambda probe: not isinstance(probe, DryRun) or not probe.key.startswith("rehearsal/")
    assert not cluster.run(60, lambda: cluster.selected(NAME) is not None)


def test_a_service_that_cannot_be_taken_says_why() -> None:
    cluster = Cluster(blue_green())
    cluster.put("Service", service(selector=None))
    cluster.settle()
    assert "it cannot be taken over, as it has no selector" in cluster.condition("Accepted")["message"]
