"""`slipway dashboard`. What serves it is an extra of the package, which the operator does without."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from slipway.cluster.errors import APIError, NoCluster
from slipway.console.session import Scope, located_anywhere

PARTS = frozenset(
    {"anyio", "jinja2", "markdown_it", "markupsafe", "nh3", "pygal", "sse_starlette", "starlette", "uvicorn"}
)


@located_anywhere
def dashboard(
    where: Scope,
    port: Annotated[int, typer.Option(help="On 127.0.0.1. Default: one that is free.", min=0, max=65535)] = 0,
) -> None:
    """Serve a page on this machine to look at launches and to decide, with your own rights."""
    try:
        from slipway.dashboard.server import serve
    except ModuleNotFoundError as lacking:
        if (lacking.name or "").partition(".")[0] not in PARTS:
            raise
        typer.echo(f"{lacking.name} is not installed. Install: uv tool install 'slipway[dashboard]'", err=True)
        raise typer.Exit(2) from None
    try:
        asyncio.run(serve(where, port, typer.echo))
    except (APIError, NoCluster, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
