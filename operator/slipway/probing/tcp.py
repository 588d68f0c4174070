"""The TCP smoke test: a connection that has to come about."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from slipway.probing.dial import NOT_PODS, Address, Network, ProbeResult, every


async def tcp_probe(
    addresses: Sequence[Address],
    timeout: timedelta,  # noqa: ASYNC109 -- running out of it is a result, not an exception
    *,
    refused: Sequence[Network] = NOT_PODS,
) -> ProbeResult:
    """Connect to each of `addresses`, which the caller vouches for, and close. Passes when all accept."""
    return await every(addresses, timeout, refused, _connect)


async def _connect(host: str, port: int) -> str:
    _, writer = await asyncio.open_connection(host, port)
    writer.transport.abort()
    return "connected"
