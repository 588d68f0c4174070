"""Stored data is migrated by real Jobs: before the first user, and undone when users are back."""

from tests.e2e.arena import scenario
from tests.e2e.kube import Object
from tests.e2e.manifests import image
from tests.e2e.tenant import Tenant

SLOW_SWITCH = {"blueGreen": {"verify": "60s", "keepPrevious": "60s"}}


def _job(*command: str) -> Object:
    container = {"name": "migrate", "image": image("v1"), "imagePullPolicy": "Never", "command": list(command)}
    return {"template": {"spec": {"containers": [container], "terminationGracePeriodSeconds": 0}}}


@scenario
async def test_expand_comes_before_traffic_and_its_rollback_after_it(tenant: Tenant) -> None:
    first = await tenant.serve("v1")
    await tenant.edit({"strategy": SLOW_SWITCH})
    jobs = {"expand": _job("/podinfo", "--no-such-flag"), "rollback": _job("/podinfo", "--version")}

    def told() -> list[tuple[str, str]]:
        found = tenant.status(promotion, "promotions").get("migrations") or []
        return [(entry["step"], entry["result"]) for entry in found]

    async with tenant.users() as users:
        promotion, _ = await tenant.launch("v2", migrations={"backwardCompatible": True, "jobs": jobs})
        status = await tenant.until_promotion(promotion, "Blocked")
        assert told() == [("expand", "Failed")]
        assert "its last lines: " in status["message"], status["message"]
        await tenant.all_served_by(users, first)

        # What is mended is another plan: the failed expansion is undone, and the new one waits for its approval.
        jobs["expand"] = _job("/podinfo", "--version")
        await tenant.tell(promotion, approved=None, approvals=None, migrations={"jobs": jobs})
        second = await tenant.approve(promotion)
        await tenant.served(users, second)
        assert told() == [("expand", "Failed"), ("rollback", "Succeeded"), ("expand", "Succeeded")]

        await tenant.tell(promotion, abort="users complain")
        await tenant.until_promotion(promotion, "Aborted")
        await tenant.until(lambda: told()[-2:] == [("expand", "Succeeded"), ("rollback", "Succeeded")], "it is undone")
        await tenant.all_served_by(users, first)
    assert tenant.condition("Migrated", promotion, "promotions")["reason"] == "RollbackSucceeded"
    assert not users.report().failures, users.report().summary()
