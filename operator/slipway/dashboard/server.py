"""The server: on loopback alone, until it is interrupted."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from slipway.cluster.credentials import current_context
from slipway.cluster.watching import WatchingClient
from slipway.console.session import FIELD_MANAGER, Scope, Session
from slipway.dashboard.app import build
from slipway.dashboard.board import Board
from slipway.dashboard.door import Keys, address

ADDRESS = "127.0.0.1"
"""And no option for another: whoever reaches it acts with the user's rights."""
PATIENCE = 3


async def serve(where: Scope, port: int, say: Callable[[str], None]) -> None:
    """Serve, and say where, once it can be opened. Raises APIError, NoCluster and OSError."""
    # Credentials are loaded again when they expire: from the context that was current when this began, though the
    # kubeconfig may have another one by then.
    context = where.context or current_context(where.kubeconfig)
    client = WatchingClient(where.kubeconfig, context=context, field_manager=FIELD_MANAGER)
    try:
        session = Session(client, where.namespace)
        who = await session.me()
        listening = socket.create_server((ADDRESS, port))
        taken, keys = listening.getsockname()[1], Keys()
        app = build(session, Board(client, where.namespace), who, keys, taken)
        # No log of requests: the address with the token would be in it.
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            timeout_graceful_shutdown=PATIENCE,
        )
        say(f"For {who}, in {where.namespace or 'all namespaces'}, until you press Ctrl-C:")
        say(address(taken, keys))
        await uvicorn.Server(config).serve(sockets=[listening])
    finally:
        await client.close()
