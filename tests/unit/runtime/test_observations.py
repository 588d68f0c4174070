"""Probes run beside the reconciler: once per key, not before they are due, and forgotten when nobody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from slipway.core.decision import DryRun, Probe
from slipway.core.snapshot import Observation, Probed
from slipway.runtime import observations as module
from slipway.runtime.observations import NoResult, Observations

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WEB, API = ("shop", "web"), ("shop", "api")


def probe(key: str, after: float = 0.0) -> DryRun:
    return DryRun(key=key, due=NOW + timedelta(seconds=after), writes=())


def passed() -> Probed:
    return Probed(at=NOW, passed=True, message="")


class Run:
    """Carries out probes when it is told to, and counts."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.gate = asyncio.Event()
        self.results: dict[str, Callable[[], Observation]] = {}

    async def __call__(self, namespace: str, probe: Probe) -> Observation:
        self.started.append(probe.key)
        await self.gate.wait()
        return self.results.get(probe.key, passed)()


class Finished:
    def __init__(self) -> None:
        self.keys: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

    async def next(self) -> tuple[str, str]:
        return await asyncio.wait_for(self.keys.get(), 5)


@pytest.fixture
async def parts() -> tuple[Observations, Run, Finished]:
    run, finished = Run(), Finished()
    return Observations(run, finished.keys.put_nowait, lambda: NOW), run, finished


Parts = tuple[Observations, Run, Finished]


async def test_a_probe_runs_once_and_its_result_stays_while_wanted(parts: Parts) -> None:
    observations, run, finished = parts
    for _ in range(3):
        observations.want(WEB, [probe("a")])
        await asyncio.sleep(0)
    run.gate.set()
    assert await finished.next() == WEB
    assert observations.results(WEB) == {"a": passed()}
    observations.want(WEB, [probe("a"), probe("b")])
    assert await finished.next() == WEB
    assert run.started == ["a", "b"]
    assert set(observations.results(WEB)) == {"a", "b"}


async def test_probes_start_in_the_order_in_which_they_are_wanted(parts: Parts) -> None:
    observations, run, _ = parts
    keys = [f"{number * 7 % 10}" for number in range(10)]
    observations.want(WEB, [probe(key) for key in keys])
    await asyncio.sleep(0)
    assert run.started == keys
    await observations.close()


async def test_what_is_not_wanted_any_more_is_cancelled_and_forgotten(parts: Parts) -> None:
    observations, run, finished = parts
    observations.want(WEB, [probe("slow")])
    await asyncio.sleep(0.01)
    observations.want(WEB, [probe("other")])
    run.gate.set()
    await finished.next()
    assert set(observations.results(WEB)) == {"other"}
    observations.want(WEB, [])
    assert observations.results(WEB) == {}
    assert observations.running == 0


async def test_a_probe_waits_until_it_is_due() -> None:
    run, finished, began = Run(), Finished(), asyncio.get_running_loop().time()
    observations = Observations(
        run,
        finished.keys.put_nowait,
        lambda: NOW + timedelta(seconds=asyncio.get_running_loop().time() - began),
    )
    run.gate.set()
    observations.want(WEB, [probe("later", after=0.2), probe("never", after=600)])
    await asyncio.sleep(0.05)
    assert run.started == []
    await finished.next()
    assert run.started == ["later"]
    await observations.close()


async def test_a_timer_that_fires_early_makes_no_probe_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Event loops count in whole milliseconds; a measurement from before it was due would answer the one before."""
    clock, slept = [0.0], []
    real = asyncio.sleep

    async def early(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += max(0.0001, seconds - 0.0009)
        await real(0)

    ran_at: list[datetime] = []

    def now() -> datetime:
        return NOW + timedelta(seconds=clock[0])

    async def run(namespace: str, probe: Probe) -> Observation:
        ran_at.append(now())
        return passed()

    finished = Finished()
    monkeypatch.setattr(module.asyncio, "sleep", early)
    observations = Observations(run, finished.keys.put_nowait, now)
    observations.want(WEB, [probe("later", after=0.5)])
    await finished.next()
    assert len(slept) > 1
    assert ran_at[0] >= NOW + timedelta(seconds=0.5)


async def test_one_rollouts_hung_probe_does_not_delay_anothers(parts: Parts) -> None:
    _, _, finished = parts

    async def carry_out(namespace: str, wanted: Probe) -> Observation:
        if wanted.key == "hung":
            await asyncio.Event().wait()
        return passed()

    observations = Observations(carry_out, finished.keys.put_nowait, lambda: NOW)
    observations.want(WEB, [probe("hung")])
    observations.want(API, [probe("quick")])
    assert await finished.next() == API
    await observations.close()
    assert observations.running == 0


@pytest.mark.parametrize("error", [NoResult("outdated"), ValueError("unforeseen")])
async def test_a_probe_without_a_result_is_none_and_may_run_again(
    parts: Parts, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AGAIN_SECONDS", 0.01)
    observations, run, finished = parts

    def fail() -> Observation:
        raise error

    run.results["a"] = fail
    run.gate.set()
    observations.want(WEB, [probe("a")])
    await finished.next()
    assert observations.results(WEB) == {}
    del run.results["a"]
    observations.want(WEB, [probe("a")])
    await finished.next()
    assert observations.results(WEB) == {"a": passed()}
