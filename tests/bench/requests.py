"""Requests lost while healthy versions are switched back and forth under constant load."""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.cluster.cluster import Cluster
from tests.cluster.gateway import GATEWAY, GATEWAY_NAMESPACE
from tests.cluster.load import Load, Report
from tests.cluster.progress import say, step
from tests.e2e.installation import install
from tests.e2e.kube import Person

from .approvals import phase
from .board import Board, watching
from .objects import Object, promotion, rollout
from .operator import running
from .scale import make_namespace
from .table import Table

NAMESPACE = "requests"
RATE = 100
VERSIONS = ("v1", "v2", "v3")
"""Three, so that the next one is never the one before, to which a Rollout goes back without a Promotion."""

BLUE_GREEN = {"blueGreen": {"verify": "0s", "keepPrevious": "0s"}}
CANARY = {
    "canary": {
        "steps": [{"weight": 25, "hold": "1s"}, {"weight": 50, "hold": "1s"}],
        "verify": "0s",
        "keepPrevious": "0s",
    }
}


@dataclass
class Shifts:
    """One Rollout that is moved from version to version as long as its load runs."""

    name: str
    strategy: Mapping[str, Any]
    done: int = 0

    def rollout(self, version: str) -> Object:
        wanted = rollout(NAMESPACE, self.name, version)
        wanted["spec"] |= {"replicas": 2, "strategy": self.strategy}
        if "canary" in self.strategy:
            wanted["spec"]["traffic"] = {"httpRoutes": [{"name": self.name}]}
        return wanted

    def route(self) -> Object:
        backends = [{"name": self.name, "port": 80, "weight": 100}]
        if "canary" in self.strategy:
            backends.append({"name": f"{self.name}-candidate", "port": 80, "weight": 0})
        return {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "HTTPRoute",
            "metadata": {"name": self.name, "namespace": NAMESPACE},
            "spec": {
                "parentRefs": [{"name": GATEWAY, "namespace": GATEWAY_NAMESPACE}],
                "hostnames": [f"{self.name}.example.test"],
                "rules": [{"backendRefs": backends}],
            },
        }


async def measure(cluster: Cluster, count: int, table: Table) -> None:
    """`count` requests, half of them to a Rollout that is switched blue/green, half to a canary."""
    with step("installing Slipway"):
        install(cluster)
        make_namespace(cluster, NAMESPACE)
    admin = Person(cluster.kubeconfig("admin"), NAMESPACE)
    approver = Person(cluster.kubeconfig("approver"), NAMESPACE)
    both = Shifts("blue-green", BLUE_GREEN), Shifts("canary", CANARY)
    try:
        with running(cluster, drainDelay="3s"):
            async with watching(admin, "promotions") as promotions:
                reports = await asyncio.gather(
                    *(_under_load(cluster, one, promotions, admin, approver, count // 2) for one in both)
                )
    finally:
        await admin.close()
        await approver.close()
    for one, report in zip(both, reports, strict=True):
        say(f"  {one.name}: {report.summary()}")
        for lost in report.failures[:10]:
            say(f"    {lost}")
        table.add(
            f"requests lost during {one.done} healthy {one.name} shifts, {RATE} a second",
            f"{len(report.failures)} of {len(report)}",
            "Argo Rollouts 0 of 12,000 in blue/green" if one.name == "blue-green" else "",
        )


async def _under_load(
    cluster: Cluster, shifts: Shifts, promotions: Board, admin: Person, approver: Person, count: int
) -> Report:
    versions = itertools.cycle(VERSIONS)
    await admin.create(shifts.route())
    await _shift(shifts, next(versions), promotions, admin, approver)
    load = Load(
        cluster.gateway_url,
        host=f"{shifts.name}.example.test",
        rate=RATE,
        count=count,
        seconds=count / RATE + 1,
    )
    await _serves(cluster, shifts)
    sending = asyncio.create_task(load.run())
    while not sending.done():
        # The last shift is followed to its end: its requests count as well.
        await _shift(shifts, next(versions), promotions, admin, approver)
        shifts.done += 1
        if shifts.done % 10 == 0:
            report = load.report()
            say(f"  {shifts.name}: {shifts.done} shifts, {len(report.failures)} of {len(report)} requests lost")
    return await sending


async def _serves(cluster: Cluster, shifts: Shifts) -> None:
    """Until the gateway has found the first version; what it answers before that is not about shifts."""
    for _ in range(60):
        probe = Load(cluster.gateway_url, host=f"{shifts.name}.example.test", rate=20, count=20)
        if not (await probe.run()).failures:
            return
    raise TimeoutError(f"the gateway does not serve {shifts.name}")


async def _shift(shifts: Shifts, version: str, promotions: Board, admin: Person, approver: Person) -> None:
    await admin.apply(shifts.rollout(version), manager="bench")
    case = promotion(NAMESPACE, shifts.name, f"{version}-{shifts.done}")
    name = case["metadata"]["name"]
    await admin.create(case)
    await promotions.until(f"{name} asks", lambda: phase(promotions.objects.get(name)) == "AwaitingApproval", 120)
    await approver.merge("promotions", name, {"spec": {"approved": True}})
    await promotions.until(f"{name} succeeds", lambda: phase(promotions.objects.get(name)) == "Succeeded", 120)
