"""Runs the scenarios: coroutines in a thread of their own, two at a time where they do not disturb each other.

A scenario is written as `async def test_…(tenant)` under `@scenario`. Each gets a namespace and a host name of its
own, so most can run beside each other; while pytest waits for one, the next one of the selection has begun already.
`@scenario(alone=True)` is for those that stop what all share: the operator, Prometheus, the guard.
"""

import asyncio
import concurrent.futures
import itertools
import os
import re
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from tests.e2e.tenant import Shared, Sums, Tenant

BESIDE = int(os.environ.get("SLIPWAY_E2E_BESIDE", "2"))

Scenario = Callable[[Tenant], Awaitable[None]]


@dataclass(frozen=True)
class _Play:
    """A scenario as it was declared."""

    run: Scenario
    alone: bool
    labels: Mapping[str, str]
    words: str


def scenario(
    run: Scenario | None = None, *, alone: bool = False, labels: Mapping[str, str] | None = None, words: str = ""
) -> Callable[..., Any]:
    """Make a test of a coroutine function of a `Tenant`, whose namespace gets `labels`, and `words` in its name."""

    def declared(run: Scenario) -> Callable[..., None]:
        def test(arena: "Arena", request: pytest.FixtureRequest) -> None:
            arena.play(request.node, request.session.items)

        test.__name__ = test.__qualname__ = run.__name__
        test.__module__, test.__doc__ = run.__module__, run.__doc__
        test.play = _Play(run, alone, labels or {}, words)  # type: ignore[attr-defined]
        return test

    return declared if run is None else declared(run)


class Arena:
    """The loop that scenarios run in, and who runs now."""

    def __init__(self, shared: Shared, results: dict[str, Sums]) -> None:
        self._shared = shared
        self._results = results
        self._number = itertools.count(1)
        self._running: dict[str, concurrent.futures.Future[None]] = {}
        self._loop = asyncio.new_event_loop()
        # A thread is born in the network of its parent: the cluster's.
        self._thread = threading.Thread(target=self._loop.run_forever, name="scenarios", daemon=True)
        self._thread.start()

    def close(self) -> None:
        for future in self._running.values():
            future.cancel()
        concurrent.futures.wait(self._running.values(), timeout=30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    def play(self, item: pytest.Item, selection: Sequence[pytest.Item]) -> None:
        """Run the scenario of an item to its end, with the next ones beside it if it may have company."""
        place = selection.index(item)
        for one in _together(selection[place : place + BESIDE]):
            if one.nodeid not in self._running:
                self._running[one.nodeid] = asyncio.run_coroutine_threadsafe(self._play(one), self._loop)
        future = self._running[item.nodeid]
        try:
            future.result()
        finally:
            sums = self._results.get(item.nodeid, Sums())
            for note in (*sums.notes, sums.account):
                print(note)

    async def _play(self, item: pytest.Item) -> None:
        play = _play_of(item)
        assert play is not None
        words = play.words or re.sub(r"[^a-z]+", "-", item.name.removeprefix("test_"))[:40].strip("-")
        namespace = f"{words}-{os.getpid() % 10_000}-{next(self._number)}"
        sums = self._results.setdefault(item.nodeid, Sums())
        began = time.monotonic()
        try:
            async with Tenant.create(self._shared, namespace, sums, play.labels) as tenant:
                await play.run(tenant)
        finally:
            sums.seconds = time.monotonic() - began


def _play_of(item: pytest.Item) -> _Play | None:
    return getattr(getattr(item, "function", None), "play", None)


def _together(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The first item, and those right behind it that may run beside it."""
    found = list(items[:1])
    first = _play_of(items[0])
    if first is None or first.alone:
        return found
    for item in items[1:]:
        play = _play_of(item)
        if play is None or play.alone:
            break
        found.append(item)
    return found
