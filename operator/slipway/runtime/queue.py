"""Which Rollouts to look at, and when: a de-duplicating queue of keys with deadlines, and its workers.

As client-go's workqueue, with one difference: a key has one deadline, the earliest that anybody asked for, so
that a timer, an event and a retry never run the same key three times.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import random
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)

BACKOFF_CAP = 30.0


class Retry(Exception):
    """Raised by a handler to be called again: `base` seconds later, doubled with every further failure.

    With `base` 0 the first retry is at once, later ones follow from 10 ms on. `at_least` seconds are waited
    in any case.
    """

    def __init__(self, message: str, base: float, at_least: float = 0.0) -> None:
        super().__init__(message)
        self.base = base
        self.at_least = at_least


class Queue(Generic[Key]):
    """Keys and their deadlines. Pure: instants are arguments, in seconds of any one monotonic clock.

    A key is handed out to one caller at a time. What arrives for it meanwhile is kept for afterwards.
    """

    def __init__(self, jitter: Callable[[], float] = random.random) -> None:
        self._jitter = jitter
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._order = itertools.count()
        self._running: dict[Key, float] = {}
        self._again: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}

    def add(self, key: Key, at: float) -> None:
        """Hand out `key` at the instant `at`, or earlier if that was asked for before."""
        waiting = self._again if key in self._running else self._due
        if waiting.get(key, float("inf")) <= at:
            return
        waiting[key] = at
        if waiting is self._due:
            heapq.heappush(self._heap, (at, next(self._order), key))

    def take(self, now: float) -> tuple[Key, float] | None:
        """The key that has been due the longest and the instant since when; None if none is due."""
        at = self.next_at()
        if at is None or at > now:
            return None
        _, _, key = heapq.heappop(self._heap)
        del self._due[key]
        self._running[key] = now
        return key, at

    def next_at(self) -> float | None:
        """When the next key falls due; None if none is waiting."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)  # superseded by an earlier deadline, or handed out already
        return self._heap[0][0] if self._heap else None

    def done(self, key: Key, again_at: float | None = None) -> None:
        """`key` was handled; hand it out again at `again_at`, or when something arrived meanwhile."""
        self._failures.pop(key, None)
        self._release(key, again_at)

    def failed(self, key: Key, now: float, base: float, at_least: float = 0.0) -> float:
        """`key` was not handled: hand it out again after a backoff, whose seconds are returned."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        if base == 0 and count == 0:
            delay = 0.0
        else:
            doubled = min(BACKOFF_CAP, (base or 0.005) * 2.0 ** min(count, 30))
            delay = doubled * (0.5 + 0.5 * self._jitter())
        delay = max(delay, at_least)
        self._release(key, now + delay)
        return delay

    def _release(self, key: Key, again_at: float | None) -> None:
        self._running.pop(key, None)
        for at in (again_at, self._again.pop(key, None)):
            if at is not None:
                self.add(key, at)

    def depth(self, now: float) -> int:
        """How many keys are due and wait for a worker."""
        return sum(1 for at in self._due.values() if at <= now)

    def lag(self, now: float) -> float:
        """For how many seconds the longest waiting key has been due; 0 if none is."""
        at = self.next_at()
        return max(0.0, now - at) if at is not None else 0.0

    @property
    def running(self) -> int:
        """How many keys are being handled."""
        return len(self._running)

    @property
    def failing(self) -> int:
        """How many keys were not handled when they were handed out last."""
        return len(self._failures)

    def longest(self, now: float) -> float:
        """For how many seconds the oldest of the keys that are being handled has been; 0 if none is."""
        return max((now - since for since in self._running.values()), default=0.0)

    def __len__(self) -> int:
        return len(self._due) + len(self._again)


class Workers(Generic[Key]):
    """Hands the due keys of a Queue to `handle`, at most `limit` at a time, until stopped.

    `handle` returns the seconds until it wants to see the key again, or None; it raises Retry to back off.
    Any other exception is logged and backs off from `error_base` seconds. `failed` is told of both, but for a Retry
    at once.
    """

    def __init__(
        self,
        queue: Queue[Key],
        handle: Callable[[Key], Awaitable[float | None]],
        limit: int = 16,
        error_base: float = 0.5,
        waited: Callable[[float], None] = lambda _: None,
        failed: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self.queue = queue
        self._handle = handle
        self._limit = limit
        self._error_base = error_base
        self._waited = waited
        self._failed = failed
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._moved_at = 0.0

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Hand out `key` in `delay` seconds at the latest."""
        self.queue.add(key, asyncio.get_running_loop().time() + delay)
        self._wake.set()

    def stuck(self) -> float:
        """For how many seconds a key has been due while none was finished: a long queue that moves is not stuck."""
        now = asyncio.get_running_loop().time()
        return min(self.queue.lag(now), now - self._moved_at)

    async def run(self) -> None:
        """Serve the queue until cancelled; keys that are being handled go on, see `drain`."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            while len(self._tasks) < self._limit and (taken := self.queue.take(loop.time())) is not None:
                key, since = taken
                self._waited(loop.time() - since)
                task = asyncio.create_task(self._work(key), name=f"reconcile {key}")
                self._tasks.add(task)
                task.add_done_callback(self._finished)
            at = self.queue.next_at() if len(self._tasks) < self._limit else None
            timer = None if at is None else loop.call_at(at, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                if timer is not None:
                    timer.cancel()

    async def drain(self, seconds: float) -> None:
        """Wait for the keys that are being handled, and cancel those which take longer than `seconds`."""
        tasks = set(self._tasks)
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._moved_at = asyncio.get_running_loop().time()
        self._wake.set()

    async def _work(self, key: Key) -> None:
        loop = asyncio.get_running_loop()
        try:
            delay = await self._handle(key)
        except Retry as retry:
            if retry.base:
                # Without a pause it is only that somebody was faster.
                self._failed(retry.__cause__ or retry)
            wait = self.queue.failed(key, loop.time(), retry.base, retry.at_least)
            log.debug("%s again in %.3f s: %s", key, wait, retry)
        except Exception as error:
            # One Rollout that cannot be handled must not stop the others.
            self._failed(error)
            wait = self.queue.failed(key, loop.time(), self._error_base)
            log.exception("%s failed, again in %.1f s", key, wait)
        except asyncio.CancelledError:
            self.queue.done(key, loop.time())
            raise
        else:
            self.queue.done(key, None if delay is None else loop.time() + max(0.0, delay))
