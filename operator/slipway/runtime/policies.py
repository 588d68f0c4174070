"""Keeps the status of PromotionPolicies, beside the reconciler: nothing of a launch waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from slipway.cluster.api import Api, Object
from slipway.cluster.cache import Cache, Change
from slipway.cluster.errors import APIError, Conflict, NotFound
from slipway.cluster.lease import NotLeader
from slipway.cluster.resources import NAMESPACES, PROMOTION_POLICIES, ROLLOUTS
from slipway.core.policy import stating

log = logging.getLogger(__name__)

# What changes together is looked at once.
PAUSE_SECONDS = 2.0


class Guard(Protocol):
    """Says whether this replica may write: `slipway.cluster.lease.Elector`."""

    def check(self) -> float:
        """The seconds for which writing is safe; raises NotLeader."""
        ...


class PolicyStatuses:
    """Writes what policies say of themselves, when it has changed and at most once in a while."""

    def __init__(
        self,
        api: Api,
        cache: Cache,
        guard: Guard,
        pause: float = PAUSE_SECONDS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api = api
        self._cache = cache
        self._guard = guard
        self._pause = pause
        self._clock = clock
        self._wanted = asyncio.Event()
        self._refused = ""

    def changed(self, change: Change) -> None:
        """Look again, if a change bears on which policies match or can be read."""
        of = _BEARING.get(change.kind)
        if of is not None and of(change.before) != of(change.after):
            self.look()

    def look(self) -> None:
        """Look again, soon."""
        self._wanted.set()

    async def run(self) -> None:
        """Look whenever it is wanted, until cancelled. Whatever goes wrong is tried again with the next look."""
        while True:
            await self._wanted.wait()
            await asyncio.sleep(self._pause)
            self._wanted.clear()
            try:
                await self.write()
            except NotLeader:
                continue
            except Exception:
                log.exception("the status of PromotionPolicies cannot be told")

    async def write(self) -> None:
        """Write what is not said yet. Raises NotLeader."""
        places = stating.places(self._cache.all(ROLLOUTS))
        labels = {
            namespace["metadata"]["name"]: namespace["metadata"].get("labels") or {}
            for namespace in self._cache.all(NAMESPACES)
        }
        for policy in self._cache.all(PROMOTION_POLICIES):
            status = stating.stated(policy, places, labels, self._clock())
            if status is not None:
                await self._state(policy, status)

    async def _state(self, policy: Object, status: Any) -> None:
        meta = policy["metadata"]
        patch = {"metadata": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}, "status": status}
        try:
            async with asyncio.timeout(self._guard.check()):
                written = await self._api.merge_patch(PROMOTION_POLICIES, None, meta["name"], patch, "status")
        except (Conflict, NotFound):
            return  # somebody has changed it: that is a change that is looked at
        except (APIError, TimeoutError) as error:
            if str(error) != self._refused:
                log.warning("the status of PromotionPolicy %s cannot be written: %s", meta["name"], error)
            self._refused = str(error)
            return
        self._refused = ""
        self._cache.upsert(PROMOTION_POLICIES, written)


def _environment(rollout: Object | None) -> Any:
    return None if rollout is None else (rollout.get("spec") or {}).get("environment", "")


def _labels(namespace: Object | None) -> Any:
    return None if namespace is None else namespace["metadata"].get("labels") or {}


def _spec_and_status(policy: Object | None) -> Any:
    return None if policy is None else (policy.get("spec"), policy.get("status"))


_BEARING: dict[Any, Callable[[Object | None], Any]] = {
    ROLLOUTS: _environment,
    NAMESPACES: _labels,
    PROMOTION_POLICIES: _spec_and_status,
}
