"""Listing everything, at the start and then every few minutes: what watches lose, listings find."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection

from slipway.cluster.api import Api, Objects
from slipway.cluster.cache import CHILDREN, Cache, Change
from slipway.cluster.errors import APIError
from slipway.cluster.resources import ROLLOUT_LABEL, Resource

log = logging.getLogger(__name__)

# A watch event that is older than this is not merely on its way.
GRACE_SECONDS = 5.0


class Resync:
    """Replaces the cache by listings, and notices when a watch had gone deaf."""

    def __init__(
        self,
        api: Api,
        cache: Cache,
        kinds: Collection[Resource],
        namespaces: Collection[str],
        changed: Callable[[Change], None],
        missed: Callable[[Resource, int], None] = lambda kind, count: None,
        listed: Callable[[Resource], None] = lambda kind: None,
    ) -> None:
        self._api = api
        self._cache = cache
        self._kinds = kinds
        self._namespaces = namespaces
        self._changed = changed
        self._missed = missed
        self._listed = listed
        self._deaf: Counter[Resource] = Counter()

    async def run(self, grace: float = GRACE_SECONDS) -> None:
        """List all kinds. Watches are given `grace` seconds to report what is in the lists."""
        async with asyncio.TaskGroup() as group:
            for kind in self._kinds:
                group.create_task(self._list(kind, grace))

    def deaf(self) -> list[Resource]:
        """Kinds whose watch missed changes that two listings in a row had to find."""
        return [kind for kind, count in self._deaf.items() if count >= 2]

    async def _list(self, kind: Resource, grace: float) -> None:
        selector = ROLLOUT_LABEL if kind in CHILDREN else None
        scopes: list[str | None] = [*self._namespaces] if kind.namespaced and self._namespaces else [None]
        missed = 0
        for namespace in scopes:
            items, at = await self._api.list(kind, namespace, selector)
            if grace and self._unseen(kind, items):
                await asyncio.sleep(grace)
                missed += self._unseen(kind, items)
            for change in self._cache.replace(kind, items, at, namespace):
                self._changed(change)
        self._listed(kind)
        if missed:
            log.warning("the watch of %s had missed %d changes", kind.name, missed)
            self._missed(kind, missed)
        if grace:
            self._deaf[kind] = self._deaf[kind] + 1 if missed else 0

    def _unseen(self, kind: Resource, items: Objects) -> int:
        """How many listed states no watch has reported yet."""
        return sum(not self._cache.has_seen(kind, item) for item in items)


async def until_listed(resync: Resync, grace: float = 0.0, pause: float = 1.0) -> None:
    """List, again and again until it has worked."""
    while True:
        try:
            await resync.run(grace)
        except* APIError as errors:
            log.warning("cannot list: %s", errors.exceptions[0])
        else:
            return
        await asyncio.sleep(pause)
