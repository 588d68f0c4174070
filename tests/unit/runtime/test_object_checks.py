"""An object check reads one object of its namespace, never a Secret, and says which right is missing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast
from unittest.mock import ANY

import pytest

from slipway.cluster.api import Api
from slipway.cluster.errors import APIError, Forbidden, NotFound, Unavailable
from slipway.cluster.resources import Resource
from slipway.core.decision import ObjectProbe
from slipway.core.snapshot import Probed, Unverified
from slipway.runtime.probes import EXPRESSIONS_AT_ONCE, OBJECTS_AT_ONCE, Prober

KINDS = {
    ("", "v1"): [
        {"name": "configmaps", "kind": "ConfigMap", "namespaced": True},
        {"name": "secrets", "kind": "Secret", "namespaced": True},
        {"name": "nodes", "kind": "Node", "namespaced": False},
    ],
    ("apps", "v1"): [
        {"name": "statefulsets/scale", "kind": "StatefulSet", "namespaced": True},
        {"name": "statefulsets", "kind": "StatefulSet", "namespaced": True},
    ],
}


class Server:
    """Has one ConfigMap, and answers everything else with an error if there is one."""

    def __init__(self, error: APIError | None = None) -> None:
        self.error = error
        self.read: list[tuple[str, str | None, str]] = []

    async def kinds(self, group: str, version: str) -> list[dict[str, Any]]:
        return KINDS.get((group, version), [])

    async def get(self, kind: Resource, namespace: str | None, name: str) -> dict[str, Any]:
        self.read.append((kind.path(namespace, name), namespace, name))
        if self.error:
            raise self.error
        return {"metadata": {"name": name, "managedFields": [{}]}, "data": {"mode": "hunter2"}}


class Deaf(Server):
    """Answers for everything but the StatefulSet."""

    def __init__(self, expected: int) -> None:
        super().__init__()
        self.waiting = asyncio.Barrier(expected + 1)

    async def get(self, kind: Resource, namespace: str | None, name: str) -> dict[str, Any]:
        if kind.kind == "StatefulSet":
            await self.waiting.wait()
            await asyncio.Event().wait()
        return await super().get(kind, namespace, name)


def question(api_version: str = "v1", kind: str = "ConfigMap", expression: str = "true") -> ObjectProbe:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return ObjectProbe(key="k", due=at, api_version=api_version, kind=kind, name="db", expression=expression)


async def asked(server: Server, api_version: str = "v1", kind: str = "ConfigMap", expression: str = "true") -> Any:
    return await Prober(cast(Api, server), {}).run("shop", question(api_version, kind, expression))


async def test_the_expression_is_asked_of_the_object_of_this_namespace() -> None:
    server = Server()
    found = await asked(server, expression="object.data.mode == 'hunter2' && !has(object.metadata.managedFields)")
    assert isinstance(found, Probed)
    assert (found.passed, found.message) == (True, "ConfigMap db: the expression holds")
    assert server.read == [("/api/v1/namespaces/shop/configmaps/db", "shop", "db")]


@pytest.mark.parametrize(
    ("api_version", "kind", "words"),
    [
        ("v1", "Secret", "Slipway reads no Secrets"),
        ("v1", "Node", "not in a namespace"),
        ("v1", "Deployment", "no kind Deployment in v1"),
        ("example.com/v1", "Thing", "no kind Thing in example.com/v1"),
    ],
)
async def test_what_is_never_read(api_version: str, kind: str, words: str) -> None:
    server = Server()
    found = await asked(server, api_version, kind)
    assert (found.passed, words in found.message) == (False, True), found.message
    assert server.read == []


async def test_what_is_not_there_fails() -> None:
    found = await asked(Server(NotFound("")))
    assert (found.passed, found.message) == (False, "there is no ConfigMap db in namespace shop")


async def test_a_missing_right_is_named() -> None:
    found = await asked(Server(Forbidden("")), "apps/v1", "StatefulSet")
    assert isinstance(found, Unverified)
    assert 'slipway.dev/aggregate-to-operator-checks: "true"' in found.message
    assert '{apiGroups: ["apps"], resources: [statefulsets], verbs: [get]}' in found.message


async def test_no_answer_is_said_and_asked_again() -> None:
    found = await asked(Server(Unavailable("busy")))
    assert isinstance(found, Unverified)
    assert found.message == "ConfigMap db could not be read: busy"


async def test_kinds_that_nobody_answers_for_are_said() -> None:
    class Undiscovered(Server):
        async def kinds(self, group: str, version: str) -> list[dict[str, Any]]:
            raise Unavailable("busy")

    assert await asked(Undiscovered()) == Unverified(at=ANY, message="ConfigMap db could not be read: busy")


async def test_what_is_never_answered_takes_nobody_elses_place() -> None:
    count = OBJECTS_AT_ONCE - 1
    assert count > EXPRESSIONS_AT_ONCE
    server = Deaf(count)
    prober = Prober(cast(Api, server), {})
    deaf = question("apps/v1", "StatefulSet")
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(prober.run("other", deaf)) for _ in range(count)]
        await server.waiting.wait()
        found = await prober.run("shop", question())
        for task in tasks:
            task.cancel()
    assert isinstance(found, Probed)
    assert found.passed
