"""What the board knows, and when it says that something has changed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.dashboard.fakes import promotion, rollout

from slipway.cluster.errors import Forbidden, Gone, NoCluster, Unavailable
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS, Resource
from slipway.dashboard import board as board_module
from slipway.dashboard import charts
from slipway.dashboard.board import Board
from slipway.dashboard.measured import KEPT, Measured, Point, limits


class Changing:
    """A server whose changes a test tells. What is told as an exception ends the watch with it."""

    def __init__(self) -> None:
        self.there: dict[Resource, list[dict[str, Any]]] = {ROLLOUTS: [rollout()], PROMOTIONS: []}
        self.refuses: dict[Resource, Exception] = {}
        self.told: dict[Resource, asyncio.Queue[Any]] = {ROLLOUTS: asyncio.Queue(), PROMOTIONS: asyncio.Queue()}

    async def list(self, kind: Resource, namespace: str | None = None) -> tuple[list[dict[str, Any]], str]:
        if kind in self.refuses:
            raise self.refuses[kind]
        return self.there[kind], "1"

    async def watch(
        self, kind: Resource, namespace: str | None, resource_version: str
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        while True:
            event = await self.told[kind].get()
            if isinstance(event, Exception):
                raise event
            yield event


@contextlib.asynccontextmanager
async def running(server: Changing) -> AsyncIterator[Board]:
    board = Board(server, None)
    task = asyncio.create_task(board.run())
    await board.ready()
    try:
        yield board
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_it_follows_what_changes() -> None:
    server = Changing()
    async with running(server) as board, asyncio.timeout(10):
        version = board.version
        server.told[PROMOTIONS].put_nowait(("ADDED", promotion()))
        version = await board.after(version)
        assert [one["metadata"]["name"] for one in board.promotions(rollout())] == ["web-2"]
        server.told[PROMOTIONS].put_nowait(("DELETED", promotion()))
        await board.after(version)
        assert board.promotion("shop", "web-2") is None


async def test_what_is_gone_from_the_server_is_listed_anew() -> None:
    server = Changing()
    async with running(server) as board, asyncio.timeout(10):
        server.there[ROLLOUTS] = []
        version = board.version
        server.told[ROLLOUTS].put_nowait(Gone("too old", 410))
        await board.after(version)
        assert board.rollouts() == []
        assert board.measured.of(rollout()) == {}


async def test_a_refusal_is_shown_until_it_is_over() -> None:
    server = Changing()
    async with running(server) as board, asyncio.timeout(10):
        version = board.version
        server.told[ROLLOUTS].put_nowait(Forbidden("rollouts is forbidden", 403))
        version = await board.after(version)
        assert board.problems == ["rollouts: rollouts is forbidden"]
        assert board.rollouts(), "what was known stays, marked as old"
        await board.after(version)
        assert board.problems == []


@pytest.mark.parametrize("error", [NoCluster("no kubeconfig"), ValueError("odd")], ids=lambda one: type(one).__name__)
async def test_whatever_ends_a_watch_is_shown_and_tried_again(error: Exception) -> None:
    server = Changing()
    async with running(server) as board, asyncio.timeout(10):
        version = board.version
        server.told[ROLLOUTS].put_nowait(error)
        version = await board.after(version)
        assert len(board.problems) == 1
        assert board.problems[0].startswith("rollouts: ")
        assert board.rollouts(), "what was known stays, marked as old"
        version = await board.after(version)
        assert board.problems == []
        server.told[PROMOTIONS].put_nowait(("ADDED", promotion()))
        await board.after(version)
        assert board.promotion("shop", "web-2") is not None


async def test_what_was_never_listed_is_unknown_and_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "AGAIN", 0.01)
    server = Changing()
    server.refuses[PROMOTIONS] = Unavailable("it is starting")
    async with running(server) as board, asyncio.timeout(10):
        assert board.unknown(PROMOTIONS) == "promotions: it is starting"
        assert board.unknown(ROLLOUTS) == ""
        del server.refuses[PROMOTIONS]
        while board.unknown(PROMOTIONS):
            await board.after(board.version)
        server.refuses[PROMOTIONS] = Unavailable("it is away")
        server.told[PROMOTIONS].put_nowait(Gone("too old", 410))
        while not board.problems:
            await board.after(board.version)
        assert board.unknown(PROMOTIONS) == "", "it was listed before"


def measured_at(second: int, value: float, revision: str = "bbb", verdict: str = "Pass") -> dict[str, Any]:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    gate = {
        "name": "error-rate",
        "revision": revision,
        "verdict": verdict,
        "value": value,
        "bound": "< 0.01",
        "measuredAt": at.isoformat(),
    }
    return rollout(gates=[gate])


def test_a_course_has_each_measurement_once_and_begins_anew_with_a_revision() -> None:
    measured = Measured()
    for second in (1, 1, 2, 2, 1):
        measured.add(measured_at(second, second / 1000))
    course = measured.of(rollout())["error-rate"]
    assert [point.value for point in course.points] == [0.001, 0.002]
    measured.add(measured_at(3, 0.5, "ccc", "Fail"))
    course = measured.of(rollout())["error-rate"]
    assert [(point.value, point.failed) for point in course.points] == [(0.5, True)]


def test_a_course_is_bounded() -> None:
    measured = Measured()
    for second in range(KEPT + 20):
        measured.add(measured_at(second, 0.001))
    assert len(measured.of(rollout())["error-rate"].points) == KEPT


def test_limits_are_the_numbers_of_a_bound() -> None:
    assert limits("< 0.01") == [0.01]
    assert limits("> 0.2 and < 9e-05") == [0.2, 9e-05]
    assert limits("< 0.5 and ≤ 0.012 (baseline 0.01)") == [0.5, 0.012]
    assert limits("≤ 20% of the baseline") == []
    assert limits("") == []


def test_a_chart_begins_with_what_status_keeps() -> None:
    found = measured_at(30, 0.5, verdict="Fail")
    recent = [(10, 0.001, "Pass"), (20, 0.5, "Fail"), (30, 0.5, "Fail")]
    found["status"]["gates"][0]["recent"] = [
        {"at": f"2026-01-01T00:00:{second}Z", "value": value, "verdict": verdict} for second, value, verdict in recent
    ]
    measured = Measured()
    measured.add(found)
    measured.add(found)
    points = measured.of(rollout())["error-rate"].points
    assert [(point.value, point.failed) for point in points] == [(0.001, False), (0.5, True), (0.5, True)]


def test_a_chart_is_a_picture_that_fetches_nothing() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    points = [Point(begin + timedelta(seconds=second), second / 100, second > 3) for second in range(6)]
    for chosen in (points, points[:1], []):
        for dark in (False, True):
            picture = charts.gate(chosen, [0.04], dark)
            assert picture.startswith("<svg")
            for fetched in ("src=", "@import", "url(http", 'href="http'):
                assert fetched not in picture
