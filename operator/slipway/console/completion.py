"""What a shell proposes: names from the cluster with the rights of whoever types, and the same for kubectl's plugins.

A proposal is never worth an error or a long wait: without an answer there is none.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import shlex
import sys

import typer

from slipway.cluster.api import Objects
from slipway.cluster.errors import APIError, NoCluster
from slipway.cluster.resources import NAMESPACES, PROMOTIONS, ROLLOUTS, Resource

PATIENCE = 3.0
"""Seconds until a shell proposes nothing."""

# Of the protocol between a shell's completion and the programs that it asks (Cobra's, which kubectl has).
_FILES_TOO, _NO_FILES = ":0", ":4"


def rollouts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of Rollouts."""
    return _beginning(_names(ctx, ROLLOUTS), incomplete)


def promotions(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of Promotions, and of Rollouts, which stand for the Promotion in charge."""
    return _beginning([*_names(ctx, PROMOTIONS), *_names(ctx, ROLLOUTS)], incomplete)


def checks(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of the checks that somebody can confirm now, of the Promotion that was typed before."""
    from slipway.console.decisions import to_confirm

    given = ctx.params.get("name")
    launches = {one["metadata"]["name"]: one for one in _listed(ctx, PROMOTIONS)}
    if given not in launches:
        owners = {one["metadata"]["name"]: one for one in _listed(ctx, ROLLOUTS)}
        given = (owners.get(given, {}).get("status") or {}).get("promotion")
    return _beginning(list(to_confirm(launches[given])), incomplete) if given in launches else []


def namespaces(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of namespaces, for whoever may list them."""
    return _beginning(_names(ctx, NAMESPACES), incomplete)


def contexts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Contexts of the kubeconfig."""
    from slipway.cluster.credentials import contexts

    return _beginning(contexts(ctx.params.get("kubeconfig")), incomplete)


def _beginning(names: list[str], incomplete: str) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete)})


def _names(ctx: typer.Context, kind: Resource) -> list[str]:
    return [str(one["metadata"]["name"]) for one in _listed(ctx, kind)]


def _listed(ctx: typer.Context, kind: Resource) -> Objects:
    from slipway.cluster.client import Client
    from slipway.cluster.credentials import current_context, namespace_of_context

    logging.disable()
    given = ctx.params
    kubeconfig = given.get("kubeconfig")
    context = given.get("context") or current_context(kubeconfig)
    namespace = None
    if kind.namespaced and not given.get("everywhere"):
        namespace = given.get("namespace") or namespace_of_context(kubeconfig, context)

    async def listed() -> Objects:
        client = Client(kubeconfig, context=context, request_timeout=PATIENCE)
        try:
            found, _ = await asyncio.wait_for(client.list(kind, namespace), PATIENCE)
        finally:
            await client.close()
        return found

    try:
        return asyncio.run(listed())
    except (APIError, NoCluster, TimeoutError):
        return []


def kubectl() -> None:
    """`kubectl_complete-slipway`: kubectl runs it with the words after `kubectl slipway`, the last one incomplete.

    It prints a proposal on each line, with its help after a tab, and at the end what the shell does with them.
    """
    from slipway.cli import app

    *words, incomplete = sys.argv[1:] or [""]
    # What the fish shell is answered is what kubectl reads, but for the last line.
    line = shlex.join(["slipway", *words]) + " " + (shlex.quote(incomplete) if incomplete else "")
    os.environ |= {
        "_SLIPWAY_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    proposed = io.StringIO()
    with contextlib.redirect_stdout(proposed), contextlib.suppress(SystemExit):
        app(args=[], prog_name="slipway")
    found = proposed.getvalue().strip()
    if found:
        typer.echo(found)
    typer.echo(_NO_FILES if found else _FILES_TOO)
