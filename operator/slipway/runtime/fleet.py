"""Metrics about what is launched: one set for each Rollout, read from the objects when somebody asks.

Only the leader has them, so that two replicas do not tell the same twice. Labels come from names that exist: a Rollout
or Promotion that is deleted, or finished, takes its series with it. Nothing is counted here, so that a restart changes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from slipway.api.promotion_status import read_status
from slipway.api.rollout import RolloutStatus
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.cluster.cache import Cache
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS
from slipway.core import bounds, charge
from slipway.core.conditions import find
from slipway.runtime.launch_figures import LaunchFigures
from slipway.runtime.launches import MOST_ROLLOUTS

_OF_ROLLOUT = ("namespace", "rollout")
Statuses = Mapping[tuple[str, str], RolloutStatus]


class Fleet(Collector):
    """What every Rollout does now. `leads`: whether this replica leads; `limit`: how many get series of their own."""

    def __init__(
        self, cache: Cache, leads: Callable[[], bool], clock: Callable[[], datetime], limit: int = MOST_ROLLOUTS
    ) -> None:
        self._cache = cache
        self._leads = leads
        self._clock = clock
        self._limit = limit
        self._figures = LaunchFigures()

    def describe(self) -> Iterable[Metric]:
        """Nothing is read from the cluster in order to register."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families, each with a sample for each Rollout or Promotion that has one."""
        if not self._leads():
            return
        rollouts, promotions = self._cache.all(ROLLOUTS), self._cache.all(PROMOTIONS)
        unfinished = [promotion for promotion in promotions if _phase(promotion) not in charge.FINAL]
        shown, waiting = _oldest(rollouts, self._limit), _oldest(unfinished, self._limit)
        statuses = {_name(rollout): read_rollout_status(rollout) for rollout in shown}
        now = self._clock()
        yield from _of_rollouts(shown, statuses)
        yield from _of_promotions(waiting, statuses, now)
        yield from self._figures.collect(shown, statuses, promotions, now)
        dropped = GaugeMetricFamily(
            "slipway_metrics_dropped_objects", "Objects without series of their own: too many.", labels=("resource",)
        )
        dropped.add_metric((ROLLOUTS.name,), len(rollouts) - len(shown))
        dropped.add_metric((PROMOTIONS.name,), len(unfinished) - len(waiting))
        yield dropped


def _oldest(objects: list[Object], limit: int) -> list[Object]:
    """Those that were there first, so that a newer one takes nobody's series away."""
    if len(objects) <= limit:
        return objects

    def age(obj: Object) -> tuple[str, tuple[str, str]]:
        return str(obj["metadata"].get("creationTimestamp") or ""), _name(obj)

    return sorted(objects, key=age)[:limit]


def _name(obj: Object) -> tuple[str, str]:
    return str(obj["metadata"]["namespace"]), str(obj["metadata"]["name"])


def _phase(promotion: Object) -> object:
    status = promotion.get("status")
    phase = status.get("phase") if isinstance(status, Mapping) else None
    return phase if isinstance(phase, str) else None


def _of_rollouts(rollouts: Iterable[Object], statuses: Statuses) -> Iterator[Metric]:
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
        name, spec = _name(rollout), rollout.get("spec") or {}
        status = statuses[name]
        if status.phase:
            phase.add_metric((*name, str(spec.get("environment") or ""), status.phase), 1)
        if status.candidate is not None:
            weight.add_metric(name, status.candidate.weight)
        for gate in status.judged:
            verdict.add_metric((*name, gate.name, gate.verdict), 1)
            if gate.value is not None:
                value.add_metric((*name, gate.name), gate.value)
        for gate_name, side, number in bounds.in_force(status, spec):
            bound.add_metric((*name, gate_name, side), number)
    yield from (phase, weight, value, verdict, bound)


def _of_promotions(promotions: Iterable[Object], statuses: Statuses, now: datetime) -> Iterator[Metric]:
    labels = (*_OF_ROLLOUT, "promotion")
    phase = GaugeMetricFamily(
        "slipway_promotion_phase", "1 for the phase of one that has not ended.", labels=(*labels, "phase")
    )
    waiting = GaugeMetricFamily(
        "slipway_promotion_waiting_for_approval_seconds", "How long one waits for a person.", labels=labels
    )
    for promotion in promotions:
        status, (namespace, own) = read_status(promotion), _name(promotion)
        if not status.phase:
            continue
        name = namespace, str((promotion.get("spec") or {}).get("rollout") or ""), own
        phase.add_metric((*name, status.phase), 1)
        if status.phase == "AwaitingApproval" and status.started_at is not None:
            asked_at = max(status.started_at, _asked_at(statuses.get(name[:2]), own) or status.started_at)
            waiting.add_metric(name, max(0.0, (now - asked_at).total_seconds()))
    yield from (phase, waiting)


def _asked_at(rollout: RolloutStatus | None, promotion: str) -> datetime | None:
    """Since when a person is waited for: a step of a canary asks long after the checks began."""
    if rollout is None or rollout.promotion != promotion:
        return None
    found = find(rollout.conditions, "AwaitingApproval")
    return found.last_transition_time if found is not None and found.status == "True" else None
