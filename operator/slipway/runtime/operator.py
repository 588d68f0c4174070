"""The whole operator: watch, cache, queue, reconcile, behind a lease; from start to a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import random
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from slipway.cluster.cache import WATCHED, Cache, Change
from slipway.cluster.client import Client
from slipway.cluster.errors import NoCluster
from slipway.cluster.events import Recorder
from slipway.cluster.lease import Elector, NotLeader, Timing
from slipway.cluster.resources import (
    HTTP_ROUTES,
    PROMOTIONS,
    ROLLOUTS,
    Resource,
)
from slipway.config import Config
from slipway.core.snapshot import Settings
from slipway.metrics.sources import Sources
from slipway.notifying import cdevents
from slipway.notifying.notifier import Notifier
from slipway.notifying.records import CHANNEL as RECORDS
from slipway.notifying.records import RecordSender
from slipway.runtime import health, logs
from slipway.runtime.affected import Key, affected
from slipway.runtime.fitness import CannotRun, Fitness
from slipway.runtime.keeper import Keeper, Retention
from slipway.runtime.observations import Observations
from slipway.runtime.onlooker import Onlooker
from slipway.runtime.policies import PolicyStatuses
from slipway.runtime.probes import Prober
from slipway.runtime.queue import Queue, Workers
from slipway.runtime.reconciler import Reconciler
from slipway.runtime.resync import GRACE_SECONDS, Resync, until_listed
from slipway.runtime.telemetry import Telemetry
from slipway.runtime.watches import Watches

log = logging.getLogger(__name__)

LEASE_NAME = "slipway"
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
# A worker that waits for a key this long while there is one, or a loop that is this late, will not recover.
STUCK_SECONDS = 60.0
LATE_SECONDS = 10.0
# Who has stood by for longer than this lists again on becoming leader: another one wrote until just now.
FRESH_SECONDS = 1.0
SPREAD_SECONDS = 30.0
# An install may bring the admission policies a moment after it has started the operator.
POLICY_SECONDS = 10.0
BURST_SECONDS = 0.02


_ENDED = {"leader": "the lease is lost", "kopf": "the watch streams have ended"}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is decided where the operator is started, as opposed to its configuration file. Port 0: any."""

    kubeconfig: Path | None = None
    lease_namespace: str | None = None
    host: str | None = None
    probe_port: int = 8080
    metrics_port: int = 9090


