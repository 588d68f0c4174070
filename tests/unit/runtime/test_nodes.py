"""Where a node is, and what is said when nodes cannot be read."""

from __future__ import annotations

from typing import Any, cast

import pytest

from slipway.cluster.api import Api
from slipway.cluster.errors import APIError, Forbidden, NotFound, Unavailable
from slipway.cluster.resources import NODES, Resource
from slipway.core.snapshot import Located, Unverified
from slipway.runtime.nodes import locate
from slipway.runtime.observations import NoResult


class Server:
    """Has one node."""

    def __init__(self, node: dict[str, Any] | APIError) -> None:
        self.node = node

    async def get(self, kind: Resource, namespace: str | None, name: str) -> dict[str, Any]:
        assert (kind, namespace, name) == (NODES, None, "a")
        if isinstance(self.node, APIError):
            raise self.node
        return self.node


async def located(node: dict[str, Any] | APIError) -> Any:
    return await locate(cast(Api, Server(node)), "a")


def node(provider: str = "", **labels: str) -> dict[str, Any]:
    spec = {"providerID": provider} if provider else {}
    return {"metadata": {"name": "a", "labels": labels}, **({"spec": spec} if spec else {})}


@pytest.mark.parametrize(
    ("labels", "region"),
    [
        ({"topology.kubernetes.io/region": "eu-1", "topology.kubernetes.io/zone": "eu-1a"}, "eu-1"),
        ({"failure-domain.beta.kubernetes.io/region": "eu-2"}, "eu-2"),
        ({"topology.kubernetes.io/zone": "eu-1a"}, "eu-1a"),
        ({}, ""),
    ],
)
async def test_the_region_is_that_of_the_labels(labels: dict[str, str], region: str) -> None:
    found = await located(node("aws:///eu-1a/i-1", **labels))
    assert isinstance(found, Located)
    assert (found.provider, found.region) == ("aws", region)


@pytest.mark.parametrize("provider", ["", "i-1", "aws:/i-1"])
async def test_a_node_that_says_nothing_has_no_provider(provider: str) -> None:
    assert (await located(node(provider))).provider == ""


async def test_a_missing_right_is_named() -> None:
    found = await located(Forbidden("nodes is forbidden", 403, "Forbidden"))
    assert isinstance(found, Unverified)
    assert "slipway-operator-nodes" in found.message


async def test_a_node_that_is_gone_says_nothing() -> None:
    found = await located(NotFound("gone", 404, "NotFound"))
    assert isinstance(found, Located)
    assert (found.provider, found.region) == ("", "")


async def test_what_was_not_answered_is_asked_again() -> None:
    with pytest.raises(NoResult):
        await located(Unavailable("later", 503))
