"""Counts of what launches come to: each once, in one process, and no series of what is gone."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from slipway.cluster.cache import Change
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS
from slipway.runtime.launches import Launches

OF_WEB = {"namespace": "shop", "rollout": "web", "environment": "production"}
REST = {"namespace": "", "rollout": "", "environment": ""}
SUCCEEDED = {
    "type": "Succeeded", "status": "True", "reason": "Watching", "message": "",
    "lastTransitionTime": "2026-01-01T12:05:00Z", "observedGeneration": 1,
}  # fmt: skip
ENDED_AT = datetime(2026, 1, 1, 12, 5, tzinfo=UTC)


def rollout(version: int = 1, name: str = "web", **status: Any) -> dict[str, Any]:
    meta = {"namespace": "shop", "name": name, "uid": "r", "resourceVersion": str(version)}
    return {"metadata": meta, "spec": {"environment": "production"}, "status": status}


def promotion(version: int = 1, of: str = "web", environment: str = "production", **status: Any) -> dict[str, Any]:
    meta = {"namespace": "shop", "name": "web-2", "uid": "p", "resourceVersion": str(version)}
    meta["creationTimestamp"] = "2026-01-01T12:00:00Z"
    return {"metadata": meta, "spec": {"rollout": of, "environment": environment}, "status": status}


def launches(known: dict[str, Any] | None = None, **options: Any) -> tuple[Launches, CollectorRegistry]:
    registry = CollectorRegistry()
    return Launches(registry, lambda namespace, name: known or rollout(name=name), **options), registry


def change(before: dict[str, Any], after: dict[str, Any], of: str = "web") -> Change:
    return Change(PROMOTIONS, promotion(1, of, **before), promotion(2, of, **after))


SUCCESS = ({"phase": "Shifting"}, {"phase": "Watching", "conditions": [SUCCEEDED]})


def test_a_success_is_counted_when_verification_ends_and_not_again_when_the_watch_does() -> None:
    observer, registry = launches()
    observer.observe(change({"phase": "Shifting"}, {"phase": "Watching", "conditions": [SUCCEEDED]}))
    observer.observe(
        change({"phase": "Watching", "conditions": [SUCCEEDED]}, {"phase": "Succeeded", "conditions": [SUCCEEDED]})
    )
    found = registry.get_sample_value
    assert found("slipway_launches_total", {**OF_WEB, "outcome": "Succeeded"}) == 1
    assert found("slipway_launch_lead_time_seconds_sum", OF_WEB) == 300


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
    assert found("slipway_launches_total", {**OF_WEB, "outcome": "RolledBack"}) == 1
    assert found("slipway_launch_time_to_restore_seconds_sum", OF_WEB) == 4
    assert found("slipway_launch_approval_wait_seconds_sum", OF_WEB) == 60


def test_what_no_user_met_restores_nobody() -> None:
    target = {"rollout": "web", "uid": "r", "revision": "3f2a9c01de", "digest": "3f", "images": []}
    rejected = {"revision": "3f2a9c01de", "reason": "aborted", "at": "2026-01-01T12:05:00Z"}
    observer, registry = launches(rollout(rejected=rejected))
    after = {"phase": "Aborted", "target": target, "approvedAt": "2026-01-01T12:01:00Z"}
    after["finishedAt"] = "2026-01-01T12:05:04Z"
    observer.observe(change({"phase": "Approved", "target": target}, after))
    found = registry.get_sample_value
    assert found("slipway_launches_total", {**OF_WEB, "outcome": "Aborted"}) == 1
    assert not found("slipway_launch_time_to_restore_seconds_count", OF_WEB)
    observer.observe(change({"phase": "Shifting", "target": target}, {**after, "shiftedAt": "2026-01-01T12:04:00Z"}))
    assert found("slipway_launch_time_to_restore_seconds_count", OF_WEB) == 1


def test_nobody_makes_series_by_naming_environments() -> None:
    observer, registry = launches()
    for name in ("x0", "x1", ""):
        after = promotion(2, environment=name, phase="Aborted", startedAt="2026-01-01T12:00:00Z")
        observer.observe(Change(PROMOTIONS, promotion(environment=name, phase="Blocked"), after))
    assert b"slipway_launches_total{" not in generate_latest(registry)


def test_what_was_superseded_or_seen_for_the_first_time_is_no_launch() -> None:
    observer, registry = launches()
    observer.observe(change({"phase": "Checking"}, {"phase": "Superseded"}))
    observer.observe(Change(PROMOTIONS, None, promotion(phase="RolledBack")))
    observer.observe(Change(ROLLOUTS, rollout(), rollout(2)))
    assert b"slipway_launches_total{" not in generate_latest(registry)


def test_what_ended_before_this_replica_led_was_counted_by_the_one_before() -> None:
    for since, counted in ((ENDED_AT + timedelta(seconds=1), None), (ENDED_AT, 1), (None, None)):
        observer, registry = launches(since=lambda since=since: since)
        observer.observe(change(*SUCCESS))
        assert registry.get_sample_value("slipway_launches_total", {**OF_WEB, "outcome": "Succeeded"}) == counted


def test_shares_that_grow_and_revisions_that_are_sent_back_are_counted() -> None:
    observer, registry = launches()
    found = registry.get_sample_value
    at_10 = {"candidate": {"revision": "b", "weight": 10}, "stable": {"revision": "a"}}
    at_50 = {"candidate": {"revision": "b", "weight": 50}, "stable": {"revision": "a"}}
    back = {"rejected": {"revision": "b", "at": "2026-01-01T12:05:00Z"}, "stable": {"revision": "a"}}
    states = [{"stable": {"revision": "a"}}, at_10, at_10, at_50, {**at_50, **back}, back]
    for number, (before, after) in enumerate(itertools.pairwise(states)):
        observer.observe(Change(ROLLOUTS, rollout(number + 1, **before), rollout(number + 2, **after)))
    assert found("slipway_rollout_shifts_total", OF_WEB) == 2
    assert found("slipway_rollout_rollbacks_total", OF_WEB) == 1


def test_a_revision_that_never_had_traffic_is_not_rolled_back() -> None:
    observer, registry = launches()
    waits = {"candidate": {"revision": "b", "weight": 0}, "stable": {"revision": "a"}}
    ended = {"rejected": {"revision": "b", "at": "2026-01-01T12:05:00Z"}, "stable": {"revision": "a"}}
    observer.observe(Change(ROLLOUTS, rollout(1, **waits), rollout(2, **ended)))
    assert registry.get_sample_value("slipway_rollout_rollbacks_total", OF_WEB) is None


def test_a_rollout_that_is_deleted_takes_its_counts_with_it() -> None:
    observer, registry = launches()
    observer.observe(change(*SUCCESS))
    assert b'rollout="web"' in generate_latest(registry)
    observer.observe(Change(ROLLOUTS, rollout(), None))
    assert b'rollout="web"' not in generate_latest(registry)


def test_more_rollouts_than_there_may_be_are_counted_together() -> None:
    observer, registry = launches(limit=1)
    for name in ("web", "api", "web", "shop"):
        observer.observe(change(*SUCCESS, of=name))
    found = registry.get_sample_value
    assert found("slipway_launches_total", {**OF_WEB, "outcome": "Succeeded"}) == 2
    assert found("slipway_launches_total", {**REST, "outcome": "Succeeded"}) == 2
    assert b"api" not in generate_latest(registry)


def test_counts_begin_at_zero_so_that_the_first_of_them_is_an_increase() -> None:
    observer, registry = launches()
    observer.observe(Change(ROLLOUTS, None, rollout()))
    for outcome in ("Succeeded", "RolledBack", "Failed", "Aborted"):
        assert registry.get_sample_value("slipway_launches_total", {**OF_WEB, "outcome": outcome}) == 0
    assert registry.get_sample_value("slipway_rollout_rollbacks_total", OF_WEB) == 0
    observer.observe(change(*SUCCESS))
    observer.observe(Change(ROLLOUTS, rollout(), None))
    assert b'rollout="web"' not in generate_latest(registry)


def test_lengths_begin_at_zero_with_a_launch_and_not_before() -> None:
    def counts() -> list[float | None]:
        names = ("lead_time", "approval_wait", "time_to_restore")
        return [registry.get_sample_value(f"slipway_launch_{name}_seconds_count", OF_WEB) for name in names]

    observer, registry = launches()
    observer.observe(Change(ROLLOUTS, None, rollout()))
    observer.observe(Change(PROMOTIONS, None, promotion(phase="Succeeded")))
    assert counts() == [None] * 3
    observer.observe(Change(PROMOTIONS, None, promotion()))
    assert counts() == [0] * 3


def test_a_replica_that_stands_by_expects_nothing() -> None:
    observer, registry = launches(since=lambda: None)
    observer.observe(Change(ROLLOUTS, None, rollout()))
    assert b'rollout="web"' not in generate_latest(registry)
