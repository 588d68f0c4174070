"""What others change or lose is put back, from what the revisions themselves remember; users notice nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.e2e import installation, manifests
from tests.e2e.arena import scenario
from tests.e2e.kube import Object, Refused
from tests.e2e.tenant import Tenant

SLOW_STEPS = {"canary": {"steps": [{"weight": 40, "hold": "6s"}], "verify": "4s", "keepPrevious": "8s"}}


async def _wipe_status(tenant: Tenant) -> None:
    """As a restore from a backup would leave it."""
    await tenant.admin.merge("rollouts", "web", {"status": None}, subresource="status")


@asynccontextmanager
async def unguarded(tenant: Tenant) -> AsyncIterator[None]:
    """Without the bindings of the guard's policies: as in a cluster that was installed without them."""
    bindings = installation.guard(tenant.cluster)
    assert bindings, "there is no guard to take away"
    for binding in bindings:
        await tenant.admin.delete("validatingadmissionpolicybindings", str(binding["metadata"]["name"]))
    try:
        await _until_allowed(tenant)
        yield
    finally:
        for binding in bindings:
            meta = {"name": binding["metadata"]["name"], "labels": binding["metadata"].get("labels", {})}
            await tenant.admin.create({**binding, "metadata": meta})


async def _until_allowed(tenant: Tenant) -> None:
    """The API server takes a moment to forget a policy."""
    probe = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "probe"},
        "spec": {"selector": {"slipway.dev/rollout": "nothing"}, "ports": [{"port": 80}]},
    }

    async def allowed() -> bool:
        try:
            await tenant.developer.create(probe)
        except Refused:
            return False
        await tenant.admin.delete("services", "probe")
        return True

    deadline = time.monotonic() + 30
    while not await allowed():
        assert time.monotonic() < deadline, "the guard is still there"
        await asyncio.sleep(0.2)


@scenario(alone=True)
async def test_without_the_guard_a_wiped_selector_is_restored_and_nobody_reaches_the_candidate(tenant: Tenant) -> None:
    first = await tenant.serve("v1")
    async with unguarded(tenant), tenant.users() as users:
        await tenant.change_image("v2")
        promotion = await tenant.promote()
        await tenant.until_promotion(promotion, "AwaitingApproval")
        waiting = tenant.candidate()
        revision, rollout = first.removeprefix("web-"), {"slipway.dev/rollout": "web"}
        # Three times, as a tool would that applies its manifest again and again. Kubernetes leaves the endpoints of a
        # Service without a selector alone, so that users stay where they are meanwhile.
        for _ in range(3):
            wiped = await tenant.developer.merge("services", "web", {"spec": {"selector": None}})
            assert not wiped["spec"].get("selector"), wiped
            version = wiped["metadata"]["resourceVersion"]
            await tenant.until(lambda v=version: _newer(tenant, v) and tenant.selected() == revision, "it is restored")
        assert tenant.seen("services", "web")["spec"]["selector"] == {**rollout, "slipway.dev/revision": revision}
        # A Service is drift, never a reason to promote: the candidate still waits.
        await tenant.until_promotion(promotion, "AwaitingApproval")
        await tenant.all_served_by(users, first)
        assert not users.report().served_by(waiting)
    assert not users.report().failures, users.report().summary()


def _newer(tenant: Tenant, version: str) -> bool:
    return int((tenant.seen("services", "web") or {})["metadata"]["resourceVersion"]) > int(version)


@scenario(alone=True)
async def test_without_the_guard_an_edited_deployment_is_put_back(tenant: Tenant) -> None:
    first = await tenant.serve("v1")
    async with unguarded(tenant), tenant.users() as users:
        path = "/spec/template/spec/containers/0/image"
        edit = {"op": "replace", "path": path, "value": manifests.image("v3")}
        edited = (await tenant.developer.patch("deployments", first, edit))["metadata"]["generation"]

        def back() -> bool:
            found = tenant.seen("deployments", first) or {}
            containers = found["spec"]["template"]["spec"]["containers"]
            mended = found["metadata"]["generation"] > edited and containers[0]["image"] == manifests.image("v1")
            return bool(mended and found["status"].get("readyReplicas") == 2)

        await tenant.until(back, "the Deployment has its image again, and its pods")
        await tenant.all_served_by(users, first)
        await tenant.until_phase("Healthy")


