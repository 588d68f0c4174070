"""Counts of what this process has seen launches come to. What has to survive a restart is told from objects: `fleet`.

Only what ended since this replica leads counts, so that two replicas do not count one launch twice. Labels come from
Rollouts that exist: one that is deleted takes its series with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from slipway.api.promotion_status import PromotionStatus, read_status
from slipway.api.rollout import RolloutStatus
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.cluster.cache import Change
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS
from slipway.core import charge, dora, instants
from slipway.core.conditions import find

OUTCOMES = charge.FINAL - {"Superseded", "DryRunComplete"}
"""What a launch can come to. What was superseded or tried dry was none."""
MOST_ROLLOUTS = 2000
OF_ROLLOUT = ("namespace", "rollout", "environment")
_LONG = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 86400.0, 7 * 86400.0)
_EVER = datetime.min.replace(tzinfo=UTC)
_REST = ("", "", "")
"""The labels of all that is counted beyond the limit, so that sums stay right."""

Labels = tuple[str, str, str]


class Launches:
    """Counts what Promotions come to, and moves of traffic, from the changes of statuses.

    `rollout` finds one by namespace and name. `since`: from when on this replica leads, None while it does not.
    `limit`: how many Rollouts get series of their own.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        rollout: Callable[[str, str], Object | None],
        since: Callable[[], datetime | None] = lambda: _EVER,
        limit: int = MOST_ROLLOUTS,
    ) -> None:
        self._rollout = rollout
        self._since = since
        self._limit = limit
        self._series: defaultdict[tuple[str, str], set[tuple[MetricWrapperBase, tuple[str, ...]]]] = defaultdict(set)
        self._launches = Counter(
            "slipway_launches", "Launches that ended, by outcome.", (*OF_ROLLOUT, "outcome"), registry=registry
        )
        self._shifts = Counter(
            "slipway_rollout_shifts", "How often the share of a candidate grew.", OF_ROLLOUT, registry=registry
        )
        self._rollbacks = Counter(
            "slipway_rollout_rollbacks",
            "How often a revision that had traffic was sent back.",
            OF_ROLLOUT,
            registry=registry,
        )

        def lasting(name: str, words: str) -> Histogram:
            return Histogram(name, words, OF_ROLLOUT, buckets=_LONG, registry=registry)

        self._waited = lasting("slipway_launch_approval_wait_seconds", "From the begin of the checks to the approval.")
        self._lead = lasting(
            "slipway_launch_lead_time_seconds", "From the creation of the Promotion to a verified launch."
        )
        self._restored = lasting(
            "slipway_launch_time_to_restore_seconds", "From the decision to go back until traffic is back."
        )

    def expect(self, rollout: Object) -> None:
        """Begin its counts at 0: of one that first shows as 1, `increase` sees nothing."""
        meta = rollout["metadata"]
        labels = (str(meta["namespace"]), str(meta["name"]), _environment(rollout))
        for outcome in sorted(OUTCOMES):
            self._launches.labels(*self._admitted(self._launches, labels, (outcome,)))
        for metric in (self._shifts, self._rollbacks):
            metric.labels(*self._admitted(metric, labels, ()))

    def expect_lengths(self, promotion: Object) -> None:
        """Begin the histograms of its Rollout at 0, while it is under way: most Rollouts at rest need none of them."""
        if read_status(promotion).phase not in charge.FINAL and (labels := self._labels(promotion)) is not None:
            for metric in (self._waited, self._lead, self._restored):
                metric.labels(*self._admitted(metric, labels, ()))

    def observe(self, change: Change) -> None:
        """Take in a change of any object; only what it says of a launch counts."""
        if change.kind == ROLLOUTS and change.after is None and change.before is not None:
            meta = change.before["metadata"]
            for metric, labels in self._series.pop((meta["namespace"], meta["name"]), ()):
                metric.remove(*labels)
        since = self._since()
        if since is None or change.after is None:
            return
        if change.before is None:
            if change.kind == ROLLOUTS:
                self.expect(change.after)
            elif change.kind == PROMOTIONS:
                self.expect_lengths(change.after)
            return
        if change.kind == PROMOTIONS:
            self._promotion(change.before, change.after, since)
        elif change.kind == ROLLOUTS:
            self._moves(change.before, change.after, since)

    def _promotion(self, old: Object, new: Object, since: datetime) -> None:
        labels = self._labels(new)
        if labels is None:
            return
        self.expect_lengths(new)
        before, after = read_status(old), read_status(new)
        approved, started = after.approved_at, after.started_at
        if before.approved_at is None and approved is not None and started is not None and approved >= since:
            self._took(self._waited, labels, started, approved)
        done = _succeeded(after)
        if _succeeded(before) is None and done is not None and done >= since:
            self._count(self._launches, labels, "Succeeded")
            created = instants.parse(new["metadata"].get("creationTimestamp"))
            if created is not None:
                self._took(self._lead, labels, created, done)
        ended = after.phase in OUTCOMES - {"Succeeded"} and before.phase not in charge.FINAL
        if ended and (after.finished_at is None or after.finished_at >= since):
            self._count(self._launches, labels, after.phase)
            self._time_to_restore(labels, after)

    def _labels(self, promotion: Object) -> Labels | None:
        """None for one that names another environment: it never leads, and anybody could make labels by it."""
        spec = promotion.get("spec") or {}
        name, environment = str(spec.get("rollout") or ""), str(spec.get("environment") or "")
        rollout = self._rollout(str(promotion["metadata"]["namespace"]), name)
        if rollout is not None and environment != _environment(rollout):
            return None
        return str(promotion["metadata"]["namespace"]), name, environment

    def _time_to_restore(self, labels: Labels, after: PromotionStatus) -> None:
        rollout = self._rollout(labels[0], labels[1])
        rejected = read_rollout_status(rollout).rejected if rollout is not None else None
        ours = after.target is not None and rejected is not None and rejected.revision == after.target.revision
        decided = rejected.at if ours and rejected is not None and dora.had_traffic(after) else None
        if decided is not None and after.finished_at is not None:
            self._took(self._restored, labels, decided, after.finished_at)

    def _moves(self, old: Object, new: Object, since: datetime) -> None:
        before, after = read_rollout_status(old), read_rollout_status(new)
        meta = new["metadata"]
        labels = (str(meta["namespace"]), str(meta["name"]), _environment(new))
        candidate = after.candidate
        if candidate is not None and candidate.weight > _share(before, candidate.revision):
            self._count(self._shifts, labels)
        rejected, known = after.rejected, before.rejected
        if rejected is None or rejected.at is None or rejected.at < since:
            return
        if known is not None and (known.revision, known.at) == (rejected.revision, rejected.at):
            return
        if _share(before, rejected.revision) > 0:
            self._count(self._rollbacks, labels)

    def _count(self, metric: Counter, labels: Labels, *more: str) -> None:
        metric.labels(*self._admitted(metric, labels, more)).inc()

    def _took(self, metric: Histogram, labels: Labels, start: datetime, end: datetime) -> None:
        metric.labels(*self._admitted(metric, labels, ())).observe((end - start).total_seconds())

    def _admitted(self, metric: MetricWrapperBase, labels: Labels, more: tuple[str, ...]) -> tuple[str, ...]:
        key = labels[:2]
        full = key not in self._series and len(self._series) >= self._limit
        if full or self._rollout(*key) is None:
            return (*_REST, *more)
        self._series[key].add((metric, (*labels, *more)))
        return (*labels, *more)


def _environment(rollout: Object) -> str:
    return str((rollout.get("spec") or {}).get("environment") or "")


def _share(status: RolloutStatus, revision: str) -> int:
    """Percent of the traffic that a revision had."""
    if status.candidate is not None and status.candidate.revision == revision:
        return status.candidate.weight
    return 100 if status.stable is not None and status.stable.revision == revision else 0


def _succeeded(status: PromotionStatus) -> datetime | None:
    found = find(status.conditions, "Succeeded")
    return found.last_transition_time if found is not None and found.status == "True" else None
