"""Metrics about what is launched: one set for each Rollout, from the statuses, and counts of what came of launches.

Only the leader has them, so that two replicas do not count twice. Labels come from names that exist: a Rollout or
Promotion that is deleted, or finished, takes its series with it. Counts and times of launches are by Rollout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from slipway.api.promotion import PromotionStatus, read_status
from slipway.api.rollout import RolloutStatus
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.cluster.cache import Cache, Change
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS
from slipway.core import charge, instants
from slipway.core.conditions import find

OUTCOMES = charge.FINAL - {"Superseded", "DryRunComplete"}
"""What a launch can come to. What was superseded or tried dry was none."""
_LONG = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 86400.0, 7 * 86400.0)
_OF_ROLLOUT = ("namespace", "rollout")


class Launches:
    """Counts what Promotions come to, from the changes of their statuses."""

    def __init__(self, registry: CollectorRegistry, rollout: Callable[[str, str], Object | None]) -> None:
        self._rollout = rollout
        labels = (*_OF_ROLLOUT, "environment")
        self._launches = Counter(
            "slipway_launches", "Launches that ended, by outcome.", (*labels, "outcome"), registry=registry
        )
        self._waited = Histogram(
            "slipway_launch_approval_wait_seconds",
            "From the begin of the checks to the approval.",
            labels,
            buckets=_LONG,
            registry=registry,
        )
        self._lead = Histogram(
            "slipway_launch_lead_time_seconds",
            "From the creation of the Promotion to a verified launch.",
            labels,
            buckets=_LONG,
            registry=registry,
        )
        self._restored = Histogram(
            "slipway_launch_time_to_restore_seconds",
            "From the decision to go back until traffic is back.",
            labels,
            buckets=_LONG,
            registry=registry,
        )

    def observe(self, change: Change) -> None:
        """Take in a change of any object; only what a Promotion has come to by it counts."""
        if change.kind != PROMOTIONS or change.before is None or change.after is None:
            return
        before, after = read_status(change.before), read_status(change.after)
        meta, spec = change.after["metadata"], change.after.get("spec") or {}
        labels = (meta["namespace"], str(spec.get("rollout") or ""), str(spec.get("environment") or ""))
        if before.approved_at is None and after.approved_at is not None and after.started_at is not None:
            self._waited.labels(*labels).observe(_seconds(after.started_at, after.approved_at))
        if not _succeeded(before) and _succeeded(after):
            self._launches.labels(*labels, "Succeeded").inc()
            created, done = instants.parse(meta.get("creationTimestamp")), _succeeded(after)
            if created is not None and done is not None:
                self._lead.labels(*labels).observe(_seconds(created, done))
        if after.phase in OUTCOMES - {"Succeeded"} and before.phase not in charge.FINAL:
            self._launches.labels(*labels, after.phase).inc()
            self._time_to_restore(labels, after)

    def _time_to_restore(self, labels: tuple[str, str, str], after: PromotionStatus) -> None:
        rollout = self._rollout(labels[0], labels[1])
        rejected = read_rollout_status(rollout).rejected if rollout is not None else None
        ours = after.target is not None and rejected is not None and rejected.revision == after.target.revision
        moved = after.approved_at is not None
        if ours and moved and rejected is not None and rejected.at is not None and after.finished_at is not None:
            self._restored.labels(*labels).observe(_seconds(rejected.at, after.finished_at))


class Fleet(Collector):
    """What every Rollout does now, read from the cache when somebody asks. `leads`: whether this replica leads."""

    def __init__(self, cache: Cache, leads: Callable[[], bool], clock: Callable[[], datetime]) -> None:
        self._cache = cache
        self._leads = leads
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing is read from the cluster in order to register."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families, each with a sample for each Rollout or Promotion that has one."""
        if not self._leads():
            return
        yield from _of_rollouts(self._cache.all(ROLLOUTS))
        yield from _of_promotions(self._cache.all(PROMOTIONS), self._clock())


def _of_rollouts(rollouts: Iterable[Object]) -> Iterator[Metric]:
    phase = GaugeMetricFamily(
        "slipway_rollout_phase", "1 for the phase that it is in.", labels=(*_OF_ROLLOUT, "environment", "phase")
    )
    weight = GaugeMetricFamily(
        "slipway_rollout_candidate_weight_percent", "Share of the traffic that the candidate has.", labels=_OF_ROLLOUT
    )
    value = GaugeMetricFamily(
        "slipway_rollout_gate_value", "Last measurement of a gate.", labels=(*_OF_ROLLOUT, "gate")
    )
    verdict = GaugeMetricFamily(
        "slipway_rollout_gate_verdict", "1 for the last verdict of a gate.", labels=(*_OF_ROLLOUT, "gate", "verdict")
    )
    bound = GaugeMetricFamily(
        "slipway_rollout_gate_bound", "What a gate must keep.", labels=(*_OF_ROLLOUT, "gate", "bound")
    )
    for rollout in rollouts:
        name = rollout["metadata"]["namespace"], rollout["metadata"]["name"]
        status, spec = read_rollout_status(rollout), rollout.get("spec") or {}
        if status.phase:
            phase.add_metric((*name, str(spec.get("environment") or ""), status.phase), 1)
        if status.candidate is not None:
            weight.add_metric(name, status.candidate.weight)
        for gate in _gates(status):
            verdict.add_metric((*name, gate.name, gate.verdict), 1)
            if gate.value is not None:
                value.add_metric((*name, gate.name), gate.value)
        for gate_name, side, number in _bounds(spec):
            bound.add_metric((*name, gate_name, side), number)
    yield from (phase, weight, value, verdict, bound)


def _gates(status: RolloutStatus) -> Iterable[Any]:
    """Those of the candidate; of stable while it is watched and there is no candidate."""
    return status.gates or (status.watch.gates if status.watch is not None else [])


def _bounds(spec: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
    analysis = spec.get("analysis")
    gates = analysis.get("gates") if isinstance(analysis, Mapping) else None
    for gate in gates if isinstance(gates, list) else []:
        if isinstance(gate, Mapping):
            for side in ("below", "above"):
                if isinstance(number := gate.get(side), int | float):
                    yield str(gate.get("name")), side, float(number)


def _of_promotions(promotions: Iterable[Object], now: datetime) -> Iterator[Metric]:
    labels = (*_OF_ROLLOUT, "promotion")
    phase = GaugeMetricFamily(
        "slipway_promotion_phase", "1 for the phase of one that has not ended.", labels=(*labels, "phase")
    )
    waiting = GaugeMetricFamily(
        "slipway_promotion_waiting_for_approval_seconds", "How long one waits for a person.", labels=labels
    )
    for promotion in promotions:
        status, meta = read_status(promotion), promotion["metadata"]
        if not status.phase or status.phase in charge.FINAL:
            continue
        name = meta["namespace"], str((promotion.get("spec") or {}).get("rollout") or ""), meta["name"]
        phase.add_metric((*name, status.phase), 1)
        if status.phase == "AwaitingApproval" and status.started_at is not None:
            waiting.add_metric(name, max(0.0, _seconds(status.started_at, now)))
    yield from (phase, waiting)


def _succeeded(status: PromotionStatus) -> datetime | None:
    found = find(status.conditions, "Succeeded")
    return found.last_transition_time if found is not None and found.status == "True" else None


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()
