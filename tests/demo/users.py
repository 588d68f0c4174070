"""The users of the shop: constant requests through the Gateway, and what became of them."""

import asyncio
import threading
import time

from tests.cluster.load import Load, Report
from tests.demo.site import Site

HOST = "shop.example"
STAGING_HOST = "staging.shop.example"
RATE = 40.0
HOURS = 6 * 3600.0
PATIENCE = 15.0
"""Seconds that a user waits for an answer: on a machine that is too busy it may take some."""


class Users:
    """Requests at a constant rate (a second) from a thread in the cluster's network, until `stop`."""

    def __init__(self, site: Site, host: str = HOST, rate: float = RATE) -> None:
        self._host, self._rate = host, rate
        self._load: Load | None = None
        self._site = site
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="users", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait(10)

    def stop(self) -> None:
        if self._load is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._load.stop)
            self._thread.join(10)

    def report(self) -> Report:
        return self._load.report() if self._load is not None else Report()

    def lately(self, seconds: float = 2) -> Report:
        """What was answered in the last seconds. Reports are in order of their ends, so the newest are last."""
        since = time.time() - seconds
        requests = self.report().requests
        return Report([one for one in requests[-int(self._rate * (seconds + 3)) :] if one.at >= since])

    def _run(self) -> None:
        with self._site.network():
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(self._send())

    async def _send(self) -> None:
        self._load = Load(self._site.gateway_url, host=self._host, rate=self._rate, seconds=HOURS, timeout=PATIENCE)
        self._ready.set()
        await self._load.run()


def once(site: Site) -> str:
    """What one request gets, in words."""
    answers: list[Report] = []

    def ask() -> None:
        with site.network():
            answers.append(asyncio.run(Load(site.gateway_url, host=HOST, rate=1, count=1, timeout=3).run()))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    [request] = answers[0].requests
    return f"status {request.status}" if request.status else request.error
