"""Simulated time: an event loop on which waiting takes no time, and the wall clock that goes with it."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

START = datetime(2026, 1, 1, tzinfo=UTC)

# uvloop's timers count in whole milliseconds, so that they fire up to one early.
_EARLY = 0.0009
_TURN = 1e-6


class Deadlock(Exception):
    """Everything waits, and no timer is set that could end it."""


class _Jump(selectors.SelectSelector):
    """Instead of blocking until the next timer, moves the clock to just before it."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock("every task waits and no timer is set")
        if timeout > 0:
            self.loop.elapsed += timeout - (_EARLY if timeout > 2 * _EARLY else 0)
        else:
            # Work takes time too: who waits for less than a timer's resolution would else wait for ever.
            self.loop.elapsed += _TURN
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, with `time()` in simulated seconds since START."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        selector = _Jump()
        selector.loop = self
        super().__init__(selector)
        self._clock_resolution = 0.001

    def time(self) -> float:
        return self.elapsed

    def now(self) -> datetime:
        """The simulated wall clock."""
        return START + timedelta(seconds=round(self.elapsed, 6))


def simulate(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in simulated time. Tasks that are left are cancelled, as asyncio.run does."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def rfc3339(instant: datetime) -> str:
    """metav1.Time: whole seconds."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(text: str) -> datetime:
    """An instant in an object, as a datetime."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
