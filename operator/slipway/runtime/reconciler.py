"""One look at one Rollout: snapshot, decide, and the writes of the decision in their order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

from slipway.cluster.api import Api, Object
from slipway.cluster.cache import Cache, Change
from slipway.cluster.errors import APIError, Conflict, Forbidden, Invalid, NotFound, Unavailable
from slipway.cluster.events import Occurrence
from slipway.cluster.lease import NotLeader
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS
from slipway.core.decide import decide
from slipway.core.decision import Apply, CommitRolloutStatus, CreateRevision, Decision, Event, Write
from slipway.core.snapshot import Settings, Snapshot
from slipway.runtime import snapshots
from slipway.runtime.affected import Key, affected
from slipway.runtime.observations import Observations
from slipway.runtime.queue import Retry
from slipway.runtime.writes import Pass

log = logging.getLogger(__name__)

ERROR_BACKOFF = 0.5
# As long as one round of reads may well take. Every write names the version that it was decided on, so that
# what changes in between is a conflict.
LIVE_FOR = timedelta(milliseconds=100)
# Somebody who undoes each write, or a decision that never comes to rest, must not flood the API server.
LONG_STREAK = 25
SLOW_SECONDS = 1.0


class Guard(Protocol):
    """Says whether this replica may write: `slipway.cluster.lease.Elector`."""

    def check(self) -> float:
        """The seconds for which writing is safe; raises NotLeader."""
        ...


class Events(Protocol):
    """Takes events without making anybody wait: `slipway.cluster.events.Recorder`."""

    def post(self, occurrence: Occurrence) -> None:
        """Post it, sometime soon."""
        ...


class Reconciler:
    """Brings Rollouts forward, one pass at a time. Never called for the same key twice at a time.

    `enqueue` is told which other Rollouts see something new because of what was read or written. `settings`
    is asked anew in each pass. `routed`: the server knows HTTPRoutes. `observe` is told of each change that comes by a
    write or a live read: a watch that brings the same later finds nothing new.
    """

    def __init__(
        self,
        api: Api,
        cache: Cache,
        observations: Observations,
        guard: Guard,
        events: Events,
        enqueue: Callable[[Key], None],
        settings: Callable[[], Settings] = Settings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        routed: bool = True,
        decider: Callable[[Snapshot, datetime], Decision] = decide,
        observe: Callable[[Change], None] = lambda _: None,
    ) -> None:
        self._api = api
        self._cache = cache
        self._observations = observations
        self._guard = guard
        self._events = events
        self._enqueue = enqueue
        self._settings = settings
        self._clock = clock
        self._routed = routed
        self._decide = decider
        self._observe = observe
        self._stale: set[Key] = set()
        self._read_at: dict[Key, datetime] = {}
        self._streaks: dict[Key, int] = {}

    async def reconcile(self, key: Key) -> float | None:
        """One pass. Returns the seconds until the next look, None if only a change can bring anything new.

        Raises Retry when the pass ended early, and NotLeader.
        """
        try:
            return await self._pass(key)
        except (Conflict, NotFound) as error:
            # Somebody was faster, or the cache is behind: look at the real thing, at once.
            self._stale.add(key)
            raise Retry(error.message, base=0.0) from error
        except Unavailable as error:
            self._stale.add(key)  # a write without an answer may have been executed
            raise Retry(error.message, ERROR_BACKOFF, error.retry_after or 0.0) from error
        except (APIError, TimeoutError) as error:
            log.warning("%s/%s: %s", *key, error)
            raise Retry(str(error), ERROR_BACKOFF) from error
        except NotLeader:
            raise
        except Exception as error:
            self._failed(key, error)
            raise

    async def _pass(self, key: Key) -> float | None:
        live = self._is_fresh(key)
        if key in self._stale:
            await self._refresh(key, thorough=True)
            self._stale.discard(key)
            live = True
        decision = self._decided(key, live)
        if decision.needs_live and not live:
            await self._refresh(key)
            live = True
            decision = self._decided(key, live)
        try:
            await self._execute(key, decision.writes, live)
        except Exception:
            self._observations.want(key, decision.probes)
            raise
        # After the writes: a rehearsal names the versions that they leave.
        self._observations.want(key, decision.probes)
        for event in decision.events:
            what = event.kind if event.kind == "Rollout" else f"{event.kind} {event.name}"
            log.info("%s/%s: %s %s: %s", *key, what, event.reason, event.message)
            self._post(key, event)
        if decision.writes:
            return self._follow_up(key)
        self._streaks.pop(key, None)
        if decision.look_again is None:
            return None
        return max(0.0, (decision.look_again - self._clock()).total_seconds())

    def _follow_up(self, key: Key) -> float:
        """What follows from the new state is decided at once, not when the watch reports it; within reason."""
        self._streaks[key] = self._streaks.get(key, 0) + 1
        if self._streaks[key] < LONG_STREAK:
            return 0.0
        if self._streaks[key] == LONG_STREAK:
            log.warning("%s/%s: %d passes in a row have written; slowing down", *key, LONG_STREAK)
        return SLOW_SECONDS

    def _decided(self, key: Key, live: bool) -> Decision:
        snapshot = snapshots.build(self._cache, key, self._observations.results(key), self._settings(), live)
        return self._decide(snapshot, self._clock())

    async def _refresh(self, key: Key, thorough: bool = False) -> None:
        started = self._clock()
        namespaces = self._settings().namespaces
        found = partial(self._tell, key)
        await snapshots.refresh(self._api, self._cache, key, self._routed, thorough, namespaces, found)
        self._read_at = {other: at for other, at in self._read_at.items() if started - at < LIVE_FOR}
        self._read_at[key] = started

    def _is_fresh(self, key: Key) -> bool:
        """Whether everything was read so recently that reading it again would say the same."""
        at = self._read_at.get(key)
        return at is not None and timedelta() <= self._clock() - at < LIVE_FOR

    async def _execute(self, key: Key, writes: Iterable[Write], live: bool) -> None:
        current = Pass(self._api, self._cache, *key)
        for together in _rounds(writes):
            # A request that is under way when the lease passes on could still be executed after it: end it.
            async with asyncio.timeout(self._guard.check()):
                requests = (self._write(key, current, write, live) for write in together)
                outcomes = await asyncio.gather(*requests, return_exceptions=True)
            for outcome in outcomes:
                if isinstance(outcome, BaseException):
                    raise outcome

    async def _write(self, key: Key, current: Pass, write: Write, live: bool) -> None:
        try:
            kind, obj = await current.execute(write)
        except (Invalid, Forbidden, Conflict) as error:
            if not isinstance(error, Conflict) or (live and _is_new(write)):
                self._refused(key, write, error)
            raise
        if obj is not None and (change := self._cache.upsert(kind, obj)):
            self._tell(key, change)

    def _tell(self, key: Key, change: Change) -> None:
        self._observe(change)
        for other in affected(self._cache, change) - {key}:
            self._enqueue(other)

    def _refused(self, key: Key, write: Write, error: APIError) -> None:
        """The object's own users have to see why it does not get on; the operator's log is not theirs."""
        message = f"{type(write).__name__}: {error.message}"
        self._post(key, Event(kind="Rollout", name=key[1], type="Warning", reason="WriteRefused", message=message))

    def _failed(self, key: Key, error: Exception) -> None:
        """A fault of ours, in one Rollout. Its users see that it stands still; what it was is for the log alone."""
        message = (
            f"the operator failed on this Rollout ({type(error).__name__}) and tries again: nothing moves until that "
            "works. Its log says where; please report it"
        )
        self._post(key, Event(kind="Rollout", name=key[1], type="Warning", reason="OperatorError", message=message))

    def _post(self, key: Key, event: Event) -> None:
        kind = ROLLOUTS if event.kind == "Rollout" else PROMOTIONS
        regarding: Object | None = self._cache.get(kind, key[0], event.name)
        if regarding is not None:
            self._events.post(
                Occurrence(
                    regarding={"apiVersion": kind.api_version, "kind": kind.kind, **regarding},
                    type=event.type,
                    reason=event.reason,
                    message=event.message,
                )
            )


def _is_new(write: Write) -> bool:
    """Whether a write makes an object: a conflict then means that the name is taken by one we do not see."""
    return isinstance(write, CreateRevision) or (isinstance(write, Apply) and write.resource_version is None)


def _rounds(writes: Iterable[Write]) -> Iterable[list[Write]]:
    """One write after the other, but for the plan that is stored with the Rollout's status.

    Nothing acts on either before the mark that follows: one round trip less between a person's word and the switch.
    """
    rounds: list[list[Write]] = []
    for write in writes:
        if rounds and isinstance(rounds[-1][0], CommitRolloutStatus) and isinstance(write, CreateRevision):
            rounds[-1].append(write)
        else:
            rounds.append([write])
    return rounds
