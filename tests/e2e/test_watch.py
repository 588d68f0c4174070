"""A launch is watched after it has succeeded, and a version that breaks only then goes back too."""

from tests.e2e.arena import scenario
from tests.e2e.faulty_metrics import BAD
from tests.e2e.installation import FAULTY_SOURCE
from tests.e2e.records import records, slipway, statement
from tests.e2e.tenant import Tenant

WATCH = [{"for": "10s", "interval": "1s"}, {"for": "1h", "interval": "2s"}]
SOON_DOWN = {"blueGreen": {"verify": "3s", "keepPrevious": "1s"}}


def _size(tenant: Tenant, tag: str) -> int:
    found = tenant.seen("deployments", tenant.deployment_of(tag))
    return int(found["spec"]["replicas"]) if found else 0


async def _succeeded(tenant: Tenant, promotion: str) -> None:
    """What CI waits for: kubectl wait --for=condition=Succeeded."""

    def there() -> bool:
        return bool(tenant.condition("Succeeded", promotion, "promotions").get("status") == "True")

    await tenant.until(there, f"Promotion {promotion} has succeeded")


@scenario
async def test_a_breach_in_the_watch_starts_the_previous_version_and_goes_back(tenant: Tenant) -> None:
    first = await tenant.serve("v1", source=FAULTY_SOURCE)
    await tenant.edit({"strategy": SOON_DOWN})
    async with tenant.users(rate=40) as users:
        promotion, second = await tenant.launch("v2", watch=WATCH)
        await _succeeded(tenant, promotion)
        assert tenant.status(promotion, "promotions")["phase"] == "Watching"
        await tenant.until(lambda: _size(tenant, "v1") == 0, "v1 is scaled to 0")
        assert tenant.phase() == "Watching"
        await tenant.all_served_by(users, second)

        # Healthy until now: only the watch can see what begins here.
        tenant.metrics.misbehave(tenant.namespace, BAD)
        status = await tenant.until_promotion(promotion, "RolledBack")
        assert "gate" in status["message"], status["message"]
        assert tenant.condition("Watched", promotion, "promotions")["reason"] == "RolledBack"
        assert tenant.condition("Succeeded", promotion, "promotions")["status"] == "False"
        await tenant.all_served_by(users, first)
    assert not users.report().failures, users.report().summary()
    launch, watch, _ = await records(tenant, promotion, "launch", "watch", "rollback")
    told = (await statement(tenant, watch))["predicate"]
    assert told["outcome"] == "RolledBack"
    assert told["gates"][0]["verdict"] == "Fail"
    assert told["previous"]["configMap"] == launch
    assert await slipway(tenant, "verify") == (
        0,
        f"{tenant.namespace}/web: 4 records (2 launch, 1 rollback, 1 watch): the chain holds\n",
    )


@scenario
async def test_the_next_launch_replaces_the_watch_of_the_one_before(tenant: Tenant) -> None:
    await tenant.serve("v1")
    first, _ = await tenant.launch("v2", watch=WATCH)
    await _succeeded(tenant, first)
    second, _ = await tenant.launch("v3", watch=WATCH)
    await tenant.until_promotion(first, "Succeeded")
    assert tenant.condition("Watched", first, "promotions")["reason"] == "Replaced"
    await _succeeded(tenant, second)
    assert tenant.status(second, "promotions")["phase"] == "Watching"
