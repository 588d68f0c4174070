"""Counts the lines of a revision's logs that a pattern finds."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from slipway.api.log_lines import compiled
from slipway.cluster.api import Api, Object
from slipway.cluster.errors import APIError, Forbidden, Invalid, NotFound
from slipway.core.decision import LogProbe
from slipway.core.snapshot import Measured
from slipway.podlogs import lines, pods
from slipway.podlogs.lines import LATENESS, Line, Partial, Unreadable

BYTES = 16 << 20
"""Of all logs that one measurement reads."""
BYTES_OF_POD = 4 << 20
BEGINNING = 64
"""Bytes that have the time of a line."""
AT_ONCE = 4
LONGEST = 8 << 10
"""Bytes of a line that are searched."""
SECONDS = 2.0
"""Of the processor, for the lines of one pod."""
GRANT = "Slipway may not read logs of pods: an administrator binds it to the ClusterRole slipway-operator-logs"

Read = Callable[[str, str, int], Awaitable[int]]
"""What is made of the log of one container: pod, container, and the bytes that may be read of it."""


async def count(
    api: Api, namespace: str, probe: LogProbe, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Measured:
    """How many lines the pattern finds, per second and pod, within the window that ends now.

    No number where a line may be missing; an error where logs cannot be read.
    """
    at = clock()
    start = at - probe.window
    back = math.ceil((probe.window + LATENESS).total_seconds())

    async def matching(pod: str, container: str, limit: int) -> int:
        body = await api.log_since(namespace, pod, container, back, limit)
        answered = clock()
        pattern = compiled(probe.pattern)
        number, covered = await asyncio.to_thread(_matching, body, limit, start, at, answered, pattern)
        if not covered:
            # Asked after the lines: a rotation between the two makes it one answer too few, never one too many.
            begins = lines.beginning(await api.log_since(namespace, pod, container, None, BEGINNING))
            if begins is None:
                raise Partial("it has logged nothing yet")
            if begins > start:
                raise Partial("its log begins within the window: it was started, or its log rotated, a short while ago")
        return number

    try:
        found = await pods.running(api, namespace, probe.rollout, probe.revision)
        numbers = await each(found, probe.container, matching)
    except Partial as error:
        return Measured(at=at, no_data=str(error))
    except (Unreadable, ValueError) as error:
        return Measured(at=at, error=str(error))
    except Forbidden:
        return Measured(at=at, error=GRANT)
    except APIError as error:
        return Measured(at=at, error=f"the pods cannot be listed (HTTP {error.status})")
    return Measured(at=at, value=sum(numbers) / len(numbers) / probe.window.total_seconds())


async def each(found: Sequence[Object], container: str | None, read: Read) -> list[int]:
    """The number for each pod, a few at a time. Raises Partial or Unreadable, with the pod's name, or Forbidden."""
    lanes, limit = asyncio.Semaphore(AT_ONCE), min(BYTES_OF_POD, BYTES // len(found))

    async def one(pod: Object) -> int:
        name = str(pod["metadata"]["name"])
        async with lanes:
            try:
                return await read(name, pods.container(pod, container), limit)
            except (Partial, Unreadable) as error:
                raise type(error)(f"pod {name}: {error}") from None
            except NotFound:
                raise Partial(f"pod {name} is gone") from None
            except Invalid:
                raise Partial(f"pod {name} has no log yet") from None
            except Forbidden:
                raise
            except APIError as error:
                raise Unreadable(f"the log of pod {name} cannot be read (HTTP {error.status})") from None

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(pod)) for pod in found]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


def matches(found: Sequence[Line], pattern: Any) -> int:
    """How many lines a compiled pattern finds something in. Raises Unreadable when that takes too long."""
    until = time.thread_time() + SECONDS
    number = 0
    for line in found:
        number += pattern.search(line.text[:LONGEST]) is not None
        if time.thread_time() > until:
            raise Unreadable("the pattern takes too long: make it simpler")
    return number


def _matching(
    body: bytes, limit: int, start: datetime, end: datetime, answered: datetime, pattern: Any
) -> tuple[int, bool]:
    """The lines of the window that match, and whether the answer shows by itself that it has all of them."""
    found = lines.read(body, limit)
    counted = lines.within(found, start, end, answered)
    return matches(counted, pattern), lines.covered(found, start)
