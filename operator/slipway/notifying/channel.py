"""One channel: a bounded number of notices wait, one is sent at a time, within a rate, a few times, for a while."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)


class NotSent(Exception):
    """A notice was not taken. The message holds no secret: people without rights on the channel may read it."""


@dataclass(frozen=True)
class Patience:
    """How long a notice is tried for, in seconds. `pauses` come between its attempts."""

    pauses: tuple[float, ...] = (2.0, 8.0, 30.0)
    give_up: float = 300.0
    backlog: int = 200


class Sender:
    """Sends to one channel.

    `send` blocks and may hang for ever: it gets a thread of its own, which nobody waits for longer than `timeout`
    seconds, and of which there is never more than one. At most `most` attempts are made in any `per` seconds.
    """

    def __init__(self, name: str, timeout: float, most: int, per: float, patience: Patience | None = None) -> None:
        self._name = name
        self._timeout = timeout
        self._per = per
        self._patience = patience or Patience()
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._attempts: deque[float] = deque(maxlen=most)
        self._busy = False
        self._broken = False

    async def deliver(self, send: Callable[[], None]) -> None:
        """Returns when it was taken; raises NotSent when it is given up."""
        if self._waiting >= self._patience.backlog:
            raise NotSent(f"{self._waiting} notices wait for this channel already")
        self._waiting += 1
        try:
            await self._deliver(send)
        except NotSent as error:
            if not self._broken:
                log.warning("channel %s: %s; what fails from here on is only counted", self._name, error)
            self._broken = True
            raise
        finally:
            self._waiting -= 1
        if self._broken:
            log.info("channel %s works again", self._name)
        self._broken = False

    async def _deliver(self, send: Callable[[], None]) -> None:
        reason = "its turn did not come: others were first, or rateLimit is used up"
        try:
            async with asyncio.timeout(self._patience.give_up), self._turn:
                for pause in (*self._patience.pauses, None):
                    await self._pace()
                    try:
                        await self._attempt(send)
                        return
                    except NotSent as error:
                        reason = str(error)
                    if pause is not None:
                        await asyncio.sleep(pause)
        except TimeoutError:
            pass
        raise NotSent(reason)

    async def _pace(self) -> None:
        clock = asyncio.get_running_loop().time
        if len(self._attempts) == self._attempts.maxlen:
            await asyncio.sleep(max(0.0, self._attempts[0] + self._per - clock()))
        self._attempts.append(clock())

    async def _attempt(self, send: Callable[[], None]) -> None:
        if self._busy:
            raise NotSent("an earlier notice still hangs")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def settle(error: BaseException | None) -> None:
            self._busy = False
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error if isinstance(error, NotSent) else NotSent(type(error).__name__))

        def work() -> None:
            found: BaseException | None = None
            try:
                send()
            except BaseException as error:  # noqa: BLE001 - whatever it is, somebody waits for the answer
                found = error
            with contextlib.suppress(RuntimeError):  # the operator has ended meanwhile
                loop.call_soon_threadsafe(settle, found)

        # Not one of a pool's: the process does not wait for it at its end.
        self._busy = True
        threading.Thread(target=work, name=f"channel {self._name}", daemon=True).start()
        try:
            async with asyncio.timeout(self._timeout):
                await done
        except TimeoutError:
            raise NotSent("no answer in time") from None
