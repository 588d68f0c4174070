"""Edits, withdrawals and newer versions while something waits or shifts."""

from tests.e2e import manifests
from tests.e2e.arena import scenario
from tests.e2e.tenant import Tenant

TWO_STEPS = {
    "canary": {
        "steps": [{"weight": 30, "hold": "5s"}, {"weight": 60, "hold": "3s"}],
        "verify": "2s",
        "keepPrevious": "3s",
    }
}


def analysis(below: float) -> dict[str, object]:
    gates = [{**manifests.ERROR_RATE, "below": below}, manifests.LATENCY]
    return {"analysis": {"source": "default", "interval": "1s", "gates": gates}}


@scenario
async def test_a_newer_template_replaces_one_that_waits_and_voids_its_approval(tenant: Tenant) -> None:
    first = await tenant.serve("v1")
    async with tenant.users() as users:
        await tenant.change_image("v2")
        promotion = await tenant.promote()
        await tenant.until_promotion(promotion, "AwaitingApproval")
        second = tenant.candidate()
        await tenant.change_image("v3")
        await tenant.until(lambda: tenant.candidate() not in ("", second), "v3 is the candidate")
        third = tenant.candidate()
        await tenant.until(lambda: tenant.pods("v2") == 0, "the pods of v2 are gone")
        assert (await tenant.requests_more(users, 30)).share(first) == 1.0
        # The Promotion follows the candidate; its approval is for v3 alone.
        assert await tenant.approve(promotion) == third
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, third)
    assert not users.report().failures, users.report().summary()


@scenario
async def test_an_approval_of_one_version_does_not_carry_over_to_the_next(tenant: Tenant) -> None:
    first = await tenant.serve("v1", replicas=2)
    async with tenant.users() as users:
        await tenant.change_image("v2")
        promotion = await tenant.promote()
        # Held, so that the approval is given but no traffic moves.
        await tenant.tell(promotion, hold="not during lunch")
        await tenant.until_promotion(promotion, "Held")
        await tenant.kubectl_waits("Stalled", f"promotions.slipway.dev/{promotion}")
        second = tenant.candidate()
        await tenant.tell(promotion, tenant.approver, approved=True)
        await tenant.change_image("v3")
        await tenant.until(lambda: tenant.candidate() not in ("", second), "v3 is the candidate")

        def void() -> bool:
            return "approved" not in tenant.seen("promotions", promotion)["spec"]

        await tenant.until(void, "the approval of v2 is removed")
        await tenant.tell(promotion, tenant.approver, hold=None)
        await tenant.until_promotion(promotion, "AwaitingApproval")
        assert (await tenant.requests_more(users, 30)).share(first) == 1.0
    assert not users.report().failures, users.report().summary()


@scenario
async def test_a_newer_template_waits_as_next_while_traffic_moves(tenant: Tenant) -> None:
    await tenant.serve("v1", strategy=TWO_STEPS)
    async with tenant.users() as users:
        promotion, second = await tenant.launch("v2")
        await tenant.until_weight(30)
        await tenant.change_image("v3")
        await tenant.until(lambda: tenant.status()["next"]["revision"], "v3 is next")
        waiting = tenant.status()["next"]["revision"]
        assert tenant.candidate() == second
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
        await tenant.until(lambda: tenant.candidate() == f"web-{waiting}", "v3 is the candidate now")
        assert tenant.phase() in ("Deploying", "AwaitingPromotion")
        await tenant.until_phase("AwaitingPromotion")
        assert (await tenant.requests_more(users, 20)).share(second) == 1.0
    assert not users.report().failures, users.report().summary()


@scenario
async def test_a_threshold_edited_mid_shift_holds_and_undoing_it_resumes(tenant: Tenant) -> None:
    await tenant.serve("v1", strategy=TWO_STEPS)
    async with tenant.users() as users:
        promotion, second = await tenant.launch("v2")
        await tenant.until_weight(30)
        await tenant.edit(analysis(below=0.9))
        status = await tenant.until_phase("Held")
        assert "plan" in status["message"], status["message"]
        # Longer than the step's hold: nothing advances, and the gate that runs is the approved one.
        await tenant.holds(lambda: tenant.weight() == 30, "the share stays at 30 %", 7)
        assert all(g["bound"] != "< 0.9" for g in tenant.status()["gates"]), tenant.status()["gates"]
        await tenant.edit(analysis(below=0.05))
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
    assert not users.report().failures, users.report().summary()


