"""Whoever looks on stops nothing, whatever they look at."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from slipway.cluster.cache import Cache, Change
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS
from slipway.config import parse_config
from slipway.runtime.onlooker import Onlooker

NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_an_object_that_nobody_foresaw_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    cache, odd = Cache(), {"metadata": {}, "spec": 7, "status": {"target": 7}}
    config = parse_config("tracing: {endpoint: 'http://127.0.0.1:1'}")
    onlooker = Onlooker(config, cache, CollectorRegistry(), lambda: NOW)
    async with onlooker.tracing():
        onlooker.begin()
        onlooker.observe(Change(PROMOTIONS, odd, odd))
    assert "a change was not counted" in caplog.text


def test_who_begins_to_lead_expects_launches_of_what_is_there() -> None:
    cache, registry = Cache(), CollectorRegistry()
    meta = {"namespace": "shop", "name": "web", "uid": "r", "resourceVersion": "1"}
    cache.upsert(ROLLOUTS, {"metadata": meta, "spec": {"environment": "production"}})
    cache.upsert(PROMOTIONS, {"metadata": meta, "spec": {"rollout": "web", "environment": "production"}})
    Onlooker(parse_config(""), cache, registry, lambda: NOW).begin()
    labels = {"namespace": "shop", "rollout": "web", "environment": "production", "outcome": "RolledBack"}
    assert registry.get_sample_value("slipway_launches_total", labels) == 0
    labels.pop("outcome")
    assert registry.get_sample_value("slipway_launch_approval_wait_seconds_count", labels) == 0


@pytest.mark.parametrize(("since", "told"), [(NOW, True), (None, False)])
def test_only_a_leader_tells_of_rollouts(since: datetime | None, told: bool) -> None:
    registry = CollectorRegistry()
    Onlooker(parse_config(""), Cache(), registry, lambda: since)
    found: list[Any] = [family.name for family in registry.collect()]
    assert ("slipway_rollout_phase" in found) == told
