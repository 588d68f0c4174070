"""Argo CD keeps what Git says and heals what differs; Slipway moves traffic, and neither undoes the other."""

import asyncio
import contextlib
import json
import subprocess
import time
from typing import Any

import pytest
import yaml
from tests.cluster.argocd import CONTROLLER_USER, Repository, argocd, lacking
from tests.cluster.cluster import Cluster
from tests.cluster.paths import REPOSITORY
from tests.cluster.toolchain import program
from tests.e2e import manifests
from tests.e2e.application import Application, application
from tests.e2e.arena import scenario
from tests.e2e.installation import OPERATOR_NAMESPACE
from tests.e2e.tenant import Tenant

ARGOCD = REPOSITORY / "manifests" / "argocd"
CONFIGURATION = yaml.safe_load((ARGOCD / "argocd-cm.yaml").read_text())["data"]
BEFORE = "before"


def _file(*documents: Any) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False)


def _before() -> str:
    """What a team has in Git today, with the word that Slipway may take the Service over."""
    pods = {**manifests.template("v1"), "metadata": {"labels": {"app": BEFORE}}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": BEFORE},
        "spec": {"selector": {"matchLabels": {"app": BEFORE}}, "template": pods},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "annotations": {"slipway.dev/adopt": "web"}},
        "spec": {"selector": {"app": BEFORE}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }
    return _file(deployment, service)


def _rollout(tag: str) -> str:
    return _file(manifests.rollout(tag, strategy=manifests.CANARY))


def _promotion(name: str) -> str:
    return _file(manifests.promotion(name))


@pytest.mark.parametrize(("fragment", "approves"), [("argocd-cm.yaml", False), ("argocd-cm-delegated.yaml", True)])
def test_argo_cd_reads_the_actions(cluster: Cluster, fragment: str, approves: bool) -> None:
    waiting = ARGOCD / "slipway.dev" / "Promotion" / "actions" / "testdata" / "awaiting-approval.yaml"

    def action(*words: str) -> str:
        argv = [*words[:1], str(waiting), *words[1:], "--argocd-cm-path", str(ARGOCD / fragment)]
        command = [program("argocd", "argocd"), "admin", "settings", "resource-overrides", *argv]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    listed = [line.split() for line in action("list-actions").splitlines()]
    assert ["hold", "false"] in listed, listed
    assert (["approve", "false"] in listed) is approves, listed
    assert "hold: held in Argo CD" in action("run-action", "hold")
    assert ("approved: true" in action("run-action", "approve")) is approves


@scenario
async def test_argo_cd_and_slipway_keep_out_of_each_others_fields(tenant: Tenant) -> None:
    if missing := lacking():
        pytest.skip(f"Argo CD needs {missing}")
    repository = Repository(tenant.cluster.folder / "git" / tenant.namespace)
    route = manifests.route(tenant.host(), canary=True)
    today = repository.commit("what there is today", {"shop/before.yaml": _before()})
    # The Rollout and its Promotions are in the last wave, as docs/gitops.md asks for.
    wave = {"argocd.argoproj.io/sync-wave": "-1"}
    route["metadata"]["annotations"] = wave
    files = {"route": _file(route), "rollout": _rollout("v2"), "web-1": _promotion("web-1")}
    async with contextlib.AsyncExitStack() as stack:
        started = argocd(tenant.cluster, CONFIGURATION)
        await asyncio.to_thread(started.__enter__)
        stack.callback(started.__exit__, None, None, None)
        app = await stack.enter_async_context(application(tenant, repository))
        # Nobody approved what was there before there was anybody to ask.
        tenant.approved[BEFORE] = 0.0
        # The way back leads to the pods that are there today: the rehearsal asks for one that is ready.
        await app.until("Synced", "Healthy", today)
        first = await app.commit("the first launch", {f"shop/{name}.yaml": text for name, text in files.items()})
        await app.until("Synced", "Suspended", first)
        assert "approve: kubectl" in await app.until_resource("Promotion", "web-1", "Suspended")

        async with tenant.users() as early:
            await tenant.served(early, BEFORE)
            await tenant.all_served_by(early, BEFORE)
        # Until the gateway knew the new route nobody was served: that is not what is counted here.
        tenant.requests.clear()
        tenant.sums.requests = tenant.sums.failures = 0

        users = await stack.enter_async_context(tenant.users(rate=60))
        await tenant.approve("web-1")
        await tenant.until_promotion("web-1", "Succeeded")
        await app.until("Synced", "Healthy", first)
        assert tenant.selected() == tenant.stable().removeprefix("web-")

        stable = await _a_launch(tenant, app)
        await _at_rest(tenant, app)
        worse = await _a_rollback(tenant, app, stable)
        await tenant.all_served_by(users, stable)
        await tenant.all_served_by(users, await _approved_by_pull_request(tenant, app))
        others = [one for one in users.report().failures if one.revision != worse]
        assert not others, others[:5]
    _nothing_was_fought_over(app)


