"""What runs of a Rollout is read once for all who look, again after a while, and forgotten when nobody does."""

import asyncio
from typing import Any

import pytest

from slipway.cluster.errors import Unavailable
from slipway.console.session import Session, Workload
from slipway.dashboard import workloads
from slipway.dashboard.workloads import Workloads


class Reading:
    """A session that counts, and answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.fails: Exception | None = None

    async def workload(self, namespace: str, rollout: str) -> Workload:
        self.asked.append((namespace, rollout))
        number: Any = len(self.asked)
        await self.answers.wait()
        if self.fails is not None:
            raise self.fails
        return Workload([{"number": number}], [])


def reader(reading: Reading) -> Session:
    return reading  # type: ignore[return-value]


async def test_all_who_look_within_a_while_share_one_look() -> None:
    reading, kept = Reading(), Workloads()
    found = [await kept.of(reader(reading), "shop", "web") for _ in range(3)]
    assert {one.deployments[0]["number"] for one in found} == {1}
    await kept.of(reader(reading), "shop", "api")
    await kept.of(reader(reading), "other", "web")
    assert reading.asked == [("shop", "web"), ("shop", "api"), ("other", "web")]


async def test_those_who_come_while_it_is_read_wait_for_it_and_one_who_leaves_takes_nothing_away() -> None:
    reading, kept = Reading(), Workloads()
    reading.answers.clear()
    looks = [asyncio.create_task(kept.of(reader(reading), "shop", "web")) for _ in range(3)]
    await asyncio.sleep(0)
    looks[0].cancel()
    await asyncio.sleep(0)
    reading.answers.set()
    assert [(await look).deployments for look in looks[1:]] == [[{"number": 1}]] * 2
    assert len(reading.asked) == 1


async def test_after_a_while_it_is_read_again_and_what_nobody_asks_for_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workloads, "KEPT", 0.05)
    reading, kept = Reading(), Workloads()
    for number in range(20):
        await kept.of(reader(reading), "shop", f"web-{number}")
    await asyncio.sleep(0.1)
    assert len(kept) == 0
    assert (await kept.of(reader(reading), "shop", "web-0")).deployments == [{"number": 21}]


async def test_a_failure_is_told_to_all_and_not_kept() -> None:
    reading, kept = Reading(), Workloads()
    reading.fails = Unavailable("it is away")
    for answer in await asyncio.gather(
        *(kept.of(reader(reading), "shop", "web") for _ in range(2)), return_exceptions=True
    ):
        assert isinstance(answer, Unavailable)
    assert len(reading.asked) == 1
    reading.fails = None
    assert (await kept.of(reader(reading), "shop", "web")).deployments == [{"number": 2}]
