"""The operator dies at any moment and comes back: nobody unapproved serves, and the end is the same."""

import asyncio
import os
import random
import time

from opentelemetry.proto.trace.v1.trace_pb2 import Span
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
    await _told_once(tenant)


async def _told_once(tenant: Tenant) -> None:
    """However often it died: each launch is one trace, whole, and one launch in the figures."""
    wanted = {"waiting for approval", "shifting", "verifying", "launch"}
    shares = {"shift to 20 %", "shift to 60 %"}

    def whole(traces: dict[bytes, set[str]]) -> bool:
        told = [names for names in traces.values() if wanted <= names]
        return len(told) == 4 and any(shares <= names for names in told)

    # What a launch ends with is read from two objects, and sent as it comes.
    deadline = time.monotonic() + 30
    while not whole(traces := _traces(tenant)):
        assert time.monotonic() < deadline, f"told 30 s after the last launch: {list(traces.values())}"
        await asyncio.sleep(0.2)
    assert len(traces) == 4
    for name in ("canary", "blue"):
        # The one that leads by now may have begun a moment ago.
        await tenant.until_metric("slipway_dora_deployments", 2, rollout=name)
        await tenant.until_metric("slipway_dora_failures", 0, rollout=name)


def _traces(tenant: Tenant) -> dict[bytes, set[str]]:
    """Names of spans by trace."""
    found: dict[bytes, set[str]] = {}
    for span in _spans(tenant).values():
        found.setdefault(span.trace_id, set()).add(span.name)
    return found


def _spans(tenant: Tenant) -> dict[bytes, Span]:
    """By id. One that was told again is the same."""
    found: dict[bytes, Span] = {}
    for span in tenant.receiver.spans(tenant.namespace):
        assert found.setdefault(span.span_id, span) == span, "told again, and otherwise"
    return found


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
        led = _terms(tenant)
        tenant.operator.start()
        await _leading(tenant, led)
    return moments


def _terms(tenant: Tenant) -> int:
    """How often one began to lead."""
    return sum(1 for _ in tenant.operator.lines("leading as", last=10_000))


async def _leading(tenant: Tenant, before: int) -> None:
    deadline = time.monotonic() + 60
    while _terms(tenant) <= before:
        assert time.monotonic() < deadline, "no operator leads 60 s after its start"
        await asyncio.sleep(0.1)
