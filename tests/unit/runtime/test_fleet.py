"""Metrics of launches: what the statuses say, each end counted once, nothing for what is gone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from slipway.cluster.cache import Cache, Change
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS
from slipway.runtime.fleet import Fleet, Launches

NOW = datetime(2026, 1, 1, 12, 10, tzinfo=UTC)
OF_WEB = {"namespace": "shop", "rollout": "web"}


def rollout(version: int = 1, **status: Any) -> dict[str, Any]:
    gates = [{"name": "error-rate", "below": 0.01}, {"name": "orders", "above": 5, "below": 50}]
    return {
        "metadata": {"namespace": "shop", "name": "web", "uid": "r", "resourceVersion": str(version)},
        "spec": {"environment": "production", "analysis": {"gates": gates}},
        "status": status,
    }


def promotion(version: int = 1, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "shop",
            "name": "web-2",
            "uid": "p",
            "resourceVersion": str(version),
            "creationTimestamp": "2026-01-01T12:00:00Z",
        },
        "spec": {"rollout": "web", "environment": "production"},
        "status": status,
    }


def fleet(cache: Cache, leads: bool = True) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Fleet(cache, lambda: leads, lambda: NOW))
    return registry


def test_each_rollout_has_its_phase_weight_and_gates() -> None:
    cache = Cache()
    gate = {"name": "error-rate", "verdict": "Pass", "value": 0.002}
    cache.upsert(ROLLOUTS, rollout(phase="Shifting", candidate={"revision": "b", "weight": 10}, gates=[gate]))
    found = fleet(cache).get_sample_value
    assert found("slipway_rollout_phase", {**OF_WEB, "environment": "production", "phase": "Shifting"}) == 1
    assert found("slipway_rollout_candidate_weight_percent", OF_WEB) == 10
    assert found("slipway_rollout_gate_value", {**OF_WEB, "gate": "error-rate"}) == 0.002
    assert found("slipway_rollout_gate_verdict", {**OF_WEB, "gate": "error-rate", "verdict": "Pass"}) == 1
    assert found("slipway_rollout_gate_bound", {**OF_WEB, "gate": "error-rate", "bound": "below"}) == 0.01
    assert found("slipway_rollout_gate_bound", {**OF_WEB, "gate": "orders", "bound": "above"}) == 5


def test_a_promotion_that_waits_says_how_long_and_one_that_ended_is_no_series() -> None:
    cache = Cache()
    cache.upsert(PROMOTIONS, promotion(phase="AwaitingApproval", startedAt="2026-01-01T12:00:00Z"))
    name = {**OF_WEB, "promotion": "web-2"}
    found = fleet(cache).get_sample_value
    assert found("slipway_promotion_phase", {**name, "phase": "AwaitingApproval"}) == 1
    assert found("slipway_promotion_waiting_for_approval_seconds", name) == 600
    cache.upsert(PROMOTIONS, promotion(2, phase="Aborted"))
    assert b"web-2" not in generate_latest(fleet(cache))


def test_a_replica_that_stands_by_has_none() -> None:
    cache = Cache()
    cache.upsert(ROLLOUTS, rollout(phase="Healthy"))
    assert generate_latest(fleet(cache, leads=False)) == b""


@pytest.mark.parametrize("status", [1, "x", [], {"gates": 1, "phase": []}, {"candidate": {"weight": "much"}}])
def test_a_status_that_makes_no_sense_stops_nothing(status: Any) -> None:
    cache = Cache()
    odd = rollout()
    odd["status"], odd["spec"]["analysis"] = status, status
    cache.upsert(ROLLOUTS, odd)
    cache.upsert(PROMOTIONS, {**promotion(), "status": status})
    generate_latest(fleet(cache))


def launches(known: dict[str, Any] | None = None) -> tuple[Launches, CollectorRegistry]:
    registry = CollectorRegistry()
    return Launches(registry, lambda namespace, name: known), registry


def change(before: dict[str, Any], after: dict[str, Any]) -> Change:
    return Change(PROMOTIONS, promotion(1, **before), promotion(2, **after))


OF_LAUNCH = {**OF_WEB, "environment": "production"}
SUCCEEDED = {
    "type": "Succeeded", "status": "True", "reason": "Watching", "message": "",
    "lastTransitionTime": "2026-01-01T12:05:00Z", "observedGeneration": 1,
}  # fmt: skip


def test_a_success_is_counted_when_verification_ends_and_not_again_when_the_watch_does() -> None:
    observer, registry = launches()
    observer.observe(change({"phase": "Shifting"}, {"phase": "Watching", "conditions": [SUCCEEDED]}))
    observer.observe(
        change({"phase": "Watching", "conditions": [SUCCEEDED]}, {"phase": "Succeeded", "conditions": [SUCCEEDED]})
    )
    found = registry.get_sample_value
    assert found("slipway_launches_total", {**OF_LAUNCH, "outcome": "Succeeded"}) == 1
    assert found("slipway_launch_lead_time_seconds_sum", OF_LAUNCH) == 300


def test_a_rollback_says_how_long_it_took() -> None:
    target = {"rollout": "web", "uid": "r", "revision": "3f2a9c01de", "digest": "3f", "images": []}
    rejected = {"revision": "3f2a9c01de", "reason": "gate", "at": "2026-01-01T12:05:00Z"}
    observer, registry = launches(rollout(rejected=rejected))
    after = {
        "phase": "RolledBack", "target": target, "startedAt": "2026-01-01T12:00:00Z",
        "approvedAt": "2026-01-01T12:01:00Z", "finishedAt": "2026-01-01T12:05:04Z",
    }  # fmt: skip
    observer.observe(change({"phase": "Shifting", "target": target, "startedAt": after["startedAt"]}, after))
    found = registry.get_sample_value
    assert found("slipway_launches_total", {**OF_LAUNCH, "outcome": "RolledBack"}) == 1
    assert found("slipway_launch_time_to_restore_seconds_sum", OF_LAUNCH) == 4
    assert found("slipway_launch_approval_wait_seconds_sum", OF_LAUNCH) == 60


def test_what_was_superseded_or_seen_for_the_first_time_is_no_launch() -> None:
    observer, registry = launches()
    observer.observe(change({"phase": "Checking"}, {"phase": "Superseded"}))
    observer.observe(Change(PROMOTIONS, None, promotion(phase="RolledBack")))
    observer.observe(Change(ROLLOUTS, rollout(), rollout(2)))
    assert b"slipway_launches_total{" not in generate_latest(registry)
