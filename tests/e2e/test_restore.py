"""docs/operations.md, Backup and Restore: a namespace is lost, and comes back by the very commands of the page."""

import asyncio
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.cluster.programs import kubectl
from tests.docs.blocks import COMMANDS, PAGES, inline
from tests.e2e.arena import scenario
from tests.e2e.kube import Object
from tests.e2e.records import records, slipway
from tests.e2e.tenant import Tenant

PAGE = next(page for page in PAGES if page.name == "operations.md")
TOOL = "system:serviceaccount:velero:velero"
STEPS = {"canary": {"steps": [{"weight": 20, "hold": "1s"}], "verify": "2s", "keepPrevious": "60s"}}
CHILDREN = ("deployments", "services")


def block(word: str) -> str:
    (found,) = (each.text for each in COMMANDS if each.page == "docs/operations.md" and word in each.text)
    return found


def listing(value: str) -> str:
    """The command of a sentence that lists the tool, or takes it off the list."""
    patches = (line for line in inline(PAGE, "kubectl") if "slipway-admission" in line)
    (found,) = (line for line in patches if value in line)
    return found


class Shell:
    """A folder of files, and a kubeconfig."""

    def __init__(self, folder: str, kubeconfig: Path, namespace: str) -> None:
        self._folder = folder
        self._namespace = namespace
        path = os.pathsep.join([str(kubectl().parent), os.environ["PATH"]])
        self._environment = {"PATH": path, "KUBECONFIG": str(kubeconfig), "HOME": folder}

    async def run(self, text: str) -> subprocess.CompletedProcess[str]:
        text = text.replace("-n shop", f"-n {self._namespace}").replace(
            "namespace shop", f"namespace {self._namespace}"
        )
        options = {"cwd": self._folder, "env": self._environment, "capture_output": True, "text": True, "timeout": 60}
        argv = ["bash", "-euxo", "pipefail", "-c", text]
        return await asyncio.to_thread(subprocess.run, argv, check=False, **options)  # type: ignore[call-overload, no-any-return]

    async def do(self, text: str) -> None:
        done = await self.run(text)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"

    async def until(self, condition: Callable[[subprocess.CompletedProcess[str]], bool], text: str) -> None:
        """The API server takes a moment to learn of an allow-list."""
        deadline = time.monotonic() + 30
        while not condition(done := await self.run(text)):
            assert time.monotonic() < deadline, done.stderr
            await asyncio.sleep(0.2)


@asynccontextmanager
async def lost_and_restored(tenant: Tenant) -> AsyncIterator[float]:
    """Backup, the namespace deleted, and all steps of the page; when it was lost."""
    cluster = tenant.cluster
    for argv in (
        ("create", "namespace", "velero"),
        ("create", "serviceaccount", "velero", "--namespace=velero"),
        ("create", "clusterrolebinding", "velero", "--clusterrole=cluster-admin", "--serviceaccount=velero:velero"),
    ):
        await asyncio.to_thread(cluster.kubectl, *argv)
    with tempfile.TemporaryDirectory() as folder:
        admin = Shell(folder, cluster.kubeconfig("admin"), tenant.namespace)
        tool = Shell(folder, cluster.service_account_kubeconfig("velero", "velero"), tenant.namespace)
        try:
            await admin.do(block("kubectl get namespace"))
            tenant.operator.kill()
            await asyncio.to_thread(cluster.kubectl, "delete", "namespace", tenant.namespace, "--timeout=60s")
            lost = time.time()
            await admin.do(listing(TOOL))
            await tool.until(lambda done: done.returncode == 0, GUARDED)
            await tool.do(block("jq"))
            tenant.operator.start()
            await admin.do(listing("null"))
            await tool.until(lambda done: "Slipway" in done.stderr, GUARDED)
            yield lost
        finally:
            tenant.operator.start()
            # As all other tests find it.
            await admin.do(listing(TOOL).replace(TOOL, "admin"))
            for what in ("namespace", "clusterrolebinding"):
                await asyncio.to_thread(cluster.kubectl, "delete", what, "velero", "--wait=false")


GUARDED = """kubectl create --dry-run=server -f - <<< '{"apiVersion": "v1", "kind": "Service",
    "metadata": {"name": "probe", "namespace": "default", "labels": {"slipway.dev/rollout": "probe"}},
    "spec": {"selector": {"slipway.dev/rollout": "probe"}, "ports": [{"port": 80}]}}'"""
"""What only the operator and a listed identity may create."""


@scenario(alone=True)
async def test_a_restored_namespace_serves_what_was_approved_and_asks_again(tenant: Tenant) -> None:
    await tenant.serve("v1", strategy=STEPS)
    async with tenant.users() as users:
        launched, second = await tenant.launch("v2")
        await tenant.until_promotion(launched, "Succeeded")
        await records(tenant, launched, "launch")
        await tenant.change_image("v3")
        waiting = await tenant.promote()
        plan = (await tenant.until_promotion(waiting, "AwaitingApproval"))["planHash"]
        await tenant.all_served_by(users, second)
        before = await tenant.admin.get("rollouts", "web")
        async with lost_and_restored(tenant) as lost:
            await tenant.until(lambda: _owned(tenant, before), "a new Rollout owns what was restored")
            # A word of before was for the plan of another Rollout.
            await tenant.until(lambda: _plan(tenant, waiting) not in ("", plan), "it asks for the plan of this one")
            await tenant.until_promotion(waiting, "AwaitingApproval")
            assert not any("approved" in promotion["spec"] for promotion in tenant.all("promotions"))
            await tenant.all_served_by(users, second)
            await tenant.holds(lambda: tenant.selected() == second.removeprefix("web-"), "v2 serves", 3)
            assert (tenant.seen("rollouts", "web") or {})["status"]["stable"]["deployment"] == second
            assert {one.revision for one in users.report().between(lost).requests} <= {second, ""}
            assert await slipway(tenant, "verify") == (0, _chain(tenant, launches=2))
            third = await tenant.approve(waiting)
            await tenant.until_promotion(waiting, "Succeeded")
            await tenant.all_served_by(users, third)
            await records(tenant, waiting, "launch")
            assert await slipway(tenant, "verify") == (0, _chain(tenant, launches=3))
    assert "passes in a row have written" not in "\n".join(tenant.operator.lines(tenant.namespace))


def _plan(tenant: Tenant, promotion: str) -> str:
    return str(tenant.status(promotion, "promotions").get("planHash", ""))


def _chain(tenant: Tenant, launches: int) -> str:
    return f"{tenant.namespace}/web: {launches} records ({launches} launch): the chain holds\n"


def _owned(tenant: Tenant, before: Object) -> bool:
    uid = (tenant.seen("rollouts", "web") or {})["metadata"]["uid"]
    return uid != before["metadata"]["uid"] and all(
        [owner["uid"] for owner in child["metadata"].get("ownerReferences", [])] == [uid]
        for plural in CHILDREN
        for child in tenant.all(plural)
    )
