"""The simulated API server keeps the rules of the real one: a simulation is worth as much as its server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.sim.apiserver import Server
from tests.sim.clock import START
from tests.sim.patches import json_patch, merge_patch

from slipway.cluster.errors import AlreadyExists, Conflict, Forbidden, Invalid, NotFound
from slipway.cluster.resources import (
    CONTROLLER_REVISIONS,
    DEPLOYMENTS,
    PROMOTIONS,
    ROLLOUTS,
    SERVICES,
)

Object = dict[str, Any]
NS = "shop"


@pytest.fixture
def server() -> Server:
    found = Server(lambda: START)
    found.approvers = {"ada"}
    return found


def service(**spec: Any) -> Object:
    ports = [{"name": "http", "port": 80, "targetPort": 9898}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": NS, "labels": {"slipway.dev/rollout": "web"}},
        "spec": {"selector": {"app": "web", "rev": "1"}, "ports": ports, **spec},
    }


def deployment(image: str = "web:1") -> Object:
    return {
        "metadata": {"name": "web-1", "namespace": NS},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": image, "ports": [{"containerPort": 80}]}]},
            },
        },
    }


def promotion(server: Server) -> Object:
    session = server.session("dev")
    session.create(
        PROMOTIONS,
        {"metadata": {"name": "p", "namespace": NS}, "spec": {"rollout": "web", "environment": "p"}},
    )
    operator = server.session("slipway")
    return operator.merge_patch(PROMOTIONS, NS, "p", {"status": {"planHash": "sha256:1"}}, "status")


def test_a_second_create_of_a_name_is_refused(server: Server) -> None:
    server.session("a").create(SERVICES, service())
    with pytest.raises(AlreadyExists):
        server.session("b").create(SERVICES, service())


def test_versions_rise_over_all_kinds_and_a_write_without_effect_does_not_count(server: Server) -> None:
    session = server.session("a")
    first = session.create(SERVICES, service())
    second = session.create(DEPLOYMENTS, deployment())
    assert int(second["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])
    same = session.merge_patch(SERVICES, NS, "web", {"spec": {"type": "ClusterIP"}})
    assert same["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert session.list(SERVICES, NS)[1] == second["metadata"]["resourceVersion"]


@pytest.mark.parametrize(
    "write",
    [
        lambda s, rv: s.merge_patch(SERVICES, NS, "web", {"metadata": {"resourceVersion": rv}, "spec": {"a": 1}}),
        lambda s, rv: s.replace(SERVICES, merge_patch(service(), {"metadata": {"resourceVersion": rv}})),
        lambda s, rv: s.apply(SERVICES, merge_patch(service(), {"metadata": {"resourceVersion": rv}})),
        lambda s, rv: s.delete(SERVICES, NS, "web", resource_version=rv),
        lambda s, rv: s.json_patch(
            SERVICES, NS, "web", [{"op": "test", "path": "/metadata/resourceVersion", "value": rv}]
        ),
        lambda s, rv: s.json_patch(
            SERVICES, NS, "web", [{"op": "replace", "path": "/metadata/resourceVersion", "value": rv}]
        ),
    ],
)
def test_a_write_on_an_old_version_conflicts(server: Server, write: Callable[[Any, str], Object]) -> None:
    session = server.session("a")
    old = session.create(SERVICES, service())["metadata"]["resourceVersion"]
    session.merge_patch(SERVICES, NS, "web", {"spec": {"selector": {"app": "other"}}})
    with pytest.raises(Conflict):
        write(session, old)


def test_generation_counts_changes_of_spec_and_status_has_its_own_door(server: Server) -> None:
    session = server.session("a")
    rollout = {
        "metadata": {"name": "web", "namespace": NS},
        "spec": {"replicas": 1},
        "status": {"phase": "x"},
    }
    made = session.create(ROLLOUTS, rollout)
    assert made["status"] == {"observedGeneration": -1}
    assert made["metadata"]["generation"] == 1
    reported = session.replace(ROLLOUTS, {**made, "spec": {"replicas": 9}, "status": {"phase": "y"}}, "status")
    assert (reported["spec"], reported["status"]) == ({"replicas": 1}, {"phase": "y"})
    assert reported["metadata"]["generation"] == 1
    edited = session.merge_patch(ROLLOUTS, NS, "web", {"spec": {"replicas": 2}, "status": {"phase": "z"}})
    assert edited["metadata"]["generation"] == 2
    assert edited["status"] == {"phase": "y"}


def test_apply_merges_what_it_owns_takes_back_what_it_leaves_out_and_keeps_the_rest(server: Server) -> None:
    operator = server.session("operator", "slipway")
    operator.apply(SERVICES, service())
    server.session("eve").merge_patch(SERVICES, NS, "web", {"metadata": {"annotations": {"note": "hers"}}})
    wanted = service(selector={"app": "web", "rev": "2"})
    wanted["metadata"]["labels"] = {"other": "label"}
    result = operator.apply(SERVICES, wanted)
    assert result["spec"]["selector"] == {"app": "web", "rev": "2"}
    assert result["metadata"]["labels"] == {"other": "label"}
    assert result["metadata"]["annotations"] == {"note": "hers"}
    assert result["spec"]["clusterIP"]
    again = operator.apply(SERVICES, wanted)
    assert again["metadata"]["resourceVersion"] == result["metadata"]["resourceVersion"]


def test_apply_without_force_refuses_a_field_of_another_manager_and_with_force_takes_it(
    server: Server,
) -> None:
    operator = server.session("operator", "slipway")
    operator.apply(SERVICES, service())
    server.session("eve").merge_patch(SERVICES, NS, "web", {"spec": {"selector": {"rev": "evil"}}})
    with pytest.raises(Conflict, match="eve"):
        operator.apply(SERVICES, service(), force=False)
    forced = operator.apply(SERVICES, service())
    assert forced["spec"]["selector"] == {"app": "web", "rev": "1"}  # atomic: restored as a whole


def test_apply_of_a_list_map_merges_items_by_their_keys(server: Server) -> None:
    operator = server.session("operator", "slipway")
    operator.apply(DEPLOYMENTS, deployment())
    sidecar = {"name": "sidecar", "image": "mesh:1"}
    containers = [{"name": "web", "image": "web:1", "ports": [{"containerPort": 80}]}, sidecar]
    server.session("mesh").merge_patch(
        DEPLOYMENTS, NS, "web-1", {"spec": {"template": {"spec": {"containers": containers}}}}
    )
    result = operator.apply(DEPLOYMENTS, deployment("web:2"))
    found = result["spec"]["template"]["spec"]["containers"]
    assert [(c["name"], c["image"]) for c in found] == [("web", "web:2"), ("sidecar", "mesh:1")]


def test_what_is_immutable_stays(server: Server) -> None:
    session = server.session("a")
    session.create(CONTROLLER_REVISIONS, {"metadata": {"name": "r", "namespace": NS}, "data": {"a": 1}})
    with pytest.raises(Invalid):
        session.merge_patch(CONTROLLER_REVISIONS, NS, "r", {"data": {"a": 2}})
    marked = session.merge_patch(CONTROLLER_REVISIONS, NS, "r", {"metadata": {"annotations": {"x": "y"}}})
    assert marked["metadata"]["annotations"] == {"x": "y"}


def test_a_dry_run_answers_and_leaves_nothing(server: Server) -> None:
    session = server.session("a")
    made = session.create(SERVICES, service())
    tried = session.apply(SERVICES, service(selector={"app": "new"}), dry_run=True)
    assert tried["spec"]["selector"] == {"app": "new"}
    assert session.get(SERVICES, NS, "web") == made


@pytest.mark.parametrize("propagation", ["Background", "Orphan"])
def test_deleting_an_owner_deletes_its_dependents_or_orphans_them(server: Server, propagation: str) -> None:
    session = server.session("a")
    owner = session.create(ROLLOUTS, {"metadata": {"name": "web", "namespace": NS}, "spec": {}})
    child = service()
    child["metadata"]["ownerReferences"] = [{"uid": owner["metadata"]["uid"], "name": "web", "controller": True}]
    session.create(SERVICES, child)
    session.delete(ROLLOUTS, NS, "web", propagation=propagation)
    server.collect_garbage()
    if propagation == "Background":
        with pytest.raises(NotFound):
            session.get(SERVICES, NS, "web")
    else:
        assert "ownerReferences" not in session.get(SERVICES, NS, "web")["metadata"]


def test_a_yes_is_stamped_with_the_plan_that_was_shown_and_a_no_takes_it_back(server: Server) -> None:
    promotion(server)
    with pytest.raises(Forbidden):
        server.session("dev").merge_patch(PROMOTIONS, NS, "p", {"spec": {"approved": True}})
    approved = server.session("ada").merge_patch(PROMOTIONS, NS, "p", {"spec": {"approved": True}})
    assert approved["spec"]["approvals"] == {"ada": "sha256:1"}
    withdrawn = server.session("dev").merge_patch(PROMOTIONS, NS, "p", {"spec": {"approved": False}})
    assert "approvals" not in withdrawn["spec"]


def test_nobody_types_another_plan_or_another_name(server: Server) -> None:
    promotion(server)
    for entry in ({"ada": "sha256:2"}, {"bob": "sha256:1"}):
        with pytest.raises(Invalid):
            server.session("ada").merge_patch(PROMOTIONS, NS, "p", {"spec": {"approved": True, "approvals": entry}})


def test_json_patch_says_conflict_for_a_failed_test_and_invalid_for_a_missing_path() -> None:
    with pytest.raises(Conflict):
        json_patch({"a": 1}, [{"op": "test", "path": "/a", "value": 2}])
    with pytest.raises(Invalid):
        json_patch({"a": 1}, [{"op": "replace", "path": "/b", "value": 2}])
    assert json_patch({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}]) == {"a": [1, 2]}


def test_managed_fields_say_who_wrote_what(server: Server) -> None:
    server.session("operator", "slipway").apply(DEPLOYMENTS, deployment())
    server.session("eve").merge_patch(DEPLOYMENTS, NS, "web-1", {"spec": {"replicas": 3}})
    entries = server.session("a").get(DEPLOYMENTS, NS, "web-1")["metadata"]["managedFields"]
    assert [(entry["manager"], entry["operation"]) for entry in entries] == [
        ("eve", "Update"),
        ("slipway", "Apply"),
    ]
    assert entries[0]["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
