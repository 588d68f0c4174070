"""Policies of the organisation: two people approve, a freeze holds what moves, and the way back is never closed."""

import contextlib
import time

from tests.e2e import manifests
from tests.e2e.arena import scenario
from tests.e2e.demands import approve_too, demand, second_approver
from tests.e2e.tenant import Tenant

FROZEN = {"deny": "inventory", "from": "2020-01-01"}


@scenario
async def test_two_people_approve_and_a_freeze_that_begins_mid_shift_holds(tenant: Tenant) -> None:
    await tenant.serve("v1", strategy=manifests.CANARY)
    first = tenant.stable()
    async with contextlib.AsyncExitStack() as stack:
        users = await stack.enter_async_context(tenant.users(rate=60))
        await stack.enter_async_context(demand(tenant, "two", approvals={"count": 2, "fourEyes": True}))
        other = await stack.enter_async_context(second_approver(tenant))
        promotion, second = await tenant.launch("v2")

        def message() -> str:
            return str(tenant.status(promotion, "promotions").get("message"))

        await tenant.until(lambda: "1 of 2 approvals" in message(), "one has approved")
        waiting = await tenant.requests_more(users, 60)
        assert waiting.share(first) == 1.0, waiting.summary()
        await approve_too(tenant, promotion, other)

        await tenant.until_weight(20)
        async with demand(tenant, "freeze", windows=[FROZEN]):
            await tenant.until_phase("Held")
            weight = tenant.status("web")["candidate"]["weight"]
            assert weight in (20, 60)
            await tenant.holds(lambda: tenant.status("web")["candidate"]["weight"] == weight, "the share", 8)
            assert "inventory" in message()
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
    assert not users.report().failures, users.report().summary()
    approvals = tenant.status(promotion, "promotions")["approvals"]
    assert [(entry["by"], entry["identity"]) for entry in approvals] == [
        ("approver", "verified"),
        ("second-approver", "verified"),
    ]


@scenario
async def test_whoever_asks_for_a_launch_does_not_approve_it_where_four_eyes_are_demanded(tenant: Tenant) -> None:
    await tenant.serve("v1")
    first = tenant.stable()
    async with demand(tenant, "eyes", approvals={"fourEyes": True}), tenant.users(rate=60) as users:
        await tenant.change_image("v2")
        # The administrator may create and approve everything.
        promotion = await tenant.promote(author=tenant.admin)
        assert (await tenant.admin.get("promotions", promotion))["spec"]["requestedBy"] == "admin"
        await tenant.until_promotion(promotion, "AwaitingApproval")
        await tenant.tell(promotion, tenant.admin, approved=True)

        def message() -> str:
            return str(tenant.status(promotion, "promotions").get("message"))

        await tenant.until(lambda: "admin created this Promotion" in message(), "the own word does not count")
        waiting = await tenant.requests_more(users, 60)
        assert waiting.share(first) == 1.0, waiting.summary()
        proposed = tenant.status(promotion, "promotions")
        second = f"web-{proposed['target']['revision']}"
        # The first word that counts.
        tenant.approved[second] = time.time()
        await tenant.tell(promotion, tenant.approver, approvals={"approver": proposed["planHash"]})
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
    assert not users.report().failures, users.report().summary()
    approvals = tenant.status(promotion, "promotions")["approvals"]
    assert [entry["by"] for entry in approvals] == ["approver"]


@scenario
async def test_in_a_freeze_nothing_begins_and_what_moves_goes_back_at_once(tenant: Tenant) -> None:
    await tenant.serve("v1", strategy=manifests.CANARY)
    first = tenant.stable()
    async with tenant.users(rate=60) as users:
        async with demand(tenant, "freeze", windows=[FROZEN]):
            promotion, _ = await tenant.launch("v2")
            await tenant.until_promotion(promotion, "Held")
            held = await tenant.requests_more(users, 120)
            assert held.share(first) == 1.0, held.summary()
        await tenant.until_weight(20)
        async with demand(tenant, "freeze", windows=[FROZEN]):
            await tenant.until_phase("Held")
            await tenant.tell(promotion, abort="not today")
            await tenant.until_promotion(promotion, "Aborted")
            await tenant.all_served_by(users, first)
    assert not users.report().failures, users.report().summary()
