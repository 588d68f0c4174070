"""Counts the lines of a revision's logs that a pattern finds."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.api.log_lines import compiled
from slipway.cluster.api import Api
from slipway.cluster.errors import APIError, Forbidden
from slipway.core.decision import LogProbe
from slipway.core.snapshot import Measured
from slipway.podlogs import lines, pods
from slipway.podlogs.lines import Partial, Unreadable
from slipway.podlogs.reading import GRANT, each

BEGINNING = 64
"""Bytes that have the time of a line."""
LONGEST = 8 << 10
"""Bytes of a line that are searched."""
SECONDS = 2.0
"""Of the processor, for the lines of one pod."""


async def count(
    api: Api, namespace: str, probe: LogProbe, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Measured:
    """How many lines the pattern finds, per second and pod, within the window that ends now.

    No number where a line may be missing; an error where logs cannot be read.
    """
    at, seconds = clock(), math.ceil(probe.window.total_seconds())
    start = at - timedelta(seconds=seconds)

    async def matching(pod: str, container: str, limit: int) -> int:
        body = await api.log_since(namespace, pod, container, seconds, limit)
        answered, pattern = clock(), compiled(probe.pattern)
        number = await asyncio.to_thread(_matching, body, limit, start, answered, pattern)
        # Asked after the lines: a rotation between the two makes it one answer too few, never one too many.
        lines.covers(lines.beginning(await api.log_since(namespace, pod, container, None, BEGINNING)), start)
        return number

    try:
        found = await pods.running(api, namespace, probe.rollout, probe.revision)
        numbers = await each([pods.container(pod, probe.container) for pod in found], matching)
    except Partial as error:
        return Measured(at=at, no_data=str(error))
    except (Unreadable, ValueError) as error:
        return Measured(at=at, error=str(error))
    except Forbidden:
        return Measured(at=at, error=GRANT)
    except APIError as error:
        return Measured(at=at, error=f"the pods cannot be listed (HTTP {error.status})")
    return Measured(at=at, value=sum(numbers) / len(numbers) / seconds)


def _matching(body: bytes, limit: int, start: datetime, answered: datetime, pattern: Any) -> int:
    lines.check_whole(body, limit)
    until = time.thread_time() + SECONDS
    number = 0
    for line in lines.read(body):
        lines.compare_clocks(line, start, answered)
        number += pattern.search(line.text[:LONGEST]) is not None
        if time.thread_time() > until:
            raise Unreadable("the pattern takes too long: make it simpler")
    return number
