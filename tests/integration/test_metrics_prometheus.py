"""Every dialect's presets, and all that must never look like a number, against a real Prometheus."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import prometheus_client
import pytest
from tests.cluster.toolchain import program

from slipway.config import Config, Source
from slipway.metrics.dialects import DIALECTS, Dialect, Preset, QueryVariables, render
from slipway.metrics.prometheus import PrometheusSource
from slipway.metrics.reading import Error, Measured, NoData, Reading, Value
from slipway.metrics.rules import AlertingRule, Workload, about
from slipway.metrics.source import measure
from slipway.metrics.sources import Sources

WINDOW = timedelta(seconds=4)
SCRAPE = "200ms"
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Traffic:
    """Requests to revisions, as the four dialects would have counted them, made by a thread until closed.

    Series come into being with their first request, as they do in real servers: a revision without errors has
    no series of errors.
    """

    def __init__(self) -> None:
        self.registry = prometheus_client.CollectorRegistry()
        seconds, milliseconds = BUCKETS, tuple(bound * 1000 for bound in BUCKETS)

        def counter(name: str, *labels: str) -> prometheus_client.Counter:
            return prometheus_client.Counter(name, name, labels, registry=self.registry)

        def histogram(name: str, buckets: tuple[float, ...], *labels: str) -> prometheus_client.Histogram:
            return prometheus_client.Histogram(name, name, labels, buckets=buckets, registry=self.registry)

        self._http = histogram("http_request_duration_seconds", seconds, "namespace", "pod", "method", "path", "status")
        self._traefik = counter("traefik_service_requests", "service", "code", "method", "protocol")
        self._traefik_seconds = histogram(
            "traefik_service_request_duration_seconds", seconds, "service", "code", "method", "protocol"
        )
        istio = ("reporter", "destination_workload", "destination_workload_namespace", "response_code")
        self._istio = counter("istio_requests", *istio)
        self._istio_ms = histogram("istio_request_duration_milliseconds", milliseconds, *istio)
        # Envoy's counter has no _total at its end, which this client would add to a counter.
        self._envoy = prometheus_client.Gauge(
            "envoy_cluster_upstream_rq_xx",
            "envoy_cluster_upstream_rq_xx",
            ("envoy_cluster_name", "envoy_response_code_class"),
            registry=self.registry,
        )
        self._envoy_ms = histogram("envoy_cluster_upstream_rq_time", milliseconds, "envoy_cluster_name")
        container = ("namespace", "pod", "container")
        self._cpu = counter("container_cpu_usage_seconds", *container)
        self._memory = prometheus_client.Gauge(
            "container_memory_working_set_bytes", "working set", container, registry=self.registry
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def request(self, deployment: str, status: int, seconds: float = 0.02, path: str = "root") -> None:
        """One request to a pod of `deployment`, which has a Service of its own with the same name."""
        pod = f"{deployment}-7d9f8b6c54-{random.choice(['x2k4z', 'b8w2m'])}"
        code = str(status)
        self._http.labels("shop", pod, "GET", path, code).observe(seconds)
        if path != "root":
            return  # probes and scrapes reach pods, not gateways
        service = f"shop-{deployment}-http-80@kubernetesgateway"
        self._traefik.labels(service, code, "GET", "http").inc()
        self._traefik_seconds.labels(service, code, "GET", "http").observe(seconds)
        for reporter in ("source", "waypoint" if deployment == FLAKY else "destination"):
            self._istio.labels(reporter, deployment, "shop", code).inc()
            self._istio_ms.labels(reporter, deployment, "shop", code).observe(seconds * 1000)
        cluster = f"service/shop/{deployment}/80"
        self._envoy.labels(cluster, code[0]).inc()
        self._envoy_ms.labels(cluster).observe(seconds * 1000)

    def start(self) -> None:
        self.request(IDLE, 200)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def use(self, deployment: str, seconds: float) -> None:
        """Two pods of two containers each, as the kubelet sees them for so long: pod, sandbox and containers."""
        for own, cores, memory in (("x2k4z", 0.5, 100e6), ("b8w2m", 0.25, 50e6)):
            pod = f"{deployment}-7d9f8b6c54-{own}"
            for container, share in (("web", 0.8), ("sidecar", 0.2), ("POD", 0.01), ("", 1.01)):
                self._cpu.labels("shop", pod, container).inc(cores * share * seconds)
                self._memory.labels("shop", pod, container).set(memory * share)

    def _run(self) -> None:
        last = time.monotonic()
        while not self._stop.wait(0.02):
            now = time.monotonic()
            self.use(HEALTHY, now - last)
            last = now
            self.request(HEALTHY, 200)
            self.request(BROKEN, 500)
            for status in (200, 404, 200, 503):
                self.request(FLAKY, status)
            for _ in range(20):
                self.request(PROBED, 200, path=random.choice(["healthz", "readyz", "metrics"]))
            self.request(PROBED, 500)
            for seconds in (*[0.02] * 9, 0.8):
                self.request(SLOW, 200, seconds)
            # A Rollout that is called like HEALTHY's Deployment has pods with a longer name, which all fail.
            self.request(f"{HEALTHY}-0123456789", 500, seconds=2.0)


HEALTHY = "web-aaaaaaaaaa"
BROKEN = "web-bbbbbbbbbb"
FLAKY = "web-cccccccccc"
PROBED = "web-dddddddddd"
SLOW = "web-eeeeeeeeee"
IDLE = "web-0000000000"
ABSENT = "web-9999999999"


@dataclass(frozen=True)
class Prometheus:
    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def prometheus(folder: Path, configuration: str) -> Iterator[Prometheus]:
    folder.mkdir(parents=True)
    (folder / "prometheus.yml").write_text(configuration)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(program("prometheus", "prometheus")),
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={address}",
                "--log.level=warn",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        _wait(lambda: _ready(f"http://{address}/-/ready", process, folder / "log"))
        yield Prometheus(f"http://{address}", process)
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(30)


def _ready(url: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _wait(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited for too long"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has scraped the traffic for longer than the window."""
    traffic = Traffic()
    server, thread = prometheus_client.start_http_server(0, "127.0.0.1", traffic.registry)
    configuration = f"""
global: {{scrape_interval: {SCRAPE}, scrape_timeout: {SCRAPE}}}
scrape_configs:
- job_name: pods
  honor_labels: true
  static_configs: [{{targets: ["127.0.0.1:{server.server_port}"]}}]
"""
    traffic.start()
    try:
        with prometheus(tmp_path_factory.mktemp("scraped") / "prometheus", configuration) as running:
            start = datetime.now(UTC)

            def whole_window() -> bool:
                return datetime.now(UTC) - start > WINDOW * 1.5 and isinstance(ask(running, "up == 1"), Value)

            _wait(whole_window)
            yield running
    finally:
        traffic.close()
        server.shutdown()
        server.server_close()
        thread.join()


