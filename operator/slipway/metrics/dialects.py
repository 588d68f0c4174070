"""The preset queries, per dialect of metrics, and the placeholders that queries may have."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

from slipway.api.duration import format_duration
from slipway.api.query import NAMES

Dialect = Literal["http", "traefik", "istio", "envoy-gateway"]
"""Whose metrics are read."""
Preset = Literal["error-rate", "latency-p95", "requests", "cpu", "memory"]
"""What is measured: a share of 0…1, seconds, a count in the window, cores, and bytes."""

# A revision's pods. The Deployment's name ends with ten hex digits, and a pod adds the ReplicaSet's hash and
# five characters of its own, so that the pods of no other Deployment match. The dash between the two is
# optional: the API server cuts a generated name after 58 characters, before it adds the five.
PODS = "$(deployment)-[a-z0-9]+(-[a-z0-9]{5})?"


@dataclass(frozen=True)
class QueryVariables:
    """What the placeholders of a query stand for: names, and the window over which is measured."""

    namespace: str
    rollout: str
    environment: str
    revision: str
    deployment: str
    service: str
    window: timedelta


class UnknownPlaceholder(ValueError):
    """A query has a placeholder that nothing stands for."""

    def __init__(self, found: str) -> None:
        super().__init__(f"nothing stands for {found} in the query")


def render(query: str, variables: QueryVariables) -> str:
    """`query` with its placeholders replaced; UnknownPlaceholder, which names it, where one is not known.

    The rules are those of slipway.api.query, by which queries are accepted. The window is written as PromQL's
    durations.
    """

    def value(match: re.Match[str]) -> str:
        found, name = match[0], match[1]
        if found == "$$":
            return "$"
        if name not in NAMES or not found.endswith(")"):
            raise UnknownPlaceholder(found)
        if name == "window":
            return format_duration(variables.window)
        return str(getattr(variables, name))

    return re.sub(r"\$\$|\$\(([^)]*)\)?", value, query)


# What the kubelet's cAdvisor says of containers, whatever else a source reads. Series without a container's name are
# those of the whole pod and of its sandbox, which would count everything twice.
_CONTAINERS = f'namespace="$(namespace)",pod=~"{PODS}",container!="",container!="POD"'
_RESOURCES: Mapping[Preset, str] = {
    "cpu": f"avg(sum by (pod) (rate(container_cpu_usage_seconds_total{{{_CONTAINERS}}}[$(window)])))",
    "memory": f"max(sum by (pod) (container_memory_working_set_bytes{{{_CONTAINERS}}}))",
}


@dataclass(frozen=True)
class _Metrics:
    """How a dialect names what its presets need. Selectors are label matchers without braces."""

    requests: str
    durations: str
    selector: str
    errors: str
    seconds: float = 1.0

    def presets(self) -> Mapping[Preset, str]:
        every = f"{self.requests}{{{self.selector}}}[$(window)]"
        failed = f"{self.requests}{{{self.selector},{self.errors}}}[$(window)]"
        buckets = f"{self.durations}{{{self.selector}}}[$(window)]"
        scale = "" if self.seconds == 1.0 else f" * {self.seconds}"
        return MappingProxyType(
            {
                # No series of errors while there are requests is 0 of n: hence `or vector(0)`.
                # No requests at all is no answer, not 0/0: hence `> 0`, which filters.
                "error-rate": f"(sum(rate({failed})) or vector(0)) / (sum(rate({every})) > 0)",
                "latency-p95": f"histogram_quantile(0.95, sum by (le) (rate({buckets}))){scale}",
                "requests": f"sum(increase({every}))",
                **_RESOURCES,
            }
        )


DIALECTS: Mapping[Dialect, Mapping[Preset, str]] = MappingProxyType(
    {
        # The server's own metrics, as podinfo and many Go services expose them. Its http_requests_total has
        # no label but the status, so that the kubelet's probes and Prometheus' scrapes would thin out real
        # errors; the histogram's count has the path. Series without that label match `path!~` as well.
        "http": _Metrics(
            requests="http_request_duration_seconds_count",
            durations="http_request_duration_seconds_bucket",
            selector=f'namespace="$(namespace)",pod=~"{PODS}",path!~"/?(healthz|livez|readyz|metrics)"',
            errors='status=~"5.."',
        ).presets(),
        # Traefik as Gateway calls a backend <namespace>-<service>-http-<port>@kubernetesgateway.
        "traefik": _Metrics(
            requests="traefik_service_requests_total",
            durations="traefik_service_request_duration_seconds_bucket",
            selector='service=~"$(namespace)-$(service)-http-[0-9]+@kubernetesgateway"',
            errors='code=~"5.."',
        ).presets(),
        # Istio's standard metrics, as the candidate's own sidecars, or a waypoint before its pods, report them.
        "istio": _Metrics(
            requests="istio_requests_total",
            durations="istio_request_duration_milliseconds_bucket",
            selector='reporter=~"destination|waypoint",destination_workload_namespace="$(namespace)",'
            'destination_workload="$(deployment)"',
            errors='response_code=~"5.."',
            seconds=0.001,
        ).presets(),
        # Envoy Gateway 1.9 or newer with `mergeBackends` in its EnvoyProxy: then each Service is a cluster of
        # its own, called service/<namespace>/<service>/<port>. Without it both revisions share the cluster of
        # their rule, nothing tells them apart, and these queries yield nothing.
        "envoy-gateway": _Metrics(
            requests="envoy_cluster_upstream_rq_xx",
            durations="envoy_cluster_upstream_rq_time_bucket",
            selector='envoy_cluster_name=~"service/$(namespace)/$(service)/[0-9]+(/[a-z0-9]+)?"',
            errors='envoy_response_code_class="5"',
            seconds=0.001,
        ).presets(),
    }
)