async def _a_launch(tenant: Tenant, app: Application) -> str:
    """A new image and its Promotion in Git, the approval not; the Deployment that serves then."""
    launch = await app.commit(
        "launch v3", {"shop/rollout.yaml": _rollout("v3"), "shop/web-2.yaml": _promotion("web-2")}
    )
    await app.until("Synced", "Suspended", launch)
    deployment = await tenant.approve("web-2")
    await tenant.until_weight(20)
    # It looks while the route's weights are not those of Git.
    await app.refresh()
    await tenant.until_promotion("web-2", "Succeeded")
    await app.until("Synced", "Healthy", launch)
    seen = [state.health for state in app.since(launch) if state.sync == "Synced"]
    course = [health for number, health in enumerate(seen) if number == 0 or seen[number - 1] != health]
    assert course[-3:] == ["Suspended", "Progressing", "Healthy"], app.account()
    await tenant.kubectl_waits("Ready", "rollouts.slipway.dev/web")
    await tenant.kubectl_waits("Stalled=False", "rollouts.slipway.dev/web")
    await tenant.kubectl_waits("Succeeded", "promotions.slipway.dev/web-2")
    return deployment


async def _at_rest(tenant: Tenant, app: Application) -> None:
    """Nobody writes anything any more, also not when Argo CD looks again."""
    await tenant.until_phase("Healthy")

    def versions() -> dict[str, str]:
        objects = [*tenant.all("services"), *tenant.all("httproutes"), *tenant.all("rollouts")]
        return {f"{obj['kind']}/{obj['metadata']['name']}": obj["metadata"]["resourceVersion"] for obj in objects}

    before, wrote = versions(), app.writes()
    assert len(before) >= 4
    await app.refresh()
    await tenant.holds(lambda: versions() == before, "Services, routes and Rollouts", 6)
    assert app.writes() == wrote, app.account()


async def _a_rollback(tenant: Tenant, app: Application, stable: str) -> str:
    """A version that fails goes back while Git still asks for it, then Git does too; the Deployment that failed."""
    worse = await app.commit("launch v4", {"shop/rollout.yaml": _rollout("v4"), "shop/web-3.yaml": _promotion("web-3")})
    await app.until("Synced", "Suspended", worse)
    deployment = await tenant.approve("web-3")
    await tenant.until_promotion("web-3", "RolledBack")
    await tenant.until_phase("RolledBack")
    await app.until("Synced", "Degraded", worse)
    await app.until_resource("Promotion", "web-3", "Degraded")
    await app.until_resource("Rollout", "web", "Degraded")
    await tenant.kubectl_waits("Ready=False", "rollouts.slipway.dev/web")
    await tenant.kubectl_waits("Stalled", "rollouts.slipway.dev/web")
    await tenant.kubectl_waits("Succeeded=False", "promotions.slipway.dev/web-3")
    assert tenant.stable() == stable
    wrote = app.writes()
    # Git is ahead of what serves, and healing does not bring it back.
    await app.refresh()
    await tenant.holds(lambda: tenant.weight() == 0 and tenant.phase() == "RolledBack", "it stays back", 4)
    assert app.writes() == wrote, app.account()

    undone = app.repository.revert()
    await app.refresh()
    await app.until("Synced", "Healthy", undone)
    assert tenant.stable() == stable
    assert await tenant.admin.find("promotions", "web-3") is None
    return deployment


async def _approved_by_pull_request(tenant: Tenant, app: Application) -> str:
    """What docs/gitops.md says of it: whoever can merge approves, by the account of the tool; what serves then."""
    approves = ("--clusterrole=slipway-approver", f"--user={CONTROLLER_USER}", f"--namespace={tenant.namespace}")
    await asyncio.to_thread(tenant.cluster.kubectl, "create", "rolebinding", "argocd-approves", *approves)
    listed = ("--type=merge", "--patch", json.dumps({"data": {"approvers": CONTROLLER_USER}}))
    names = ("configmap", "slipway-admission", f"--namespace={OPERATOR_NAMESPACE}")
    await asyncio.to_thread(tenant.cluster.kubectl, "patch", *names, *listed)
    await app.commit("launch v1", {"shop/rollout.yaml": _rollout("v1"), "shop/web-4.yaml": _promotion("web-4")})
    plan = (await tenant.until_promotion("web-4", "AwaitingApproval"))["planHash"]
    deployment = tenant.candidate()
    tenant.approved[deployment] = time.time()
    promotion = manifests.promotion("web-4", approved=True, approvals={CONTROLLER_USER: plan})
    merged = await app.commit("approve v1", {"shop/web-4.yaml": _file(promotion)})
    ended = await tenant.until_promotion("web-4", "Succeeded")
    assert [(each["by"], each["identity"]) for each in ended["approvals"]] == [(CONTROLLER_USER, "delegated")]
    await app.until("Synced", "Healthy", merged)
    return deployment


def _nothing_was_fought_over(app: Application) -> None:
    """Argo CD wrote what the commits changed, each change once, and nothing else."""
    wrote = app.writes()
    assert wrote == {
        ("create", "deployments", BEFORE): 1,
        ("create", "services", "web"): 1,
        ("create", "httproutes", "web"): 1,
        ("create", "rollouts", "web"): 1,
        ("patch", "rollouts", "web"): 4,
        **{("create", "promotions", f"web-{number}"): 1 for number in (1, 2, 3, 4)},
        ("patch", "promotions", "web-4"): 1,
        ("delete", "promotions", "web-3"): 1,
    }, app.account()