def ask(running: Prometheus, promql: str, at: datetime | None = None, seconds: float = 10) -> Reading:
    async def query() -> Reading:
        source = PrometheusSource(running.url, timeout=timedelta(seconds=seconds))
        try:
            return await source.query(promql, at or datetime.now(UTC))
        finally:
            await source.close()

    return asyncio.run(query())


def preset(running: Prometheus, dialect: Dialect, name: Preset, deployment: str) -> Reading:
    return ask(running, render(DIALECTS[dialect][name], variables(deployment)))


def variables(deployment: str) -> QueryVariables:
    # In this traffic each Deployment has a Service of its own, with its name.
    return QueryVariables("shop", "web", "production", deployment[-10:], deployment, deployment, WINDOW)


def number(reading: Reading) -> float:
    assert isinstance(reading, Value), reading
    return reading.value


each_dialect = pytest.mark.parametrize("dialect", DIALECTS)


@each_dialect
def test_no_errors_among_requests_is_0_of_n(scraped: Prometheus, dialect: Dialect) -> None:
    assert preset(scraped, dialect, "error-rate", HEALTHY) == Value(0.0)


@each_dialect
def test_nothing_but_errors_is_1_and_not_a_lack_of_data(scraped: Prometheus, dialect: Dialect) -> None:
    assert preset(scraped, dialect, "error-rate", BROKEN) == Value(1.0)


