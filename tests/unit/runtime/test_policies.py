"""The status of policies is written when it has changed, once for what changes together, and by the leader."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from slipway.cluster.api import Api, Object
from slipway.cluster.cache import Cache, Change
from slipway.cluster.errors import APIError, Conflict, Forbidden
from slipway.cluster.lease import NotLeader
from slipway.cluster.resources import NAMESPACES, PODS, PROMOTION_POLICIES, ROLLOUTS, Resource
from slipway.runtime.policies import PolicyStatuses


class Server:
    """Takes status patches, unless there is an error."""

    def __init__(self) -> None:
        self.error: APIError | None = None
        self.written: list[Object] = []
        self.version = 100

    async def merge_patch(
        self, kind: Resource, namespace: str | None, name: str, patch: Object, subresource: str | None = None
    ) -> Object:
        assert (kind, namespace, subresource) == (PROMOTION_POLICIES, None, "status")
        if self.error:
            raise self.error
        self.version += 1
        self.written.append(patch)
        meta = {"name": name, "uid": "u", "generation": 1, "resourceVersion": str(self.version)}
        return {"metadata": meta, "spec": {"match": {}}, "status": patch["status"]}

    def check(self) -> float:
        return 10.0


class NoLeader:
    def check(self) -> float:
        raise NotLeader("the lease is lost")


def policy(name: str = "p", version: int = 1) -> Object:
    meta = {"name": name, "uid": "u", "generation": 1, "resourceVersion": str(version)}
    return {"metadata": meta, "spec": {"match": {}}}


def rollout(name: str = "web", environment: str = "production", version: int = 2, **status: Any) -> Object:
    meta = {"name": name, "namespace": "shop", "uid": name, "resourceVersion": str(version)}
    return {"metadata": meta, "spec": {"environment": environment}, "status": status}


def made(server: Server, guard: Any = None) -> tuple[PolicyStatuses, Cache]:
    cache = Cache()
    cache.upsert(PROMOTION_POLICIES, policy())
    cache.upsert(ROLLOUTS, rollout())
    return PolicyStatuses(cast(Api, server), cache, guard or server, pause=0.0), cache


def message(patch: Object) -> str:
    return str(patch["status"]["conditions"][1]["message"])


async def test_it_is_written_once_and_again_when_it_has_changed() -> None:
    server = Server()
    statuses, cache = made(server)
    await statuses.write()
    await statuses.write()
    assert [message(patch) for patch in server.written] == ["1 Rollout in 1 namespace"]
    assert server.written[0]["metadata"] == {"uid": "u", "resourceVersion": "1"}
    cache.upsert(ROLLOUTS, rollout("other", version=3))
    await statuses.write()
    assert message(server.written[-1]) == "2 Rollouts in 1 namespace"


@pytest.mark.parametrize("error", [Conflict("", 409), Forbidden("", 403), APIError("broken", 500)])
async def test_what_is_refused_is_tried_again_later(error: APIError) -> None:
    server = Server()
    server.error = error
    statuses, _ = made(server)
    await statuses.write()
    assert server.written == []
    server.error = None
    await statuses.write()
    assert len(server.written) == 1


async def test_only_the_leader_writes() -> None:
    server = Server()
    statuses, _ = made(server, NoLeader())
    with pytest.raises(NotLeader):
        await statuses.write()
    assert server.written == []


@pytest.mark.parametrize(
    ("kind", "before", "after", "looks"),
    [
        (ROLLOUTS, None, rollout(), True),
        (ROLLOUTS, rollout(), None, True),
        (ROLLOUTS, rollout(), rollout(environment="staging"), True),
        (ROLLOUTS, rollout(phase="Healthy"), rollout(phase="Degraded"), False),
        (PROMOTION_POLICIES, None, policy(), True),
        (PROMOTION_POLICIES, policy(), {**policy(), "spec": {"match": {"environments": ["a"]}}}, True),
        (PROMOTION_POLICIES, policy(), policy(version=9), False),
        (NAMESPACES, {"metadata": {"labels": {"a": "b"}}}, {"metadata": {"labels": {"a": "c"}}}, True),
        (NAMESPACES, {"metadata": {"annotations": {"a": "b"}}}, {"metadata": {}}, False),
        (PODS, None, {"metadata": {}}, False),
    ],
)
async def test_it_looks_when_something_bears_on_it(
    kind: Resource, before: Object | None, after: Object | None, looks: bool
) -> None:
    server = Server()
    statuses, _ = made(server)
    running = asyncio.create_task(statuses.run())
    statuses.changed(Change(kind, before, after))
    for _ in range(5):
        await asyncio.sleep(0)
    running.cancel()
    assert bool(server.written) is looks


async def test_a_storm_of_changes_is_one_look() -> None:
    server = Server()
    statuses, cache = made(server)
    running = asyncio.create_task(statuses.run())
    for number in range(50):
        after = rollout(f"web-{number}", version=10 + number)
        cache.upsert(ROLLOUTS, after)
        statuses.changed(Change(ROLLOUTS, None, after))
    for _ in range(20):
        await asyncio.sleep(0)
    running.cancel()
    assert [message(patch) for patch in server.written] == ["51 Rollouts in 1 namespace"]


async def test_nothing_ends_it() -> None:
    server = Server()
    statuses, cache = made(server)
    running = asyncio.create_task(statuses.run())
    cache.upsert(PROMOTION_POLICIES, {"metadata": {"name": "q", "resourceVersion": "5"}})  # no uid
    statuses.look()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
