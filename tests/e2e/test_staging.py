"""Staging before production: the same images, proven under load there, then one Promotion and two people here."""

import contextlib
from typing import Any

from tests.e2e import manifests
from tests.e2e.arena import scenario
from tests.e2e.demands import approve_too, demand, second_approver
from tests.e2e.tenant import Shared, Tenant


@scenario
async def test_what_staging_has_proven_goes_to_production_when_two_people_say_so(tenant: Tenant) -> None:
    await tenant.serve("v1")
    shared = Shared(tenant.cluster, tenant.operator, tenant.metrics, tenant.receiver)
    labels = {"slipway.dev/approval": "automatic"}
    async with Tenant.create(shared, f"{tenant.namespace}-staging", tenant.sums, labels) as staging:
        staging.automatic = True
        # They are there before anything serves: the gates of the first revision want requests too.
        async with staging.users():
            await staging.deploy("v1", environment="staging", approval="Automatic")
            await staging.until_phase("Healthy")
            await staging.change_image("v2")
            await staging.until(
                lambda: staging.stable() == staging.deployment_of("v2") and staging.phase() == "Healthy",
                "v2 is proven in staging",
            )

        source = {"namespace": staging.namespace, "rollout": "web"}
        promotion = await tenant.promote(setImages=True, **{"from": source})
        blocked = await tenant.until_promotion(promotion, "Blocked")
        assert f"kubectl annotate namespace {staging.namespace}" in blocked["message"]
        assert image_of(tenant) == manifests.image("v1")

        allowed = {"metadata": {"annotations": {"slipway.dev/promote-to": tenant.namespace}}}
        await tenant.admin.merge("namespaces", staging.namespace, allowed)
        waiting = await tenant.until_promotion(promotion, "AwaitingApproval")
        assert image_of(tenant) == manifests.image("v2")
        assert {check["result"] for check in waiting["checks"] if check["name"] in {"staging", "images-set"}} == {
            "Passed"
        }

        trial = await tenant.promote(dryRun=True, **{"from": source})
        await tenant.until_promotion(trial, "DryRunComplete")
        assert tenant.condition("ChecksPassed", trial, "promotions")["status"] == "True"
        assert tenant.status(promotion, "promotions")["phase"] == "AwaitingApproval"

        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(demand(tenant, "two", approvals={"count": 2}))
            other = await stack.enter_async_context(second_approver(tenant))
            users = await stack.enter_async_context(tenant.users())
            second = await tenant.approve(promotion)
            await approve_too(tenant, promotion, other)
            await tenant.until_promotion(promotion, "Succeeded")
            await tenant.all_served_by(users, second)
        assert not users.report().failures, users.report().summary()
        assert digests(tenant, "v2") == digests(staging, "v2")


@scenario
async def test_a_version_goes_through_three_environments_one_after_the_other(tenant: Tenant) -> None:
    await tenant.serve("v1")
    shared = Shared(tenant.cluster, tenant.operator, tenant.metrics, tenant.receiver)
    automatic = {"slipway.dev/approval": "automatic"}
    async with (
        Tenant.create(shared, f"{tenant.namespace}-staging", tenant.sums) as staging,
        Tenant.create(shared, f"{tenant.namespace}-dev", tenant.sums, automatic) as dev,
    ):
        dev.automatic = True
        for here, there in ((dev, staging), (staging, tenant)):
            allowed = {"metadata": {"annotations": {"slipway.dev/promote-to": there.namespace}}}
            await tenant.admin.merge("namespaces", here.namespace, allowed)
        await staging.deploy("v1", environment="staging")
        await staging.approve(await staging.promote(environment="staging"))
        await staging.until_phase("Healthy")
        async with dev.users(), staging.users() as testers, tenant.users() as users:
            await dev.deploy("v1", environment="dev", approval="Automatic")
            await dev.until_phase("Healthy")
            await dev.change_image("v2")

            # Both ask at once, before it is proven anywhere: each waits for the one before it.
            to_staging = await staging.promote(**_from(dev), environment="staging")
            to_production = await tenant.promote(**_from(staging))
            waiting = await staging.until_promotion(to_staging, "AwaitingApproval")
            assert image_of(staging) == manifests.image("v2"), waiting["message"]
            await tenant.holds(lambda: image_of(tenant) == manifests.image("v1"), "staging has proven nothing yet", 2)

            proven = await staging.approve(to_staging)
            await staging.until_promotion(to_staging, "Succeeded")
            await staging.all_served_by(testers, proven)
            await tenant.until_promotion(to_production, "AwaitingApproval")
            assert image_of(tenant) == manifests.image("v2")
            second = await tenant.approve(to_production)
            await tenant.until_promotion(to_production, "Succeeded")
            await tenant.all_served_by(users, second)
        assert not testers.report().failures, testers.report().summary()
        assert not users.report().failures, users.report().summary()
        assert digests(tenant, "v2") == digests(staging, "v2") == digests(dev, "v2")


def _from(source: Tenant) -> dict[str, Any]:
    return {"from": {"namespace": source.namespace, "rollout": "web"}, "setImages": True}


def image_of(tenant: Tenant) -> str:
    """What the Rollout's template asks for."""
    rollout = tenant.seen("rollouts", "web") or {}
    return str(rollout["spec"]["template"]["spec"]["containers"][0]["image"])


def digests(tenant: Tenant, tag: str) -> set[str]:
    """What the kubelet says that the pods of an image run."""
    pods = [pod for pod in tenant.all("pods") if pod["spec"]["containers"][0]["image"] == manifests.image(tag)]
    found = {pod["status"]["containerStatuses"][0]["imageID"] for pod in pods}
    assert found
    return found
