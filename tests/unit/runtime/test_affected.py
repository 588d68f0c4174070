"""Which Rollouts are looked at when something changes: all that see it, and not everybody."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.cluster.cache import Cache, Change
from slipway.cluster.resources import (
    CONTROLLER_REVISIONS,
    HTTP_ROUTES,
    NAMESPACES,
    PODS,
    PROMOTION_POLICIES,
    PROMOTIONS,
    ROLLOUTS,
    SERVICES,
    Resource,
)
from slipway.runtime.affected import affected

Object = dict[str, Any]
WEB, API = ("shop", "web"), ("shop", "api")


def made(name: str, version: int = 1, labels: dict[str, str] | None = None, **fields: Any) -> Object:
    metadata = {"namespace": "shop", "name": name, "resourceVersion": str(version), "labels": labels or {}}
    return {"metadata": metadata, **fields}


@pytest.fixture
def cache() -> Cache:
    cache = Cache()
    cache.upsert(ROLLOUTS, made("web", spec={"traffic": {"httpRoutes": [{"name": "listed"}]}}))
    cache.upsert(ROLLOUTS, made("api", spec={}))
    return cache


def upserted(cache: Cache, kind: Resource, obj: Object) -> set[tuple[str, str]]:
    change = cache.upsert(kind, obj)
    assert change is not None
    return affected(cache, change)


def test_rollouts_and_promotions(cache: Cache) -> None:
    assert upserted(cache, ROLLOUTS, made("web", 2, spec={})) == {WEB}
    assert upserted(cache, PROMOTIONS, made("p", spec={"rollout": "web"})) == {WEB}
    assert upserted(cache, PROMOTIONS, made("q", spec={"rollout": "not-there-yet"})) == {("shop", "not-there-yet")}


def test_a_policy_concerns_all_rollouts_when_what_it_says_changes(cache: Cache) -> None:
    policy = {"metadata": {"name": "production", "resourceVersion": "1"}, "spec": {"match": {}}}
    assert upserted(cache, PROMOTION_POLICIES, policy) == {WEB, API}
    labelled = {**policy, "metadata": {**policy["metadata"], "resourceVersion": "2", "labels": {"a": "b"}}}
    assert upserted(cache, PROMOTION_POLICIES, labelled) == set()


def test_children_by_their_label_before_and_after(cache: Cache) -> None:
    assert upserted(cache, PODS, made("pod", 1, {"slipway.dev/rollout": "web"})) == {WEB}
    assert upserted(cache, PODS, made("pod", 2, {"slipway.dev/rollout": "api"})) == {WEB, API}
    removed = cache.remove(PODS, made("pod", 3))
    assert removed is not None
    assert affected(cache, removed) == {API}


@pytest.mark.parametrize("name", ["web", "web-preview", "web-candidate"])
def test_a_service_that_lost_its_label_still_concerns_its_rollout(cache: Cache, name: str) -> None:
    upserted(cache, SERVICES, made(name, 1, {"slipway.dev/rollout": "web"}, spec={"selector": {"a": "1"}}))
    assert WEB in upserted(cache, SERVICES, made(name, 2, spec={"selector": {"a": "1"}}))
    assert WEB in upserted(cache, SERVICES, made(name, 3, spec={"selector": {"a": "2"}}))


def test_what_a_strangers_service_selects_concerns_the_whole_namespace(cache: Cache) -> None:
    assert upserted(cache, SERVICES, made("db", 1, spec={"selector": {"app": "db"}})) == {WEB, API}
    assert upserted(cache, SERVICES, made("db", 2, {"a": "b"}, spec={"selector": {"app": "db"}})) == set()
    assert upserted(cache, SERVICES, made("db", 3, spec={"selector": {"app": "web"}})) == {WEB, API}


def test_routes_by_what_they_name_and_by_who_lists_them(cache: Cache) -> None:
    def route(name: str, version: int, *backends: Object) -> Object:
        return made(name, version, spec={"rules": [{"backendRefs": list(backends)}]})

    assert upserted(cache, HTTP_ROUTES, route("listed", 1)) == {WEB}
    assert upserted(cache, HTTP_ROUTES, route("other", 1, {"name": "api"})) == {API}
    assert upserted(cache, HTTP_ROUTES, route("other", 2, {"name": "web-candidate"})) == {API, WEB}
    assert upserted(cache, HTTP_ROUTES, route("far", 1, {"name": "api", "namespace": "elsewhere"})) == set()


def test_a_namespaces_labels_concern_all_in_it_and_its_other_changes_nobody(cache: Cache) -> None:
    def namespace(version: int, labels: dict[str, str], **fields: Any) -> Object:
        return {"metadata": {"name": "shop", "resourceVersion": str(version), "labels": labels}, **fields}

    assert upserted(cache, NAMESPACES, namespace(1, {"a": "b"})) == {WEB, API}
    assert upserted(cache, NAMESPACES, namespace(2, {"a": "b"}, status={"phase": "Active"})) == set()
    assert upserted(cache, NAMESPACES, namespace(3, {"slipway.dev/approval": "automatic"})) == {WEB, API}


def test_a_rollouts_disappearance_is_looked_at(cache: Cache) -> None:
    change = cache.remove(ROLLOUTS, made("web", 9))
    assert change == Change(ROLLOUTS, change and change.before, None)
    assert change is not None
    assert affected(cache, change) == {WEB}


FAR = ("shop-staging", "web")


def far(name: str = "web", version: int = 1, labels: dict[str, str] | None = None, **metadata: Any) -> Object:
    """An object of another namespace."""
    obj = made(name, version, labels)
    obj["metadata"] |= {"namespace": FAR[0], "uid": "u-1", **metadata}
    return obj


def promoted_from(version: int = 1, phase: str = "Checking", **where: str) -> Object:
    spec = {"rollout": "web", "from": {"namespace": FAR[0], "rollout": "web"} | where}
    return made("web-2", version, spec=spec, status={"phase": phase})


def test_who_is_promoted_from_a_rollout_sees_what_becomes_stable_there(cache: Cache) -> None:
    labels = {"slipway.dev/rollout": "web"}
    assert upserted(cache, PROMOTIONS, promoted_from()) == {WEB}
    assert upserted(cache, ROLLOUTS, far()) == {FAR, WEB}
    assert upserted(cache, ROLLOUTS, far(version=2, generation=2)) == {FAR}, "its status and its spec say nothing"
    assert upserted(cache, CONTROLLER_REVISIONS, far("web-1", 3, labels)) == {FAR, WEB}
    assert upserted(cache, PODS, far("web-1-a", 4, labels)) == {FAR}
    assert upserted(cache, CONTROLLER_REVISIONS, far("api-1", 5, {"slipway.dev/rollout": "api"})) == {(FAR[0], "api")}
    assert upserted(cache, ROLLOUTS, far(version=6, deletionTimestamp="2026-01-01T12:00:00Z")) == {FAR, WEB}
    removed = cache.remove(ROLLOUTS, far(version=7))
    assert removed is not None
    assert affected(cache, removed) == {FAR, WEB}
    assert upserted(cache, PROMOTIONS, promoted_from(9, "Succeeded")) == {WEB}
    assert upserted(cache, CONTROLLER_REVISIONS, far("web-1", 10, labels)) == {FAR}


def test_without_a_namespace_it_is_the_promotions_own(cache: Cache) -> None:
    cache.upsert(PROMOTIONS, made("web-2", spec={"rollout": "web", "from": {"rollout": "api"}}))
    assert upserted(cache, CONTROLLER_REVISIONS, made("api-1", 1, {"slipway.dev/rollout": "api"})) == {API, WEB}


def test_a_namespace_that_allows_promotions_wakes_those_who_asked(cache: Cache) -> None:
    def namespace(version: int, **metadata: Any) -> Object:
        return {"metadata": {"name": FAR[0], "resourceVersion": str(version), **metadata}}

    cache.upsert(PROMOTIONS, promoted_from())
    assert upserted(cache, NAMESPACES, namespace(1)) == set()
    assert upserted(cache, NAMESPACES, namespace(2, annotations={"a": "b"})) == set()
    assert upserted(cache, NAMESPACES, namespace(3, annotations={"slipway.dev/promote-to": "shop"})) == {WEB}
