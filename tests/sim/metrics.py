"""What a metrics source and the pods answer to probes, from what images do and who gets traffic."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tests.sim import images
from tests.sim.apiserver import Server
from tests.sim.clock import START
from tests.sim.controllers import is_ready
from tests.sim.dataplane import DataPlane

from slipway.api.duration import parse_duration
from slipway.cluster.resources import DEPLOYMENTS, PODS
from slipway.core.decision import HttpProbe, LogProbe, MetricProbe
from slipway.core.snapshot import Measured, Probed

REQUESTS_PER_SECOND = 20


def measure(server: Server, plane: DataPlane, probe: MetricProbe, now: datetime, turned: Mapping[str, str]) -> Measured:
    """The answer of a metrics source. `turned` are images that have begun to behave as others."""
    names = probe.variables
    deployment = server.find(DEPLOYMENTS, names["namespace"], names["deployment"])
    if deployment is None:
        return Measured(at=now, no_data="no series")
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    does = images.behaviour(turned.get(image, image))
    how = does.metrics
    if how in ("down", "several"):
        reason = "the metrics source did not answer" if how == "down" else "several series"
        return Measured(at=now, error=reason)
    since = (now - START - parse_duration(names["window"])).total_seconds()
    requests = float(plane.served(names["revision"], since)) * REQUESTS_PER_SECOND
    if probe.preset == "requests":
        return Measured(at=now, value=requests)
    if how in ("nan", "empty"):
        return Measured(at=now, no_data="not a finite number" if how == "nan" else "no series")
    if requests < max(1, probe.min_requests):
        return Measured(at=now, no_data=f"{requests:.0f} requests, {probe.min_requests} are needed")
    return Measured(at=now, value=does.latency if probe.preset == "latency-p95" else does.error_rate)


def count(server: Server, namespace: str, probe: LogProbe, now: datetime, turned: Mapping[str, str]) -> Measured:
    """The error lines of a revision's log."""
    deployment = server.find(DEPLOYMENTS, namespace, f"{probe.rollout}-{probe.revision}")
    if deployment is None:
        return Measured(at=now, no_data="it has no pods")
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    errors = images.behaviour(turned.get(image, image)).errors
    return Measured(at=now, no_data="its log was rotated") if errors is None else Measured(at=now, value=errors)


def answer(server: Server, namespace: str, probe: HttpProbe, now: datetime, turned: Mapping[str, str]) -> Probed:
    """The answer of the pods at the addresses of an HTTP smoke test."""
    pods = {pod["status"]["podIP"]: pod for pod in server.peek(PODS, namespace)}
    for address, _ in probe.addresses:
        pod = pods.get(address)
        if pod is None or not is_ready(pod):
            return Probed(at=now, passed=False, message=f"{address}: connection refused")
        image = pod["spec"]["containers"][0]["image"]
        if not images.behaviour(turned.get(image, image)).smoke:
            return Probed(at=now, passed=False, message=f"{address}: status 500, expected {probe.expect_status}")
    return Probed(at=now, passed=bool(probe.addresses), message="passed" if probe.addresses else "no address")