@scenario(alone=True)
async def test_a_deleted_stable_deployment_is_rebuilt_from_its_revision(tenant: Tenant) -> None:
    first = await tenant.serve("v1")
    async with unguarded(tenant), tenant.users() as users:
        before = (tenant.seen("deployments", first) or {})["metadata"]["uid"]
        await tenant.developer.delete("deployments", first)

        def rebuilt() -> bool:
            found = tenant.seen("deployments", first) or {}
            return bool(found["metadata"]["uid"] != before and found["status"].get("readyReplicas") == 2)

        await tenant.until(rebuilt, "the Deployment is there again, with its pods")
        await tenant.until_phase("Healthy")
        await tenant.all_served_by(users, first)
        served = {one.revision for one in users.report().requests} - {""}
        assert served == {first}, served


async def _wiped_at(tenant: Tenant, phase: str) -> None:
    """A canary whose Rollout loses its status in one phase, and ends as if nothing had happened."""
    await tenant.serve("v1", strategy=SLOW_STEPS)
    async with tenant.users() as users:
        await tenant.change_image("v2")
        promotion = await tenant.promote()
        if phase == "Deploying":
            await tenant.until_phase("Deploying", "AwaitingApproval")
            await _wipe_status(tenant)
        await tenant.until_promotion(promotion, "AwaitingApproval")
        if phase == "AwaitingApproval":
            await _wipe_status(tenant)
            await tenant.until(lambda: tenant.phase() == "AwaitingApproval", "it awaits approval again")
        second = await tenant.approve(promotion)
        if phase == "Shifting":
            await tenant.until_weight(40)
            await _wipe_status(tenant)
            await tenant.until(lambda: tenant.phase() == "Shifting", "it shifts again")
            assert tenant.weight() == 40, "the share is read from the route"
        if phase == "Verifying":
            await tenant.until_phase("Verifying")
            await _wipe_status(tenant)
        await tenant.until_promotion(promotion, "Succeeded")
        if phase == "Watching":
            await tenant.until_phase("Watching")
            await _wipe_status(tenant)
        await tenant.until_phase("Healthy")
        await tenant.all_served_by(users, second)
        assert tenant.stable() == second
    assert not users.report().failures, users.report().summary()


@scenario
async def test_a_status_wiped_while_deploying_changes_nothing(tenant: Tenant) -> None:
    await _wiped_at(tenant, "Deploying")


@scenario
async def test_a_status_wiped_while_awaiting_approval_changes_nothing(tenant: Tenant) -> None:
    await _wiped_at(tenant, "AwaitingApproval")


@scenario
async def test_a_status_wiped_while_shifting_changes_nothing(tenant: Tenant) -> None:
    await _wiped_at(tenant, "Shifting")


@scenario
async def test_a_status_wiped_while_verifying_changes_nothing(tenant: Tenant) -> None:
    await _wiped_at(tenant, "Verifying")


@scenario
async def test_a_status_wiped_while_watching_changes_nothing(tenant: Tenant) -> None:
    await _wiped_at(tenant, "Watching")


@scenario
async def test_a_status_wiped_after_a_rollback_does_not_try_again(tenant: Tenant) -> None:
    first = await tenant.serve("v1")
    async with tenant.users() as users:
        promotion, _ = await tenant.launch("v4")
        await tenant.until_promotion(promotion, "RolledBack")
        await tenant.until_phase("RolledBack")
        await _wipe_status(tenant)
        await tenant.until_phase("RolledBack")
        await tenant.holds(lambda: tenant.selected() == first.removeprefix("web-"), "stable serves", 3)
        await tenant.all_served_by(users, first)


@scenario
async def test_weights_changed_by_hand_are_restored(tenant: Tenant) -> None:
    first = await tenant.serve("v1", strategy=SLOW_STEPS)
    async with tenant.users() as users:
        route: Object = await tenant.developer.get("httproutes", "web")
        rules = route["spec"]["rules"]
        rules[0]["backendRefs"][0]["weight"], rules[0]["backendRefs"][1]["weight"] = 0, 100
        await tenant.developer.replace(route)
        await tenant.until(lambda: tenant.weight() == 0, "the weights are restored")
        await tenant.all_served_by(users, first)
    # `web-candidate` selects stable outside a shift, so not even that was an error for anybody.
    assert not users.report().failures, users.report().summary()
