"""Launch records as pages: by idea, and one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from slipway.archive.reading import Chain
from slipway.cluster.errors import Forbidden
from slipway.core.record.sealing import RECORD_KEY
from slipway.dashboard.markdown import rendered
from slipway.dashboard.screen import Screen

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Entry:
    """A record in the list."""

    namespace: str
    record: str
    rollout: str
    environment: str
    kind: str
    outcome: str
    version: str
    promotion: str
    at: datetime | None


def by_idea(chains: Sequence[Chain]) -> list[tuple[str, list[Entry]]]:
    """Idea → its records, the newest first; those of no idea come last, under ''."""
    found: dict[str, list[Entry]] = {}
    for chain in chains:
        for record, statement in chain.readable:
            told = statement.predicate
            found.setdefault(told.idea, []).append(
                Entry(
                    chain.namespace,
                    str(record["metadata"]["name"]),
                    told.rollout.name,
                    told.environment,
                    told.kind,
                    told.outcome,
                    told.version or told.revision.name,
                    told.promotion.name if told.promotion else "",
                    told.times.ended_at,
                )
            )
    for entries in found.values():
        entries.sort(key=lambda one: one.at or _LONG_AGO, reverse=True)
    newest = sorted(found.items(), key=lambda one: one[1][0].at or _LONG_AGO, reverse=True)
    return sorted(newest, key=lambda one: not one[0])


class Records:
    """Handlers. Records do not change: these pages are read when they are opened."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    async def list(self, request: Request) -> Response:
        """All of them, by idea."""
        ideas, problem = [], ""
        try:
            ideas = by_idea(await self._screen.session.records())
        except Forbidden as refusal:
            problem = f"{refusal}. Listing launch records takes the right to list ConfigMaps, which view has."
        return self._screen.page(request, "records.html", {"ideas": ideas, "problem": problem})

    async def one(self, request: Request) -> Response:
        """One record, as it was written."""
        namespace, name = (str(request.path_params[key]) for key in ("namespace", "name"))
        text = await self._screen.session.text(namespace, name, RECORD_KEY)
        return self._screen.page(request, "record.html", {"namespace": namespace, "name": name, "text": rendered(text)})
