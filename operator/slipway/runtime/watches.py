"""kopf's watch streams, feeding cache and queue. With `on.event` handlers alone kopf writes nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, cast

import kopf

from slipway.cluster import credentials
from slipway.cluster.api import Object
from slipway.cluster.cache import CHILDREN, Cache, Change
from slipway.cluster.resources import ROLLOUT_LABEL, Resource

log = logging.getLogger(__name__)

TASK_PREFIX = "watcher for "


class Forever:
    """Endless backoffs, anew for each request: with a finite row of them, kopf dies of a few 5xx."""

    def __iter__(self) -> Iterator[float]:
        yield from (0.5, 1, 2, 3, 5, 8)
        while True:
            yield 10.0


class NoDiffs(kopf.DiffBaseStorage):
    """Keeps nothing of an object's last state: no handler compares, and copying costs."""

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:
        """Nothing to compare."""
        return {}

    def fetch(self, *, body: Any) -> None:
        """Nothing was stored."""
        return

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        """Store nothing."""


class Watches:
    """All watch streams of one operator.

    `changed` is called for whatever the cache has taken in, `heard` for every event, new or not.
    """

    def __init__(
        self,
        cache: Cache,
        kinds: Collection[Resource],
        namespaces: Collection[str],
        kubeconfig: Path | None,
        changed: Callable[[Change], None],
        heard: Callable[[Resource], None] = lambda kind: None,
    ) -> None:
        self._cache = cache
        self._kinds = kinds
        self._namespaces = namespaces
        self._kubeconfig = kubeconfig
        self._changed = changed
        self._heard = heard
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> asyncio.Task[None]:
        """Open the streams; the task ends when they all have to, be it by `stop` or by an error."""
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(self._login)
        for kind in self._kinds:
            handler = _handler(self._cache, kind, self._changed, self._heard)
            name = kind.name
            kopf.on.event(kind.group, kind.version, kind.plural, id=name, registry=registry)(handler)
        tasks = await kopf.spawn_tasks(
            registry=registry,
            settings=self._settings(),
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            standalone=True,
            # Left to itself it asks for the name of the user, and in a container the user has none.
            identity=cast(Any, "slipway"),
            stop_flag=self._stop,
        )
        # kopf ends by cancelling whatever was started after it: what is here already is not its business.
        ours = asyncio.all_tasks() - set(tasks)
        self._task = asyncio.create_task(kopf.run_tasks(tasks, ignored=ours), name="kopf")
        return self._task

    async def stop(self, seconds: float) -> None:
        """Close the streams."""
        self._stop.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)
            if not self._task.done():
                self._task.cancel()

    def dead(self) -> int:
        """How many streams that should be open have no living task."""
        expected = sum(len(self._namespaces) or 1 if kind.namespaced else 1 for kind in self._kinds)
        alive = sum(1 for task in asyncio.all_tasks() if task.get_name().startswith(TASK_PREFIX))
        return max(0, expected - alive)

    async def _login(self, **_: Any) -> kopf.ConnectionInfo:
        return await credentials.connection_info(await credentials.load(self._kubeconfig))

    def _settings(self) -> kopf.OperatorSettings:
        settings = kopf.OperatorSettings()
        settings.peering.standalone = True
        settings.posting.enabled = False
        settings.scanning.disabled = True  # the kinds are fixed at start; whoever starts us checks that they exist
        settings.watching.initial_streaming = False  # loses objects when the first stream breaks
        settings.watching.reconnect_backoff = 0.1
        settings.networking.error_backoffs = Forever()
        settings.networking.request_timeout = 60.0
        settings.networking.connect_timeout = 10.0
        settings.queueing.exit_timeout = 0.5
        settings.process.ultimate_exiting_timeout = None  # the kubelet does that
        settings.persistence.finalizer = "slipway.dev/kopf-unused"
        settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix="kopf.slipway.dev")
        settings.persistence.diffbase_storage = NoDiffs()
        for kind in self._kinds:
            if kind in CHILDREN:
                key = (kind.group, kind.version, kind.plural)
                settings.watching.label_selectors[key] = ROLLOUT_LABEL
        return settings


def _handler(
    cache: Cache, kind: Resource, changed: Callable[[Change], None], heard: Callable[[Resource], None]
) -> Callable[..., Any]:
    async def handle(event: Any, **_: Any) -> None:
        heard(kind)
        obj: Object = event["object"]
        change = cache.remove(kind, obj) if event["type"] == "DELETED" else cache.upsert(kind, obj)
        if change is not None:
            changed(change)

    return handle
