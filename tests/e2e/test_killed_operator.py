"""The operator dies at any moment and comes back: nobody unapproved serves, and the end is the same."""

import asyncio
import os
import random
import time

from tests.e2e import manifests
from tests.e2e.arena import scenario
from tests.e2e.tenant import Tenant

KILLS = 10
STEPS = {
    "canary": {
        "steps": [{"weight": 20, "hold": "3s"}, {"weight": 60, "hold": "3s"}],
        "verify": "3s",
        "keepPrevious": "5s",
    }
}


@scenario(alone=True)
async def test_an_operator_killed_ten_times_ends_where_it_should(tenant: Tenant) -> None:
    """A canary and a blue/green shift at once; SIGKILL at ten random moments of their way, from edit to end."""
    seed = int(os.environ.get("SLIPWAY_E2E_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
    tenant.note(f"SLIPWAY_E2E_SEED={seed}")
    chance = random.Random(seed)
    await asyncio.gather(
        tenant.serve("v1", "canary", strategy=STEPS), tenant.serve("v1", "blue", strategy=manifests.BLUE_GREEN)
    )
    async with tenant.users("canary") as canary, tenant.users("blue") as blue:
        killing = asyncio.create_task(_kill(tenant, chance))
        try:
            ends = await asyncio.gather(_shift(tenant, "canary"), _shift(tenant, "blue"))
            moments = await killing
        finally:
            killing.cancel()
            tenant.operator.start()
        tenant.note("killed " + ", ".join(moments))
        await tenant.all_served_by(canary, ends[0])
        await tenant.all_served_by(blue, ends[1])
    for users in (canary, blue):
        assert not users.report().failures, users.report().summary()
    for name, end in zip(("canary", "blue"), ends, strict=True):
        await tenant.until_phase("Healthy", name=name)
        assert tenant.stable(name) == end
        assert [e["outcome"] for e in tenant.status(name)["history"]] == ["Promoted", "Promoted"]
        kept = {d["metadata"]["name"] for d in tenant.all("deployments") if d["metadata"]["name"].startswith(name)}
        assert len(kept) == 2, f"more Deployments than revisions: {kept}"


async def _shift(tenant: Tenant, name: str) -> str:
    """One launch, while the operator comes and goes; the Deployment that serves in the end."""
    promotion, deployment = await tenant.launch("v2", name)
    await tenant.until_promotion(promotion, "Succeeded", within=400)
    return deployment


async def _kill(tenant: Tenant, chance: random.Random) -> list[str]:
    """Ten deaths, each some moments after the last one's successor has begun to lead."""
    moments = []
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.0, 3.0))
        phases = "/".join(tenant.phase(name) or "unseen" for name in ("canary", "blue"))
        tenant.operator.kill()
        moments.append(phases)
        led = sum("leading as" in line for line in tenant.operator.lines())
        tenant.operator.start()
        await _leading(tenant, led)
    return moments


async def _leading(tenant: Tenant, before: int) -> None:
    deadline = time.monotonic() + 60
    while sum("leading as" in line for line in tenant.operator.lines("leading as", last=1000)) <= before:
        assert time.monotonic() < deadline, "no operator leads 60 s after its start"
        await asyncio.sleep(0.1)