@scenario
async def test_an_approval_withdrawn_mid_step_holds_and_the_gates_still_protect(tenant: Tenant) -> None:
    first = await tenant.serve("v1", strategy={"canary": {**TWO_STEPS["canary"], "steps": [{"weight": 30}]}})
    await tenant.edit({"strategy": {"canary": {**TWO_STEPS["canary"], "steps": [{"weight": 30, "hold": "6s"}]}}})
    async with tenant.users() as users:
        promotion, second = await tenant.launch("v2")
        await tenant.until_weight(30)
        await tenant.tell(promotion, approved=False)
        status = await tenant.until_phase("AwaitingApproval")
        assert "withdrawn" in status["message"], status["message"]
        await tenant.holds(lambda: tenant.weight() == 30, "the share stays at 30 %", 8)
        # An abort ends it as ever.
        await tenant.tell(promotion, abort="no")
        await tenant.until_promotion(promotion, "Aborted")
        await tenant.all_served_by(users, first)
        assert users.report().served_by(second)
    assert not users.report().failures, users.report().summary()


@scenario
async def test_an_asking_step_waits_for_approved_weight(tenant: Tenant) -> None:
    steps = [{"weight": 20, "hold": "2s"}, {"weight": 50, "hold": "2s", "approval": "Required"}]
    strategy = {"canary": {"steps": steps, "verify": "2s", "keepPrevious": "2s"}}
    await tenant.serve("v1", strategy=strategy)
    async with tenant.users() as users:
        promotion, second = await tenant.launch("v2")
        await tenant.until_weight(20)
        await tenant.until_phase("AwaitingApproval")
        await tenant.holds(lambda: tenant.weight() == 20, "the share stays at 20 %", 4)
        await tenant.tell(promotion, tenant.approver, approvedWeight=50)
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
    assert not users.report().failures, users.report().summary()


@scenario
async def test_scaling_mid_shift_changes_pods_and_not_the_share(tenant: Tenant) -> None:
    strategy = {"canary": {**TWO_STEPS["canary"], "steps": [{"weight": 50, "hold": "12s"}]}}
    first = await tenant.serve("v1", strategy=strategy)
    async with tenant.users() as users:
        promotion, second = await tenant.launch("v2")
        await tenant.until_weight(50)
        index = tenant.status()["candidate"]["step"]
        await tenant.scale(4)
        await tenant.until(lambda: _ready(tenant, first) == 4 and _ready(tenant, second) == 2, "4 and 2 pods")
        assert tenant.weight() == 50
        assert tenant.status()["candidate"]["step"]["startedAt"] == index["startedAt"], "the step was restarted"
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.until(lambda: _ready(tenant, second) == 4, "4 pods serve")
        await tenant.all_served_by(users, second)
    assert not users.report().failures, users.report().summary()


@scenario
async def test_a_hold_stops_the_way_forward_and_never_the_way_back(tenant: Tenant) -> None:
    first = await tenant.serve("v1", strategy=TWO_STEPS)
    async with tenant.users() as users:
        promotion, _ = await tenant.launch("v2")
        await tenant.until_weight(30)
        await tenant.tell(promotion, hold="looking into something")
        await tenant.until_phase("Held")
        await tenant.holds(lambda: tenant.weight() == 30, "the share stays at 30 %", 6)
        await tenant.tell(promotion, abort="found something")
        await tenant.until_promotion(promotion, "Aborted")
        await tenant.all_served_by(users, first)
    assert not users.report().failures, users.report().summary()


def _ready(tenant: Tenant, deployment: str) -> int:
    found = tenant.seen("deployments", deployment) or {}
    return int((found.get("status") or {}).get("readyReplicas") or 0)
