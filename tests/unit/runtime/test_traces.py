"""Traces of launches: each span once, and none lost when another replica goes on."""

from datetime import UTC, datetime, timedelta
from typing import Any

from slipway.api.instant import format_instant
from slipway.cluster.cache import Cache, Change
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS
from slipway.core.trace import Span
from slipway.runtime.traces import AGAIN, Traces

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TARGET = {"rollout": "web", "uid": "r", "revision": "b", "digest": "b", "images": []}
MINUTE = timedelta(minutes=1)


class Collector:
    def __init__(self) -> None:
        self.spans: list[Span] = []

    def send(self, spans: list[Span]) -> None:
        self.spans += spans

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.spans]


class World:
    def __init__(self) -> None:
        self.cache = Cache()
        self.version = 0

    def promotion(self, **status: Any) -> Change:
        self.version += 1
        meta = {"namespace": "shop", "name": "web-2", "uid": "p", "resourceVersion": str(self.version)}
        spec = {"rollout": "web", "environment": "production"}
        change = self.cache.upsert(PROMOTIONS, {"metadata": meta, "spec": spec, "status": {"target": TARGET, **status}})
        assert change is not None
        return change

    def rollout(self, **status: Any) -> Change:
        self.version += 1
        meta = {"namespace": "shop", "name": "web", "uid": "r", "resourceVersion": str(self.version)}
        status = {"promotion": "web-2", **status}
        change = self.cache.upsert(ROLLOUTS, {"metadata": meta, "spec": {}, "status": status})
        assert change is not None
        return change


def step(index: int, weight: int) -> dict[str, Any]:
    started = NOON + index * MINUTE
    times = {"startedAt": format_instant(started), "convergedAt": format_instant(started + timedelta(seconds=3))}
    return {"candidate": {"revision": "b", "weight": weight, "step": {"index": index, "weight": weight, **times}}}


APPROVED = {"startedAt": format_instant(NOON - MINUTE), "approvedAt": format_instant(NOON)}
SHIFTED = {**APPROVED, "phase": "Shifting", "shiftedAt": format_instant(NOON + 5 * MINUTE)}


def test_each_span_is_told_once() -> None:
    world, collector = World(), Collector()
    traces = Traces(world.cache, collector, lambda: NOON - MINUTE)
    traces.observe(world.promotion(phase="Checking"))
    traces.observe(world.promotion(phase="Shifting", **APPROVED))
    for index, weight in enumerate((10, 50, 50)):
        traces.observe(world.rollout(**step(min(index, 1), weight)))
    traces.observe(world.promotion(**SHIFTED))
    traces.observe(world.promotion(**SHIFTED))
    assert collector.names == ["waiting for approval", "shift to 10 %", "shift to 50 %", "shifting"]


def test_whoever_leads_next_loses_nothing_and_tells_the_same() -> None:
    world, first, second = World(), Collector(), Collector()
    before = Traces(world.cache, first, lambda: NOON - MINUTE)
    before.observe(world.promotion(phase="Shifting", **APPROVED))
    before.observe(world.rollout(**step(0, 10)))
    world.rollout(**step(1, 50))  # written, and the operator died before it could tell
    after = Traces(world.cache, second, lambda: NOON + 2 * MINUTE)
    after.catch_up()
    after.observe(world.promotion(**SHIFTED))
    known = {span.id: span for span in first.spans}
    known |= {span.id: span for span in second.spans}
    assert sorted(span.name for span in known.values()) == sorted(
        ["waiting for approval", "shift to 10 %", "shift to 50 %", "shifting"]
    )
    assert all(span == known[span.id] for span in first.spans)


def test_what_ended_long_before_was_told_by_the_one_before() -> None:
    world, collector = World(), Collector()
    world.promotion(phase="Succeeded", finishedAt=format_instant(NOON), **APPROVED)
    Traces(world.cache, collector, lambda: NOON + AGAIN + MINUTE).catch_up()
    assert collector.spans == []


def test_a_replica_that_stands_by_tells_nothing() -> None:
    world, collector = World(), Collector()
    traces = Traces(world.cache, collector, lambda: None)
    traces.observe(world.promotion(**SHIFTED))
    traces.catch_up()
    assert collector.spans == []


def test_a_deleted_rollout_and_a_status_that_makes_no_sense_stop_nothing() -> None:
    world, collector = World(), Collector()
    traces = Traces(world.cache, collector, lambda: NOON)
    traces.observe(world.promotion(phase="Aborted", finishedAt=format_instant(NOON), **APPROVED))
    assert collector.names == ["waiting for approval", "launch"]
    traces.observe(world.rollout(history=7, candidate="odd", promotion=None))
    traces.observe(Change(ROLLOUTS, {"metadata": {"namespace": "shop", "name": "web"}}, None))
