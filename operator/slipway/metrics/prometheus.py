"""A metrics source with Prometheus' HTTP API, for asyncio: bounded in time, in size and in concurrency."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from slipway.metrics.client import PrometheusClient, QueryFailed
from slipway.metrics.envelope import read_answer
from slipway.metrics.reading import Error, Reading
from slipway.metrics.rules import AlertingRule, read_rules

T = TypeVar("T")


class PrometheusSource:
    """Asks one server. Each of its threads has a client and with it a connection of its own.

    `timeout` is the deadline of a whole query, from the call to the answer's last byte. When it is over, the
    connection is cut, which frees the thread: a server that hangs or trickles takes no thread away for
    longer, and none from another source.
    """

    def __init__(
        self,
        url: str,
        *,
        ca: Path | None = None,
        token_file: Path | None = None,
        headers: dict[str, str] | None = None,
        headers_file: Path | None = None,
        timeout: timedelta = timedelta(seconds=10),
        max_concurrency: int = 4,
    ) -> None:
        self._timeout = timeout
        self._new_client = partial(
            PrometheusClient,
            url,
            ca=ca,
            token_file=token_file,
            headers=dict(headers or {}),
            headers_file=headers_file,
            timeout=timeout,
        )
        self._slots = asyncio.Semaphore(max_concurrency)
        self._threads = ThreadPoolExecutor(max_concurrency, thread_name_prefix="slipway-metrics")
        self._idle: list[PrometheusClient] = []
        self._running: dict[PrometheusClient, asyncio.Future[Any]] = {}
        self._closed = False

    async def query(self, promql: str, at: datetime) -> Reading:
        """What `promql` yields at `at`; an Error when the source has not answered within the timeout."""
        return await self._in_time(lambda client: read_answer(*client.instant_query(promql, at), at))

    async def alerting_rules(self) -> tuple[AlertingRule, ...] | Error:
        """All alerting rules; an Error when the source has not answered within the timeout."""
        return await self._in_time(lambda client: read_rules(*client.alerting_rules()))

    async def _in_time(self, ask: Callable[[PrometheusClient], T]) -> T | Error:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                await self._slots.acquire()
                return await self._ask(ask)
        except TimeoutError:
            return Error(f"no answer within {self._timeout.total_seconds():g} s")

    async def close(self) -> None:
        """Cut running queries, which end as errors, and give back threads and connections."""
        self._closed = True
        for client in self._running:
            client.cut()
        if self._running:
            # Nothing but a name lookup outlives the cut; it is not waited for.
            await asyncio.wait(self._running.values(), timeout=1)
        for client in self._idle:
            client.close()
        self._idle.clear()
        self._threads.shutdown(wait=False)

    async def _ask(self, ask: Callable[[PrometheusClient], T]) -> T | Error:
        if self._closed:
            self._slots.release()
            return Error("the source is closed")
        client = self._idle.pop() if self._idle else self._new_client()
        running = asyncio.get_running_loop().run_in_executor(self._threads, _asked, client, ask)
        self._running[client] = running
        running.add_done_callback(lambda _: self._ended(client))
        try:
            # Shielded: a thread cannot be cancelled, and its slot is free only when it has really ended.
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            if not running.done():
                client.cut()
            raise

    def _ended(self, client: PrometheusClient) -> None:
        del self._running[client]
        if client.is_cut or self._closed:
            client.close()
        else:
            self._idle.append(client)
        self._slots.release()


def _asked(client: PrometheusClient, ask: Callable[[PrometheusClient], T]) -> T | Error:
    try:
        return ask(client)
    except QueryFailed as error:
        return Error(str(error))
    except OSError:  # the certificate bundle is missing or unreadable: requests lets this one through
        return Error("the CA file cannot be read")
