"""A Promotion's checklist: what is stated, and what the operator asks real Services and a real Prometheus for."""

import hashlib
import json

from tests.e2e.arena import scenario
from tests.e2e.kube import Object
from tests.e2e.tenant import Tenant


def _stated(passed: bool, summary: str) -> Object:
    about = {"passed": passed, "summary": summary, "evidence": "https://ci.example/runs/7"}
    return {"name": "tests", "category": "Quality", "attest": about}


@scenario
async def test_whoever_approves_reads_the_report_and_is_bound_to_it(tenant: Tenant) -> None:
    await tenant.serve("v1")
    await tenant.change_image("v2")
    promotion = await tenant.promote(
        version="2.0.0",
        idea={"id": "IDEA-7", "summary": "A second greeting."},
        readiness={"stage": "REFINE", "status": "approved", "score": 8},
    )
    await tenant.until_promotion(promotion, "AwaitingApproval")
    await tenant.until(lambda: "report" in tenant.status(promotion, "promotions"), "the report is written")

    where = ("configmaps", f"{promotion}-report")
    shown = (await tenant.approver.get(*where))["data"]
    digest = tenant.status(promotion, "promotions")["report"]["digest"]
    assert shown["report.md"].startswith("# IDEA-7: launch of web 2.0.0\n\n**GO**")
    compact = json.dumps(json.loads(shown["report.json"]), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert "sha256:" + hashlib.sha256(compact.encode()).hexdigest() == digest

    await tenant.approve(promotion)
    await tenant.until_promotion(promotion, "Succeeded")
    status = tenant.status(promotion, "promotions")
    assert [entry["reportDigest"] for entry in status["approvals"]] == [digest]
    assert status["summary"]["outcome"] == "Succeeded"
    summed_up = lambda: "summaryDigest" in tenant.status(promotion, "promotions")["report"]  # noqa: E731
    await tenant.until(summed_up, "the summary is added")
    at_the_end = (await tenant.approver.get(*where))["data"]
    assert at_the_end.pop("summary.md").startswith(f"# {promotion}: Succeeded\n")
    assert at_the_end == shown


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
