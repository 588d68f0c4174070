"""Leader election on a coordination.k8s.io/Lease, by client-go's rules.

One replica at a time holds the Lease and renews it. Others take it when it has not changed for its whole
duration by their own clock (clocks of machines are never compared), or when it was released. The holder stops
well before anybody may take it: it must renew within `renew_deadline`, which is shorter than `duration`, and
every write asks `check()` first. Losing the Lease is final for the process: `run()` returns, and whoever runs
it exits.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slipway.cluster.api import Api, Object
from slipway.cluster.errors import APIError, Conflict, NotFound
from slipway.cluster.resources import LEASES

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds, with client-go's defaults. `duration` > `renew_deadline` > `retry_period` must hold."""

    duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0

    def __post_init__(self) -> None:
        if not self.duration > self.renew_deadline > self.retry_period > 0:
            raise ValueError("a lease's duration must exceed its renew deadline, and that its retry period")


class NotLeader(Exception):
    """This replica does not hold the Lease, or cannot be sure that it does: nothing may be written."""


def boot_time() -> float:
    """Seconds of a clock that runs while the machine sleeps too: a leader that wakes must know it is late."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Elector:
    """One candidate for the Lease `namespace`/`name`."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        name: str,
        identity: str,
        timing: Timing | None = None,
        clock: Callable[[], float] = boot_time,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self.identity = identity
        self._timing = timing or Timing()
        self._clock = clock
        self._observed: tuple[str, float] | None = None  # resourceVersion, and when it was first seen
        self._lease: Object | None = None
        self._renewed_at: float | None = None
        self._doubtful = False
        self.leading = asyncio.Event()
        """Set from the first acquisition on; it is not cleared when the Lease is lost."""

    @property
    def epoch(self) -> int:
        """`leaseTransitions`: grows whenever the Lease changes hands."""
        return int(self._spec().get("leaseTransitions") or 0)

    @property
    def holder(self) -> str:
        """Who held the Lease when it was last read; empty for nobody."""
        return str(self._spec().get("holderIdentity") or "")

    def is_leader(self) -> bool:
        """Whether the Lease was renewed so recently that nobody else can hold it."""
        return self._renewed_at is not None and self._clock() < self._renewed_at + self._timing.renew_deadline

    def check(self) -> float:
        """The seconds for which the Lease is certainly ours, to be called right before each write.

        A write must be given up after them: by then another replica may lead. Raises NotLeader.
        """
        if not self.is_leader() or self._renewed_at is None:
            raise NotLeader(f"the lease {self._namespace}/{self._name} could not be renewed in time")
        return self._renewed_at + self._timing.duration - self._clock()

    async def run(self) -> None:
        """Acquire the Lease, then renew it; return when it is lost. Cancel it and call `release` to stop."""
        while True:
            if await self._attempt():
                break
            spread = 1.0 + 0.2 * random.random()  # noqa: S311 -- keeps replicas out of step, no secret
            await asyncio.sleep(self._timing.retry_period * spread)
        log.info("leading as %s, epoch %d", self.identity, self.epoch)
        self.leading.set()
        while True:
            await asyncio.sleep(self._timing.retry_period)
            if not self.is_leader():
                break
            await self._attempt()
            if self.holder != self.identity:
                self._renewed_at = None
        where = f"{self._namespace}/{self._name}"
        if self.holder == self.identity:
            log.error("the lease %s was not renewed within %g s", where, self._timing.renew_deadline)
        else:
            log.error("the lease %s was lost to %s", where, self.holder or "nobody yet")

    async def release(self) -> None:
        """Give the Lease back so that another replica takes it at its next try. Only after the last write."""
        if not self.is_leader() or self._lease is None:
            return
        self._renewed_at = None
        spec = {**self._spec(), "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
        try:
            async with asyncio.timeout(1.0):
                await self._replace_own(self._lease, spec)
        except (APIError, TimeoutError) as error:
            log.warning("the lease was not released, the next leader waits for it to expire: %s", error)

    async def _replace_own(self, lease: Object, spec: Object) -> None:
        try:
            await self._api.replace(LEASES, {**lease, "spec": spec})
        except Conflict:
            # A renewal that was broken off when this process was told to end may have been carried out all the same.
            found = await self._api.get(LEASES, self._namespace, self._name)
            if found["spec"].get("holderIdentity") != self.identity:
                raise
            await self._api.replace(LEASES, {**found, "spec": spec})

    async def _attempt(self) -> bool:
        """Take or renew the Lease if the rules allow it; errors count as "not renewed"."""
        started = self._clock()
        try:
            # A request that hangs must not outlive the moment at which leadership has to be given up.
            async with asyncio.timeout(self._timing.renew_deadline / 2):
                if not await self._take():
                    return False
        except (APIError, TimeoutError) as error:
            level = logging.DEBUG if isinstance(error, Conflict) else logging.WARNING
            log.log(level, "lease %s/%s: %s", self._namespace, self._name, str(error) or "timed out")
            self._doubtful = True
            return False
        # Counted from before the request: others count from after it.
        self._renewed_at, self._doubtful = started, False
        return True

    async def _take(self) -> bool:
        if self._lease is not None and self.is_leader() and not self._doubtful:
            # Nobody else writes a Lease that is held. Where somebody did, this is a Conflict, and it is read.
            renewed = {**self._lease, "spec": self._claim(self._spec())}
            self._observe(await self._api.replace(LEASES, renewed))
            return True
        try:
            lease = await self._api.get(LEASES, self._namespace, self._name)
        except NotFound:
            metadata = {"namespace": self._namespace, "name": self._name}
            self._lease = await self._api.create(LEASES, {"metadata": metadata, "spec": self._claim(None)})
            return True
        self._observe(lease)
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if holder not in ("", self.identity) and not self._expired(spec):
            return False
        self._observe(await self._api.replace(LEASES, {**lease, "spec": self._claim(spec)}))
        return True

    def _claim(self, spec: Object | None) -> Object:
        now, spec = _now(), spec or {}
        mine = spec.get("holderIdentity") == self.identity
        transitions = int(spec.get("leaseTransitions") or 0)
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, round(self._timing.duration)),
            "acquireTime": spec.get("acquireTime") or now if mine else now,
            "renewTime": now,
            "leaseTransitions": transitions if mine or not spec else transitions + 1,
        }

    def _observe(self, lease: Object) -> None:
        version = str(lease["metadata"]["resourceVersion"])
        if self._observed is None or self._observed[0] != version:
            self._observed = (version, self._clock())
        self._lease = lease

    def _expired(self, spec: Object) -> bool:
        if self._observed is None:
            return False
        return self._clock() >= self._observed[1] + float(spec.get("leaseDurationSeconds") or 0)

    def _spec(self) -> dict[str, Any]:
        return (self._lease or {}).get("spec") or {}


def _now() -> str:
    """For people who read the Lease; nothing compares it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
