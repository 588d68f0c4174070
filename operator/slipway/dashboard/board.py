"""All Rollouts and Promotions that the user may see, as they are now, and word when anything of them changes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

from slipway.cluster.api import Object, Objects
from slipway.cluster.errors import APIError, Gone, NoCluster
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS, Resource
from slipway.dashboard.key import Key, key_of
from slipway.dashboard.measured import Measured
from slipway.dashboard.shifted import Shifted

log = logging.getLogger(__name__)

AGAIN = 2.0
"""Seconds until a list or a watch that failed is tried again."""


class Watching(Protocol):
    """What the board asks of a client."""

    async def list(self, kind: Resource, namespace: str | None = None) -> tuple[Objects, str]:
        """All objects, and the version after which a watch goes on."""
        ...

    def watch(self, kind: Resource, namespace: str | None, resource_version: str) -> AsyncIterator[tuple[str, Object]]:
        """What changes."""
        ...


class Board:
    """Listed, then watched, for as long as `run` runs."""

    def __init__(self, client: Watching, namespace: str | None) -> None:
        self.namespace = namespace
        self.measured = Measured()
        self.shifted = Shifted()
        self._client = client
        self._there: dict[Resource, dict[Key, Object]] = {ROLLOUTS: {}, PROMOTIONS: {}}
        self._problems: dict[Resource, str] = {}
        self._answered: set[Resource] = set()
        self._listed: set[Resource] = set()
        self._changed = asyncio.Condition()
        self._version = 0

    async def run(self) -> None:
        """Follow what is there until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for kind in self._there:
                tasks.create_task(self._follow(kind))

    async def ready(self) -> None:
        """Wait until each kind was listed, or refused."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._answered) == len(self._there))

    async def after(self, version: int) -> int:
        """Wait for a change after this version; the version that there is then."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._version > version)
            return self._version

    async def appears(self, namespace: str, name: str, seconds: float) -> None:
        """Wait for a Promotion that was made a moment ago, for so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: self.promotion(namespace, name) is not None)

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self._version

    @property
    def problems(self) -> list[str]:
        """Why what is shown may be old, if it may."""
        return sorted(set(self._problems.values()))

    def unknown(self, kind: Resource) -> str:
        """Why nothing is known of a kind: it was never listed. '' where it was: what is not there is missing then."""
        return "" if kind in self._listed else self._problems.get(kind, f"{kind.plural}: not listed yet")

    def rollouts(self) -> list[Object]:
        """By namespace and name."""
        return [found for _, found in sorted(self._there[ROLLOUTS].items())]

    def rollout(self, namespace: str, name: str) -> Object | None:
        """One Rollout, None where there is none."""
        return self._there[ROLLOUTS].get((namespace, name))

    def promotion(self, namespace: str, name: str) -> Object | None:
        """One Promotion, None where there is none."""
        return self._there[PROMOTIONS].get((namespace, name))

    def promotions(self, rollout: Object) -> list[Object]:
        """Those of a Rollout, the oldest first."""
        return sorted(self._of(rollout["metadata"]), key=_age)

    def _of(self, meta: Object) -> Iterator[Object]:
        for (namespace, _), found in self._there[PROMOTIONS].items():
            if namespace == meta["namespace"] and (found.get("spec") or {}).get("rollout") == meta["name"]:
                yield found

    async def _follow(self, kind: Resource) -> None:
        there = self._there[kind]
        while True:
            try:
                items, version = await self._client.list(kind, self.namespace)
                there.clear()
                there.update((key_of(one), one) for one in items)
                self._problems.pop(kind, None)
                self._listed.add(kind)
                await self._notice(kind, items)
                async for event, found in self._client.watch(kind, self.namespace, version):
                    if event == "DELETED":
                        there.pop(key_of(found), None)
                        await self._notice(kind, [])
                    else:
                        there[key_of(found)] = found
                        await self._notice(kind, [found])
            except Gone:
                continue
            except (APIError, NoCluster) as error:
                await self._fail(kind, f"{kind.plural}: {error}")
            except Exception as error:
                # Nobody waits for this task: one that ends leaves a page behind that looks alive.
                log.exception("%s are not followed", kind.plural)
                await self._fail(kind, f"{kind.plural}: {type(error).__name__}, see what slipway dashboard printed")

    async def _fail(self, kind: Resource, why: str) -> None:
        self._problems[kind] = why
        await self._notice(kind, [])
        await asyncio.sleep(AGAIN)

    async def _notice(self, kind: Resource, changed: Objects) -> None:
        if kind is ROLLOUTS:
            for one in changed:
                self.measured.add(one)
                self.shifted.add(one)
            self.measured.keep_only(self._there[ROLLOUTS])
            self.shifted.keep_only(self._there[ROLLOUTS])
        async with self._changed:
            self._answered.add(kind)
            self._version += 1
            self._changed.notify_all()


def _age(promotion: Object) -> tuple[str, str]:
    meta = promotion["metadata"]
    return str(meta.get("creationTimestamp") or ""), str(meta["name"])
