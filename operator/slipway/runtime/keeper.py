"""Writes launch records: beside the reconciler, so that no launch ever waits for one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from slipway.api.record import RecordLink, Statement
from slipway.cluster.api import Api, Object, Objects
from slipway.cluster.errors import AlreadyExists, APIError, NotFound
from slipway.cluster.events import Occurrence
from slipway.cluster.lease import NotLeader
from slipway.cluster.resources import CONFIG_MAPS, ROLLOUTS
from slipway.core import names
from slipway.core.decision import KeepRecord
from slipway.core.record import chain
from slipway.core.record.sealing import REPORT_KEY, digest_of, seal, statement_text
from slipway.core.snapshot import RecordKept
from slipway.notifying.channel import NotSent
from slipway.runtime.observations import NoResult

log = logging.getLogger(__name__)

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 300.0


@dataclass(frozen=True)
class Retention:
    """How many records of a Rollout are kept, and for how long. None: all, for ever."""

    keep: int | None = None
    max_age: timedelta | None = None


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


class Sender(Protocol):
    """Sends a record somewhere: `slipway.notifying.records.RecordSender`."""

    async def send(self, record: Mapping[str, Any]) -> None:
        """Returns when it was taken; raises NotSent when it is given up."""
        ...


class Keeper:
    """Sees to it that a record is there, once, at the end of its chain.

    What the API server refuses is tried again for as long as the record is wanted, and said on the Rollout.
    """

    def __init__(
        self,
        api: Api,
        guard: Guard,
        events: Events,
        retention: Retention | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sender: Sender | None = None,
    ) -> None:
        self._api = api
        self._guard = guard
        self._events = events
        self._retention = retention or Retention()
        self._clock = clock
        self._sender = sender

    async def keep(self, probe: KeepRecord) -> RecordKept:
        """Keep the record, however long it takes. Raises NoResult when this replica must not write any more.

        It is still owed while it is sent: a crash in between sends it again.
        """
        record = await self._kept(probe)
        if self._sender is not None:
            try:
                await self._sender.send(record)
            except NotSent as error:
                words = f"launch record {record['metadata']['name']} was not sent to the webhook: {error}"
                self._say(probe.statement, "RecordNotSent", words)
        return RecordKept(at=self._clock(), config_map=record["metadata"]["name"], digest=_digest(record))

    async def _kept(self, probe: KeepRecord) -> Object:
        pause = FIRST_PAUSE
        while True:
            try:
                # A request that is under way when the lease passes on could still be executed after it: end it.
                async with asyncio.timeout(self._guard.check()):
                    return await self._keep(probe.statement)
            except NotLeader as error:
                raise NoResult(str(error)) from error
            except (APIError, TimeoutError) as error:
                why = str(error) or "the API server did not answer in time"
                self._say(probe.statement, "RecordRefused", f"the launch record cannot be written: {why}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _keep(self, statement: Statement) -> Object:
        predicate = statement.predicate
        # Only what carries the label is asked for, and of that no content: records may be many and large.
        held = await self._api.list_metadata(CONFIG_MAPS, predicate.namespace, chain.selector(predicate.rollout.name))
        known = chain.with_id(held, predicate.id)
        if known is not None:
            return await self._read(known)
        before = chain.last(held)
        previous = await self._link(before) if before is not None else None
        number = chain.number_of(before) + 1 if before is not None else 1
        record = seal(statement, number, previous, await self._report(statement))
        try:
            made = await self._api.create(CONFIG_MAPS, record)
        except AlreadyExists:
            made = await self._api.get(CONFIG_MAPS, predicate.namespace, record["metadata"]["name"])
            if made.get("data") != record["data"]:
                raise
        await self._prune(statement, [*held, made])
        return made

    async def _read(self, known: Mapping[str, Any]) -> Object:
        meta = known["metadata"]
        return await self._api.get(CONFIG_MAPS, meta["namespace"], meta["name"])

    async def _link(self, before: Mapping[str, Any]) -> RecordLink:
        """As it is now: whether it is as it was written is for `slipway records verify` to say."""
        record = await self._read(before)
        return RecordLink(config_map=record["metadata"]["name"], digest=_digest(record))

    async def _report(self, statement: Statement) -> str | None:
        promotion = statement.predicate.promotion
        if promotion is None:
            return None
        try:
            name = names.report_name(promotion.name)
            found = await self._api.get(CONFIG_MAPS, statement.predicate.namespace, name)
        except NotFound:
            return None
        # Without the label, which only the operator may set, it is anybody's.
        ours = names.REPORT_LABEL in (found["metadata"].get("labels") or {})
        text = (found.get("data") or {}).get(REPORT_KEY)
        return text if ours and isinstance(text, str) else None

    async def _prune(self, statement: Statement, held: Objects) -> None:
        if self._retention == Retention():
            return
        for obj in chain.surplus(held, self._retention.keep, self._retention.max_age, self._clock()):
            meta = obj["metadata"]
            try:
                await self._api.delete(CONFIG_MAPS, meta["namespace"], meta["name"], meta["uid"])
            except NotFound:
                continue
            except APIError as error:
                # The record itself is kept; what is too old goes with the next one.
                self._say(statement, "RecordNotPruned", f"launch record {meta['name']} cannot be deleted: {error}")
                return

    def _say(self, statement: Statement, reason: str, message: str) -> None:
        predicate = statement.predicate
        log.warning("%s/%s: %s", predicate.namespace, predicate.rollout.name, message)
        regarding = {
            "apiVersion": ROLLOUTS.api_version,
            "kind": ROLLOUTS.kind,
            "metadata": {
                "namespace": predicate.namespace,
                "name": predicate.rollout.name,
                "uid": predicate.rollout.uid,
            },
        }
        self._events.post(Occurrence(regarding=regarding, type="Warning", reason=reason, message=message))


def _digest(record: Object) -> str:
    return digest_of(statement_text(record) or "")
