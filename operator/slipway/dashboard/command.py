"""`slipway dashboard`. What serves it is an extra of the package, which the operator does without."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from slipway import __version__
from slipway.cluster.errors import APIError, NoCluster
from slipway.console.session import Scope, located_anywhere

PARTS = frozenset(
    {"anyio", "jinja2", "markdown_it", "markupsafe", "nh3", "pygal", "sse_starlette", "starlette", "uvicorn"}
)
# Not by the bare name: on the public index that is somebody else's.
INSTALL = f"""In a checkout of Slipway: uv tool install --force '.[dashboard]'
Or with the wheel of a release: uv tool install --force './slipway-{__version__}-py3-none-any.whl[dashboard]'"""


BEHIND = "--behind-proxy"


@located_anywhere
def dashboard(
    where: Scope,
    port: Annotated[
        int,
        typer.Option(help=f"Default: one that is free; 8080 with {BEHIND}.", min=0, max=65535, show_default=False),
    ] = 0,
    behind_proxy: Annotated[
        str,
        typer.Option(
            BEHIND,
            metavar="URL",
            help="In a cluster, for reading, to whoever an authenticating proxy lets through at this address.",
        ),
    ] = "",
    proxy_secret_file: Annotated[
        Path | None, typer.Option(help="Refuse requests without the secret of this file in X-Slipway-Proxy-Secret.")
    ] = None,
    user_header: Annotated[
        str, typer.Option(help="Let people decide as themselves: the header in which the proxy names the user.")
    ] = "",
    groups_header: Annotated[str, typer.Option(help="The header in which it names their groups.")] = "",
) -> None:
    """Serve a page to look at launches and to decide: on this machine, with your own rights."""
    if not behind_proxy and (proxy_secret_file or user_header or groups_header):
        raise typer.BadParameter("what is said of a proxy takes its address", param_hint=BEHIND)
    if groups_header and not user_header:
        raise typer.BadParameter("groups are those of a user", param_hint="--user-header")
    try:
        from slipway.dashboard.proxy import Misconfigured
        from slipway.dashboard.server import BehindProxy, serve, serve_behind_proxy
    except ModuleNotFoundError as lacking:
        if (lacking.name or "").partition(".")[0] not in PARTS:
            raise
        typer.echo(f"{lacking.name} is not installed. {INSTALL}", err=True)
        raise typer.Exit(2) from None
    if behind_proxy:
        given = BehindProxy(behind_proxy, proxy_secret_file, user_header, groups_header)
        serving = serve_behind_proxy(where, port or 8080, given, typer.echo)
    else:
        serving = serve(where, port, typer.echo)
    try:
        asyncio.run(serving)
    except (APIError, NoCluster, OSError, Misconfigured) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
