"""What people read who name the wrong thing, or ask a cluster that has no Slipway."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typer.testing import CliRunner

from slipway.cli import app

KUBECONFIG = """
clusters: [{{name: c, cluster: {{server: "{url}"}}}}]
users: [{{name: u, user: {{token: t}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u, namespace: shop}}}}]
current-context: c
"""
UNSEEN = {"metadata": {"name": "web", "namespace": "shop", "uid": "r"}, "spec": {"rollout": "web"}}


@pytest.fixture
async def kubeconfig(tmp_path: Path) -> AsyncIterator[Path]:
    async def answer(request: web.Request) -> web.Response:
        """As an API server that has Rollouts with nothing in their status, and no other kind of Slipway's."""
        if not request.path.startswith("/apis/slipway.dev/v1alpha1/namespaces/shop/"):
            return web.Response(status=404, text="404 page not found\n")
        if request.path.endswith("/web"):
            return web.json_response(UNSEEN)
        said = f'{request.path.split("/")[-2]}.slipway.dev "{request.path.split("/")[-1]}" not found'
        return web.json_response({"kind": "Status", "reason": "NotFound", "message": said}, status=404)

    served = web.Application()
    served.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(served) as server:
        path = tmp_path / "config"
        path.write_text(KUBECONFIG.format(url=str(server.make_url("")).rstrip("/")))
        yield path


async def said(kubeconfig: Path, *arguments: str) -> tuple[int, str]:
    done = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--kubeconfig", str(kubeconfig)])
    return done.exit_code, " ".join(done.output.split())


async def test_a_cluster_without_slipway_is_told_from_one_without_the_object(kubeconfig: Path) -> None:
    code, words = await said(kubeconfig, "get", "-n", "elsewhere")
    assert code == 2
    assert words.startswith("this cluster does not serve rollouts.slipway.dev (v1alpha1): is Slipway installed there?")
    assert "namespace" not in words


async def test_a_name_that_is_not_found_says_where_it_was_looked_for(kubeconfig: Path) -> None:
    assert await said(kubeconfig, "explain", "wbe") == (
        2,
        'rollouts.slipway.dev "wbe" not found in namespace shop; -n names another one',
    )


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("status", "web: waiting: no operator has looked at it yet"),
        ("report", "web has no current report: no operator has looked at it yet"),
    ],
)
async def test_what_no_operator_has_looked_at_says_so(kubeconfig: Path, command: str, words: str) -> None:
    assert (await said(kubeconfig, command, "web"))[1] == words
