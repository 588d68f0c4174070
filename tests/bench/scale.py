"""Everything that is measured without pods of its own: latency, creation, cost at rest, restart."""

import asyncio
import time
from dataclasses import dataclass, replace

from tests.cluster.cluster import Cluster
from tests.cluster.progress import say, step
from tests.e2e.installation import install
from tests.e2e.kube import Person

from . import writes
from .approvals import Approvals
from .creation import Creation, create
from .operator import Operator, running
from .table import Table, ratio

NAMESPACE = "bench"
SETTLE = 20.0  # drainDelay is over, events have been posted

# Measured by the authors of the contract on the same kind of machine: Argo Rollouts 1.10, and a kopf watcher that
# commits a status and applies a Service, without deciding anything.
ARGO_SWITCH = "Argo Rollouts 55 / 68 / 165 ms with 1,000; a bare watcher 12 / 19 ms"
ARGO_SWITCH_SECONDS = 0.055
ARGO_CREATION_SECONDS = 134.0
ARGO_MEMORY = 165.0


@dataclass(frozen=True)
class Sizes:
    """How much is measured. `runs` of approvals, of which the best is shown (the machine has other work)."""

    approvals: int
    few: int
    many: int
    runs: int
    idle: float

    @classmethod
    def full(cls) -> "Sizes":
        return cls(approvals=40, few=100, many=1000, runs=3, idle=120)

    @classmethod
    def quick(cls) -> "Sizes":
        return cls(approvals=10, few=20, many=100, runs=1, idle=30)

    def with_many(self, many: int) -> "Sizes":
        return replace(self, many=many) if many else self


async def measure(cluster: Cluster, sizes: Sizes, table: Table) -> None:
    """All of it in one namespace, which is the hardest case: each Rollout shares it with all others."""
    with step("installing Slipway"):
        install(cluster)
        make_namespace(cluster, NAMESPACE)
    admin = Person(cluster.kubeconfig("admin"), NAMESPACE)
    approver = Person(cluster.kubeconfig("approver"), NAMESPACE)
    try:
        with running(cluster) as operator:
            _start(table, operator)
            await _all(cluster, sizes, table, operator, admin, approver)
    finally:
        await admin.close()
        await approver.close()


async def _all(
    cluster: Cluster, sizes: Sizes, table: Table, operator: Operator, admin: Person, approver: Person
) -> None:
    approvals = Approvals(admin, approver, sizes.approvals)
    await approvals.prepare()
    await _approvals(approvals, sizes, sizes.approvals, table)
    _created(table, await create(admin, operator, "few", sizes.few))
    _created(table, await create(admin, operator, "many", sizes.many))
    total = sizes.approvals + sizes.few + sizes.many
    await asyncio.sleep(SETTLE)
    await _approvals(approvals, sizes, total, table)
    await asyncio.sleep(SETTLE)
    await _idle(cluster, sizes, total, table, operator)
    await _restart(cluster, total, table, operator)


def _start(table: Table, operator: Operator) -> None:
    """Once more, now that the disk has been read."""
    operator.stop()
    began = time.time()
    operator.start()
    table.add("start → leading, no Rollouts", f"{time.time() - began:.1f} s (CPU {operator.cpu:.1f} s)")


async def _approvals(approvals: Approvals, sizes: Sizes, total: int, table: Table) -> None:
    say(f"{sizes.approvals} approvals, {total} Rollouts in all, {sizes.runs} runs")
    runs = []
    for number in range(sizes.runs):
        found = await approvals.measure()
        say(f"  run {number + 1}: {found}")
        runs.append(found)
    best = min(runs, key=lambda one: one.at(0.5))
    against = f"{ARGO_SWITCH} → {ratio(ARGO_SWITCH_SECONDS, best.at(0.5))} at p50"
    table.add(f"approval accepted → Service switched, {total} Rollouts (p50 / p90 / max)", str(best), against)


def _created(table: Table, created: Creation) -> None:
    figure = f"{created.healthy:.1f} s (applied in {created.applied:.1f} s, operator's CPU {created.cpu:.1f} s)"
    against = ""
    if created.count == 1000:
        against = f"Argo Rollouts 134 s → {ratio(ARGO_CREATION_SECONDS, created.healthy)}"
    table.add(f"{created.count} Rollouts, apply → all Healthy", figure, against)


async def _idle(cluster: Cluster, sizes: Sizes, total: int, table: Table, operator: Operator) -> None:
    say(f"doing nothing for {sizes.idle:.0f} s")
    began, cpu = time.time(), operator.cpu
    await asyncio.sleep(sizes.idle)
    seconds = time.time() - began
    share = (operator.cpu - cpu) / seconds
    against = f"Argo Rollouts 165 MiB → {ratio(ARGO_MEMORY, operator.memory)}" if total > 1000 else ""
    table.add(f"resident memory, {total} Rollouts", f"{operator.memory:.0f} MiB", against)
    table.add("CPU when idle", f"{share * 1000:.0f} m of a core")
    found = writes.between(cluster.audit_log, began, began + seconds)
    words = ", ".join(f"{what} ×{count}" for what, count in found.most_common())
    table.add("API writes per minute when idle, but for the Lease", f"{found.total() * 60 / seconds:.0f} {words}")


async def _restart(cluster: Cluster, total: int, table: Table, operator: Operator) -> None:
    """SIGTERM, start again; done when every Rollout has been decided once and nothing is due."""
    operator.stop()
    began = time.time()
    operator.start()
    leads = time.time() - began

    def reconciled() -> bool:
        passes = operator.metric("slipway_reconcile_duration_seconds_count")
        return passes >= total and operator.metric("slipway_queue_depth") == 0

    operator.wait(reconciled, "all Rollouts have been looked at")
    done = time.time() - began
    table.add(f"restart → all {total} reconciled", f"{done:.1f} s (leading after {leads:.1f} s)")
    await asyncio.sleep(SETTLE)
    table.add(f"resident memory after a restart, {total} Rollouts", f"{operator.memory:.0f} MiB")
    found = writes.between(cluster.audit_log, began, began + done + SETTLE)
    words = ", ".join(f"{what} ×{count}" for what, count in found.most_common())
    table.add("API writes after a restart, but for the Lease", f"{found.total()} {words}")


def make_namespace(cluster: Cluster, name: str) -> None:
    """A namespace in which Rollouts may approve themselves and the person `approver` may approve."""
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"slipway.dev/approval": "automatic"}},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "approvers", "namespace": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "slipway-approver"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "approvers"}],
        },
    )
