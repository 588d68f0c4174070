"""A channel that hangs, fails or is flooded: bounded in number and time, and nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest

from slipway.notifying.channel import NotSent, Patience, Sender

QUICK = Patience(pauses=(0.0, 0.0), give_up=5.0, backlog=3)


def sender(patience: Patience = QUICK, timeout: float = 5.0, most: int = 100, per: float = 60.0) -> Sender:
    return Sender("team", timeout, most, per, patience)


class Attempts:
    """Counts, and fails as often as asked."""

    def __init__(self, failures: int = 0) -> None:
        self.made = 0
        self.failures = failures

    def __call__(self) -> None:
        self.made += 1
        if self.made <= self.failures:
            raise NotSent("it answered HTTP 503")


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a hanging attempt waits for; opened at the end, so that no thread is left."""
    event = threading.Event()
    yield event
    event.set()


async def test_a_failure_is_tried_again() -> None:
    attempts = Attempts(failures=2)
    await sender().deliver(attempts)
    assert attempts.made == 3


async def test_a_channel_that_keeps_failing_is_given_up_after_a_few_attempts() -> None:
    attempts = Attempts(failures=99)
    with pytest.raises(NotSent, match="HTTP 503"):
        await sender().deliver(attempts)
    assert attempts.made == 3


async def test_whatever_an_attempt_raises_is_a_failure_without_its_words() -> None:
    def leak() -> None:
        raise ValueError("https://hooks.example/secret")

    with pytest.raises(NotSent) as caught:
        await sender().deliver(leak)
    assert str(caught.value) == "ValueError"


async def test_a_hanging_attempt_is_left_alone_and_never_joined_by_a_second_one(gate: threading.Event) -> None:
    started = 0

    def hang() -> None:
        nonlocal started
        started += 1
        gate.wait()

    one = sender(timeout=0.05)
    with pytest.raises(NotSent, match="still hangs"):
        await one.deliver(hang)
    with pytest.raises(NotSent, match="still hangs"):
        await one.deliver(hang)
    assert started == 1


async def test_it_works_again_when_the_hanging_attempt_has_ended(gate: threading.Event) -> None:
    one = sender(timeout=0.05)
    with pytest.raises(NotSent):
        await one.deliver(lambda: gate.wait() and None)
    gate.set()
    attempts = Attempts()
    async with asyncio.timeout(5):
        while not attempts.made:
            try:
                await one.deliver(attempts)
            except NotSent:
                await asyncio.sleep(0.01)


async def test_a_notice_is_given_up_in_the_end_also_when_it_only_waits(gate: threading.Event) -> None:
    one = sender(Patience(give_up=0.1), timeout=60.0)
    found = await asyncio.gather(*(one.deliver(lambda: gate.wait() and None) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [NotSent] * 3


async def test_only_so_many_wait(gate: threading.Event) -> None:
    one = sender()
    waiting = [asyncio.create_task(one.deliver(lambda: gate.wait() and None)) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(NotSent, match="3 notices wait"):
        await one.deliver(Attempts())
    gate.set()
    await asyncio.gather(*waiting)


async def test_one_is_sent_at_a_time_in_order() -> None:
    seen: list[int] = []
    one = sender()
    await asyncio.gather(*(one.deliver(lambda n=n: seen.append(n)) for n in range(3)))
    assert seen == [0, 1, 2]


async def test_what_is_above_the_rate_waits_and_is_given_up() -> None:
    one = sender(Patience(give_up=0.2), most=2, per=600.0)
    attempts = Attempts()
    found = await asyncio.gather(*(one.deliver(attempts) for _ in range(4)), return_exceptions=True)
    assert attempts.made == 2
    assert [type(error) for error in found[2:]] == [NotSent] * 2


async def test_what_is_above_the_rate_is_sent_when_its_time_comes() -> None:
    one = sender(most=1, per=0.05)
    attempts = Attempts()
    await asyncio.gather(*(one.deliver(attempts) for _ in range(3)))
    assert attempts.made == 3


async def test_a_cancelled_notice_makes_room(gate: threading.Event) -> None:
    one = sender()
    waiting = [asyncio.create_task(one.deliver(lambda: gate.wait() and None)) for _ in range(3)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    with pytest.raises(NotSent, match="still hangs"):
        await one.deliver(Attempts())


async def test_a_broken_channel_is_logged_once_until_it_works_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    one = sender()
    for _ in range(3):
        with pytest.raises(NotSent):
            await one.deliver(Attempts(failures=99))
    await one.deliver(Attempts())
    await one.deliver(Attempts())
    messages = [record.getMessage() for record in caplog.records if record.name == "slipway.notifying.channel"]
    assert [text.split(";")[0] for text in messages] == [
        "channel team: it answered HTTP 503",
        "channel team works again",
    ]