class Operator:
    """One replica. `run()` returns an exit code."""

    def __init__(self, config: Config, options: Options | None = None) -> None:
        self.config = config
        self.options = options or Options()
        self.telemetry = Telemetry()
        self.identity = f"{socket.gethostname()}_{secrets.token_hex(4)}"
        self.ports: dict[str, int] = {}
        self.stopping = asyncio.Event()
        """Set it to end `run()`; signals do."""
        self.synced = False
        self.elector: Elector | None = None
        self._client = Client(self.options.kubeconfig, observe=self.telemetry.observe_request)
        self._cache = Cache()
        self._leads_since: datetime | None = None
        self._onlooker = Onlooker(config, self._cache, self.telemetry.registry, self._led_since)
        self._heard: dict[Resource, float] = {}
        self._lag = health.EventLoopLag()
        self._fitness = Fitness(self._client, self.stopping)
        self._notices = cdevents.routed(config.notifications.for_decisions(), config.cdevents)
        self.telemetry.expect_notices(self._notices.known)
        if config.records.webhook is not None:
            self.telemetry.expect_notices([RECORDS])
        self._listed_at = 0.0
        self._watches: Watches | None = None
        self._resync: Resync | None = None
        self._workers: Workers[Key] | None = None
        self._observations: Observations | None = None
        self._policies: PolicyStatuses | None = None

    async def run(self) -> int:
        """Run until a signal (0), or until the lease or a watch is lost or the cluster is unfit (1)."""
        async with contextlib.AsyncExitStack() as stack:
            self._take_signals()
            stack.push_async_callback(self._client.close)
            try:
                await stack.enter_async_context(self._endpoints())
                return await self._run(stack)
            except (CannotRun, NoCluster) as error:
                log.error("%s", error)
                return 1

    async def _run(self, stack: contextlib.AsyncExitStack) -> int:
        kinds = await self._fitness.kinds()
        sources = await stack.enter_async_context(Sources.from_config(self.config, self.telemetry.observe_query))
        await stack.enter_async_context(self._onlooker.tracing())
        namespaces = self.config.namespaces
        recorder = Recorder(self._client, self.identity)
        elector = self.elector = Elector(
            self._client, self._lease_namespace(), LEASE_NAME, self.identity, self._timing()
        )
        self._policies = PolicyStatuses(self._client, self._cache, elector)
        webhook = self.config.records.webhook
        sender = RecordSender(webhook, self.telemetry.observe_notice) if webhook else None
        keeper = Keeper(self._client, elector, recorder, self._retention(), sender=sender)
        notifier = Notifier(self.config.notifications, self.telemetry.observe_notice, cd_events=self.config.cdevents)
        prober = Prober(self._client, sources, keeper, elector.check, notifier)
        observations = self._observations = Observations(prober.run, self._enqueue)
        reconciler = Reconciler(
            self._client,
            self._cache,
            observations,
            elector,
            recorder,
            self._enqueue,
            self._settings,
            routed=HTTP_ROUTES in kinds,
            observe=self._observe,
        )
        self._workers = Workers(
            Queue(),
            self._timed(reconciler),
            limit=self.config.workers,
            waited=self.telemetry.queue_wait_seconds.observe,
            failed=lambda error: self.telemetry.reconcile_errors.labels(type(error).__name__).inc(),
        )
        resync = self._resync = Resync(
            self._client, self._cache, kinds, namespaces, self._changed, self._missed, self._hear
        )
        watches = self._watches = Watches(
            self._cache, kinds, namespaces, self.options.kubeconfig, self._changed, self._hear
        )
        streams = await watches.start()
        self._take_signals()  # back from kopf
        election = asyncio.create_task(self._lead(elector, resync, kinds), name="leader")
        background = [
            asyncio.create_task(recorder.run(), name="events"),
            asyncio.create_task(self._lag.run(), name="event loop lag"),
        ]
        stop = asyncio.create_task(self._stopped(), name="stop")
        try:
            done, _ = await asyncio.wait({stop, streams, election, *background}, return_when=asyncio.FIRST_COMPLETED)
            code = 0
            for task in done - {stop}:
                code = 1
                error = None if task.cancelled() else task.exception()
                log.error("stopping: %s", error or _ENDED.get(task.get_name(), f"{task.get_name()} has ended"))
            return code
        finally:
            await self._shut_down(election, recorder, [*background, stop])

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stopping.set)

    async def _stopped(self) -> None:
        await self.stopping.wait()

    async def _shut_down(
        self, election: asyncio.Task[None], recorder: Recorder, background: list[asyncio.Task[None]]
    ) -> None:
        """No more writes, then the lease, then the streams: never the lease before the last write."""
        await _cancel([election])
        if self._workers is not None:
            await self._workers.drain(1.5)
        if self._observations is not None:
            await self._observations.close()
        await recorder.flush(0.3)
        await _cancel(background)
        if self.elector is not None:
            await self.elector.release()
        if self._watches is not None:
            await self._watches.stop(1.5)
        log.info("stopped")

    async def _lead(self, elector: Elector, resync: Resync, kinds: list[Resource]) -> None:
        """List, stand by, lead; returns when the lease is lost."""
        await until_listed(resync)
        self._listed_at = asyncio.get_running_loop().time()
        await self._fitness.check_policy()
        self.synced = True
        # What was listed stays: the collector need not walk through it again and again.
        gc.collect()
        gc.freeze()
        log.info("%d Rollouts seen, standing by as %s", self._cache.count(ROLLOUTS), self.identity)
        election = asyncio.create_task(elector.run(), name="lease")
        repair = asyncio.create_task(self._repair(resync, kinds), name="resync")
        reconciling = asyncio.create_task(self._reconcile_while_leading(elector, resync), name="reconcile")
        stating = asyncio.create_task(self._state_policies(elector), name="policies")
        tasks = [election, repair, reconciling, stating]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task
        finally:
            await _cancel(tasks)

    async def _reconcile_while_leading(self, elector: Elector, resync: Resync) -> None:
        await elector.leading.wait()
        self._leads_since = datetime.now(UTC)
        if self._workers is None:
            return
        if asyncio.get_running_loop().time() - self._listed_at > FRESH_SECONDS:
            await until_listed(resync)
        self._onlooker.begin()
        for key in self._keys():
            self._workers.add(key)
        await self._workers.run()

    async def _state_policies(self, elector: Elector) -> None:
        await elector.leading.wait()
        if self._policies is None:
            return
        self._policies.look()
        await self._policies.run()

    async def _repair(self, resync: Resync, kinds: list[Resource]) -> None:
        interval = self.config.resync_interval.total_seconds()
        while True:
            await self._fitness.check_definitions()
            # Replicas that were started together should not list together for ever.
            await self._rest(interval * random.uniform(0.8, 1.2))  # noqa: S311 -- no secret
            await until_listed(resync, grace=GRACE_SECONDS)
            await self._fitness.check_policy()
            if self._policies is not None:
                self._policies.look()
            if HTTP_ROUTES not in kinds and await self._fitness.routed():
                raise CannotRun("the Gateway API was installed: starting again to watch HTTPRoutes")
            for key in self._keys():
                self._enqueue(key, random.uniform(0, min(SPREAD_SECONDS, interval / 2)))  # noqa: S311

    async def _rest(self, seconds: float) -> None:
        """Until the next listing. Where approvals are not verified yet, look often whether they are."""
        clock = asyncio.get_running_loop().time
        until = clock() + seconds
        while (left := until - clock()) > 0:
            if self._fitness.identity_verified:
                await asyncio.sleep(left)
                return
            await asyncio.sleep(min(left, POLICY_SECONDS))
            await self._fitness.check_policy()
            if self._fitness.identity_verified:
                for key in self._keys():
                    self._enqueue(key)

    def _settings(self) -> Settings:
        return Settings(
            sources=frozenset(source.name for source in self.config.sources),
            gateway_settle=self.config.gateway_settle,
            drain_delay=self.config.drain_delay,
            identity_verified=self._fitness.identity_verified,
            namespaces=frozenset(self.config.namespaces),
            notices=self._notices,
        )

    def _retention(self) -> Retention:
        return Retention(keep=self.config.records.keep, max_age=self.config.records.max_age)

    def _timing(self) -> Timing:
        election = self.config.leader_election
        return Timing(
            duration=election.lease_duration.total_seconds(),
            renew_deadline=election.renew_deadline.total_seconds(),
            retry_period=election.retry_period.total_seconds(),
        )

    def _lease_namespace(self) -> str:
        if self.options.lease_namespace:
            return self.options.lease_namespace
        if namespace := os.environ.get("POD_NAMESPACE"):
            return namespace
        return NAMESPACE_FILE.read_text().strip() if NAMESPACE_FILE.exists() else "slipway-system"

    def _timed(self, reconciler: Reconciler) -> Callable[[Key], Awaitable[float | None]]:
        async def reconcile(key: Key) -> float | None:
            logs.about(*key)
            with self.telemetry.reconcile_seconds.time():
                try:
                    return await reconciler.reconcile(key)
                except NotLeader:
                    return None  # the process is about to end

        return reconcile

    def _observe(self, change: Change) -> None:
        self._onlooker.observe(change)
        if self._policies is not None:
            self._policies.changed(change)

    def _changed(self, change: Change) -> None:
        self._observe(change)
        # What people write counts at once. Pods and their like change in bursts, of which one look is enough.
        delay = 0.0 if change.kind in (ROLLOUTS, PROMOTIONS) else BURST_SECONDS
        for key in affected(self._cache, change):
            self._enqueue(key, delay)

    def _enqueue(self, key: Key, delay: float = 0.0) -> None:
        """While standing by nothing is queued: whoever becomes leader looks at everything."""
        if self._workers is not None and self.elector is not None and self.elector.leading.is_set():
            self._workers.add(key, delay)

    def _keys(self) -> Iterable[Key]:
        """Every Rollout, and those that a Promotion names though they do not exist."""
        keys = {
            (rollout["metadata"]["namespace"], rollout["metadata"]["name"]) for rollout in self._cache.all(ROLLOUTS)
        }
        keys |= {
            (promotion["metadata"]["namespace"], promotion["spec"]["rollout"])
            for promotion in self._cache.all(PROMOTIONS)
        }
        return keys

    def _hear(self, kind: Resource) -> None:
        self._heard[kind] = asyncio.get_running_loop().time()

    def _missed(self, kind: Resource, count: int) -> None:
        self.telemetry.missed.labels(kind.name).inc(count)

    @contextlib.asynccontextmanager
    async def _endpoints(self) -> AsyncIterator[None]:
        servers = {
            "probes": (health.probe_server(self.unhealthy, self.unready), self.options.probe_port),
            "metrics": (health.metrics_server(self.telemetry.registry, self._measure), self.options.metrics_port),
        }
        try:
            async with health.serving(servers, self.options.host, self.ports):
                yield
        except health.NoPort as error:
            raise CannotRun(str(error)) from error

    def unhealthy(self) -> Iterable[str]:
        """Why this process should be replaced: what a restart can mend, and nothing else."""
        if self._watches is not None and self.synced and (dead := self._watches.dead()):
            yield f"{dead} watch streams have no living task"
        if self._resync is not None:
            for kind in self._resync.deaf():
                yield f"the watch of {kind.name} misses changes"
        if self._workers is not None and (stuck := self._workers.stuck()) > STUCK_SECONDS:
            yield f"the queue has not moved for {stuck:.0f} s"
        if self._lag.last > LATE_SECONDS:
            yield f"the event loop is {self._lag.last:.0f} s late"

    def unready(self) -> Iterable[str]:
        """Why this replica could not lead if it had to."""
        if not self.synced:
            yield "the cluster has not been listed yet"
        if self.stopping.is_set():
            yield "stopping"
        elector = self.elector
        if elector is not None and elector.leading.is_set() and not elector.is_leader():
            yield "the lease could not be renewed"

    def _leads(self) -> bool:
        return self.elector is not None and self.elector.is_leader()

    def _led_since(self) -> datetime | None:
        return self._leads_since if self._leads() else None

    def _measure(self) -> None:
        telemetry, now = self.telemetry, asyncio.get_running_loop().time()
        if self._workers is not None:
            queue = self._workers.queue
            telemetry.queue_depth.set(queue.depth(now))
            telemetry.longest_pass.set(queue.longest(now))
            telemetry.failing.set(queue.failing)
        if self.elector is not None:
            telemetry.leader.set(self.elector.is_leader())
            telemetry.lease_epoch.set(self.elector.epoch)
        if self._observations is not None:
            telemetry.probes.set(self._observations.running)
        telemetry.loop_lag.set(self._lag.last)
        for kind, heard_at in self._heard.items():
            telemetry.watch_age.labels(kind.name).set(max(0.0, now - heard_at))
        for kind in WATCHED:
            telemetry.cached.labels(kind.name).set(self._cache.count(kind))


async def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    pending = [task for task in tasks if not task.done()]
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending)
