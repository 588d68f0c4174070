"""Reads the logs of several containers, a few at a time, and no more of them than there is room for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from slipway.cluster.errors import APIError, Forbidden, Invalid, NotFound
from slipway.podlogs.lines import Partial, Unreadable

BYTES = 16 << 20
"""Of all logs together."""
BYTES_OF_LOG = 4 << 20
AT_ONCE = 2
GRANT = "Slipway may not read logs of pods: an administrator binds it to the ClusterRole slipway-operator-logs"

T = TypeVar("T")


async def each(logs: Sequence[tuple[str, str]], read: Callable[[str, str, int], Awaitable[T]]) -> list[T]:
    """What `read` makes of each log: it gets the pod, the container, and how many bytes it may read.

    Raises Partial or Unreadable, with the pod's name, or Forbidden.
    """
    lanes, limit = asyncio.Semaphore(AT_ONCE), min(BYTES_OF_LOG, BYTES // max(1, len(logs)))

    async def one(pod: str, container: str) -> T:
        async with lanes:
            try:
                return await read(pod, container, limit)
            except (Partial, Unreadable) as error:
                raise type(error)(f"pod {pod}: {error}") from None
            except NotFound:
                raise Partial(f"pod {pod} is gone") from None
            except Invalid:
                raise Partial(f"pod {pod}: container {container} has no log yet") from None
            except Forbidden:
                raise
            except APIError as error:
                raise Unreadable(f"the log of pod {pod} cannot be read (HTTP {error.status})") from None

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(*log)) for log in logs]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]
