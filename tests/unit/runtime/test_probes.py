"""What a probe's outcome becomes: never a value where there is none, never a dial to what is no pod."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from slipway.cluster.api import Api
from slipway.cluster.errors import APIError, Conflict, Invalid, NotFound, Unavailable
from slipway.cluster.resources import ENDPOINT_SLICES, PODS, SERVICES, Resource
from slipway.core.decision import Apply, DryRun, MetricProbe, ServiceHttpProbe, TcpProbe
from slipway.core.snapshot import Measured, Probed
from slipway.metrics.dialects import Preset
from slipway.metrics.reading import Error, NoData, Reading, Value
from slipway.metrics.sources import ConfiguredSource
from slipway.probing.dial import ProbeResult
from slipway.runtime import probes
from slipway.runtime.observations import NoResult
from slipway.runtime.probes import Prober

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Object = dict[str, Any]
NOBODY = cast(Api, None)


class Source:
    """A metrics source that answers each PromQL text with a fixed reading."""

    def __init__(self, readings: Mapping[str, Reading]) -> None:
        self.readings = readings

    async def query(self, promql: str, at: datetime) -> Reading:
        return self.readings[promql]

    async def close(self) -> None: ...


def metric(**fields: Any) -> MetricProbe:
    variables = {"namespace": "shop", "deployment": "web-1", "window": "1m"}
    given: dict[str, Any] = {"source": "default", "preset": None, "query": "up", "min_requests": 0, **fields}
    return MetricProbe(key="k", due=NOW, variables=variables, **given)


async def measured(probe: MetricProbe, presets: dict[str, str] | None = None, **readings: Reading) -> Measured:
    known = cast(Mapping[Preset, str], presets or {})
    prober = Prober(NOBODY, {"default": ConfiguredSource(Source(readings), known)})
    result = await prober.run("shop", probe)
    assert isinstance(result, Measured)
    return result


async def test_readings_keep_their_kind() -> None:
    assert (await measured(metric(), up=Value(0.5))).value == 0.5
    assert (await measured(metric(), up=NoData("no series"))).no_data == "no series"
    assert (await measured(metric(), up=Error("503"))).error == "503"


async def test_presets_placeholders_and_request_counts() -> None:
    presets = {"error-rate": "e", "requests": "r"}
    gate = metric(query=None, preset="error-rate", min_requests=50)
    assert (await measured(gate, presets, e=Value(0), r=Value(50))).value == 0
    assert "50 needed" in str((await measured(gate, presets, e=Value(0), r=Value(49))).no_data)
    assert (await measured(gate, presets, e=Value(0), r=Error("x"))).error
    rendered = metric(query="$(namespace)/$(deployment)[$(window)]")
    assert (await measured(rendered, None, **{"shop/web-1[1m]": Value(1)})).value == 1


@pytest.mark.parametrize(
    ("probe", "words"),
    [
        (metric(source="other"), "no metrics source other"),
        (metric(query=None, preset="latency-p95"), "no preset latency-p95"),
        (metric(query="$(secret)"), "$(secret)"),
        (metric(min_requests=1), "cannot count requests"),
    ],
)
async def test_what_cannot_be_asked_is_an_error_and_never_a_pass(probe: MetricProbe, words: str) -> None:
    assert words in str((await measured(probe, up=Value(0))).error)


class Objects:
    """An API server of which only reads are asked."""

    def __init__(self, *objects: tuple[Resource, Object]) -> None:
        self.objects = objects

    async def get(self, kind: Resource, namespace: str, name: str) -> Object:
        for known, obj in self.objects:
            if known == kind and obj["metadata"] == {"namespace": namespace, "name": name}:
                return obj
        raise NotFound(name)

    async def list(self, kind: Resource, namespace: str, selector: str) -> tuple[list[Object], str]:
        service = selector.removeprefix("kubernetes.io/service-name=")
        return [o for known, o in self.objects if known == kind and o["metadata"]["name"].startswith(service)], "1"


def named(name: str, **fields: Any) -> Object:
    return {"metadata": {"namespace": "shop", "name": name}, **fields}


def endpoint(pod: str, address: str, ready: bool | None = True, kind: str = "Pod") -> Object:
    return {
        "addresses": [address],
        "conditions": {"ready": ready},
        "targetRef": {"kind": kind, "name": pod, "namespace": "shop"},
    }


async def test_semantics_19_only_addresses_that_pods_of_the_namespace_have_are_dialled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dialled: list[tuple[str, int]] = []

    async def connect(addresses: list[tuple[str, int]], timeout: timedelta) -> ProbeResult:  # noqa: ASYNC109
        dialled.extend(addresses)
        return ProbeResult(True, "connected")

    monkeypatch.setattr(probes, "tcp_probe", connect)
    api = Objects(
        (SERVICES, named("db", spec={"ports": [{"name": "sql", "port": 5432}, {"name": "web", "port": 80}]})),
        (
            ENDPOINT_SLICES,
            named(
                "db-1",
                ports=[{"name": "sql", "port": 6000}, {"name": "web", "port": 8080}],
                endpoints=[
                    endpoint("db-0", "10.0.0.1"),
                    endpoint("db-0", "169.254.169.254"),  # not what the kubelet says
                    endpoint("gone", "10.0.0.3"),
                    endpoint("db-1", "10.0.0.4", ready=False),
                    endpoint("node", "10.0.0.5", kind="Node"),
                    endpoint("db-2", "10.0.0.6", ready=None),  # unknown counts as ready (discovery.k8s.io/v1)
                ],
            ),
        ),
        (PODS, named("db-0", status={"podIPs": [{"ip": "10.0.0.1"}]})),
        (PODS, named("db-1", status={"podIPs": [{"ip": "10.0.0.4"}]})),
        (PODS, named("db-2", status={"podIPs": [{"ip": "10.0.0.6"}]})),
    )
    for port in (5432, "sql"):
        dialled.clear()
        probe = TcpProbe(key="k", due=NOW, service="db", port=port, timeout=timedelta(seconds=1))
        result = await Prober(cast(Api, api), {}).run("shop", probe)
        assert isinstance(result, Probed)
        assert result.passed
        assert dialled == [("10.0.0.1", 6000), ("10.0.0.6", 6000)]


def get(service: str, port: int | str) -> ServiceHttpProbe:
    return ServiceHttpProbe(
        key="k",
        due=NOW,
        service=service,
        port=port,
        path="/up",
        expect_status=204,
        expect_body="ok",
        timeout=timedelta(seconds=1),
    )


async def test_a_request_to_a_service_goes_to_its_pods_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    async def request(*arguments: Any) -> ProbeResult:
        asked.append(arguments)
        return ProbeResult(False, "HTTP 500, expected 204")

    monkeypatch.setattr(probes, "http_probe", request)
    api = Objects(
        (SERVICES, named("ledger", spec={"ports": [{"name": "http", "port": 80}]})),
        (
            ENDPOINT_SLICES,
            named("ledger-1", ports=[{"name": "http", "port": 9898}], endpoints=[endpoint("ledger-0", "10.0.0.1")]),
        ),
        (PODS, named("ledger-0", status={"podIPs": [{"ip": "10.0.0.1"}]})),
    )
    result = await Prober(cast(Api, api), {}).run("shop", get("ledger", "http"))
    assert asked == [([("10.0.0.1", 9898)], "/up", 204, "ok", timedelta(seconds=1), "ledger")]
    assert isinstance(result, Probed)
    assert (result.passed, result.message) == (False, "HTTP 500, expected 204")


@pytest.mark.parametrize("kind", ["tcp", "http"])
async def test_a_service_without_pods_or_that_is_absent_fails(kind: str) -> None:
    api = Objects((SERVICES, named("db", spec={"ports": [{"port": 5432}]})))
    for service, words in (("db", "no ready pod on port 5432"), ("cache", "no Service cache")):
        probe = TcpProbe(key="k", due=NOW, service=service, port=5432, timeout=timedelta(seconds=1))
        result = await Prober(cast(Api, api), {}).run("shop", probe if kind == "tcp" else get(service, 5432))
        assert isinstance(result, Probed)
        assert (result.passed, result.nobody) == (False, True)
        assert words in result.message


class Refusing:
    """Answers every apply with the same error."""

    def __init__(self, error: APIError | None) -> None:
        self.error = error
        self.dry: list[bool] = []

    async def apply(self, kind: Resource, obj: Object, dry_run: bool = False, force: bool = True) -> Object:
        self.dry.append(dry_run)
        if self.error:
            raise self.error
        return obj


def rehearsal(version: str | None = "5") -> DryRun:
    write = Apply(kind="Service", resource_version=version, object=named("web"))
    return DryRun(key="k", due=NOW, writes=(write, write))


async def test_a_rehearsal_writes_nothing_and_passes_when_all_is_accepted() -> None:
    api = Refusing(None)
    result = await Prober(cast(Api, api), {}).run("shop", rehearsal())
    assert isinstance(result, Probed)
    assert result.passed
    assert api.dry == [True, True]


@pytest.mark.parametrize("error", [Invalid("port 0"), NotFound("no namespace")])
async def test_a_refused_rehearsal_says_why(error: APIError) -> None:
    result = await Prober(cast(Api, Refusing(error)), {}).run("shop", rehearsal())
    assert isinstance(result, Probed)
    assert not result.passed
    assert result.message == error.message


@pytest.mark.parametrize("error", [Conflict("modified"), Unavailable("503")])
async def test_an_outdated_rehearsal_says_nothing(error: APIError) -> None:
    with pytest.raises(NoResult):
        await Prober(cast(Api, Refusing(error)), {}).run("shop", rehearsal())


async def test_a_name_that_is_taken_fails_a_rehearsal() -> None:
    result = await Prober(cast(Api, Refusing(Conflict("owned by kubectl"))), {}).run("shop", rehearsal(None))
    assert isinstance(result, Probed)
    assert not result.passed
