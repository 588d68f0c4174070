"""From an accepted approval to the switch of the live Service."""

import asyncio
import random
import statistics
import time
from dataclasses import dataclass

from tests.e2e.kube import Person

from .board import Board, watching
from .objects import Object, promotion, rollout

REVISION = "slipway.dev/revision"
PAUSE = 0.3


@dataclass(frozen=True)
class Latency:
    """Seconds, one for each try."""

    tries: list[float]

    def at(self, quantile: float) -> float:
        ordered = sorted(self.tries)
        return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))]

    def __str__(self) -> str:
        figures = (statistics.median(self.tries), self.at(0.9), max(self.tries))
        return " / ".join(f"{figure * 1000:.0f}" for figure in figures) + " ms"


class Approvals:
    """A number of Rollouts that serve one version, and get the next one each time they are measured."""

    def __init__(self, admin: Person, approver: Person, count: int) -> None:
        self._admin = admin
        self._approver = approver
        self._names = [f"web-{number}" for number in range(count)]
        self._version = 0

    async def prepare(self) -> None:
        """Serve a first version."""
        async with watching(self._admin, "rollouts") as rollouts, watching(self._admin, "promotions") as promotions:
            await self._propose(promotions)
            for name in self._names:
                await self._approve(name)
            await rollouts.until("the first versions serve", lambda: self._all(rollouts, "Healthy"))

    async def measure(self) -> Latency:
        """Propose a new version everywhere, then approve one after the other; how long each Service takes."""
        async with (
            watching(self._admin, "promotions") as promotions,
            watching(self._admin, "rollouts") as rollouts,
            watching(self._admin, "services") as services,
        ):
            await self._propose(promotions)
            tries = [await self._switched(services, name) for name in self._names]
            await rollouts.until("the new versions serve", lambda: self._all(rollouts, "Healthy"))
        return Latency(tries)

    async def _switched(self, services: Board, name: str) -> float:
        # Not in step with the period of anything that is measured.
        await asyncio.sleep(PAUSE * random.uniform(0.5, 1.5))
        before = _selected(services, name)
        await self._approve(name)
        accepted = time.perf_counter()
        await services.until(f"{name} is switched", lambda: _selected(services, name) != before, 60)
        return max(0.0, services.seen_at[name] - accepted)

    async def _propose(self, promotions: Board) -> None:
        """A new template and its Promotion everywhere, until each asks for approval."""
        self._version += 1
        namespace = self._admin.namespace
        for name in self._names:
            await self._admin.apply(rollout(namespace, name, f"v{self._version}"), manager="bench")
            await self._admin.create(promotion(namespace, name, f"v{self._version}"))

        def asked() -> bool:
            found = [promotions.objects.get(f"{name}-v{self._version}") for name in self._names]
            return all(phase(one) == "AwaitingApproval" for one in found)

        await promotions.until("every Promotion asks for approval", asked)

    async def _approve(self, name: str) -> None:
        await self._approver.merge("promotions", f"{name}-v{self._version}", {"spec": {"approved": True}})

    def _all(self, rollouts: Board, wanted: str) -> bool:
        return all(phase(rollouts.objects.get(name)) == wanted for name in self._names)


def phase(obj: Object | None) -> str:
    """status.phase of a Rollout or Promotion; empty where there is none yet."""
    return str(((obj or {}).get("status") or {}).get("phase") or "")


def _selected(services: Board, name: str) -> str | None:
    service = services.objects.get(name) or {}
    selected: str | None = ((service.get("spec") or {}).get("selector") or {}).get(REVISION)
    return selected
