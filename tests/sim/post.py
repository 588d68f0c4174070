"""Channels that people are told by: what was sent, and how they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from slipway.core.decision import NoticeProbe
from slipway.core.notice_routes import NoticeRoute, NoticeRoutes
from slipway.core.snapshot import Probed

ANSWER_SECONDS = 0.5


@dataclass
class Post:
    """No channel, until one is opened."""

    routes: NoticeRoutes = field(default_factory=NoticeRoutes)
    answers: Literal["takes", "refuses", "hangs"] = "takes"
    sent: list[tuple[str, str]] = field(default_factory=list)
    """Promotion and event of each notice, in the order in which they arrived."""
    records: list[tuple[str, str]] = field(default_factory=list)
    """Namespaces and names of the launch records that were sent to their webhook."""

    def open(self, answers: Literal["takes", "refuses", "hangs"]) -> None:
        self.answers = answers
        self.routes = NoticeRoutes(routes=(NoticeRoute(channels=("team",)),), known=frozenset({"team"}))

    async def send(self, record: Mapping[str, Any]) -> None:
        """The webhook of launch records: slow, and it takes all of them."""
        meta = record["metadata"]
        self.records.append((meta["namespace"], meta["name"]))
        await asyncio.sleep(ANSWER_SECONDS)

    async def deliver(self, notice: NoticeProbe, at: datetime) -> Probed:
        self.sent.append((notice.values["promotion"], notice.event))
        if self.answers == "hangs":
            await asyncio.Event().wait()
        await asyncio.sleep(ANSWER_SECONDS)
        taken = self.answers == "takes"
        return Probed(at=at, passed=taken, message="" if taken else "it answered HTTP 503")
