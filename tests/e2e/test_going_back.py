"""Abort moves traffic back at every phase, by either way, and needs nobody's approval."""

from tests.e2e import manifests
from tests.e2e.arena import scenario
from tests.e2e.tenant import Tenant

SLOW_STEPS = {"canary": {"steps": [{"weight": 50, "hold": "60s"}], "verify": "60s", "keepPrevious": "60s"}}
SLOW_SWITCH = {"blueGreen": {"verify": "60s", "keepPrevious": "60s"}}


async def _abort(tenant: Tenant, promotion: str, candidate: str, *, by_spec: bool) -> None:
    """As the developer: going back asks for no right to approve."""
    if by_spec:
        await tenant.edit({"abort": candidate.removeprefix("web-")})
    else:
        await tenant.tell(promotion, abort="users complain")


async def _is_back(tenant: Tenant, promotion: str, first: str) -> None:
    status = await tenant.until_promotion(promotion, "Aborted")
    assert "abort" in status["message"] or "users complain" in status["message"], status["message"]
    await tenant.until_phase("RolledBack")
    assert tenant.selected() == first.removeprefix("web-")


async def _abort_waiting(tenant: Tenant, *, by_spec: bool) -> None:
    first = await tenant.serve("v1")
    async with tenant.users() as users:
        await tenant.change_image("v2")
        promotion = await tenant.promote()
        await tenant.until_promotion(promotion, "AwaitingApproval")
        await _abort(tenant, promotion, tenant.candidate(), by_spec=by_spec)
        await _is_back(tenant, promotion, first)
        await tenant.until(lambda: _size(tenant, "v2") == 0, "v2 is scaled to 0")
    report = users.report()
    assert not report.failures, report.summary()
    assert report.share(first) == 1.0, report.summary()


async def _abort_shifting(tenant: Tenant, *, by_spec: bool) -> None:
    first = await tenant.serve("v1", strategy=manifests.CANARY)
    await tenant.edit({"strategy": SLOW_STEPS})
    async with tenant.users() as users:
        promotion, second = await tenant.launch("v2")
        await tenant.served(users, second)
        await _abort(tenant, promotion, second, by_spec=by_spec)
        await tenant.until(lambda: tenant.weight() == 0, "the weight is 0", within=5)
        await _is_back(tenant, promotion, first)
        await tenant.all_served_by(users, first)
        await tenant.until(lambda: _size(tenant, "v2") == 0, "v2 is scaled to 0")
        await tenant.requests_more(users, 10)
    assert not users.report().failures, users.report().summary()


async def _abort_verifying(tenant: Tenant, *, by_spec: bool) -> None:
    first = await tenant.serve("v1")
    await tenant.edit({"strategy": SLOW_SWITCH})
    async with tenant.users() as users:
        promotion, second = await tenant.launch("v2")
        await tenant.until_phase("Verifying")
        await tenant.served(users, second)
        await _abort(tenant, promotion, second, by_spec=by_spec)
        await tenant.until(lambda: tenant.selected() == first.removeprefix("web-"), "the live Service is back", 5)
        await _is_back(tenant, promotion, first)
        await tenant.all_served_by(users, first)
    assert not users.report().failures, users.report().summary()


@scenario
async def test_abort_on_the_promotion_while_it_waits_for_approval(tenant: Tenant) -> None:
    await _abort_waiting(tenant, by_spec=False)


@scenario
async def test_abort_in_the_spec_while_it_waits_for_approval(tenant: Tenant) -> None:
    await _abort_waiting(tenant, by_spec=True)


@scenario
async def test_abort_on_the_promotion_while_a_canary_shifts(tenant: Tenant) -> None:
    await _abort_shifting(tenant, by_spec=False)


@scenario
async def test_abort_in_the_spec_while_a_canary_shifts(tenant: Tenant) -> None:
    await _abort_shifting(tenant, by_spec=True)


@scenario
async def test_abort_on_the_promotion_while_a_blue_green_verifies(tenant: Tenant) -> None:
    await _abort_verifying(tenant, by_spec=False)


@scenario
async def test_abort_in_the_spec_while_a_blue_green_verifies(tenant: Tenant) -> None:
    await _abort_verifying(tenant, by_spec=True)


@scenario
async def test_abort_of_a_verified_revision_brings_the_previous_back_while_it_is_kept(tenant: Tenant) -> None:
    first = await tenant.serve("v1")
    await tenant.edit({"strategy": {"blueGreen": {"verify": "2s", "keepPrevious": "60s"}}})
    async with tenant.users() as users:
        promotion, second = await tenant.launch("v2")
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.until_phase("Watching")
        await tenant.edit({"abort": second.removeprefix("web-")})
        await tenant.until(lambda: tenant.selected() == first.removeprefix("web-"), "the live Service is back", 5)
        await tenant.until_phase("RolledBack")
        await tenant.all_served_by(users, first)
    assert not users.report().failures, users.report().summary()


@scenario
async def test_abort_of_a_verified_revision_scales_the_previous_up_before_traffic_moves(tenant: Tenant) -> None:
    first = await tenant.serve("v1")
    await tenant.edit({"strategy": {"blueGreen": {"verify": "2s", "keepPrevious": "1s"}}})
    async with tenant.users() as users:
        _, second = await tenant.launch("v2")
        await tenant.until(lambda: _size(tenant, "v1") == 0 and tenant.phase() == "Healthy", "v1 is scaled to 0")
        await tenant.edit({"abort": second.removeprefix("web-")})
        await tenant.until_phase("RolledBack")
        assert tenant.selected() == first.removeprefix("web-")
        await tenant.all_served_by(users, first)
    assert not users.report().failures, users.report().summary()


def _size(tenant: Tenant, tag: str) -> int:
    name = tenant.deployment_of(tag)
    found = tenant.seen("deployments", name)
    return int(found["spec"]["replicas"]) if found else 0
