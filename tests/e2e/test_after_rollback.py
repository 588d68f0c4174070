"""What is asked once traffic has gone back: real answers in status and in the record, and nothing waits for them."""

import json

from tests.e2e.arena import scenario
from tests.e2e.kube import Object
from tests.e2e.manifests import image
from tests.e2e.tenant import Tenant


def _job(name: str, argument: str) -> Object:
    container = {
        "name": "check",
        "image": image("v1"),
        "imagePullPolicy": "Never",
        "command": ["/podinfo", argument],
    }
    return {"name": name, "job": {"template": {"spec": {"containers": [container]}}, "timeout": "30s"}}


@scenario
async def test_what_is_asked_after_going_back_is_answered_and_recorded(tenant: Tenant) -> None:
    first = await tenant.serve("v1")
    asked: list[Object] = [
        _job("succeeds", "--version"),
        _job("fails", "--no-such-flag"),
        {"name": "home", "http": {"service": "web", "port": "http", "path": "/"}},
        {"name": "pods", "prometheus": {"query": 'sum(up{namespace="$(namespace)"})', "above": 0, "window": "5s"}},
    ]
    wanted = {"succeeds": "Passed", "fails": "Failed", "home": "Passed", "pods": "Passed"}

    def answers(status: Object) -> dict[str, str]:
        return {check["name"]: check["result"] for check in status.get("afterRollback") or []}

    async with tenant.users() as users:
        promotion, _ = await tenant.launch("v4", afterRollback=asked)
        await tenant.until_promotion(promotion, "RolledBack")
        await tenant.all_served_by(users, first)
        await tenant.until(
            lambda: answers(tenant.status(promotion, "promotions")) == wanted, "every question has its answer"
        )
    found = {check["name"]: check for check in tenant.status(promotion, "promotions")["afterRollback"]}
    assert "exit code 2" in found["fails"]["message"]

    await tenant.until(lambda: tenant.status(promotion, "promotions").get("records"), "the rollback is recorded")
    (record,) = tenant.status(promotion, "promotions")["records"]
    kept = await tenant.developer.get("configmaps", record["configMap"])
    assert answers(json.loads(kept["data"]["statement.json"])["predicate"]) == wanted
    assert "## After going back" in kept["data"]["record.md"]
    told = [event["reason"] for event in await tenant.developer.list("events")]
    assert "AfterRollback" in told
