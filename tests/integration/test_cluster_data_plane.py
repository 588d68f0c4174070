"""What end-to-end tests build on: the images behave as named, the gateway splits, Prometheus sees it by pod."""

import asyncio
import json
import urllib.parse
import urllib.request

import pytest
from tests.cluster.cluster import Cluster
from tests.cluster.gateway import GATEWAY, GATEWAY_NAMESPACE
from tests.cluster.images import PODINFO
from tests.cluster.load import Load, Report

pytestmark = pytest.mark.timeout(300)

RATE = 30


def workload(tag: str) -> list[dict[str, object]]:
    """A Deployment and a Service of one image, both named after its tag."""
    labels = {"app": "web", "tag": tag}
    probe = {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 5}
    container = {
        "name": "web",
        "image": f"{PODINFO}:{tag}",
        "ports": [{"name": "http", "containerPort": 9898}],
        "readinessProbe": probe,
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": tag},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": tag},
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
        },
    ]


def route(namespace: str, host: str, **weights: int) -> dict[str, object]:
    backends = [{"name": name, "port": 80, "weight": weight} for name, weight in weights.items()]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": host.partition(".")[0], "namespace": namespace},
        "spec": {
            "parentRefs": [{"name": GATEWAY, "namespace": GATEWAY_NAMESPACE}],
            "hostnames": [host],
            "rules": [{"backendRefs": backends}],
        },
    }


def run(cluster: Cluster, namespace: str, *tags: str) -> None:
    objects = [one for tag in tags for one in workload(tag)]
    for one in objects:
        one["metadata"]["namespace"] = namespace  # type: ignore[index]
    cluster.apply(*objects)
    for tag in tags:
        cluster.kubectl("rollout", "status", f"deployment/{tag}", f"--namespace={namespace}", "--timeout=120s")


def address(cluster: Cluster, namespace: str, service: str) -> str:
    template = "--output=jsonpath={.spec.clusterIP}"
    return f"http://{cluster.kubectl('get', 'service', service, f'--namespace={namespace}', template)}/"


async def served(url: str, host: str | None = None) -> None:
    """Wait until a first request is served: gateway and kube-proxy follow ready pods a moment later."""
    async with asyncio.timeout(60):
        while (await Load(url, host=host, rate=10, count=1).run()).failures:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)


async def test_images_do_what_their_tags_say(cluster: Cluster, namespace: str) -> None:
    run(cluster, namespace, "v1", "v2", "v3", "v4", "v5-slow")

    async def loaded(tag: str) -> Report:
        url = address(cluster, namespace, tag)
        await served(url)
        return await Load(url, rate=RATE, count=90).run()

    for tag in ("v1", "v2", "v3"):
        report = await loaded(tag)
        assert report.failures == []
        assert report.by_version() == {tag: 90}
        assert report.by_revision() == {tag: 90}
    failing = await loaded("v4")
    assert [one.status for one in failing.failures] == [500] * 30
    assert failing.by_revision() == {"v4": 90}
    slow = await loaded("v5-slow")
    assert slow.failures == []
    assert min(one.latency for one in slow.requests) > 0.5


async def test_the_gateway_splits_by_weight(cluster: Cluster, namespace: str) -> None:
    run(cluster, namespace, "v1", "v2")
    host = f"split.{namespace}.test"
    cluster.apply(route(namespace, host, v1=90, v2=10))
    await served(cluster.gateway_url, host)
    report = await Load(cluster.gateway_url, host=host, rate=RATE, count=100).run()
    assert report.failures == []
    assert report.share("v2") == pytest.approx(0.1, abs=0.02)


async def test_prometheus_sees_requests_by_namespace_and_pod(cluster: Cluster, namespace: str) -> None:
    run(cluster, namespace, "v4")
    url = address(cluster, namespace, "v4")
    await served(url)
    report = await Load(url, rate=RATE, count=60).run()
    assert len(report.failures) == 20
    query = f'sum by (status) (http_requests_total{{namespace="{namespace}",pod=~"v4-.*",status="500"}})'
    async with asyncio.timeout(30):
        while await asyncio.to_thread(value, cluster, query) != 20:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.2)


def value(cluster: Cluster, query: str) -> float | None:
    """The one value that a query has, or None."""
    parameters = urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(f"{cluster.prometheus_url}/api/v1/query?{parameters}", timeout=10) as answer:
        result = json.load(answer)["data"]["result"]
    return float(result[0]["value"][1]) if result else None
