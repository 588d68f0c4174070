"""Nothing advances on metrics that are missing or wrong, and they never stand in the way of going back."""

import time

from tests.e2e import manifests
from tests.e2e.arena import scenario
from tests.e2e.faulty_metrics import HEALTHY
from tests.e2e.installation import FAULTY_SOURCE
from tests.e2e.tenant import Tenant

STEPS = {
    "canary": {
        "steps": [{"weight": 30, "hold": "3s"}, {"weight": 60, "hold": "3s"}],
        "verify": "2s",
        "keepPrevious": "3s",
    }
}


async def _holds_under(tenant: Tenant, fault: str, verdict: str, words: str, *, recover: bool) -> None:
    """A canary at 30 % stays there while the source has a fault; then it goes on, or is aborted at once."""
    first = await tenant.serve("v1", strategy=STEPS, source=FAULTY_SOURCE)
    async with tenant.users() as users:
        await tenant.change_image("v2")
        promotion = await tenant.promote()
        await tenant.until_promotion(promotion, "AwaitingApproval")
        tenant.metrics.misbehave(tenant.namespace, fault)
        second = await tenant.approve(promotion)
        await tenant.until_weight(30)

        def measured() -> bool:
            gates = tenant.status().get("gates") or []
            return len(gates) == 2 and all(g["verdict"] == verdict and words in g["message"] for g in gates)

        await tenant.until(measured, f"both gates say {verdict}: {words}")
        tenant.note(f"{fault}: {tenant.status()['gates'][0]['message']}")
        # Twice as long as the hold: time alone does not advance it.
        await tenant.holds(lambda: tenant.weight() == 30, "the share stays at 30 %", 6)
        assert "RollingBack" not in tenant.phases()
        if recover:
            tenant.metrics.misbehave(tenant.namespace, HEALTHY)
            await tenant.until_promotion(promotion, "Succeeded")
            await tenant.all_served_by(users, second)
        else:
            await _goes_back_at_once(tenant, promotion)
            await tenant.all_served_by(users, first)
    assert not users.report().failures, users.report().summary()


async def _goes_back_at_once(tenant: Tenant, promotion: str) -> None:
    """Quicker than any query's deadline."""
    began = time.monotonic()
    await tenant.tell(promotion, abort="enough")
    await tenant.until(lambda: tenant.weight() == 0, "the weight is 0", within=5)
    tenant.note(f"abort took {time.monotonic() - began:.2f} s to the route's weight")
    await tenant.until_promotion(promotion, "Aborted")


@scenario
async def test_nan_holds(tenant: Tenant) -> None:
    await _holds_under(tenant, "NaN", "NoData", "NaN", recover=True)


@scenario
async def test_no_data_holds(tenant: Tenant) -> None:
    await _holds_under(tenant, "no data", "NoData", "yields nothing", recover=True)


@scenario
async def test_several_series_hold(tenant: Tenant) -> None:
    await _holds_under(tenant, "several series", "Error", "2 series", recover=False)


@scenario
async def test_a_slow_metrics_server_holds_and_abort_does_not_wait_for_it(tenant: Tenant) -> None:
    await _holds_under(tenant, "slow", "Error", "no answer", recover=False)


@scenario
async def test_503_with_retry_after_holds_and_abort_does_not_wait_for_it(tenant: Tenant) -> None:
    await _holds_under(tenant, "503 with Retry-After", "Error", "503", recover=False)


@scenario
async def test_no_data_for_too_long_goes_back_where_the_user_asked_for_it(tenant: Tenant) -> None:
    await tenant.serve("v1", strategy=STEPS, source=FAULTY_SOURCE)
    gates = [manifests.ERROR_RATE]
    analysis = {"source": FAULTY_SOURCE, "interval": "1s", "noDataTimeout": "4s", "onNoData": "Rollback"}
    await tenant.edit({"analysis": {**analysis, "gates": gates}})
    async with tenant.users() as users:
        await tenant.change_image("v2")
        promotion = await tenant.promote()
        await tenant.until_promotion(promotion, "AwaitingApproval")
        tenant.metrics.misbehave(tenant.namespace, "no data")
        await tenant.approve(promotion)
        status = await tenant.until_promotion(promotion, "RolledBack")
        assert "noDataTimeout" in status["message"], status["message"]
        await tenant.until(lambda: tenant.weight() == 0, "the weight is 0")
    assert not users.report().failures, users.report().summary()


@scenario(alone=True)
async def test_prometheus_down_holds_and_going_on_needs_it_back(tenant: Tenant) -> None:
    await tenant.serve("v1", strategy=STEPS)
    async with tenant.users() as users:
        promotion, second = await tenant.launch("v2")
        await tenant.until_weight(30)
        parts = tenant.cluster.parts
        parts["prometheus"].stop()
        try:

            def error() -> bool:
                return any(gate["verdict"] == "Error" for gate in tenant.status()["gates"])

            await tenant.until(error, "a gate says Error")
            await tenant.holds(lambda: tenant.weight() == 30, "the share stays at 30 %", 6)
        finally:
            parts.restart("prometheus")
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
    assert not users.report().failures, users.report().summary()


@scenario(alone=True)
async def test_abort_works_while_prometheus_is_down(tenant: Tenant) -> None:
    first = await tenant.serve("v1", strategy=STEPS)
    async with tenant.users() as users:
        promotion, _ = await tenant.launch("v2")
        await tenant.until_weight(30)
        parts = tenant.cluster.parts
        parts["prometheus"].stop()
        try:
            await tenant.until(
                lambda: any(gate["verdict"] == "Error" for gate in tenant.status()["gates"]), "a gate says Error"
            )
            await _goes_back_at_once(tenant, promotion)
            await tenant.all_served_by(users, first)
        finally:
            parts.restart("prometheus")
    assert not users.report().failures, users.report().summary()
