"""The operator's own Prometheus metrics."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from slipway.cluster.resources import Resource

# One more series for each counter and histogram, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Telemetry:
    """One set of metrics in a registry of its own, so that several operators fit into one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.reconcile_seconds = Histogram(
            "slipway_reconcile_duration_seconds",
            "One pass over one Rollout.",
            buckets=_FAST,
            registry=self.registry,
        )
        self.reconcile_errors = Counter(
            "slipway_reconcile_errors", "Passes that failed.", ["error"], registry=self.registry
        )
        self.queue_wait_seconds = Histogram(
            "slipway_queue_wait_seconds",
            "From the moment a Rollout is due until a worker takes it.",
            buckets=_FAST,
            registry=self.registry,
        )
        self.queue_depth = Gauge("slipway_queue_depth", "Rollouts that are due and wait.", registry=self.registry)
        self.longest_pass = Gauge(
            "slipway_reconcile_longest_running_seconds",
            "How long the longest of the passes under way has taken so far.",
            registry=self.registry,
        )
        self.failing = Gauge("slipway_reconcile_failing", "Rollouts whose last pass failed.", registry=self.registry)
        self.leader = Gauge("slipway_leader", "1 while this replica holds the lease.", registry=self.registry)
        self.lease_epoch = Gauge(
            "slipway_lease_transitions", "How often the lease has changed hands.", registry=self.registry
        )
        self.loop_lag = Gauge("slipway_event_loop_lag_seconds", "How late the event loop runs.", registry=self.registry)
        self.probes = Gauge(
            "slipway_probes", "Gate queries, smoke tests, dry runs and notices under way.", registry=self.registry
        )
        self.cached = Gauge("slipway_cached_objects", "Objects in the cache.", ["resource"], registry=self.registry)
        self.missed = Counter(
            "slipway_watch_missed",
            "Objects whose change a listing found and no watch had reported.",
            ["resource"],
            registry=self.registry,
        )
        self.watch_age = Gauge(
            "slipway_watch_age_seconds",
            "Since a watch or a listing last said how a kind is.",
            ["resource"],
            registry=self.registry,
        )
        self.notices = Counter(
            "slipway_notices",
            "Notices by channel; result: delivered, or failed when it was given up.",
            ["channel", "result"],
            registry=self.registry,
        )
        self._queries = Counter(
            "slipway_source_queries",
            "Queries to metrics sources; result: value, no-data or error.",
            ["source", "result"],
            registry=self.registry,
        )
        self._query_seconds = Histogram(
            "slipway_source_query_duration_seconds",
            "Queries to metrics sources, waiting for a free slot included.",
            ["source"],
            buckets=_FAST,
            registry=self.registry,
        )
        self._requests = Counter(
            "slipway_api_requests",
            "Requests to the API server; code 0: no answer.",
            ["verb", "resource", "code"],
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "slipway_api_request_duration_seconds",
            "Requests to the API server.",
            ["verb"],
            buckets=_FAST,
            registry=self.registry,
        )

    def expect_notices(self, channels: Iterable[str]) -> None:
        """Begin the counts of these channels at 0: of one that first shows as 1, `increase` sees nothing."""
        for channel in channels:
            for result in ("delivered", "failed"):
                self.notices.labels(channel, result)

    def observe_notice(self, channel: str, result: str) -> None:
        """Count one notice."""
        self.notices.labels(channel, result).inc()

    def observe_query(self, source: str, result: str, seconds: float) -> None:
        """Count one query to a metrics source."""
        self._queries.labels(source, result).inc()
        self._query_seconds.labels(source).observe(seconds)

    def observe_request(self, verb: str, kind: Resource, code: int, seconds: float) -> None:
        """Count one API request."""
        self._requests.labels(verb, kind.name if kind.plural else "", str(code)).inc()
        self._request_seconds.labels(verb).observe(seconds)
