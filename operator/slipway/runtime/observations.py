"""What was measured: runs the probes that decisions ask for, beside the reconciler, and keeps the results."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime

from slipway.core.decision import Probe
from slipway.core.snapshot import Observation
from slipway.runtime.affected import Key

log = logging.getLogger(__name__)

# A probe that came to nothing (its writes were outdated, the server was unavailable) runs again after this.
AGAIN_SECONDS = 1.0


class NoResult(Exception):
    """The probe could not be carried out and says nothing; it may be run again."""


class Observations:
    """The wanted probes of each Rollout and, once they have run, their results.

    A probe runs once per key, not before it is due. `run` makes one measurement and has to end by itself;
    `finished` is called with the Rollout when there is something new to decide on. Nothing survives a
    restart: decide() asks again.
    """

    def __init__(
        self,
        run: Callable[[str, Probe], Awaitable[Observation]],
        finished: Callable[[Key], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._run = run
        self._finished = finished
        self._clock = clock
        self._tasks: dict[Key, dict[str, asyncio.Task[None]]] = {}
        self._results: dict[Key, dict[str, Observation]] = {}

    def results(self, key: Key) -> Mapping[str, Observation]:
        """The results for one Rollout, by Probe.key; a copy."""
        return dict(self._results.get(key, {}))

    def want(self, key: Key, probes: Iterable[Probe]) -> None:
        """Take `probes` as all that is wanted for a Rollout: start the new ones in their order, forget the others."""
        wanted = {probe.key: probe for probe in probes}
        tasks, results = self._tasks.get(key, {}), self._results.get(key, {})
        for gone in tasks.keys() - wanted.keys():
            tasks.pop(gone).cancel()
        for gone in results.keys() - wanted.keys():
            del results[gone]
        if not wanted:
            self._tasks.pop(key, None)
            self._results.pop(key, None)
            return
        tasks = self._tasks.setdefault(key, tasks)
        for name in [name for name in wanted if name not in tasks and name not in results]:
            tasks[name] = asyncio.create_task(self._observe(key, wanted[name]), name=f"probe {key} {name}")

    @property
    def running(self) -> int:
        """How many probes run or wait until they are due."""
        return sum(len(tasks) for tasks in self._tasks.values())

    async def close(self) -> None:
        """Cancel everything."""
        tasks = [task for by_name in self._tasks.values() for task in by_name.values()]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _observe(self, key: Key, probe: Probe) -> None:
        # Timers count in whole milliseconds and may fire that much early.
        while (early := (probe.due - self._clock()).total_seconds()) > 0:  # noqa: ASYNC110 - time notifies nobody
            await asyncio.sleep(early)
        try:
            observation = await self._run(key[0], probe)
        except NoResult as error:
            log.debug("probe %s of %s: %s", probe.key, key, error)
            await asyncio.sleep(AGAIN_SECONDS)
        except Exception:
            # A measurement that fails in a way that nobody foresaw is none. It must not look like a pass.
            log.exception("probe %s of %s", probe.key, key)
            await asyncio.sleep(AGAIN_SECONDS)
        else:
            self._results.setdefault(key, {})[probe.key] = observation
        self._tasks.get(key, {}).pop(probe.key, None)
        self._finished(key)
