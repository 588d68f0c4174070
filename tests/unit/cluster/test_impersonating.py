"""Whoever is spoken for is in every request, over connections that are shared."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from slipway.cluster.client import Client
from slipway.cluster.impersonating import Impersonating
from slipway.cluster.resources import PROMOTIONS

KUBECONFIG = """
clusters: [{{name: c, cluster: {{server: "{url}"}}}}]
users: [{{name: u, user: {{token: t}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
current-context: c
"""


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    async def answer(request: web.Request) -> web.Response:
        groups = request.headers.getall("Impersonate-Group", [])
        return web.json_response({"who": request.headers.get("Impersonate-User", ""), "groups": groups})

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(app) as server:
        yield server


async def test_each_request_says_for_whom_it_is(server: TestServer, tmp_path) -> None:
    path = tmp_path / "config"
    path.write_text(KUBECONFIG.format(url=str(server.make_url("")).rstrip("/")))
    own = Client(path)
    try:
        ada = Impersonating(own, "ada", ("one", "two"), "test")
        assert await ada.get(PROMOTIONS, "shop", "web") == {"who": "ada", "groups": ["one", "two"]}
        said = await ada.merge_patch(PROMOTIONS, "shop", "web", {"spec": {}})
        assert said == {"who": "ada", "groups": ["one", "two"]}
        assert await own.get(PROMOTIONS, "shop", "web") == {"who": "", "groups": []}
        await ada.close()
        assert await own.get(PROMOTIONS, "shop", "web") == {"who": "", "groups": []}, "the connections are the other's"
    finally:
        await own.close()
