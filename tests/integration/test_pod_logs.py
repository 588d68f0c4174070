"""Lines of real containers' logs, as a real kubelet answers for them."""

import asyncio
import json
import math
from datetime import UTC, datetime, timedelta

import pytest
from tests.cluster.cluster import Cluster
from tests.cluster.images import PODINFO
from tests.cluster.load import Load

from slipway.cluster.client import Client
from slipway.cluster.errors import APIError
from slipway.core.decision import LogProbe, SecretProbe
from slipway.core.snapshot import Measured, Probed
from slipway.podlogs.counting import count
from slipway.podlogs.secrets import scan

pytestmark = pytest.mark.timeout(300)

LABELS = {"slipway.dev/rollout": "web", "slipway.dev/revision": "abc"}


def start(cluster: Cluster, namespace: str) -> str:
    """A pod that logs each request; its address."""
    probe = {"httpGet": {"path": "/readyz", "port": 9898}, "periodSeconds": 1, "timeoutSeconds": 5}
    container = {"name": "web", "image": f"{PODINFO}:v1", "args": ["--level=debug"], "readinessProbe": probe}
    meta = {"name": "web-abc", "namespace": namespace, "labels": LABELS}
    cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}})
    ready(cluster, namespace)
    got = cluster.kubectl("get", "pod", "web-abc", f"--namespace={namespace}", "--output=json")
    return f"http://{json.loads(got)['status']['podIP']}:9898"


def ready(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("wait", "--for=condition=Ready", "pod/web-abc", f"--namespace={namespace}", "--timeout=120s")


async def counted(client: Client, namespace: str, window: timedelta, pattern: str = r'"uri":"/version"') -> Measured:
    probe = LogProbe(
        key="k",
        due=datetime.now(UTC),
        rollout="web",
        revision="abc",
        pattern=pattern,
        container=None,
        window=window,
    )
    return await count(client, namespace, probe)


async def test_lines_are_counted_and_a_restart_is_missing_data(cluster: Cluster, namespace: str) -> None:
    client = Client(cluster.kubeconfig("admin"))
    try:
        url = start(cluster, namespace)
        young = await counted(client, namespace, timedelta(hours=1))
        assert "its log begins within the window" in str(young.no_data), young

        async with asyncio.timeout(30):
            while (await counted(client, namespace, timedelta(seconds=1))).value is None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.2)
        since = datetime.now(UTC)
        assert not (await Load(f"{url}/version", rate=30, count=30).run()).failures
        window = timedelta(seconds=math.ceil((datetime.now(UTC) - since).total_seconds()) + 1)
        found = await counted(client, namespace, window)
        assert found.value is not None, found
        assert round(found.value * window.total_seconds()) == 30
        assert (await counted(client, namespace, window, "no such line")).value == 0

        await Load(f"{url}/panic", rate=10, count=1).run()
        async with asyncio.timeout(60):
            while (again := await counted(client, namespace, window)).value is not None:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.2)
        assert again.error is None
        assert again.no_data
    finally:
        await client.close()


async def test_a_secret_in_a_log_is_found(cluster: Cluster, namespace: str) -> None:
    client = Client(cluster.kubeconfig("admin"))
    probe = SecretProbe(key="k", due=datetime.now(UTC), rollout="web", revision="abc")
    try:
        url = start(cluster, namespace)
        before = await scan(client, namespace, probe)
        assert isinstance(before, Probed)
        assert before.passed, before
        await Load(f"{url}/version?password=hunter2", rate=10, count=3).run()
        async with asyncio.timeout(30):
            while (after := await scan(client, namespace, probe)).message.endswith("do not look like secrets"):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        assert isinstance(after, Probed)
        assert not after.passed
        assert "(password)" in after.message
        assert "hunter2" not in after.message
    finally:
        await client.close()


async def test_what_is_not_there_is_refused_and_what_is_long_is_cut(cluster: Cluster, namespace: str) -> None:
    client = Client(cluster.kubeconfig("admin"))
    try:
        start(cluster, namespace)
        beginning = await client.log_since(namespace, "web-abc", "web", None, 64)
        assert len(beginning) == 64
        with pytest.raises(APIError) as refused:
            await client.log_since(namespace, "web-abc", "other", None, 64)
        assert refused.value.status == 400
        with pytest.raises(APIError) as missing:
            await client.log_since(namespace, "web-def", "web", None, 64)
        assert missing.value.status == 404
    finally:
        await client.close()
