"""Keys with deadlines: no duplicates, no lost wake-ups, one worker per key, backoff that ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from slipway.runtime.queue import BACKOFF_CAP, Queue, Retry, Workers


@pytest.fixture
def queue() -> Queue[str]:
    return Queue(jitter=lambda: 1.0)


def taken(queue: Queue[str], now: float) -> str | None:
    found = queue.take(now)
    return found[0] if found else None


def test_duplicates_collapse(queue: Queue[str]) -> None:
    queue.add("web", 1.0)
    queue.add("web", 1.0)
    assert taken(queue, 1.0) == "web"
    queue.done("web")
    assert taken(queue, 9.0) is None
    assert len(queue) == 0


def test_earliest_deadline_wins(queue: Queue[str]) -> None:
    queue.add("web", 60.0)
    queue.add("web", 5.0)
    queue.add("web", 30.0)
    assert queue.next_at() == 5.0
    assert queue.take(4.9) is None
    assert queue.take(5.0) == ("web", 5.0)
    queue.done("web")
    assert queue.next_at() is None, "the later deadlines were for the same look"


def test_due_the_longest_comes_first(queue: Queue[str]) -> None:
    queue.add("b", 2.0)
    queue.add("a", 1.0)
    queue.add("c", 2.0)
    assert [taken(queue, 5.0) for _ in range(3)] == ["a", "b", "c"]


def test_one_worker_per_key_and_dirty_runs_again(queue: Queue[str]) -> None:
    queue.add("web", 0.0)
    assert taken(queue, 0.0) == "web"
    queue.add("web", 0.0)
    assert taken(queue, 1.0) is None, "handed out twice at a time"
    queue.done("web", again_at=50.0)
    assert taken(queue, 1.0) == "web", "the event that came meanwhile was lost"


def test_backoff_doubles_is_capped_and_resets_on_success(queue: Queue[str]) -> None:
    now, waits = 0.0, []
    queue.add("web", now)
    for _ in range(9):
        found = queue.take(now)
        assert found is not None
        waits.append(queue.failed("web", now, base=0.5))
        now += waits[-1]
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits[-1] == BACKOFF_CAP
    assert taken(queue, now) == "web"
    queue.done("web", again_at=now)
    queue.take(now)
    assert queue.failed("web", now, base=0.5) == 0.5


def test_conflict_retries_at_once_and_then_slower(queue: Queue[str]) -> None:
    waits = []
    for _ in range(4):
        queue.add("web", 0.0)
        queue.take(1000.0)
        waits.append(queue.failed("web", 0.0, base=0.0))
    assert waits == [0.0, 0.01, 0.02, 0.04]


def test_jitter_spreads_the_retries() -> None:
    queue: Queue[str] = Queue(jitter=lambda: 0.0)
    queue.add("web", 0.0)
    queue.take(0.0)
    assert queue.failed("web", 0.0, base=1.0) == 0.5


def test_server_may_ask_for_a_longer_wait(queue: Queue[str]) -> None:
    queue.add("web", 0.0)
    queue.take(0.0)
    assert queue.failed("web", 0.0, base=0.5, at_least=7.0) == 7.0


def test_an_event_does_not_wait_for_the_backoff(queue: Queue[str]) -> None:
    queue.add("web", 0.0)
    queue.take(0.0)
    queue.failed("web", 0.0, base=20.0)
    queue.add("web", 1.0)
    assert taken(queue, 1.0) == "web", "an abort must not wait behind an error"


def test_depth_and_lag_count_what_is_due(queue: Queue[str]) -> None:
    queue.add("now", 1.0)
    queue.add("later", 100.0)
    assert (queue.depth(3.0), queue.lag(3.0)) == (1, 2.0)
    queue.take(3.0)
    assert (queue.depth(3.0), queue.lag(3.0), queue.running) == (0, 0.0, 1)


async def served(
    handle: Callable[[str], Awaitable[float | None]], *keys: str, until: asyncio.Event, limit: int = 4
) -> Workers[str]:
    workers = Workers(Queue[str](), handle, limit=limit, error_base=0.01)
    running = asyncio.create_task(workers.run())
    for key in keys:
        workers.add(key)
    async with asyncio.timeout(5):
        await until.wait()
    running.cancel()
    await workers.drain(1)
    return workers


async def test_workers_serve_keys_in_parallel_but_not_one_key() -> None:
    active: list[str] = []
    most, reached = 0, asyncio.Event()

    async def handle(key: str) -> None:
        nonlocal most
        assert key not in active
        active.append(key)
        most = max(most, len(active))
        if most == 3:
            reached.set()
        await asyncio.wait_for(reached.wait(), 5)
        active.remove(key)

    await served(handle, "a", "b", "a", "c", "d", until=reached, limit=3)
    assert most == 3


async def test_a_failing_key_is_retried_and_does_not_stop_others() -> None:
    calls: list[str] = []
    recovered, other = asyncio.Event(), asyncio.Event()

    async def handle(key: str) -> None:
        calls.append(key)
        if key == "bad" and calls.count("bad") < 3:
            raise ValueError("malformed")
        (recovered if key == "bad" else other).set()

    await served(handle, "bad", "good", until=recovered)
    assert other.is_set()
    assert calls.count("bad") == 3


async def test_retry_is_honoured_and_timer_wakes() -> None:
    calls = 0
    done = asyncio.Event()

    async def handle(key: str) -> float | None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Retry("conflict", base=0.0)
        if calls == 2:
            return 0.02
        done.set()
        return None

    await served(handle, "web", until=done)
    assert calls == 3


async def test_errors_are_told_of_and_being_overtaken_is_none() -> None:
    told: list[str] = []
    raised = [Retry("conflict", base=0.0), Retry("unavailable", base=0.01), ValueError("malformed")]
    done = asyncio.Event()

    async def handle(key: str) -> None:
        if not raised:
            done.set()
            return
        raise raised.pop(0)

    workers = Workers(Queue[str](), handle, error_base=0.01, failed=lambda error: told.append(str(error)))
    running = asyncio.create_task(workers.run())
    workers.add("web")
    await asyncio.wait_for(done.wait(), 5)
    await workers.drain(5)
    running.cancel()
    assert told == ["unavailable", "malformed"]


def test_what_fails_and_what_takes_long_is_known(queue: Queue[str]) -> None:
    assert (queue.failing, queue.longest(5.0)) == (0, 0.0)
    queue.add("web", 0.0)
    queue.add("api", 0.0)
    queue.take(1.0)
    queue.take(3.0)
    assert queue.longest(5.0) == 4.0
    queue.failed("web", 5.0, base=1.0)
    assert (queue.failing, queue.longest(5.0)) == (1, 2.0)
    queue.done("api")
    queue.take(100.0)
    queue.done("web")
    assert (queue.failing, queue.longest(100.0)) == (0, 0.0)


async def test_drain_cancels_what_takes_too_long() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def handle(key: str) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    workers = Workers(Queue[str](), handle)
    running = asyncio.create_task(workers.run())
    workers.add("web")
    await asyncio.wait_for(started.wait(), 5)
    running.cancel()
    await workers.drain(0.01)
    assert cancelled.is_set()


async def test_a_queue_is_stuck_only_when_nothing_is_finished() -> None:
    first, release, last = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handle(key: str) -> None:
        if key == "hung":
            first.set()
            await release.wait()
        if key == "waits":
            last.set()

    workers = Workers(Queue[str](), handle, limit=1)
    running = asyncio.create_task(workers.run())
    workers.add("quick")
    workers.add("hung")
    await asyncio.wait_for(first.wait(), 5)
    workers.add("waits")
    await asyncio.sleep(0.05)
    assert workers.stuck() >= 0.04
    release.set()
    await asyncio.wait_for(last.wait(), 5)
    assert workers.stuck() == 0
    running.cancel()
