"""How long the data plane takes to follow a change, and what that costs users: figures, no assertions.

    uv run python -m tests.bench.gateway_latency [--tries 10] [--throttle 2s --throttle 0s …]

Two sets of pods serve; load runs; traffic is moved from one set to the other and back, in three ways:

- weights:   the weights of an HTTPRoute's two backends (Traefik)
- in a row:  the same, 0.2 s after another change of weights (Traefik spaces out the changes that it takes)
- selector:  the selector of the Service behind an HTTPRoute (EndpointSlice controller, then Traefik)
- clusterIP: the same selector, for users who dial the Service's own address (EndpointSlice controller, kube-proxy)

"first" is the time from the API server's answer to the first request that the new set serves; "last" the time to
the start of the last request that the old set serves: from then on the change is complete.
"""

import asyncio
import json
import ssl
import statistics
import time
from dataclasses import dataclass, field
from typing import Annotated, Any

import aiohttp
import typer
from tests.cluster.capabilities import Level
from tests.cluster.cluster import Cluster
from tests.cluster.gateway import GATEWAY, GATEWAY_NAMESPACE, traefik_command
from tests.cluster.images import PODINFO
from tests.cluster.load import Load, Report, load

RATE = 100
PATIENCE = 15.0
SETTLED = 1.5  # seconds of nothing but the new set that end a try
TRAEFIK_DEFAULT = "2s"


@dataclass
class Figures:
    """What the tries of one way gave, in seconds from the API server's answer."""

    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    report: Report = field(default_factory=Report)

    def line(self, name: str) -> str:
        def spread(values: list[float]) -> str:
            shown = (min(values), statistics.median(values), max(values))
            return " / ".join(f"{value * 1000:5.0f}" for value in shown)

        return (
            f"  {name:10} first {spread(self.first)} ms   last {spread(self.last)} ms   "
            f"lost {len(self.report.failures)} of {len(self.report)}"
        )


class API:
    """Merge patches as admin over one kept connection, so that a client's start is not measured."""

    def __init__(self, cluster: Cluster) -> None:
        config = json.loads(cluster.kubeconfig().read_text())
        self._server = cluster.api_server
        self._headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
        trusted = ssl.create_default_context(cafile=str(cluster.folder / "pki" / "ca.crt"))
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted))

    async def patch(self, path: str, body: dict[str, Any]) -> None:
        headers = {**self._headers, "Content-Type": "application/merge-patch+json"}
        async with self._session.patch(f"{self._server}{path}", json=body, headers=headers) as answer:
            answer.raise_for_status()

    async def close(self) -> None:
        await self._session.close()


def _deployment(name: str) -> dict[str, object]:
    labels = {"app": "web", "set": name}
    container = {
        "name": "web",
        "image": f"{PODINFO}:v1",
        "ports": [{"name": "http", "containerPort": 9898}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, "periodSeconds": 1},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _service(name: str, selects: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "selector": {"app": "web", "set": selects},
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    }


def _backends(**weights: int) -> list[dict[str, object]]:
    return [{"name": name, "port": 80, "weight": weight} for name, weight in weights.items()]


def _route(name: str, backends: list[dict[str, object]]) -> dict[str, object]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {
            "parentRefs": [{"name": GATEWAY, "namespace": GATEWAY_NAMESPACE}],
            "hostnames": [f"{name}.example.test"],
            "rules": [{"backendRefs": backends}],
        },
    }


ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes"
SERVICES = "/api/v1/namespaces/default/services"


async def _move_weights(api: API, to: str) -> None:
    backends = _backends(**{name: 100 if name == to else 0 for name in ("blue", "green")})
    await api.patch(f"{ROUTES}/weights", {"spec": {"rules": [{"backendRefs": backends}]}})


async def _move_weights_in_a_row(api: API, to: str) -> None:
    await api.patch(f"{ROUTES}/weights", {"spec": {"rules": [{"backendRefs": _backends(blue=50, green=50)}]}})
    await asyncio.sleep(0.2)
    await _move_weights(api, to)


async def _move_selector(api: API, to: str) -> None:
    await api.patch(f"{SERVICES}/live", {"spec": {"selector": {"set": to}}})


WAYS = {
    "weights": _move_weights,
    "in a row": _move_weights_in_a_row,
    "selector": _move_selector,
    "clusterIP": _move_selector,
}
HOSTS = {"weights": "weights", "in a row": "weights", "selector": "selector"}


async def _measure(cluster: Cluster, way: str, tries: int) -> Figures:
    api, figures = API(cluster), Figures()
    move = WAYS[way]
    url = cluster.gateway_url
    host = f"{HOSTS[way]}.example.test" if way in HOSTS else None
    if host is None:
        address = cluster.kubectl("get", "service", "live", "--output=jsonpath={.spec.clusterIP}")
        url = f"http://{address}/"
    try:
        await move(api, "blue")
        # A kept connection to a Service's own address stays with its pod; only new ones show what kube-proxy does.
        async with load(url, host=host, rate=RATE, fresh_share=0.5 if host else 1.0) as running:
            await _only(running, "blue")
            settled = time.time() - SETTLED  # before that, Traefik was still starting
            for number in range(tries):
                old, new = ("blue", "green") if number % 2 == 0 else ("green", "blue")
                await move(api, new)
                moved = time.time()
                await _only(running, new)
                after = running.report().between(moved)
                figures.first.append(min(one.at for one in after.served_by(new)) - moved)
                figures.last.append(max((one.at - moved for one in after.served_by(old)), default=0.0))
                # Not in step with any period of the programs that are measured.
                await asyncio.sleep(0.37 * (number % 5))
        figures.report = running.report().between(settled)
    finally:
        await api.close()
    return figures


async def _only(running: Load, name: str) -> None:
    """Wait until nothing but one set has served for a while."""
    deadline = time.time() + PATIENCE
    while time.time() < deadline:
        recent: Report = running.report().between(time.time() - SETTLED)
        if {one.revision for one in recent.requests} == {name} and len(recent) > RATE * SETTLED * 0.8:
            return
        await asyncio.sleep(0.05)
    raise TimeoutError(f"traffic did not come to {name} alone within {PATIENCE} s: {running.report().summary()}")


def main(
    tries: Annotated[int, typer.Option(help="Moves of each kind.")] = 10,
    throttle: Annotated[list[str] | None, typer.Option(help="Traefik's providersThrottleDuration.")] = None,
) -> None:
    """Start a cluster, measure, print."""
    with Cluster.start(Level.NODE) as cluster, cluster.inside():
        cluster.apply(
            *(_deployment(name) for name in ("blue", "green")),
            *(_service(name, name) for name in ("blue", "green")),
            _service("live", "blue"),
            _route("weights", _backends(blue=100, green=0)),
            _route("selector", _backends(live=1)),
        )
        for name in ("blue", "green"):
            cluster.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")
        print(f"{tries} moves each, {RATE} requests/s, half of them on new connections; min / median / max")
        for duration in throttle or [TRAEFIK_DEFAULT, "100ms", "0s"]:
            cluster.parts["traefik"].stop()
            option = f"--providers.providersthrottleduration={duration}"
            cluster.parts.start("traefik", traefik_command(cluster.parts, [option]))
            print(f"Traefik with providersThrottleDuration {duration}:")
            for way in HOSTS:
                print(asyncio.run(_measure(cluster, way, tries)).line(way), flush=True)
        print("Service address, kube-proxy in nftables mode:")
        print(asyncio.run(_measure(cluster, "clusterIP", tries)).line("clusterIP"))


if __name__ == "__main__":
    typer.run(main)
