"""A Promotion's checklist: what is stated, and what the operator asks real Services and a real Prometheus for."""

from tests.e2e.arena import scenario
from tests.e2e.kube import Object
from tests.e2e.tenant import Tenant


def _stated(passed: bool, summary: str) -> Object:
    about = {"passed": passed, "summary": summary, "evidence": "https://ci.example/runs/7"}
    return {"name": "tests", "category": "Quality", "attest": about}


@scenario
async def test_every_listed_check_must_pass_before_anybody_can_approve(tenant: Tenant) -> None:
    await tenant.serve("v1")
    scraped = 'sum(up{namespace="$(namespace)"})'
    checks: list[Object] = [
        _stated(False, "184/185"),
        {"name": "shop", "category": "Operations", "http": {"service": "web", "port": "http", "path": "/"}},
        {"name": "port", "category": "Operations", "tcp": {"service": "web", "port": 80}},
        {"name": "pods", "category": "Operations", "prometheus": {"query": scraped, "above": 0}},
        {"name": "ledger", "category": "Operations", "http": {"service": "web-ledger", "port": 80}},
    ]

    def results() -> dict[str, str]:
        found = tenant.status(promotion, "promotions").get("checks") or []
        return {check["name"]: check["result"] for check in found if check["name"] in {one["name"] for one in checks}}

    await tenant.change_image("v2")
    promotion = await tenant.promote(checks=checks)
    wanted = {"tests": "Failed", "shop": "Passed", "port": "Passed", "pods": "Passed", "ledger": "Failed"}
    await tenant.until(lambda: results() == wanted, "all checks have their result")
    assert tenant.status(promotion, "promotions")["phase"] == "Blocked"

    # The pipeline corrects its fact, and the check that asked for a Service that is not there is taken out.
    await tenant.tell(promotion, checks=[_stated(True, "185/185"), *checks[1:4]])
    async with tenant.users() as users:
        second = await tenant.approve(promotion)
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
    assert not users.report().failures, users.report().summary()
