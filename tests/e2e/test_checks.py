"""A Promotion's checklist: what is stated, and what the operator asks real Services and a real Prometheus for."""

import hashlib
import json

from tests.e2e.arena import scenario
from tests.e2e.kube import Object
from tests.e2e.manifests import image, template
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
    # The nodes of the tests are nobody's, and are no secret to the operator either.
    assert "provider: no node has a providerID" in shown["report.md"]
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
    look: Object = {"name": "greeting", "category": "Quality", "manual": {"ask": "Does it greet?", "when": "after"}}
    checks: list[Object] = [
        _stated(False, "184/185"),
        {"name": "shop", "category": "Operations", "http": {"service": "web", "port": "http", "path": "/"}},
        {"name": "port", "category": "Operations", "tcp": {"service": "web", "port": 80}},
        {"name": "pods", "category": "Operations", "prometheus": {"query": scraped, "above": 0}},
        {"name": "idle", "category": "Operations", "prometheus": {"query": scraped, "below": 0.5}},
        {"name": "no-secrets-in-logs"},
        {"name": "ledger", "category": "Operations", "http": {"service": "web-ledger", "port": 80}},
        {"name": "monitoring-configured"},
    ]

    def results() -> dict[str, str]:
        found = tenant.status(promotion, "promotions").get("checks") or []
        return {check["name"]: check["result"] for check in found if check["name"] in {one["name"] for one in checks}}

    await tenant.change_image("v2")
    promotion = await tenant.promote(checks=checks)
    # Nobody has written an alerting rule about this workload.
    failed = dict.fromkeys(("tests", "ledger", "monitoring-configured", "idle"), "Failed")
    passed = dict.fromkeys(("shop", "port", "pods", "no-secrets-in-logs"), "Passed")
    await tenant.until(lambda: results() == failed | passed, "all checks have their result")
    assert tenant.status(promotion, "promotions")["phase"] == "Blocked"

    # The pipeline corrects its fact, and the check that asked for a Service that is not there is taken out.
    await tenant.tell(promotion, checks=[_stated(True, "185/185"), *checks[1:4], checks[5], look])
    async with tenant.users() as users:
        second = await tenant.approve(promotion)
        # What somebody looks at after the switch holds back the success, and nothing else.
        message = lambda: tenant.status(promotion, "promotions")["message"]  # noqa: E731
        await tenant.until(lambda: "still to be looked at: greeting" in message(), "somebody is asked to look")
        await tenant.all_served_by(users, second)
        word = {"by": "approver", "plan": tenant.status(promotion, "promotions")["planHash"]}
        await tenant.tell(promotion, tenant.approver, confirmed={"greeting": word})
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
    assert not users.report().failures, users.report().summary()


def _job(name: str, *command: str, tag: str = "v1", **job: object) -> Object:
    container = {"name": "check", "image": image(tag), "imagePullPolicy": "Never"}
    if command:
        container["command"] = list(command)
    # As short as Kubernetes lets a pod that ignores its end.
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    return {"name": name, "category": "Operations", "job": {"template": {"spec": spec}, **job}}


def _object(name: str, kind: str, expression: str, api_version: str = "v1", of: str = "web") -> Object:
    asked = {"apiVersion": api_version, "kind": kind, "name": of, "expression": expression}
    return {"name": name, "category": "Operations", "object": asked}


@scenario
async def test_jobs_and_objects_pass_fail_and_hang(tenant: Tenant) -> None:
    await tenant.serve("v1")
    checks = [
        _job("succeeds", "/podinfo", "--version"),
        _job("fails", "/podinfo", "--no-such-flag"),
        _job("hangs", "/podinfo", "--port=9898", timeout="5s"),
        _object("has-port", "Service", "object.spec.ports.exists(port, port.port == 80)"),
        _object("has-no-port", "Service", "object.spec.ports.exists(port, port.port == 81)"),
        _object("absent", "Service", "true", of="nothing"),
        _object("not-granted", "ServiceAccount", "true", of="default"),
        _object("endless", "Service", "[1,2,3,4,5,6,7,8,9].all(a, " * 10 + "true" + ")" * 10),
    ]
    wanted = {
        **{"succeeds": "Passed", "fails": "Failed", "hangs": "Failed", "has-port": "Passed", "has-no-port": "Failed"},
        **{"absent": "Failed", "not-granted": "Unverifiable", "endless": "Failed"},
    }

    def found() -> dict[str, Object]:
        listed = tenant.status(promotion, "promotions").get("checks") or []
        return {check["name"]: check for check in listed if check["name"] in wanted}

    await tenant.change_image("v2")
    promotion = await tenant.promote(checks=checks)
    await tenant.until(
        lambda: {name: check["result"] for name, check in found().items()} == wanted, "all checks have their result"
    )
    assert tenant.status(promotion, "promotions")["phase"] == "Blocked"
    assert "succeeded" in found()["succeeds"]["message"]
    assert "its last lines: " in found()["fails"]["message"], found()["fails"]["message"]
    assert "had not finished after 5 s" in found()["hangs"]["message"]
    assert "slipway.dev/aggregate-to-operator-checks" in found()["not-granted"]["message"]

    # What is mended runs again, with all others, and each Job of before is left alone.
    await tenant.tell(promotion, checks=[checks[0], checks[3]])
    second = await tenant.approve(promotion)
    async with tenant.users() as users:
        await tenant.until_promotion(promotion, "Succeeded")
        await tenant.all_served_by(users, second)
    await tenant.developer.delete("promotions", promotion)


@scenario
async def test_a_template_without_good_practice_waits_for_a_reason(tenant: Tenant) -> None:
    await tenant.serve("v1")
    pod = template("v2", env=[{"name": "DB_PASSWORD", "value": "hunter2"}], resources={})
    await tenant.edit({"template": pod})
    promotion = await tenant.promote()
    status = await tenant.until_promotion(promotion, "Blocked")
    results = {check["name"]: check["result"] for check in status["checks"]}
    assert (results["no-secret-literals"], results["resources-set"]) == ("Failed", "Failed")
    assert "hunter2" not in str(status)
    reasons = [
        {"name": name, "notApplicable": {"reason": "a test"}} for name in ("no-secret-literals", "resources-set")
    ]
    await tenant.tell(promotion, checks=reasons)
    await tenant.approve(promotion)
    await tenant.until_promotion(promotion, "Succeeded")
