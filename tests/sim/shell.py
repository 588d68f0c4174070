"""The operator's own shell (cache, queue, observations, reconciler) on the simulated server, and its deaths.

Watches deliver the server's history with a delay and may lose parts of it; a relist makes that good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from tests.sim import metrics
from tests.sim.apiserver import Change
from tests.sim.client import Client
from tests.sim.clock import VirtualLoop
from tests.sim.invariants import OPERATOR
from tests.sim.world import World

from slipway.cluster.cache import CHILDREN, WATCHED, Cache
from slipway.cluster.cache import Change as Seen
from slipway.cluster.errors import APIError
from slipway.cluster.events import Occurrence
from slipway.cluster.lease import NotLeader
from slipway.cluster.resources import ROLLOUT_LABEL, ROLLOUTS
from slipway.core.decision import (
    DryRun,
    HttpProbe,
    JobProbe,
    KeepRecord,
    LogProbe,
    MetricProbe,
    NoticeProbe,
    Probe,
    PublishReport,
    TcpProbe,
)
from slipway.core.snapshot import Observation, Probed, Settings, Unverified
from slipway.runtime.affected import Key, affected
from slipway.runtime.keeper import Keeper
from slipway.runtime.observations import Observations
from slipway.runtime.probes import Prober
from slipway.runtime.queue import Queue, Workers
from slipway.runtime.reconciler import Guard, Reconciler
from slipway.runtime.resync import Resync


@dataclass(frozen=True)
class Faults:
    """What goes wrong.

    `crash_after`: the process is gone right after its k-th write, and back `downtime` seconds later.
    `watch_lag`: seconds until a change is reported. `lose_every`: every n-th change is never reported, which
    the relist after `relist` seconds makes good.
    """

    crash_after: int | None = None
    downtime: float = 2.0
    watch_lag: float = 0.0
    lose_every: int = 0
    relist: float = 30.0


class AlwaysLeader:
    """The lease of a single replica."""

    def check(self) -> float:
        return 10.0


@dataclass
class Notes:
    """Events as they were posted."""

    posted: list[Occurrence] = field(default_factory=list)

    def post(self, occurrence: Occurrence) -> None:
        self.posted.append(occurrence)


class Operator:
    """One process, from an empty cache to its end."""

    def __init__(self, world: World, faults: Faults, guard: Guard | None = None) -> None:
        self.world, self.faults = world, faults
        self.loop: VirtualLoop = world.loop
        self.client = Client(world.server, OPERATOR)
        self.notes = Notes()
        self.surprises: list[BaseException] = []
        self.paused = False
        self._changes = 0
        self._cache = Cache(self.loop.time)
        leads = guard or AlwaysLeader()
        self._prober = Prober(
            self.client, {}, Keeper(self.client, leads, self.notes, clock=self.loop.now, sender=world.post), leads.check
        )
        self._queue: Queue[Key] = Queue(jitter=lambda: 0.5)
        self._observations = Observations(self._probe, lambda key: self._workers.add(key), self.loop.now)
        self._reconciler = Reconciler(
            self.client,
            self._cache,
            self._observations,
            leads,
            self.notes,
            lambda key: self._workers.add(key),
            settings=lambda: Settings(notices=world.post.routes),
            clock=self.loop.now,
        )
        self._workers = Workers(self._queue, self._reconcile, failed=self._surprised)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """List everything, watch, and work."""
        self.world.server.observers.append(self._changed)
        self._tasks = [asyncio.create_task(self._workers.run()), asyncio.create_task(self._keep_listing())]

    async def kill(self) -> None:
        """SIGKILL: nothing more leaves this process."""
        self.client.dead = True
        self.world.server.observers.remove(self._changed)
        for task in self._tasks:
            task.cancel()
        await self._observations.close()
        await self._workers.drain(0)

    def suspend(self) -> None:
        """SIGSTOP: nothing is seen and nothing leaves; what was on its way leaves when the process wakes."""
        self.paused = True
        self.client.running.clear()

    def wake(self) -> None:
        """SIGCONT: work on with whatever the cache holds."""
        self.client.running.set()
        self.look()

    def look(self) -> None:
        """Queue every Rollout that the cache holds."""
        for rollout in self._cache.all(ROLLOUTS):
            self._workers.add((rollout["metadata"]["namespace"], rollout["metadata"]["name"]))

    def _changed(self, change: Change) -> None:
        if change.kind not in WATCHED or self.paused:
            return
        self._changes += 1
        if self.faults.lose_every and self._changes % self.faults.lose_every == 0:
            return
        self.loop.call_later(self.faults.watch_lag, self._deliver, change)

    def _deliver(self, change: Change) -> None:
        if self.client.dead or self.paused:
            return
        labels = change.object["metadata"].get("labels") or {}
        watched = change.kind not in CHILDREN or ROLLOUT_LABEL in labels
        if change.type == "DELETED" or not watched:
            self._take(self._cache.remove(change.kind, change.object))
        else:
            self._take(self._cache.upsert(change.kind, change.object))

    def _take(self, seen: Seen | None) -> None:
        for key in affected(self._cache, seen) if seen is not None else ():
            self._workers.add(key)

    def _surprised(self, error: BaseException) -> None:
        # What the API server refuses, or does not answer in time, is tried again: nothing that should not happen.
        if not isinstance(error, (APIError, TimeoutError)):
            self.surprises.append(error)

    async def _reconcile(self, key: Key) -> float | None:
        try:
            return await self._reconciler.reconcile(key)
        except NotLeader:
            return None

    async def _keep_listing(self) -> None:
        resync = Resync(self.client, self._cache, WATCHED, (), self._take)
        while True:
            if not self.paused:
                await resync.run(grace=0.0)
            await asyncio.sleep(self.faults.relist)

    async def _probe(self, namespace: str, probe: Probe) -> Observation:
        now, world = self.loop.now(), self.world
        match probe:
            case MetricProbe():
                return metrics.measure(world.server, world.plane, probe, now, world.turned)
            case LogProbe():
                return metrics.count(world.server, namespace, probe, now, world.turned)
            case HttpProbe():
                return metrics.answer(world.server, namespace, probe, now, world.turned)
            case TcpProbe():
                behind = world.plane.reachable(probe.service)
                message = "" if behind else f"no ready pod behind {probe.service}"
                return Probed(at=now, passed=behind, message=message, nobody=not behind)
            case KeepRecord():
                return await self._prober.run(namespace, probe)
            case NoticeProbe():
                return await world.post.deliver(probe, now)
            case DryRun() | JobProbe() | PublishReport():
                # The real one reads the machine's clock.
                result = await self._prober.run(namespace, probe)
                assert isinstance(result, Probed | Unverified)
                # What the server says of the end of a Job is in its own time.
                return replace(result, at=min(result.at, self.loop.now()))
            case _:
                raise NotImplementedError(type(probe).__name__)


class Shell:
    """Keeps one operator running: starts it, kills it after its k-th write, starts the next one."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.world, self.faults = world, faults
        self.writes: list[str] = []
        self.written_at = 0.0
        self.between: Callable[[int], None] | None = None
        """Called with the number of each write, right before it, from `arm` on."""
        self.surprises: list[BaseException] = []
        self.crashed = False
        self._armed = False
        self._restarts: set[asyncio.Task[None]] = set()
        self.operator = self._start()

    def arm(self) -> None:
        """Count writes from here on."""
        self._armed = True
        self.writes.clear()

    def _start(self) -> Operator:
        operator = Operator(self.world, self.faults)
        operator.surprises = self.surprises
        operator.client.before_write = self._before
        operator.client.after_write = self._after
        operator.start()
        return operator

    def _before(self, what: str) -> None:
        if self._armed and self.between:
            self.between(len(self.writes) + 1)

    def _after(self, what: str) -> None:
        self.writes.append(what.strip())
        self.written_at = self.world.loop.time()
        if self._armed and not self.crashed and len(self.writes) == self.faults.crash_after:
            self.crashed = True
            self.operator.client.dead = True
            task = asyncio.create_task(self._restart())
            self._restarts.add(task)

    async def _restart(self) -> None:
        await self.operator.kill()
        await asyncio.sleep(self.faults.downtime)
        self.operator = self._start()
