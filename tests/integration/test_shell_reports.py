"""Reports are ConfigMaps of their Promotion, on a real API server, with no more rights than the operator has."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.cluster.cluster import Cluster
from tests.integration import shell_support as support

from slipway.cluster.api import Object
from slipway.cluster.client import Client
from slipway.cluster.lease import NotLeader
from slipway.cluster.resources import CONFIG_MAPS, PROMOTIONS
from slipway.core.charge import read
from slipway.core.decision import NodeProbe, PublishReport
from slipway.core.report.publish import object_of
from slipway.core.snapshot import Located, Probed
from slipway.runtime.observations import NoResult
from slipway.runtime.probes import Prober


@pytest.fixture(scope="module")
def config(control_plane: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    support.install(control_plane)
    return support.credentials(control_plane, tmp_path_factory.mktemp("reports") / "kubeconfig")


@dataclass
class Desk:
    """A Promotion `p`, and the operator's hand."""

    cluster: Cluster
    api: Client
    namespace: str
    promotion: Object

    async def publish(self, **data: str) -> Probed:
        (claim,) = read([self.promotion])
        probe = PublishReport(key="report", due=datetime.now(UTC), object=object_of(claim, data))
        result = await Prober(self.api, {}).run(self.namespace, probe)
        assert isinstance(result, Probed)
        return result

    async def found(self) -> Object:
        return await self.api.get(CONFIG_MAPS, self.namespace, "p-report")


@pytest.fixture
async def desk(control_plane: Cluster, config: Path, namespace: str) -> AsyncIterator[Desk]:
    control_plane.apply(
        {
            "apiVersion": "slipway.dev/v1alpha1",
            "kind": "Promotion",
            "metadata": {"namespace": namespace, "name": "p"},
            "spec": {"rollout": "web", "environment": "production", "idea": {"id": "IDEA-1"}},
        }
    )
    api = Client(config)
    yield Desk(control_plane, api, namespace, await api.get(PROMOTIONS, namespace, "p"))
    await api.close()


async def test_a_report_is_made_and_written_anew(desk: Desk) -> None:
    assert (await desk.publish(**{"report.md": "one", "report.json": "{}"})).message == "ConfigMap p-report made"
    made = await desk.found()
    assert made["metadata"]["labels"]["slipway.dev/idea"] == "IDEA-1"
    assert made["metadata"]["ownerReferences"][0]["uid"] == desk.promotion["metadata"]["uid"]
    assert (await desk.publish(**{"report.md": "two"})).message == "ConfigMap p-report written"
    assert (await desk.found())["data"] == {"report.md": "two", "report.json": "{}"}


async def test_what_is_there_already_is_not_written_again(desk: Desk) -> None:
    await desk.publish(**{"report.md": "one"})
    version = (await desk.found())["metadata"]["resourceVersion"]
    assert (await desk.publish(**{"report.md": "one"})).passed
    assert (await desk.found())["metadata"]["resourceVersion"] == version


async def test_a_config_map_of_others_is_never_taken_over(desk: Desk) -> None:
    others = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": desk.namespace, "name": "p-report"},
        "data": {"report.md": "theirs"},
    }
    desk.cluster.apply(others)
    result = await desk.publish(**{"report.md": "ours"})
    assert not result.passed
    assert result.message == "ConfigMap p-report exists and belongs to something else: rename or delete it"
    assert (await desk.found())["data"] == {"report.md": "theirs"}


async def test_one_that_is_too_large_is_refused_in_the_servers_words(desk: Desk) -> None:
    result = await desk.publish(**{"report.md": "x" * 1_100_000})
    assert not result.passed
    assert "may not be more than 1048576 bytes" in result.message


async def test_where_a_node_is_can_be_read(desk: Desk) -> None:
    """With the role slipway-operator-nodes, which may be left out."""
    labels = {"topology.kubernetes.io/region": "eu-central-1"}
    spec = {"providerID": "aws:///eu-central-1a/i-1"}
    desk.cluster.apply(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "far-away", "labels": labels}, "spec": spec}
    )
    try:
        probe = NodeProbe(key="node/far-away", due=datetime.now(UTC), node="far-away")
        found = await Prober(desk.api, {}).run(desk.namespace, probe)
    finally:
        desk.cluster.kubectl("delete", "node", "far-away")
    assert isinstance(found, Located)
    assert (found.provider, found.region) == ("aws", "eu-central-1")


async def test_only_the_leader_writes(desk: Desk) -> None:
    def lost() -> float:
        raise NotLeader("the lease is lost")

    (claim,) = read([desk.promotion])
    probe = PublishReport(key="report", due=datetime.now(UTC), object=object_of(claim, {"report.md": "late"}))
    with pytest.raises(NoResult):
        await Prober(desk.api, {}, may_write=lost).run(desk.namespace, probe)
