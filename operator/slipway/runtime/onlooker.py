"""What is told of launches to those who look on: metrics and traces. None of it bears on a launch."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from functools import partial

from prometheus_client import CollectorRegistry

from slipway.cluster.cache import Cache, Change
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS
from slipway.config import Config
from slipway.runtime.fleet import Fleet
from slipway.runtime.launches import Launches
from slipway.runtime.traces import Traces

log = logging.getLogger(__name__)

# What has ended shortly before the operator is told to end is told still, if the collector takes it in this time.
LAST_SPANS_SECONDS = 2.0


class Onlooker:
    """`since`: from when on this replica leads, None while it does not."""

    def __init__(
        self, config: Config, cache: Cache, registry: CollectorRegistry, since: Callable[[], datetime | None]
    ) -> None:
        self._tracing = config.tracing
        self._cache = cache
        self._since = since
        most = config.metrics.max_rollouts
        registry.register(Fleet(cache, lambda: since() is not None, lambda: datetime.now(UTC), most))
        self._launches = Launches(registry, partial(cache.get, ROLLOUTS), since, most)
        self._traces: Traces | None = None

    @contextlib.asynccontextmanager
    async def tracing(self) -> AsyncIterator[None]:
        """Send spans, if the configuration names a collector."""
        if self._tracing is None:
            yield
            return
        from slipway.tracing import otlp  # a few MiB that others do without

        sender = otlp.sender(self._tracing)
        self._traces = Traces(self._cache, sender, self._since)
        try:
            yield
        finally:
            await asyncio.to_thread(sender.close, LAST_SPANS_SECONDS)

    def begin(self) -> None:
        """This replica leads from now on. Raises nothing."""
        with _aside("what ended before was not told"):
            for rollout in self._cache.all(ROLLOUTS):
                self._launches.expect(rollout)
            for promotion in self._cache.all(PROMOTIONS):
                self._launches.expect_lengths(promotion)
            if self._traces is not None:
                self._traces.catch_up()

    def observe(self, change: Change) -> None:
        """Take in a change of any object. Raises nothing."""
        with _aside("a change was not counted"):
            self._launches.observe(change)
            if self._traces is not None:
                self._traces.observe(change)


@contextlib.contextmanager
def _aside(words: str) -> Iterator[None]:
    """Nothing that moves traffic may end with it."""
    try:
        yield
    except Exception:
        log.exception(words)
