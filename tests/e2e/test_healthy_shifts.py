"""A healthy version reaches all users, in the order that was approved, and nobody meets an error on the way."""

import asyncio
import subprocess

from tests.cluster.toolchain import program
from tests.e2e import manifests
from tests.e2e.arena import scenario
from tests.e2e.tenant import Tenant


@scenario
async def test_a_first_revision_gets_no_request_before_its_approval(tenant: Tenant) -> None:
    await tenant.deploy("v1")
    async with tenant.users() as users:
        promotion = await tenant.promote()
        await tenant.until_promotion(promotion, "AwaitingApproval")
        before = await tenant.requests_more(users, 60)
        assert {one.pod for one in before.requests} == {""}, before.summary()
        assert tenant.selected() == "none"

        first = await tenant.approve(promotion)
        await tenant.until_promotion(promotion, "Succeeded")
        after = await tenant.requests_more(users, 30)
        assert not after.failures, after.summary()
        assert after.share(first) == 1.0, after.summary()
    await tenant.until_phase("Healthy")
    assert tenant.condition("Ready")["status"] == "True"


@scenario
async def test_a_healthy_blue_green_loses_no_request(tenant: Tenant) -> None:
    await tenant.serve("v1")
    async with tenant.users() as users:
        await tenant.change_image("v2")
        promotion = await tenant.promote()
        await tenant.until_promotion(promotion, "AwaitingApproval")
        waiting = await tenant.requests_more(users, 30)
        assert waiting.share(tenant.stable()) == 1.0, waiting.summary()

        second = await tenant.approve(promotion)
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
        # The one before goes when keepPrevious is over, and nobody notices.
        await tenant.until_phase("Healthy")
        await tenant.until(lambda: tenant.pods("v1") == 0, "the pods of v1 are gone")
        await tenant.requests_more(users, 30)
    assert not users.report().failures, users.report().summary()


@scenario
async def test_a_healthy_canary_takes_its_steps_and_loses_no_request(tenant: Tenant) -> None:
    await tenant.serve("v1", strategy=manifests.CANARY)
    async with tenant.users(rate=60) as users:
        promotion, second = await tenant.launch("v2")
        for weight in (20, 60):
            await tenant.until_weight(weight)
            await tenant.until_metric("slipway_rollout_candidate_weight_percent", weight)
            measured = await tenant.requests_more(users, 120)
            assert abs(measured.share(second) * 100 - weight) <= 12, measured.summary()
        await tenant.until_promotion(promotion, "Succeeded")
        # v1 was the first.
        await tenant.until_metric("slipway_launches_total", 2, outcome="Succeeded")
        await tenant.until_metric("slipway_launch_lead_time_seconds_count", 2)
        await asyncio.to_thread(_named_as_prometheus_asks, tenant.operator.exposition())
        await tenant.all_served_by(users, second)
        await tenant.until_phase("Healthy")
        await tenant.until(lambda: tenant.pods("v1") == 0, "the pods of v1 are gone")
        await tenant.requests_more(users, 30)
    assert not users.report().failures, users.report().summary()
    shown = [seen.message for seen in tenant.history if seen.kind == "Rollout"]
    assert any("at 20 %" in message for message in shown)
    _judge_log(tenant, launches=2)


def _judge_log(tenant: Tenant, launches: int) -> None:
    """It says what happened, and nothing of each pass; the libraries below say what goes wrong, or nothing."""
    said = [line for line in tenant.operator.said() if line["level"] == "info"]
    assert {line["logger"].split(".")[0] for line in said} == {"slipway"}
    about = [line["message"] for line in said if line.get("namespace") == tenant.namespace]
    assert sum("is entering" in message for message in about) >= 3, about
    # Some ten changes of phase each. The passes meanwhile are ten times as many.
    assert len(about) <= 20 * launches, about


def _named_as_prometheus_asks(exposition: str) -> None:
    """Units, suffixes and help, while a launch is under way: all families are there."""
    argv = [str(program("prometheus", "promtool")), "check", "metrics"]
    done = subprocess.run(argv, input=exposition, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
