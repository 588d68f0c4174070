"""Whether the operator lives and is ready, as it really is, and its metrics: two small HTTP servers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

log = logging.getLogger(__name__)

Check = Callable[[], Iterable[str]]
"""What is wrong, in words; nothing when all is well."""


class EventLoopLag:
    """Measures by how much the event loop is late, by asking it to be woken at regular instants."""

    def __init__(self, interval: float = 0.5) -> None:
        self._interval = interval
        self._due: float | None = None
        self.last = 0.0

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            self._due = loop.time() + self._interval
            await asyncio.sleep(self._interval)
            self.last = max(0.0, loop.time() - self._due)


def probe_server(live: Check, ready: Check) -> web.Application:
    """`/healthz` and `/readyz`: 200 `ok`, or 503 with a line for each thing that is wrong."""
    app = web.Application()
    app.router.add_get("/healthz", _answer(live))
    app.router.add_get("/readyz", _answer(ready))
    return app


def metrics_server(registry: CollectorRegistry, refresh: Callable[[], None]) -> web.Application:
    """`/metrics` in Prometheus' text format; `refresh` sets the gauges first.

    Written in a thread: with many Rollouts it takes a moment, which decisions should not wait for.
    """

    async def metrics(_: web.Request) -> web.Response:
        refresh()
        text = await asyncio.to_thread(generate_latest, registry)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    return app


class NoPort(Exception):
    """A server cannot listen; the message says where and why."""


@contextlib.asynccontextmanager
async def serving(
    servers: Mapping[str, tuple[web.Application, int]], host: str | None, ports: dict[str, int]
) -> AsyncIterator[None]:
    """Serve all of them, by name and port; puts into `ports` on which they listen. Raises NoPort."""
    async with contextlib.AsyncExitStack() as stack:
        for name, (app, port) in servers.items():
            try:
                runner, ports[name] = await serve(app, host, port)
            except OSError as error:
                raise NoPort(f"cannot listen on port {port} for {name}: {error.strerror}") from error
            stack.push_async_callback(runner.cleanup)
            log.info("%s on port %d", name, ports[name])
        yield


async def serve(app: web.Application, host: str | None, port: int) -> tuple[web.AppRunner, int]:
    """Listen on `port` (0: any free one) of `host` (None: all); the runner to clean up, and the port."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    listening: int = runner.addresses[0][1]
    return runner, listening


def _answer(check: Check) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        problems = list(check())
        if not problems:
            return web.Response(text="ok\n")
        return web.Response(status=503, text="".join(f"{problem}\n" for problem in problems))

    return answer
