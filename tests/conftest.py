"""Fixtures for tests that need a Kubernetes: one cluster for the run, a fresh namespace for each test."""

import secrets
from collections.abc import Iterator

import pytest
from tests.cluster.access import Access
from tests.cluster.cluster import Cluster
from tests.cluster.session import shared_cluster
from tests.stages import pytest_terminal_summary
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

__all__ = ["pytest_terminal_summary"]


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
    """Tests that share the cluster of a run go to one process, in their order; all others to whoever is free.

    Groups by `xdist_group` are for nothing here: they name themselves in an attribute that pytest 9 does not read.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "cluster" if nodeid.startswith(("tests/integration/", "tests/e2e/")) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Scheduling:
    """Used where the tests are spread over processes."""
    return _Scheduling(config, log)
