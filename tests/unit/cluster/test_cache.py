"""The cache never goes back: not to an older version, not to an object that is gone."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.cluster.cache import Cache
from slipway.cluster.resources import DEPLOYMENTS, HTTP_ROUTES, PODS, PROMOTIONS, ROLLOUTS, SERVICES

Object = dict[str, Any]


def deployment(version: int, name: str = "web-1", rollout: str | None = "web", **spec: Any) -> Object:
    labels = {"slipway.dev/rollout": rollout} if rollout else {}
    return {
        "metadata": {"namespace": "shop", "name": name, "resourceVersion": str(version), "labels": labels},
        "spec": spec,
    }


def route(version: int, *backends: dict[str, Any]) -> Object:
    return {
        "metadata": {"namespace": "shop", "name": "web", "resourceVersion": str(version)},
        "spec": {"rules": [{"backendRefs": list(backends)}]},
    }


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_newer_replaces_and_older_or_equal_is_refused() -> None:
    cache = Cache()
    assert cache.upsert(DEPLOYMENTS, deployment(9, replicas=1)) is not None
    # 10 after 9: as numbers, not as strings
    change = cache.upsert(DEPLOYMENTS, deployment(10, replicas=2))
    assert change is not None
    assert change.before is not None
    assert change.before["spec"]["replicas"] == 1
    assert cache.upsert(DEPLOYMENTS, deployment(10, replicas=3)) is None
    assert cache.upsert(DEPLOYMENTS, deployment(9, replicas=3)) is None
    assert cache.get(DEPLOYMENTS, "shop", "web-1")["spec"]["replicas"] == 2  # type: ignore[index]


def test_late_event_does_not_resurrect_a_deleted_object() -> None:
    cache = Cache()
    cache.upsert(DEPLOYMENTS, deployment(5))
    assert cache.remove(DEPLOYMENTS, deployment(8)) is not None
    assert cache.upsert(DEPLOYMENTS, deployment(7)) is None
    assert cache.get(DEPLOYMENTS, "shop", "web-1") is None
    assert cache.upsert(DEPLOYMENTS, deployment(9)) is not None, "created again: that is a new object"


def test_deletion_of_the_former_object_leaves_the_recreated_one() -> None:
    cache = Cache()
    cache.upsert(DEPLOYMENTS, deployment(9))  # the answer to our create arrived before the old one's DELETED
    assert cache.remove(DEPLOYMENTS, deployment(8)) is None
    assert cache.get(DEPLOYMENTS, "shop", "web-1") is not None


def test_not_found_forgets_the_version_that_was_known() -> None:
    cache = Cache()
    cache.upsert(DEPLOYMENTS, deployment(5))
    assert cache.forget(DEPLOYMENTS, "shop", "web-1") is not None
    assert cache.upsert(DEPLOYMENTS, deployment(5)) is None
    assert cache.forget(DEPLOYMENTS, "shop", "web-1") is None


def test_tombstones_are_swept_after_no_request_can_be_that_late() -> None:
    clock = Clock()
    cache = Cache(clock)
    cache.remove(DEPLOYMENTS, deployment(8, "old"))
    clock.now = 1300.0
    cache.remove(DEPLOYMENTS, deployment(9, "other"))
    assert cache.upsert(DEPLOYMENTS, deployment(7, "old")) is not None
    assert cache.upsert(DEPLOYMENTS, deployment(8, "other")) is None


def test_list_removes_what_it_lacks_and_spares_what_is_newer() -> None:
    cache = Cache()
    cache.upsert(DEPLOYMENTS, deployment(5, "gone"))
    cache.upsert(DEPLOYMENTS, deployment(6, "kept"))
    cache.upsert(DEPLOYMENTS, deployment(21, "newer"))
    changes = cache.replace(DEPLOYMENTS, [deployment(7, "kept"), deployment(8, "missed")], "20")
    names = {
        (
            change.before and change.before["metadata"]["name"],
            change.after and change.after["metadata"]["name"],
        )
        for change in changes
    }
    assert names == {("gone", None), ("kept", "kept"), (None, "missed")}
    assert cache.get(DEPLOYMENTS, "shop", "newer") is not None


def test_event_older_than_a_list_that_lacked_it_is_refused() -> None:
    cache = Cache()
    cache.replace(DEPLOYMENTS, [], "20")
    assert cache.upsert(DEPLOYMENTS, deployment(19)) is None
    assert cache.upsert(DEPLOYMENTS, deployment(21)) is not None


def test_list_of_one_rollout_leaves_the_others() -> None:
    cache = Cache()
    cache.upsert(DEPLOYMENTS, deployment(5, "web-1"))
    cache.upsert(DEPLOYMENTS, deployment(5, "api-1", rollout="api"))
    cache.replace(DEPLOYMENTS, [], "20", "shop", "web")
    assert cache.get(DEPLOYMENTS, "shop", "web-1") is None
    assert cache.get(DEPLOYMENTS, "shop", "api-1") is not None
    assert cache.upsert(DEPLOYMENTS, deployment(6, "new", rollout="api")) is not None


def test_list_of_one_namespace_leaves_the_others() -> None:
    cache = Cache()
    cache.upsert(DEPLOYMENTS, deployment(5))
    cache.replace(DEPLOYMENTS, [], "20", "elsewhere")
    assert cache.get(DEPLOYMENTS, "shop", "web-1") is not None
    assert cache.upsert(DEPLOYMENTS, deployment(6, "new")) is not None


def test_children_follow_their_label() -> None:
    cache = Cache()
    cache.upsert(SERVICES, deployment(5, "web"))
    assert [entry["metadata"]["name"] for entry in cache.of_rollout(SERVICES, "shop", "web")] == ["web"]
    cache.upsert(SERVICES, deployment(6, "web", rollout=None))
    assert cache.of_rollout(SERVICES, "shop", "web") == ()
    assert cache.get(SERVICES, "shop", "web") is not None


def test_services_that_may_select_the_pods_of_a_rollout() -> None:
    cache = Cache()
    selectors = {
        "web": {"slipway.dev/rollout": "web", "slipway.dev/revision": "1"},
        "api": {"slipway.dev/rollout": "api"},
        "wide": {"app": "web"},
        "external": {},
    }
    for version, (name, selector) in enumerate(selectors.items(), start=5):
        cache.upsert(SERVICES, deployment(version, name, rollout=None) | {"spec": {"selector": selector}})
    assert [entry["metadata"]["name"] for entry in cache.selecting("shop", "web")] == ["web", "wide"]
    cache.upsert(SERVICES, deployment(9, "wide", rollout=None) | {"spec": {"selector": selectors["api"]}})
    assert [entry["metadata"]["name"] for entry in cache.selecting("shop", "web")] == ["web"]


def test_promotions_by_the_rollout_that_they_name() -> None:
    cache = Cache()
    cache.upsert(PROMOTIONS, deployment(5, "v2", rollout=None) | {"spec": {"rollout": "web"}})
    assert len(cache.of_rollout(PROMOTIONS, "shop", "web")) == 1
    assert cache.of_rollout(PROMOTIONS, "other", "web") == ()


def test_routes_by_backend_across_namespaces() -> None:
    cache = Cache()
    cache.upsert(
        HTTP_ROUTES,
        route(5, {"name": "web"}, {"name": "api", "namespace": "back"}, {"name": "x", "kind": "Y"}),
    )
    assert len(cache.routes_to("shop", "web")) == 1
    assert len(cache.routes_to("back", "api")) == 1
    assert cache.routes_to("shop", "api") == ()
    assert cache.routes_to("shop", "x") == ()
    cache.upsert(HTTP_ROUTES, route(6, {"name": "web"}))
    assert cache.routes_to("back", "api") == ()
    cache.remove(HTTP_ROUTES, route(7, {"name": "web"}))
    assert cache.routes_to("shop", "web") == ()


def test_rollouts_by_the_routes_that_they_list() -> None:
    cache = Cache()
    rollout = deployment(5, "web", rollout=None) | {"spec": {"traffic": {"httpRoutes": [{"name": "shop"}]}}}
    cache.upsert(ROLLOUTS, rollout)
    assert len(cache.rollouts_listing("shop", "shop")) == 1


def test_what_nobody_reads_is_not_kept() -> None:
    cache = Cache()
    pod = deployment(5, "web-1-abc")
    pod["metadata"]["managedFields"] = [{}]
    pod["spec"] = {"containers": [{"name": "web", "image": "i", "ports": [], "env": [{}]}], "volumes": [{}]}
    cache.upsert(PODS, pod)
    kept = cache.get(PODS, "shop", "web-1-abc")
    assert kept is not None
    assert "managedFields" not in kept["metadata"]
    assert kept["spec"] == {"containers": [{"name": "web", "image": "i", "ports": []}]}
    assert "volumes" in pod["spec"], "the caller's object is not changed"


@given(st.lists(st.sampled_from(["write", "delete"]), min_size=1, max_size=12), st.randoms())
def test_any_order_of_delivery_ends_in_the_newest_state(history: list[str], shuffle: random.Random) -> None:
    events = []
    alive = False
    for at, action in enumerate(history, start=1):
        if action == "write" or not alive:
            alive = True
            events.append(("upsert", deployment(at)))
        else:
            alive = False
            events.append(("remove", deployment(at)))
    final = events[-1]
    delivered = events * 2
    shuffle.shuffle(delivered)
    cache = Cache()
    newest = 0
    for method, obj in delivered:
        getattr(cache, method)(DEPLOYMENTS, obj)
        here = cache.get(DEPLOYMENTS, "shop", "web-1")
        if here is not None:
            assert int(here["metadata"]["resourceVersion"]) >= newest
            newest = int(here["metadata"]["resourceVersion"])
    here = cache.get(DEPLOYMENTS, "shop", "web-1")
    if final[0] == "remove":
        assert here is None
    else:
        assert here is not None
        assert here["metadata"]["resourceVersion"] == final[1]["metadata"]["resourceVersion"]


@pytest.mark.parametrize("rollout", [None, "web"])
def test_indexes_agree_with_the_objects(rollout: str | None) -> None:
    cache = Cache()
    for at in range(1, 50):
        cache.upsert(DEPLOYMENTS, deployment(at, f"d{at % 5}", rollout if at % 2 else "web"))
    expected = sorted(
        entry["metadata"]["name"]
        for entry in cache.all(DEPLOYMENTS)
        if entry["metadata"]["labels"].get("slipway.dev/rollout") == "web"
    )
    found = [entry["metadata"]["name"] for entry in cache.of_rollout(DEPLOYMENTS, "shop", "web")]
    assert found == expected


def test_who_else_wrote_to_a_template_is_kept() -> None:
    cache = Cache()
    changed = deployment(5)
    changed["metadata"]["managedFields"] = [
        {"manager": "slipway", "fieldsV1": {"f:spec": {"f:template": {}}}},
        {"manager": "kubectl-edit", "fieldsV1": {"f:spec": {"f:template": {"f:spec": {}}}}},
        {"manager": "kube-controller-manager", "subresource": "status", "fieldsV1": {"f:status": {}}},
    ]
    cache.upsert(DEPLOYMENTS, changed)
    kept = cache.get(DEPLOYMENTS, "shop", "web-1")
    assert kept is not None
    assert [entry["manager"] for entry in kept["metadata"]["managedFields"]] == ["kubectl-edit"]


def test_of_a_rollout_is_kept_who_wrote_its_template() -> None:
    cache = Cache()
    rollout = deployment(5, rollout=None)
    containers = {"f:spec": {"f:containers": {}}}
    rollout["metadata"]["managedFields"] = [
        {"manager": "ci", "operation": "Apply", "time": "t", "fieldsV1": {"f:spec": {"f:template": containers}}},
        {"manager": "autoscaler", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        {"manager": "slipway", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}},
    ]
    cache.upsert(ROLLOUTS, rollout)
    kept = cache.get(ROLLOUTS, "shop", "web-1")
    assert kept is not None
    fields = {"f:spec": {"f:template": containers}}
    assert kept["metadata"]["managedFields"] == [{"manager": "ci", "operation": "Apply", "fieldsV1": fields}]
    cache.upsert(ROLLOUTS, deployment(6, rollout=None))
    kept = cache.get(ROLLOUTS, "shop", "web-1")
    assert kept is not None
    assert "managedFields" not in kept["metadata"]
