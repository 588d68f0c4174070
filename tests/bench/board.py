"""What a watch shows, kept: the newest state of each object of one kind, and when things were first seen."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from tests.e2e.kube import Person

from .objects import Object


class Board:
    """The objects of one kind in one namespace, as a watch reports them."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.seen_at: dict[str, float] = {}
        """By name: `time.perf_counter()` at the last event."""
        self._changed = asyncio.Condition()

    async def until(self, what: str, condition: Callable[[], bool], seconds: float = 300) -> None:
        """Wait for a condition on what is here."""
        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(condition)
        except TimeoutError:
            raise TimeoutError(f"not within {seconds:g} s: {what}") from None

    async def _follow(self, person: Person, plural: str) -> None:
        async for event, obj in person.watch(plural):
            name = obj["metadata"]["name"]
            async with self._changed:
                self.seen_at[name] = time.perf_counter()
                if event == "DELETED":
                    self.objects.pop(name, None)
                else:
                    self.objects[name] = obj
                self._changed.notify_all()


@contextlib.asynccontextmanager
async def watching(person: Person, plural: str) -> AsyncIterator[Board]:
    """A board that is kept up to date while the block runs."""
    board = Board()
    task = asyncio.create_task(board._follow(person, plural))
    try:
        yield board
    finally:
        task.cancel()
        await asyncio.wait([task])
