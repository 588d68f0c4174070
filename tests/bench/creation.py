"""From applying many Rollouts to all of them Healthy."""

import asyncio
import time
from dataclasses import dataclass

from tests.e2e.kube import Person

from .board import watching
from .objects import rollout
from .operator import Operator

WRITERS = 16


@dataclass(frozen=True)
class Creation:
    """Seconds from the first apply: until the API server had taken all of them, and until all were Healthy."""

    count: int
    applied: float
    healthy: float
    cpu: float
    """Seconds of CPU that the operator used."""


async def create(admin: Person, operator: Operator, prefix: str, count: int) -> Creation:
    """Apply `count` Rollouts from a few writers at once, and wait until each one serves its first revision."""
    names = [f"{prefix}-{number}" for number in range(count)]
    async with watching(admin, "rollouts") as rollouts:
        began, cpu = time.perf_counter(), operator.cpu
        await apply_all(admin, names, "v1")
        applied = time.perf_counter() - began
        missing = set(names)

        def done() -> bool:
            for name in tuple(missing):
                if ((rollouts.objects.get(name) or {}).get("status") or {}).get("phase") == "Healthy":
                    missing.discard(name)
            return not missing

        await rollouts.until(f"{count} Rollouts are Healthy", done, 900)
        return Creation(count, applied, time.perf_counter() - began, operator.cpu - cpu)


async def apply_all(admin: Person, names: list[str], version: str) -> None:
    waiting = iter(names)

    async def writer() -> None:
        for name in waiting:
            await admin.apply(rollout(admin.namespace, name, version, approval="Automatic"), manager="bench")

    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(writer())
