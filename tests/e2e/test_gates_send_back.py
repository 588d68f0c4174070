"""A version that is worse for users goes back by itself, and the count of those who met it is known."""

from tests.e2e import manifests
from tests.e2e.arena import scenario
from tests.e2e.tenant import Tenant


@scenario
async def test_errors_of_a_canary_send_it_back(tenant: Tenant) -> None:
    first = await tenant.serve("v1", strategy=manifests.CANARY)
    async with tenant.users(rate=60) as users:
        promotion, fourth = await tenant.launch("v4")
        status = await tenant.until_promotion(promotion, "RolledBack")
        assert "error-rate" in status["message"], status["message"]
        await tenant.until_phase("RolledBack")
        await tenant.until(lambda: tenant.weight() == 0, "the route gives it nothing")
        await tenant.all_served_by(users, first)
    report = users.report()
    failed = [one for one in report.failures if one.revision == fourth]
    assert failed, "the failing version was never met"
    assert len(failed) == len(report.failures), f"others failed too: {report.summary()}"
    tenant.note(
        f"{len(failed)} users failed, {len(report.served_by(fourth))} met v4, "
        f"within {report.served_by(fourth)[-1].at - report.served_by(fourth)[0].at:.1f} s; {status['message']}"
    )
    assert tenant.condition("Ready")["reason"] == "CandidateRejected"
    assert tenant.status()["rejected"]["revision"] == fourth.removeprefix("web-")
    # It is not tried again, whatever time passes.
    await tenant.holds(lambda: tenant.weight() == 0 and tenant.phase() == "RolledBack", "it stays back", 4)

    # Who asks for it again says what is different now.
    again = await tenant.promote()
    status = await tenant.until_promotion(again, "Blocked")
    assert "spec.retry.fix" in status["message"], status["message"]
    await tenant.tell(again, retry={"fix": "the database answers again"})
    await tenant.until_promotion(again, "AwaitingApproval")


@scenario
async def test_slowness_of_a_blue_green_sends_it_back(tenant: Tenant) -> None:
    strategy = {"blueGreen": {"verify": "20s", "keepPrevious": "5s"}}
    first = await tenant.serve("v1", strategy={"blueGreen": {"verify": "2s", "keepPrevious": "5s"}})
    await tenant.edit({"strategy": strategy})
    async with tenant.users() as users:
        promotion, slow = await tenant.launch("v5-slow")
        status = await tenant.until_promotion(promotion, "RolledBack")
        assert "latency-p95" in status["message"], status["message"]
        await tenant.until_phase("RolledBack")
        await tenant.all_served_by(users, first)
    report = users.report()
    met = report.served_by(slow)
    late = [one for one in met if one.latency >= 0.5]
    assert late, "the slow version was never met"
    assert not report.failures, report.summary()
    tenant.note(f"{len(late)} users waited 0.5 s or longer, within {met[-1].at - met[0].at:.1f} s; {status['message']}")


@scenario
async def test_a_failing_smoke_test_keeps_a_candidate_from_users(tenant: Tenant) -> None:
    greeting = {"name": "greeting", "http": {"port": "http", "path": "/", "expectBody": '"message": "v1"'}}
    first = await tenant.serve("v1", smoke_tests=[greeting])
    async with tenant.users() as users:
        await tenant.change_image("v2")
        promotion = await tenant.promote()
        status = await tenant.until_promotion(promotion, "Blocked")
        assert "greeting" in status["message"], status["message"]
        assert "rerun" in status["message"], status["message"]
        # The test is mended, and `rerun` tries again.
        await tenant.edit({"smokeTests": [{"name": "greeting", "http": {"port": "http", "path": "/"}}]})
        await tenant.tell(promotion, rerun="2")
        await tenant.until_promotion(promotion, "AwaitingApproval")
        report = await tenant.requests_more(users, 10)
        assert report.share(first) == 1.0
    assert not users.report().failures, users.report().summary()


@scenario
async def test_a_crashing_candidate_never_takes_traffic_and_its_pods_reason_is_shown(tenant: Tenant) -> None:
    first = await tenant.serve("v1")
    async with tenant.users() as users:
        await tenant.edit({"progressDeadline": "12s"})
        await tenant.change_image("v6-crash")
        promotion = await tenant.promote()

        def reason() -> bool:
            return "CrashLoopBackOff" in tenant.status()["message"] or "exit" in tenant.status()["message"].lower()

        await tenant.until(reason, "the pod's own reason in status.message")
        tenant.note(tenant.status()["message"])
        status = await tenant.until_promotion(promotion, "Failed")
        assert "progressDeadline" in status["message"], status["message"]
        await tenant.requests_more(users, 10)
        assert tenant.selected() == first.removeprefix("web-")
    report = users.report()
    assert not report.failures, report.summary()
    assert report.share(first) == 1.0
    assert tenant.condition("Ready")["status"] == "True"


@scenario
async def test_a_candidate_that_logs_errors_goes_back_at_its_first_step(tenant: Tenant) -> None:
    lines = {"name": "log", "logs": {"pattern": '"level":"debug"'}, "below": 0.5, "window": "3s"}
    canary = {"canary": {"steps": [{"weight": 10, "hold": "10m"}], "verify": "3s", "keepPrevious": "5s"}}
    first = await tenant.serve("v1", strategy=canary, gates=[lines])
    async with tenant.users() as users:
        await tenant.change_image("v2", args=["--level=debug"])
        promotion = await tenant.promote()
        await tenant.approve(promotion)
        status = await tenant.until_promotion(promotion, "RolledBack")
        assert "gate log " in status["message"], status["message"]
        await tenant.all_served_by(users, first)
    assert not users.report().failures, users.report().summary()
    assert "request started" not in str(tenant.seen("rollouts", "web")), "a line of a log is in the status"
