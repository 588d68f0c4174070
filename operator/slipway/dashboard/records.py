"""Launch records as pages: by idea, and one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from slipway.api.record import Statement
from slipway.archive.listing import COLUMNS, Entry, entry
from slipway.cluster.errors import Forbidden, NotFound
from slipway.core.record.sealing import RECORD_KEY, STATEMENT_KEY, read
from slipway.dashboard import views
from slipway.dashboard.board import Board
from slipway.dashboard.markdown import rendered
from slipway.dashboard.screen import Screen
from slipway.dashboard.viewer import Viewer, viewer_of

NAMED = 50
"""Records that are read one by one where they may not be listed."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


Told = tuple[str, str, Statement]
"""Namespace and name of a record, and what it states."""


def by_idea(records: Iterable[Told]) -> list[tuple[str, list[Entry]]]:
    """Idea → its records, the newest first; those of no idea come last, under ''."""
    found: dict[str, list[Entry]] = {}
    for namespace, name, statement in records:
        found.setdefault(statement.predicate.idea, []).append(entry(namespace, name, statement))
    for entries in found.values():
        entries.sort(key=lambda one: one.at or _LONG_AGO, reverse=True)
    newest = sorted(found.items(), key=lambda one: one[1][0].at or _LONG_AGO, reverse=True)
    return sorted(newest, key=lambda one: not one[0])


class Records:
    """Handlers. Records do not change: these pages are read when they are opened."""

    def __init__(self, board: Board, screen: Screen) -> None:
        self._board = board
        self._screen = screen

    async def all(self, request: Request) -> Response:
        """All of them, by idea."""
        note, viewer = "", viewer_of(request)
        try:
            found = [
                (chain.namespace, str(record["metadata"]["name"]), statement)
                for chain in await viewer.reading.records()
                if await viewer.sees(chain.namespace)
                for record, statement in chain.readable
            ]
        except Forbidden:
            found = await self._named(viewer)
            note = f"You may not list ConfigMaps, so these are the newest {NAMED} at most that Promotions name."
        apart = {"record", *(["namespace"] if self._board.namespace else [])}
        # Where there is no room for all of them the last ones are cut off, and this one is the way to the record.
        columns = ["record", *(column for column in COLUMNS if column not in apart)]
        return self._screen.page(request, "records.html", {"ideas": by_idea(found), "columns": columns, "note": note})

    async def _named(self, viewer: Viewer) -> list[Told]:
        """Those that the newest Promotions name: approvers may read a ConfigMap, and list none."""
        await self._board.ready()
        cases = [
            views.case(one)
            for rollout in self._board.rollouts()
            if await viewer.sees(str(rollout["metadata"]["namespace"]))
            for one in self._board.promotions(rollout)
        ]
        cases.sort(key=lambda one: one.created or _LONG_AGO, reverse=True)
        names = [(one.namespace, record.config_map) for one in cases for record in one.status.records][:NAMED]
        return [told for told in await asyncio.gather(*(_told(viewer, *name) for name in names)) if told is not None]

    async def one(self, request: Request) -> Response:
        """One record, as it was written."""
        namespace, name = (str(request.path_params[key]) for key in ("namespace", "name"))
        viewer = viewer_of(request)
        if not await viewer.sees(namespace):
            raise NotFound(f"there is no record {namespace}/{name}, or it may not be seen", 404)
        text = await viewer.reading.text(namespace, name, RECORD_KEY)
        return self._screen.page(
            request, "record.html", {"namespace": namespace, "name": name, "text": rendered(text, below=1)}
        )


async def _told(viewer: Viewer, namespace: str, name: str) -> Told | None:
    try:
        statement = read(await viewer.reading.text(namespace, name, STATEMENT_KEY))
    except (Forbidden, NotFound):
        return None
    return (namespace, name, statement) if statement else None
