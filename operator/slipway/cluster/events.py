"""Kubernetes Events (events.k8s.io/v1) on Rollouts and Promotions, aggregated, and never in anybody's way."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from slipway.cluster.api import Api, Object
from slipway.cluster.errors import APIError, NotFound
from slipway.cluster.resources import EVENTS

log = logging.getLogger(__name__)

SAME_WITHIN = 600.0
REMEMBERED = 4096
BACKLOG = 1000
NOTE_LIMIT = 1024
"""Bytes: the API server refuses longer ones, whatever the documentation says of characters."""
CONTROLLER = "slipway.dev/operator"


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """Something that happened to an object. `type` is Normal or Warning, `reason` CamelCase."""

    regarding: Object
    type: str
    reason: str
    message: str


@dataclass
class _Series:
    name: str
    count: int
    last: float


class Recorder:
    """Posts occurrences in the background, in order; drops them when the API server cannot keep up.

    The same (object, reason, message) within ten minutes counts up one Event instead of making another.
    """

    def __init__(self, api: Api, instance: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._instance = instance
        self._clock = clock
        self._backlog: asyncio.Queue[Occurrence] = asyncio.Queue(BACKLOG)
        self._series: OrderedDict[tuple[str, str, str], _Series] = OrderedDict()

    def post(self, occurrence: Occurrence) -> None:
        """Queue it; returns at once."""
        try:
            self._backlog.put_nowait(occurrence)
        except asyncio.QueueFull:
            log.debug("event dropped: %s", occurrence)

    async def run(self) -> None:
        """Post what is queued until cancelled."""
        while True:
            occurrence = await self._backlog.get()
            try:
                await self.write(occurrence)
            except APIError as error:
                log.warning("event %s not written: %s", occurrence.reason, error)
            except Exception:
                # Words for people. Nothing else may end with them, the operator least of all.
                log.exception("event %s not written", occurrence.reason)
            finally:
                self._backlog.task_done()

    async def flush(self, seconds: float) -> None:
        """Wait until the queue is empty, for at most `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._backlog.join()
        except TimeoutError:
            log.debug("%d events were not written", self._backlog.qsize())

    async def write(self, occurrence: Occurrence) -> None:
        """Create the Event, or count up the one that says the same."""
        metadata = occurrence.regarding["metadata"]
        key = (metadata["uid"], occurrence.reason, occurrence.message)
        now = self._clock()
        series = self._series.get(key)
        if series is not None and now - series.last < SAME_WITHIN:
            series.count += 1
            series.last = now
            patch = {"series": {"count": series.count, "lastObservedTime": _micro_time()}}
            try:
                await self._api.merge_patch(EVENTS, metadata["namespace"], series.name, patch)
                return
            except NotFound:
                pass  # Events live for an hour, and anybody may delete them
        name = f"{metadata['name']}.{secrets.token_hex(8)}"
        await self._api.create(EVENTS, self._event(name, occurrence))
        self._series[key] = _Series(name, 1, now)
        self._series.move_to_end(key)
        while len(self._series) > REMEMBERED:
            self._series.popitem(last=False)

    def _event(self, name: str, occurrence: Occurrence) -> Object:
        regarding = occurrence.regarding
        metadata = regarding["metadata"]
        return {
            "metadata": {"namespace": metadata["namespace"], "name": name},
            "eventTime": _micro_time(),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance[:128],
            "action": occurrence.reason,
            "reason": occurrence.reason,
            "regarding": {
                "apiVersion": regarding["apiVersion"],
                "kind": regarding["kind"],
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
                # Absent where the object is known by name alone, as that of a launch record.
                **({"resourceVersion": version} if (version := metadata.get("resourceVersion")) else {}),
            },
            "note": occurrence.message.encode()[:NOTE_LIMIT].decode(errors="ignore"),
            "type": occurrence.type,
        }


def _micro_time() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
