"""Fixtures for tests that need a Kubernetes: one cluster for the run, a fresh namespace for each test."""

import os
import secrets
from collections.abc import Iterator

import pytest
from tests.cluster.access import Access
from tests.cluster.cluster import Cluster
from tests.cluster.session import makes_own_clusters, shared_cluster
from tests.stages import pytest_configure, pytest_terminal_summary
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

__all__ = ["pytest_configure", "pytest_terminal_summary"]

_STAGES = ("tests/e2e/", "tests/integration/")
_SHARED = "the cluster"
_COMPUTES = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest) -> Iterator[Access]:
    """A cluster with at least an API server and controllers; the full one when any test of this run needs it."""
    full = any("cluster" in getattr(item, "fixturenames", ()) for item in request.session.items)
    with shared_cluster(full=full) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster with real pods, gateway and Prometheus; this process is inside its network meanwhile."""
    with shared_cluster(full=True) as cluster:
        if not cluster.capabilities.has_pod_network:
            pytest.skip(f"needs pods that this process can dial: {cluster.capabilities.reason}")
        assert isinstance(cluster, Cluster)
        with cluster.inside():
            yield cluster


@pytest.fixture
def namespace(control_plane: Access) -> Iterator[str]:
    """A namespace of the test's own, deleted (without waiting) afterwards."""
    name = f"t-{secrets.token_hex(4)}"
    control_plane.kubectl("create", "namespace", name)
    yield name
    control_plane.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


class _Scheduling(LoadScopeScheduling):
    """Tests that share a cluster go to one process, in their order; all others, one by one, to whoever is free.

    Groups by `xdist_group` are for nothing here: they name themselves in an attribute that pytest 9 does not read.
    """

    def _reschedule(self, node: WorkerController) -> None:
        """A process with a cluster is in the network of that, where nothing else is reached: it ends with its stage."""
        if self.workqueue and self._has_cluster(node) and not all(map(self._has_cluster, self.nodes)):
            if not node.shutting_down:
                node.shutdown()
            return
        super()._reschedule(node)

    def _has_cluster(self, node: WorkerController) -> bool:
        return next(iter(self.assigned_work[node]), "") in (*_STAGES, _SHARED)

    def _split_scope(self, nodeid: str) -> str:
        stage = _cluster_of(nodeid)
        return (stage if makes_own_clusters() else _SHARED) if stage else nodeid


def _cluster_of(nodeid: str) -> str:
    """The stage whose tests share a cluster that this test belongs to; empty for a test that needs none."""
    return next((stage for stage in _STAGES if nodeid.startswith(stage)), "")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two processes more than processors: those with a cluster wait most of their time."""
    return (os.cpu_count() or 1) + 2


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What only computes steps back for what has users waiting: the processes with a cluster."""
    if item.config.stash.get(_COMPUTES, None) is None:
        item.config.stash[_COMPUTES] = not _cluster_of(item.nodeid)
        if "PYTEST_XDIST_WORKER" in os.environ and item.config.stash[_COMPUTES]:
            os.nice(10)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Scheduling:
    """Used where the tests are spread over processes."""
    return _Scheduling(config, log)
