"""Carries out one probe: a gate's question, a smoke test, a server-side dry run, or a notice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import cast

from slipway.api.duration import parse_duration
from slipway.cluster.api import Api, Object
from slipway.cluster.errors import APIError, Conflict, NotFound, Unavailable
from slipway.cluster.lease import NotLeader
from slipway.cluster.resources import ENDPOINT_SLICES, PODS, SERVICES
from slipway.core.decision import (
    Apply,
    DryRun,
    HttpProbe,
    JobProbe,
    KeepRecord,
    LogProbe,
    MetricProbe,
    NodeProbe,
    NoticeProbe,
    ObjectProbe,
    Probe,
    PublishReport,
    Replace,
    RulesProbe,
    SecretProbe,
    ServiceHttpProbe,
    TcpProbe,
)
from slipway.core.snapshot import Measured, Observation, Probed, Unverified
from slipway.metrics.dialects import Preset, QueryVariables, UnknownPlaceholder, render
from slipway.metrics.reading import Error, NoData
from slipway.metrics.source import measure
from slipway.metrics.sources import ConfiguredSource
from slipway.notifying.channel import NotSent
from slipway.notifying.notifier import Notifier
from slipway.notifying.settings import Notifications
from slipway.podlogs import counting, secrets
from slipway.probing.http import http_probe
from slipway.probing.tcp import tcp_probe
from slipway.runtime import alerting, nodes, object_checks, writes
from slipway.runtime.job_checks import JobRunner
from slipway.runtime.keeper import Keeper
from slipway.runtime.observations import NoResult
from slipway.runtime.publishing import NotOurs, publish

SMOKE_TESTS_AT_ONCE = 64
DRY_RUNS_AT_ONCE = 8
OBJECTS_AT_ONCE = 8
EXPRESSIONS_AT_ONCE = 2
LOGS_AT_ONCE = 2
DIALLED_ENDPOINTS = 16
SERVICE_NAME_LABEL = "kubernetes.io/service-name"


class Prober:
    """Runs probes. Each kind has its own bound, so that none of them waits for another kind.

    `may_write` says for how many seconds writing is safe, and raises NotLeader when it is not.

    Queries are bounded by their source, each with a deadline of its own that waiting counts against; notices by
    their channel.
    """

    def __init__(
        self,
        api: Api,
        sources: Mapping[str, ConfiguredSource],
        keeper: Keeper | None = None,
        may_write: Callable[[], float] = lambda: 60.0,
        notifier: Notifier | None = None,
    ) -> None:
        self._api = api
        self._keeper = keeper
        self._may_write = may_write
        self._jobs = JobRunner(api, may_write)
        self._sources = sources
        self._notifier = notifier or Notifier(Notifications())
        self._smoke_tests = asyncio.Semaphore(SMOKE_TESTS_AT_ONCE)
        self._dry_runs = asyncio.Semaphore(DRY_RUNS_AT_ONCE)
        self._objects = asyncio.Semaphore(OBJECTS_AT_ONCE)
        self._expressions = asyncio.Semaphore(EXPRESSIONS_AT_ONCE)
        self._logs = asyncio.Semaphore(LOGS_AT_ONCE)

    async def run(self, namespace: str, probe: Probe) -> Observation:
        """Carry out `probe` for a Rollout of `namespace`. Raises NoResult when it says nothing either way."""
        match probe:
            case MetricProbe():
                return await self._measure(probe)
            case LogProbe():
                async with self._logs:
                    return await counting.count(self._api, namespace, probe)
            case SecretProbe():
                async with self._logs:
                    return await secrets.scan(self._api, namespace, probe)
            case RulesProbe():
                return await alerting.look(self._sources, probe)
            case HttpProbe():
                async with self._smoke_tests:
                    result = await http_probe(
                        probe.addresses, probe.path, probe.expect_status, probe.expect_body, probe.timeout
                    )
                return Probed(at=_now(), passed=result.passed, message=result.message)
            case TcpProbe() | ServiceHttpProbe():
                async with self._smoke_tests:
                    return await self._reach(namespace, probe)
            case ObjectProbe():
                # Whoever serves a kind may never answer: that takes no expression's place.
                async with self._objects:
                    found = await object_checks.read(self._api, namespace, probe)
                if isinstance(found, Probed | Unverified):
                    return found
                async with self._expressions:
                    return await object_checks.judge(probe, found)
            case JobProbe():
                return await self._jobs.run(probe)
            case DryRun():
                async with self._dry_runs:
                    return await self._rehearse(probe)
            case PublishReport():
                return await self._publish(probe)
            case KeepRecord():
                if self._keeper is None:
                    raise NoResult("nobody keeps records here")
                return await self._keeper.keep(probe)
            case NoticeProbe():
                return await self._tell(probe)
            case NodeProbe():
                return await nodes.locate(self._api, probe.node)

    async def _publish(self, probe: PublishReport) -> Probed:
        try:
            async with asyncio.timeout(self._may_write()):
                message = await publish(self._api, probe.object)
        except (Conflict, Unavailable, TimeoutError, NotLeader) as error:
            raise NoResult(str(error)) from error
        except (APIError, NotOurs) as error:
            return Probed(at=_now(), passed=False, message=str(error))
        return Probed(at=_now(), passed=True, message=message)

    async def _tell(self, notice: NoticeProbe) -> Probed:
        try:
            await self._notifier.deliver(notice)
        except NotSent as error:
            return Probed(at=_now(), passed=False, message=str(error))
        return Probed(at=_now(), passed=True, message="")

    async def _measure(self, probe: MetricProbe) -> Measured:
        at = _now()
        source = self._sources.get(probe.source)
        if source is None:
            return Measured(at=at, error=f"there is no metrics source {probe.source}")
        query = probe.query if probe.query is not None else source.presets.get(cast(Preset, probe.preset))
        if query is None:
            return Measured(at=at, error=f"the source {probe.source} has no preset {probe.preset}")
        requests = source.presets.get("requests")
        try:
            variables = _variables(probe.variables)
            rendered = render(query, variables)
            counting = render(requests, variables) if requests is not None else None
        except UnknownPlaceholder as error:
            return Measured(at=at, error=str(error))
        if counting is None and probe.min_requests > 0:
            return Measured(at=at, error=f"the source {probe.source} cannot count requests")
        reading = (await measure(source.metrics, rendered, counting, probe.min_requests, at)).reading
        if isinstance(reading, Error):
            return Measured(at=at, error=reading.reason)
        if isinstance(reading, NoData):
            return Measured(at=at, no_data=reading.reason)
        return Measured(at=at, value=reading.value)

    async def _reach(self, namespace: str, probe: TcpProbe | ServiceHttpProbe) -> Probed:
        try:
            addresses = await self._endpoints(namespace, probe)
        except NotFound:
            return Probed(at=_now(), passed=False, message=f"there is no Service {probe.service}", nobody=True)
        except APIError as error:
            raise NoResult(str(error)) from error
        if not addresses:
            message = f"the Service {probe.service} has no ready pod on port {probe.port}"
            return Probed(at=_now(), passed=False, message=message, nobody=True)
        if isinstance(probe, TcpProbe):
            result = await tcp_probe(addresses, probe.timeout)
        else:
            result = await http_probe(
                addresses, probe.path, probe.expect_status, probe.expect_body, probe.timeout, probe.service
            )
        return Probed(at=_now(), passed=result.passed, message=result.message)

    async def _endpoints(self, namespace: str, probe: TcpProbe | ServiceHttpProbe) -> list[tuple[str, int]]:
        """Addresses behind a Service that are pods of its namespace, as their kubelets say.

        Anybody who may edit a namespace may write EndpointSlices that point anywhere; what the pod's own
        status does not confirm is not dialled.
        """
        service = await self._api.get(SERVICES, namespace, probe.service)
        port_names = {
            port.get("name") or ""
            for port in service["spec"].get("ports") or []
            if probe.port in (port.get("name"), port["port"])
        }
        selector = f"{SERVICE_NAME_LABEL}={probe.service}"
        slices, _ = await self._api.list(ENDPOINT_SLICES, namespace, selector)
        found = sorted(set(_ready_endpoints(slices, port_names)))[:DIALLED_ENDPOINTS]
        pods = await asyncio.gather(
            *(self._api.get(PODS, namespace, pod) for pod, _, _ in found), return_exceptions=True
        )
        addresses = []
        for (_, address, port), pod in zip(found, pods, strict=True):
            if isinstance(pod, NotFound):
                continue
            if isinstance(pod, BaseException):
                raise pod
            if address in _pod_addresses(pod):
                addresses.append((address, port))
        return addresses

    async def _rehearse(self, probe: DryRun) -> Probed:
        for write in probe.writes:
            try:
                if isinstance(write, Apply):
                    await writes.apply(self._api, write, write.resource_version, dry_run=True)
                elif isinstance(write, Replace):
                    await writes.replace(self._api, write, write.resource_version, dry_run=True)
                else:
                    await writes.set_weights(self._api, write, write.resource_version, dry_run=True)
            except (Conflict, Unavailable) as error:
                if isinstance(error, Conflict) and isinstance(write, Apply) and not write.resource_version:
                    return Probed(at=_now(), passed=False, message=error.message)
                # Decided on an older state, or not answered: neither accepted nor refused.
                raise NoResult(error.message) from error
            except APIError as error:
                return Probed(at=_now(), passed=False, message=error.message)
        return Probed(at=_now(), passed=True, message=f"{len(probe.writes)} writes accepted in a dry run")


def _ready_endpoints(slices: Iterable[Object], port_names: set[str]) -> Iterable[tuple[str, str, int]]:
    """Pod name, address and port of each ready endpoint."""
    for endpoint_slice in slices:
        ports = [
            port["port"]
            for port in endpoint_slice.get("ports") or []
            if (port.get("name") or "") in port_names and port.get("port")
        ]
        for endpoint in endpoint_slice.get("endpoints") or []:
            target = endpoint.get("targetRef") or {}
            ready = (endpoint.get("conditions") or {}).get("ready")
            if target.get("kind") != "Pod" or ready is False:
                continue
            for address in endpoint.get("addresses") or []:
                for port in ports:
                    yield target["name"], address, port


def _pod_addresses(pod: Object) -> set[str]:
    status = pod.get("status") or {}
    return {entry["ip"] for entry in status.get("podIPs") or [] if entry.get("ip")}


def _variables(variables: Mapping[str, str]) -> QueryVariables:
    names = {field.name for field in fields(QueryVariables)} - {"window"}
    return QueryVariables(
        **{name: variables.get(name, "") for name in names}, window=parse_duration(variables["window"])
    )


def _now() -> datetime:
    return datetime.now(UTC)
