"""Tells of launches as traces: each span when it has ended, and again what ended shortly before this replica led."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol

from slipway.api.promotion_status import read_status
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.cluster.cache import Cache, Change
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS
from slipway.core import trace

AGAIN = timedelta(hours=1)
"""What ended longer before this replica led was told by the one before it, which a crash cannot have kept from it."""
REMEMBERED = 20_000


class Sender(Protocol):
    """Takes spans without making anybody wait: `slipway.tracing.otlp.SpanSender`."""

    def send(self, spans: list[trace.Span]) -> None:
        """Send them, sometime soon."""
        ...


class Traces:
    """`since`: from when on this replica leads, None while it does not."""

    def __init__(self, cache: Cache, sender: Sender, since: Callable[[], datetime | None]) -> None:
        self._cache = cache
        self._sender = sender
        self._since = since
        self._told: OrderedDict[int, None] = OrderedDict()

    def catch_up(self) -> None:
        """Tell of what the leader before may not have told any more."""
        self._tell(self._cache.all(PROMOTIONS))

    def observe(self, change: Change) -> None:
        """Take in a change of any object."""
        if change.after is None:
            return
        if change.kind == PROMOTIONS:
            self._tell([change.after])
        elif change.kind == ROLLOUTS:
            meta = change.after["metadata"]
            name = read_rollout_status(change.after).promotion
            leads = self._cache.get(PROMOTIONS, meta["namespace"], name) if name else None
            if leads is not None:
                self._tell([leads])

    def _tell(self, promotions: Iterable[Object]) -> None:
        since = self._since()
        if since is None:
            return
        ended = [
            span
            for promotion in promotions
            for span in trace.spans(self._launch(promotion))
            if span.end >= since - AGAIN and span.id not in self._told
        ]
        for span in ended:
            self._told[span.id] = None
        while len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        if ended:
            self._sender.send(ended)

    def _launch(self, promotion: Object) -> trace.Launch:
        meta, spec = promotion["metadata"], promotion.get("spec") or {}
        rollout = self._cache.get(ROLLOUTS, meta["namespace"], str(spec.get("rollout") or ""))
        return trace.Launch(
            uid=meta["uid"],
            name=meta["name"],
            namespace=meta["namespace"],
            environment=str(spec.get("environment") or ""),
            version=str(spec.get("version") or ""),
            commit=str(spec.get("commit") or ""),
            status=read_status(promotion),
            rollout=read_rollout_status(rollout) if rollout is not None else None,
        )