@each_dialect
def test_a_share_of_errors_is_that_share(scraped: Prometheus, dialect: Dialect) -> None:
    assert number(preset(scraped, dialect, "error-rate", FLAKY)) == pytest.approx(0.25, abs=0.05)


@each_dialect
@pytest.mark.parametrize("deployment", [IDLE, ABSENT])
@pytest.mark.parametrize("name", ["error-rate", "latency-p95"])
def test_no_requests_are_no_data(scraped: Prometheus, dialect: Dialect, deployment: str, name: Preset) -> None:
    assert isinstance(preset(scraped, dialect, name, deployment), NoData)


@each_dialect
def test_an_error_rate_without_requests_is_nothing_and_not_0_divided_by_0(
    scraped: Prometheus, dialect: Dialect
) -> None:
    assert preset(scraped, dialect, "error-rate", IDLE) == NoData("no data: the query yields nothing")


def test_probes_and_scrapes_do_not_thin_out_errors(scraped: Prometheus) -> None:
    assert preset(scraped, "http", "error-rate", PROBED) == Value(1.0)
    probed, broken = (number(preset(scraped, "http", "requests", name)) for name in (PROBED, BROKEN))
    assert probed == pytest.approx(broken, rel=0.3)


@each_dialect
def test_semantics_17_p95_is_p95_in_seconds(scraped: Prometheus, dialect: Dialect) -> None:
    # Nine of ten requests take 20 ms and one takes 800 ms: the mean is 98 ms, the median below 50 ms, and p95
    # lies in the bucket from 500 ms to 1 s.
    assert 0.5 < number(preset(scraped, dialect, "latency-p95", SLOW)) <= 1.0
    # The pods of a Deployment with a longer name take 2 s.
    assert 0 < number(preset(scraped, dialect, "latency-p95", HEALTHY)) <= 0.05


@each_dialect
def test_requests_are_counted_once(scraped: Prometheus, dialect: Dialect) -> None:
    healthy, flaky = (number(preset(scraped, dialect, "requests", name)) for name in (HEALTHY, FLAKY))
    assert healthy > 20
    assert flaky / healthy == pytest.approx(4, rel=0.2)
    assert healthy == pytest.approx(number(preset(scraped, "http", "requests", HEALTHY)), rel=0.3)
    assert preset(scraped, dialect, "requests", IDLE) == Value(0.0)
    assert isinstance(preset(scraped, dialect, "requests", ABSENT), NoData)


@each_dialect
def test_resources_are_those_of_containers_by_pod(scraped: Prometheus, dialect: Dialect) -> None:
    # Half a core and a quarter. A rate is too small until there have been scrapes for the whole window.
    _wait(lambda: number(preset(scraped, dialect, "cpu", HEALTHY)) == pytest.approx(0.375, rel=0.1))
    assert number(preset(scraped, dialect, "memory", HEALTHY)) == pytest.approx(100e6)
    assert isinstance(preset(scraped, dialect, "cpu", IDLE), NoData)
    assert isinstance(preset(scraped, dialect, "memory", IDLE), NoData)


async def test_a_gate_with_too_few_requests_has_no_data(scraped: Prometheus) -> None:
    config = Config(sources=[Source(name="default", url=scraped.url)])
    async with Sources.from_config(config) as sources:
        source = sources["default"]
        at = datetime.now(UTC)

        async def gate(deployment: str, requests: int) -> Measured:
            rate, count = (render(source.presets[name], variables(deployment)) for name in ("error-rate", "requests"))
            return await measure(source.metrics, rate, count, requests, at)

        assert (await gate(BROKEN, 5)).reading == Value(1.0)
        assert isinstance((await gate(BROKEN, 100_000)).reading, NoData)
        assert (await gate(IDLE, 1)).reading == NoData("no requests in the window, 1 needed")
        assert (await gate(ABSENT, 1)).reading == NoData("no requests in the window, 1 needed")


