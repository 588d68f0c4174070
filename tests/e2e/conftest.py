"""One installation of Slipway for all end-to-end tests, and the table of what users met meanwhile."""

from collections.abc import Iterator

import pytest
from _pytest.terminal import TerminalReporter
from tests.cluster.cluster import Cluster
from tests.e2e import installation
from tests.e2e.arena import Arena
from tests.e2e.faulty_metrics import FaultyMetrics
from tests.e2e.installation import FAULTY_METRICS_PORT, RECEIVER_PORT, Operator
from tests.e2e.receiver import Receiver
from tests.e2e.tenant import Shared, Sums

RESULTS = pytest.StashKey[dict[str, Sums]]()


OPERATOR = pytest.StashKey[Operator]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RESULTS] = {}


@pytest.fixture(scope="session")
def operator(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Operator]:
    """Slipway, installed from manifests/, its operator running as its ServiceAccount in the cluster's network."""
    installation.install(cluster)
    running = Operator(cluster, tmp_path_factory.mktemp("operator"))
    pytestconfig.stash[OPERATOR] = running
    running.start()
    try:
        running.wait_ready()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def metrics(cluster: Cluster) -> Iterator[FaultyMetrics]:
    """The operator's second metrics source, beside the cluster's Prometheus."""
    server = FaultyMetrics(FAULTY_METRICS_PORT)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def receiver(cluster: Cluster) -> Iterator[Receiver]:
    """Where the operator's notices arrive."""
    server = Receiver(RECEIVER_PORT)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def arena(
    cluster: Cluster, operator: Operator, metrics: FaultyMetrics, receiver: Receiver, pytestconfig: pytest.Config
) -> Iterator[Arena]:
    """Where scenarios run."""
    opened = Arena(Shared(cluster, operator, metrics, receiver), pytestconfig.stash[RESULTS])
    try:
        yield opened
    finally:
        opened.close()


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    results = config.stash[RESULTS]
    if not results:
        return
    terminalreporter.section("users of the end-to-end tests")
    terminalreporter.write_line(f"{'requests':>9} {'failed':>7} {'seconds':>8}  test")
    for nodeid, sums in results.items():
        name = nodeid.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        terminalreporter.write_line(f"{sums.requests:9} {sums.failures:7} {sums.seconds:8.1f}  {name}")
        for note in sums.notes:
            terminalreporter.write_line(f"{'':28}{note}")
    requests, failures = (sum(getattr(s, what) for s in results.values()) for what in ("requests", "failures"))
    terminalreporter.write_line(f"{requests:9} {failures:7} {'':8}  in all")
    if ended := config.stash[OPERATOR].ended_alone:
        terminalreporter.write_line(f"the operator ended {ended} times without being asked", red=True)
