"""Leader election on a real Lease: one leader at a time, a quick successor, and a leader that knows when to stop."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.cluster.cluster import Cluster
from tests.integration import shell_support as support

from slipway.cluster.client import Client
from slipway.cluster.lease import Elector, NotLeader, Timing, boot_time
from slipway.cluster.resources import LEASES

NAMESPACE = "slipway-system"
# Long enough for a machine with other things to do: a request may take a second.
TIMING = Timing(duration=5.0, renew_deadline=4.0, retry_period=0.2)


@pytest.fixture(scope="module")
def config(control_plane: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    support.install(control_plane)
    return support.credentials(control_plane, tmp_path_factory.mktemp("lease") / "kubeconfig")


@pytest.fixture
async def api(config: Path) -> AsyncIterator[Client]:
    client = Client(config)
    yield client
    await client.close()


@pytest.fixture
def lease(control_plane: Cluster) -> Iterator[str]:
    name = f"test-{secrets.token_hex(4)}"
    yield name
    control_plane.kubectl(f"--namespace={NAMESPACE}", "delete", "lease", name, "--ignore-not-found")


class SkewedClock:
    """The machine's clock, which can be made to jump as that of a machine that slept."""

    def __init__(self) -> None:
        self.slept = 0.0

    def __call__(self) -> float:
        return boot_time() + self.slept


@contextlib.asynccontextmanager
async def electing(elector: Elector) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(elector.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until_leading(elector: Elector, seconds: float = 20.0) -> float:
    started = time.monotonic()
    await asyncio.wait_for(elector.leading.wait(), seconds)
    return time.monotonic() - started


async def test_one_leads_and_the_other_follows_when_it_is_released(api: Client, lease: str) -> None:
    one = Elector(api, NAMESPACE, lease, "one", TIMING)
    two = Elector(api, NAMESPACE, lease, "two", TIMING)
    async with electing(one) as task:
        await until_leading(one)
        assert one.check() > TIMING.duration - TIMING.renew_deadline
        async with electing(two):
            await asyncio.sleep(TIMING.duration + 1)
            assert not two.leading.is_set(), "two leaders"
            with pytest.raises(NotLeader):
                two.check()
            task.cancel()
            await asyncio.wait({task})
            await one.release()
            assert await until_leading(two) < TIMING.duration / 2
            assert two.epoch == one.epoch + 1
            with pytest.raises(NotLeader):
                one.check()
    found = await api.get(LEASES, NAMESPACE, lease)
    assert found["spec"]["holderIdentity"] == "two"


async def test_a_killed_leader_is_followed_after_the_leases_duration_and_not_before(api: Client, lease: str) -> None:
    one = Elector(api, NAMESPACE, lease, "one", TIMING)
    two = Elector(api, NAMESPACE, lease, "two", TIMING)
    async with electing(one) as task:
        await until_leading(one)
        async with electing(two):
            await asyncio.sleep(3 * TIMING.retry_period)
            task.cancel()  # as by SIGKILL: nothing is released
            took = await until_leading(two)
    assert TIMING.duration - 1 < took < TIMING.duration + 4
    with pytest.raises(NotLeader):
        one.check()


async def test_a_leader_that_slept_does_not_write(api: Client, lease: str) -> None:
    clock = SkewedClock()
    one = Elector(api, NAMESPACE, lease, "one", TIMING, clock)
    async with electing(one) as task:
        await until_leading(one)
        one.check()
        clock.slept = TIMING.renew_deadline
        with pytest.raises(NotLeader):
            one.check()
        await asyncio.wait_for(task, 10)


async def test_a_renewal_that_was_broken_off_and_carried_out_does_not_keep_the_lease(
    api: Client, control_plane: Cluster, lease: str
) -> None:
    one = Elector(api, NAMESPACE, lease, "one", TIMING)
    async with electing(one):
        await until_leading(one)
    # As the request of a cancelled renewal does: the version is another one, the holder the same.
    patch = '--patch={"metadata":{"annotations":{"renewed":"late"}}}'
    control_plane.kubectl(f"--namespace={NAMESPACE}", "patch", "lease", lease, "--type=merge", patch)
    await one.release()
    assert (await api.get(LEASES, NAMESPACE, lease))["spec"]["holderIdentity"] == ""


async def test_a_leader_whose_lease_was_taken_stops(api: Client, control_plane: Cluster, lease: str) -> None:
    one = Elector(api, NAMESPACE, lease, "one", TIMING)
    async with electing(one) as task:
        await until_leading(one)
        patch = '--patch={"spec":{"holderIdentity":"thief"}}'
        control_plane.kubectl(f"--namespace={NAMESPACE}", "patch", "lease", lease, "--type=merge", patch)
        await asyncio.wait_for(task, 10)
        with pytest.raises(NotLeader):
            one.check()
        await one.release()
    found = await api.get(LEASES, NAMESPACE, lease)
    assert found["spec"]["holderIdentity"] == "thief", "what is not ours is not released"


async def test_a_leader_that_cannot_reach_the_server_stops_before_another_may_start(config: Path, lease: str) -> None:
    mine, theirs = Client(config), Client(config)
    one = Elector(mine, NAMESPACE, lease, "one", TIMING)
    two = Elector(theirs, NAMESPACE, lease, "two", TIMING)
    try:
        async with electing(one) as first:
            await until_leading(one)
            async with electing(two):
                await asyncio.sleep(2 * TIMING.retry_period)
                (await mine.configuration()).host = "https://127.0.0.1:1"
                await asyncio.wait_for(first, 10)
                stopped = time.monotonic()
                with pytest.raises(NotLeader):
                    one.check()
                assert not two.leading.is_set()
                await until_leading(two)
                assert time.monotonic() - stopped > 0.1
    finally:
        await mine.close()
        await theirs.close()


async def test_an_interrupted_renewal_is_not_yet_a_loss(api: Client, lease: str) -> None:
    """One lost answer or a conflict is mended by reading the Lease; leadership goes on, in the same epoch."""
    one = Elector(api, NAMESPACE, lease, "one", TIMING)
    async with electing(one) as task:
        await until_leading(one)
        epoch = one.epoch
        for _ in range(5):
            found = await api.get(LEASES, NAMESPACE, lease)
            found["metadata"]["labels"] = {"touched": secrets.token_hex(2)}
            with contextlib.suppress(Exception):
                await api.replace(LEASES, found)
            await asyncio.sleep(TIMING.retry_period)
        assert not task.done()
        assert one.is_leader()
        assert one.epoch == epoch


def test_timing_must_leave_the_leader_time_to_stop() -> None:
    with pytest.raises(ValueError, match="renew deadline"):
        Timing(duration=10, renew_deadline=10)