async def test_a_source_may_replace_a_preset(scraped: Prometheus) -> None:
    config = Config(sources=[Source(name="a", url=scraped.url, presets={"error-rate": "vector(0.125)"})])
    async with Sources.from_config(config) as sources:
        assert set(sources["a"].presets) == {"error-rate", "latency-p95", "requests", "cpu", "memory"}
        query = sources["a"].presets["error-rate"]
        assert await sources["a"].metrics.query(query, datetime.now(UTC)) == Value(0.125)


@pytest.mark.parametrize(
    ("promql", "reading"),
    [
        ("scalar(vector(3))", Value(3.0)),
        ("vector(0) / vector(0)", NoData("NaN: nothing to divide by, or nothing measured")),
        ("vector(1) / vector(0)", NoData("the value is infinite")),
        ("-1 / 0", NoData("the value is infinite")),
        ("no_such_metric", NoData("no data: the query yields nothing")),
        ('"text"', Error("the query yields a string where one number is needed")),
        ("up[1m]", Error("the query yields a matrix where one number is needed")),
        (
            "sum(",
            Error("the source cannot read this query: line 1, character 5, with its variables filled in (HTTP 400)"),
        ),
        ("label_replace(up, 'a', '$1', 'b', '(')", Error("HTTP 422 (execution)")),
    ],
)
def test_what_is_not_one_finite_number_is_never_a_value(scraped: Prometheus, promql: str, reading: Reading) -> None:
    assert ask(scraped, promql) == reading


def test_several_series_are_ambiguous(scraped: Prometheus) -> None:
    reading = ask(scraped, 'rate(http_request_duration_seconds_count{status="200"}[4s])')
    assert isinstance(reading, Error)
    assert reading.reason.endswith("series where one is needed")


def test_the_evaluation_is_at_the_time_asked_for(scraped: Prometheus) -> None:
    at = datetime.now(UTC)
    assert number(ask(scraped, "time()", at)) == pytest.approx(at.timestamp(), abs=0.001)
    assert isinstance(ask(scraped, "sum(up)", at - timedelta(hours=1)), NoData)


def test_a_partial_answer_is_an_error(tmp_path: Path) -> None:
    # A Prometheus with a remote store that is not there answers with what it has itself, and a warning.
    configuration = 'remote_read: [{url: "http://127.0.0.1:1/read", read_recent: true}]'
    with prometheus(tmp_path / "prometheus", configuration) as running:
        assert ask(running, "vector(1)") == Value(1.0)
        partial = Error("the source warns that its answer may be partial")
        assert ask(running, "sum(up) or vector(0)") == partial


def test_a_prometheus_that_is_stopped_or_gone_is_an_error_in_time(tmp_path: Path) -> None:
    with prometheus(tmp_path / "prometheus", "global: {}") as running:
        assert ask(running, "vector(1)") == Value(1.0)
        os.kill(running.process.pid, signal.SIGSTOP)
        # Its threads stop one after another: another one may answer until all have.
        os.waitpid(running.process.pid, os.WUNTRACED)
        start = time.monotonic()
        assert ask(running, "vector(1)", seconds=1) == Error("no answer within 1 s")
        assert time.monotonic() - start < 5
        os.kill(running.process.pid, signal.SIGCONT)
        assert ask(running, "vector(1)") == Value(1.0)
        running.process.kill()
        running.process.wait(30)
        assert ask(running, "vector(1)") == Error("cannot connect, or the connection broke")


def test_alerting_rules_are_told_as_prometheus_has_them(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(
        """
groups:
- name: shop
  rules:
  - {alert: WebDown, expr: 'up{namespace="shop", service="web"} == 0', labels: {severity: page}}
  - {alert: OfOthers, expr: 'up{namespace="other", service="web"} == 0'}
  - {record: web:up, expr: 'up{namespace="shop", service="web"}'}
"""
    )
    with prometheus(tmp_path / "prometheus", f"rule_files: [{rules}]\n") as running:

        async def asked() -> tuple[AlertingRule, ...] | Error:
            source = PrometheusSource(running.url)
            try:
                return await source.alerting_rules()
            finally:
                await source.close()

        read = asyncio.run(asked())
    assert not isinstance(read, Error)
    assert [rule.name for rule in read] == ["WebDown", "OfOthers"]
    assert [rule.name for rule in about(read, Workload("shop", "web", ()))] == ["WebDown"]
