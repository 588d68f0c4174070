"""What is read of another environment: what proves its images, and nothing where the operator does not look."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from slipway.cluster.cache import Cache
from slipway.cluster.errors import NotFound
from slipway.cluster.resources import CONTROLLER_REVISIONS, NAMESPACES, PODS, PROMOTIONS, ROLLOUTS, Resource
from slipway.core.snapshot import Settings
from slipway.runtime import snapshots

Object = dict[str, Any]
STAGING = "shop-staging"
KEY = ("shop", "web")


class Reads:
    """An API server that has nothing, and remembers who was asked for."""

    def __init__(self) -> None:
        self.asked: set[tuple[str, str | None, str]] = set()

    async def get(self, kind: Resource, namespace: str | None, name: str) -> Object:
        self.asked.add((kind.kind, namespace, name))
        raise NotFound("not found", 404, "NotFound")

    async def list(
        self, kind: Resource, namespace: str | None = None, label_selector: str | None = None, at_once: bool = False
    ) -> tuple[list[Object], str]:
        return [], "1"


def made(name: str, namespace: str = "shop", **fields: Any) -> Object:
    labels = fields.pop("labels", {})
    return {
        "metadata": {"namespace": namespace, "name": name, "uid": name, "resourceVersion": "1", "labels": labels},
        **fields,
    }


def cache_with(phase: str = "Checking") -> Cache:
    cache = Cache()
    ours = {"slipway.dev/rollout": "web"}
    cache.upsert(ROLLOUTS, made("web", spec={}))
    cache.upsert(ROLLOUTS, made("web", STAGING, spec={}))
    cache.upsert(CONTROLLER_REVISIONS, made("web-1", STAGING, labels={**ours, "slipway.dev/revision": "1"}))
    cache.upsert(CONTROLLER_REVISIONS, made("web-plan-1", STAGING, labels={**ours, "slipway.dev/plan": "1"}))
    cache.upsert(PODS, made("web-1-a", STAGING, labels=ours))
    allowed = {"slipway.dev/promote-to": "shop"}
    cache.upsert(NAMESPACES, {"metadata": {"name": STAGING, "resourceVersion": "1", "annotations": allowed}})
    spec = {"rollout": "web", "from": {"namespace": STAGING, "rollout": "web"}}
    cache.upsert(PROMOTIONS, made("web-2", spec=spec, status={"phase": phase}))
    return cache


def asked_of_staging(cache: Cache, **settings: Any) -> set[tuple[str, str | None, str]]:
    reads = Reads()
    asyncio.run(snapshots.refresh(reads, cache, KEY, routed=False, **settings))  # type: ignore[arg-type]
    return {one for one in reads.asked if STAGING in one}


PROOF = {
    ("Namespace", None, STAGING),
    ("Rollout", STAGING, "web"),
    ("ControllerRevision", STAGING, "web-1"),
}


@pytest.mark.parametrize("namespaces", [frozenset(), frozenset({"shop", STAGING})])
def test_what_proves_the_images_is_read_before_traffic_moves(namespaces: frozenset[str]) -> None:
    assert asked_of_staging(cache_with(), namespaces=namespaces) == PROOF


def test_nothing_is_read_where_the_operator_does_not_look() -> None:
    assert asked_of_staging(cache_with(), namespaces=frozenset({"shop"})) == set()


def test_nothing_is_read_for_a_promotion_that_has_ended() -> None:
    assert asked_of_staging(cache_with("Succeeded")) == set()


def test_the_snapshot_holds_it() -> None:
    (found,) = snapshots.build(cache_with(), KEY, {}, Settings(), live=False).origins
    assert (found.namespace, found.name) == (STAGING, "web")
    assert found.rollout is not None
    assert [obj["metadata"]["name"] for obj in found.revisions] == ["web-1", "web-plan-1"]
    assert found.annotations == {"slipway.dev/promote-to": "shop"}
