"""Figures about launches, of each Rollout and of the last thirty days, as metrics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from prometheus_client.core import GaugeMetricFamily, Metric

from slipway.api.promotion_status import PromotionStatus, read_status
from slipway.api.rollout import RolloutStatus
from slipway.cluster.api import Object
from slipway.core import dora, instants

_LABELS = ("namespace", "rollout", "environment")


class LaunchFigures:
    """Derives them from Promotions and histories. What an object says is read once for each of its versions."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[str, PromotionStatus]] = {}

    def collect(
        self,
        rollouts: Iterable[Object],
        statuses: Mapping[tuple[str, str], RolloutStatus],
        promotions: Sequence[Object],
        now: datetime,
    ) -> Iterator[Metric]:
        """The families; `statuses` by namespace and name of the Rollouts."""
        deployments = _family("slipway_dora_deployments", "Versions that all traffic moved to, of the last 30 days.")
        failures = _family("slipway_dora_failures", "Versions that were taken back or failed, of the last 30 days.")
        ratio = _family("slipway_dora_change_failure_ratio", "Share of versions that failed, of the last 30 days.")
        lead = _family("slipway_dora_lead_time_seconds", "From commit to all traffic: median of the last 30 days.")
        restore = _family(
            "slipway_dora_time_to_restore_seconds",
            "From the decision to go back until traffic is back: median of the last 30 days.",
        )
        of_rollout = self._by_rollout(promotions)
        for rollout in rollouts:
            key = rollout["metadata"]["namespace"], rollout["metadata"]["name"]
            labels = (*key, str((rollout.get("spec") or {}).get("environment") or ""))
            found = dora.figures(list(_changes(statuses[key], of_rollout[key], rollout)), now)
            deployments.add_metric(labels, found.deployments)
            failures.add_metric(labels, found.failures)
            if found.failure_ratio is not None:
                ratio.add_metric(labels, found.failure_ratio)
            for family, length in ((lead, found.lead), (restore, found.restore)):
                if length is not None:
                    family.add_metric(labels, length / timedelta(seconds=1))
        yield from (deployments, failures, ratio, lead, restore)

    def _by_rollout(
        self, promotions: Iterable[Object]
    ) -> Mapping[tuple[str, str], list[tuple[Object, PromotionStatus]]]:
        found: defaultdict[tuple[str, str], list[tuple[Object, PromotionStatus]]] = defaultdict(list)
        read: dict[str, tuple[str, PromotionStatus]] = {}
        for promotion in promotions:
            meta, spec = promotion["metadata"], promotion.get("spec") or {}
            version, known = str(meta["resourceVersion"]), self._read.get(meta["uid"])
            status = known[1] if known is not None and known[0] == version else read_status(promotion)
            read[meta["uid"]] = version, status
            found[meta["namespace"], str(spec.get("rollout") or "")].append((promotion, status))
        self._read = read
        return found


def _family(name: str, words: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, labels=_LABELS)


def _changes(
    status: RolloutStatus, promotions: Iterable[tuple[Object, PromotionStatus]], rollout: Object
) -> Iterator[dora.Change]:
    told: set[str] = set()
    for promotion, of_it in promotions:
        meta = promotion["metadata"]
        if of_it.target is not None and of_it.target.uid != rollout["metadata"]["uid"]:
            continue  # about another Rollout of this name
        told.add(meta["name"])
        committed = (meta.get("annotations") or {}).get(dora.COMMIT_TIME)
        change = dora.of_promotion(
            meta["name"],
            of_it,
            instants.parse(meta.get("creationTimestamp")),
            instants.parse(committed),
            status.history,
        )
        if change is not None:
            yield change
    yield from dora.of_history(status.history, frozenset(told))
