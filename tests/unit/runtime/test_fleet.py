"""Metrics of what is launched: what the statuses say, nothing for what is gone, and no more than there may be."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from slipway.cluster.cache import Cache
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS
from slipway.core import dora
from slipway.runtime.fleet import Fleet

NOW = datetime(2026, 1, 1, 12, 10, tzinfo=UTC)
OF_WEB = {"namespace": "shop", "rollout": "web"}


def rollout(version: int = 1, **status: Any) -> dict[str, Any]:
    gates = [
        {"name": "error-rate", "preset": "error-rate", "below": 0.01},
        {"name": "orders", "query": "sum(orders)", "above": 5, "below": 50},
    ]
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


def fleet(cache: Cache, leads: bool = True, limit: int = 10) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Fleet(cache, lambda: leads, lambda: NOW, limit))
    return registry


def test_each_rollout_has_its_phase_weight_and_gates() -> None:
    cache = Cache()
    gate = {"name": "error-rate", "verdict": "Pass", "value": 0.002, "bound": "< 0.01"}
    cache.upsert(ROLLOUTS, rollout(phase="Shifting", candidate={"revision": "b", "weight": 10}, gates=[gate]))
    found = fleet(cache).get_sample_value
    assert found("slipway_rollout_phase", {**OF_WEB, "environment": "production", "phase": "Shifting"}) == 1
    assert found("slipway_rollout_candidate_weight_percent", OF_WEB) == 10
    assert found("slipway_rollout_gate_value", {**OF_WEB, "gate": "error-rate"}) == 0.002
    assert found("slipway_rollout_gate_verdict", {**OF_WEB, "gate": "error-rate", "verdict": "Pass"}) == 1
    assert found("slipway_rollout_gate_bound", {**OF_WEB, "gate": "error-rate", "bound": "below"}) == 0.01


def bounds(obj: dict[str, Any]) -> dict[tuple[str, str], float]:
    cache = Cache()
    cache.upsert(ROLLOUTS, obj)
    return {
        (sample.labels["gate"], sample.labels["bound"]): sample.value
        for family in fleet(cache).collect()
        for sample in family.samples
        if sample.name == "slipway_rollout_gate_bound"
    }


@pytest.mark.parametrize("spec", [{}, {"analysis": {}}, {"analysis": {"interval": "10s"}}])
def test_a_rollout_that_names_no_gates_has_the_bounds_of_the_default_ones(spec: dict[str, Any]) -> None:
    assert bounds({**rollout(phase="Healthy"), "spec": spec}) == {
        ("error-rate", "below"): 0.01,
        ("latency-p95", "below"): 0.5,
    }


def test_at_rest_the_bounds_are_those_of_the_spec_and_none_without_gates() -> None:
    assert bounds(rollout(phase="Healthy")) == {
        ("error-rate", "below"): 0.01,
        ("orders", "above"): 5,
        ("orders", "below"): 50,
    }
    assert bounds({**rollout(phase="Healthy"), "spec": {"analysis": {"gates": []}}}) == {}


def test_while_traffic_moves_the_bounds_are_those_of_the_plan_in_force() -> None:
    step = {"index": 0, "weight": 10, "startedAt": "2026-01-01T12:00:00Z"}
    moving = {"candidate": {"revision": "b", "weight": 10, "step": step}}
    gates = [
        {"name": "orders", "verdict": "", "bound": "> 2 and < 90"},
        {"name": "latency", "verdict": "Pass", "bound": "≥ 0.1 and ≤ 0.012 (baseline 0.01)"},
        {"name": "later", "verdict": "", "bound": "≤ baseline + 20%"},
    ]
    assert bounds(rollout(phase="Shifting", gates=gates, **moving)) == {
        ("orders", "above"): 2,
        ("orders", "below"): 90,
        ("latency", "at_least"): 0.1,
        ("latency", "at_most"): 0.012,
    }
    assert bounds(rollout(phase="Shifting", gates=[], **moving)) == {}, "a step without gates keeps nothing"
    watch = {"revision": "a", "gates": [{"name": "orders", "verdict": "Pass", "bound": "> 3"}]}
    assert bounds(rollout(phase="Watching", watch=watch)) == {("orders", "above"): 3}


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


def test_a_step_that_asks_is_waited_for_since_it_asks() -> None:
    cache = Cache()
    asks = {
        "type": "AwaitingApproval", "status": "True", "reason": "Asks", "message": "",
        "lastTransitionTime": "2026-01-01T12:09:00Z", "observedGeneration": 1,
    }  # fmt: skip
    cache.upsert(ROLLOUTS, rollout(phase="AwaitingApproval", promotion="web-2", conditions=[asks]))
    cache.upsert(PROMOTIONS, promotion(phase="AwaitingApproval", startedAt="2026-01-01T06:00:00Z"))
    name = {**OF_WEB, "promotion": "web-2"}
    assert fleet(cache).get_sample_value("slipway_promotion_waiting_for_approval_seconds", name) == 60


def test_a_rollout_that_is_deleted_takes_its_series_with_it() -> None:
    cache = Cache()
    cache.upsert(ROLLOUTS, rollout(phase="Healthy"))
    assert b'rollout="web"' in generate_latest(fleet(cache))
    cache.remove(ROLLOUTS, rollout(2))
    assert b'rollout="web"' not in generate_latest(fleet(cache))


def test_what_is_beyond_the_limit_is_dropped_and_said() -> None:
    cache = Cache()
    for number in range(5):
        one = rollout(number + 1, phase="Healthy")
        one["metadata"] |= {"name": f"web-{number}", "uid": str(number)}
        one["metadata"]["creationTimestamp"] = f"2026-01-01T0{9 - number}:00:00Z"
        cache.upsert(ROLLOUTS, one)
    found = fleet(cache, limit=2)
    text = generate_latest(found).decode()
    assert {name for name in ("web-0", "web-1", "web-2", "web-3", "web-4") if name in text} == {"web-3", "web-4"}
    dropped = "slipway_metrics_dropped_objects"
    assert found.get_sample_value(dropped, {"resource": "rollouts.slipway.dev"}) == 3
    assert found.get_sample_value(dropped, {"resource": "promotions.slipway.dev"}) == 0


def test_figures_about_launches_are_the_same_after_a_restart() -> None:
    cache = Cache()
    target = {"rollout": "web", "uid": "r", "revision": "b", "digest": "b", "images": []}
    entry = {"revision": "c", "promotion": "web-3", "outcome": "RolledBack", "at": "2026-01-01T12:05:00Z"}
    cache.upsert(ROLLOUTS, rollout(phase="Healthy", history=[entry]))
    done = promotion(phase="Succeeded", target=target, shiftedAt="2026-01-01T12:02:00Z")
    done["metadata"]["annotations"] = {dora.COMMIT_TIME: "2026-01-01T13:00:00+02:00"}
    cache.upsert(PROMOTIONS, done)
    failed = promotion(
        phase="RolledBack", target=target, approvedAt="2026-01-01T12:03:00Z", shiftedAt="2026-01-01T12:04:00Z",
        finishedAt="2026-01-01T12:05:20Z",
    )  # fmt: skip
    failed["metadata"] |= {"name": "web-3", "uid": "q"}
    cache.upsert(PROMOTIONS, failed)
    of_launch = {**OF_WEB, "environment": "production"}
    for found in (fleet(cache).get_sample_value, fleet(cache).get_sample_value):
        assert found("slipway_dora_deployments", of_launch) == 2
        assert found("slipway_dora_failures", of_launch) == 1
        assert found("slipway_dora_change_failure_ratio", of_launch) == 0.5
        assert found("slipway_dora_lead_time_seconds", of_launch) == (3720 + 240) / 2
        assert found("slipway_dora_time_to_restore_seconds", of_launch) == 20


def test_a_promotion_of_another_rollout_of_the_same_name_does_not_count() -> None:
    cache = Cache()
    cache.upsert(ROLLOUTS, rollout(phase="Healthy"))
    target = {"rollout": "web", "uid": "older", "revision": "b", "digest": "b", "images": []}
    cache.upsert(PROMOTIONS, promotion(phase="Succeeded", target=target, shiftedAt="2026-01-01T12:02:00Z"))
    of_launch = {**OF_WEB, "environment": "production"}
    assert fleet(cache).get_sample_value("slipway_dora_deployments", of_launch) == 0
