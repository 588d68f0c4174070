"""The server: on loopback alone, until it is interrupted; or in a cluster, behind a proxy."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from slipway.cluster.credentials import current_context
from slipway.cluster.impersonating import Impersonating
from slipway.cluster.watching import WatchingClient
from slipway.console.session import FIELD_MANAGER, Scope, Session
from slipway.dashboard.app import build, build_behind_proxy
from slipway.dashboard.board import Board
from slipway.dashboard.door import Keys, address
from slipway.dashboard.proxy import Proxy, ProxySecret, Public, Speaking

ADDRESS = "127.0.0.1"
"""Of whoever starts it, and no option for another: who reaches it acts with their rights."""
PATIENCE = 3
KEPT_OPEN = 3700
"""Seconds for which an idle connection is kept: longer than proxies keep theirs, of which an hour is the longest usual
one. Whoever closes first does so while the other sends, and a decision on its way is lost as a bad gateway."""
LONGEST_HEADERS = 256 * 1024
"""Bytes: names of the most groups, and the cookies in which proxies keep as much once more. Too many for the default,
which counts only where the network delivers them in pieces."""


@dataclass(frozen=True)
class BehindProxy:
    """What the administrator says of the proxy before the page."""

    public: str
    """The address at which browsers find it."""
    secret_file: Path | None = None
    user_header: str = ""
    """Given: people decide by the page as themselves."""
    groups_header: str = ""


async def serve(where: Scope, port: int, say: Callable[[str], None]) -> None:
    """Serve, and say where, once it can be opened. Raises APIError, NoCluster and OSError."""
    client = _client(where)
    try:
        session = Session(client, where.namespace)
        who = await session.me()
        listening = socket.create_server((ADDRESS, port))
        taken, keys = listening.getsockname()[1], Keys()
        app = build(session, Board(client, where.namespace), who, keys, taken)
        say(f"For {who}, in {where.namespace or 'all namespaces'}, until you press Ctrl-C:")
        say(address(taken, keys))
        await uvicorn.Server(configured(app)).serve(sockets=[listening])
    finally:
        await client.close()


async def serve_behind_proxy(where: Scope, port: int, given: BehindProxy, say: Callable[[str], None]) -> None:
    """The same in a cluster, for whoever the proxy lets through. Raises Misconfigured too."""
    client = _client(where)
    try:
        reading = Session(client, where.namespace)
        secret = ProxySecret(given.secret_file) if given.secret_file is not None else None

        def as_user(user: str, groups: tuple[str, ...]) -> Session:
            return Session(Impersonating(client, user, groups, FIELD_MANAGER), where.namespace)

        speaking = Speaking(given.user_header, given.groups_header, as_user) if given.user_header else None
        proxy = Proxy(Public.parse(given.public), reading, secret, speaking)
        account = await reading.me()
        listening = _everywhere(port)
        app = build_behind_proxy(Board(client, where.namespace), proxy)
        may = f"people decide as {given.user_header} names them" if speaking else "for reading"
        proof = "" if secret else ", without proof that requests come by the proxy"
        say(f"At {given.public}, {may}{proof}; reads {where.namespace or 'all namespaces'} as {account}")
        await uvicorn.Server(configured(app)).serve(sockets=[listening])
    finally:
        await client.close()


def _client(where: Scope) -> WatchingClient:
    # Credentials are loaded again when they expire: from the context that was current when this began, though the
    # kubeconfig may have another one by then.
    context = where.context or current_context(where.kubeconfig)
    return WatchingClient(where.kubeconfig, context=context, field_manager=FIELD_MANAGER)


def configured(app: ASGIApp) -> uvicorn.Config:
    """How the application is served."""
    # No log of requests: the address with the token would be in it.
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_keep_alive=KEPT_OPEN,
        h11_max_incomplete_event_size=LONGEST_HEADERS,
        # The one that has this limit, whichever else is installed.
        http="h11",
        timeout_graceful_shutdown=PATIENCE,
    )


def _everywhere(port: int) -> socket.socket:
    """Also where the pod network has one of the two families only."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
