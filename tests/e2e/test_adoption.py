"""A Service that has users already is taken over without their noticing, and given back when the first launch fails."""

from typing import Any

from tests.e2e import manifests
from tests.e2e.arena import scenario
from tests.e2e.tenant import Tenant

BEFORE = "before"


async def _serves_before(tenant: Tenant, tag: str, **options: Any) -> None:
    """A Deployment and a Service as a team has them today, with the word that Slipway may take the Service.

    Then the Rollout, and users who already get what they came for.
    """
    labels = {"app": BEFORE}
    pods = manifests.template("v1")
    pods["metadata"] = {"labels": labels}
    await tenant.developer.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": BEFORE},
            "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": pods},
        }
    )
    await tenant.developer.create(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "annotations": {"slipway.dev/adopt": "web"}},
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
        }
    )
    # Nobody approved it: it was there before there was anybody to ask.
    tenant.approved[BEFORE] = 0.0
    await tenant.deploy(tag, **options)
    async with tenant.users() as first:
        await tenant.served(first, BEFORE)
        await tenant.all_served_by(first, BEFORE)
    # Until the gateway knew the new route nobody was served: that is not what is counted here.
    tenant.requests.clear()
    tenant.sums.requests = tenant.sums.failures = 0


@scenario
async def test_a_service_with_users_is_taken_over_at_the_approved_switch(tenant: Tenant) -> None:
    await _serves_before(tenant, "v2")
    async with tenant.users() as users:
        promotion = await tenant.promote()
        status = await tenant.until_promotion(promotion, "AwaitingApproval")
        assert "Service web can have its own selector app=before back" in status["message"], status["message"]
        await tenant.all_served_by(users, BEFORE)
        second = await tenant.approve(promotion)
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
    assert not users.report().failures, users.report().summary()
    await tenant.until(
        lambda: "slipway.dev/adopted" not in tenant.seen("services", "web")["metadata"]["annotations"],  # type: ignore[index]
        "what it said before is forgotten",
    )


@scenario
async def test_a_first_launch_that_fails_gives_the_service_back(tenant: Tenant) -> None:
    await _serves_before(tenant, "v4", strategy=manifests.CANARY, smoke_tests=[])
    async with tenant.users() as users:
        promotion = await tenant.promote()
        await tenant.approve(promotion)
        status = await tenant.until_promotion(promotion, "RolledBack")
        assert "error-rate" in status["message"], status["message"]
        await tenant.all_served_by(users, BEFORE)
        tenant.note(f"failing first launch: {len(users.report().failures)} of {len(users.report())} requests failed")
        healthy = await tenant.requests_more(users, 60)
        assert not healthy.failures, healthy.summary()
    found = tenant.seen("services", "web")
    assert found is not None
    assert found["spec"]["selector"] == {"app": BEFORE}
