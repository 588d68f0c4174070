"""The load generator sees every kind of failure, and keeps its rate when the server is slow."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from tests.cluster.load import Load, Report, Request, load
from tests.cluster.placement import free_ports

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_get("/", handler)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/"
    finally:
        await runner.cleanup()


async def test_every_request_is_recorded_with_status_pod_and_version() -> None:
    numbers = iter(range(1000))

    async def each_third_fails(_: web.Request) -> web.StreamResponse:
        if next(numbers) % 3 == 2:
            return web.json_response({"status": 500}, status=500, headers={"X-Served-By": "web-b-6c4c9-abcde"})
        return web.json_response({"hostname": "web-a-69ccf-bvfkq", "message": "v1"})

    async with serving(each_third_fails) as url:
        report = await Load(url, rate=100, count=60).run()
    assert len(report) == 60
    assert report.by_revision() == {"web-a": 40, "web-b": 20}
    assert report.by_version() == {"v1": 40, "": 20}
    assert [one.status for one in report.failures] == [500] * 20
    assert report.share("web-b") == pytest.approx(1 / 3)


async def test_a_connection_that_is_cut_is_a_failure() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        await asyncio.sleep(0)
        return web.Response()

    async with serving(cut) as url:
        report = await Load(url, rate=50, count=10, fresh_share=0).run()
    assert [one.status for one in report.requests] == [0] * 10
    assert all(one.error for one in report.failures)


async def test_a_refused_connection_is_a_failure() -> None:
    report = await Load(f"http://127.0.0.1:{free_ports(1)[0]}/", rate=50, count=5).run()
    assert len(report.failures) == 5
    assert all("ClientConnector" in one.error for one in report.failures)


async def test_an_answer_that_does_not_come_in_time_is_a_failure() -> None:
    given_up = asyncio.Event()

    async def late(_: web.Request) -> web.StreamResponse:
        await given_up.wait()
        return web.Response()

    async with serving(late) as url:
        report = await Load(url, rate=50, count=5, timeout=0.2).run()
        given_up.set()
    assert [one.error for one in report.failures] == ["TimeoutError"] * 5


async def test_a_redirect_is_not_followed() -> None:
    async def elsewhere(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("http://127.0.0.1:1/")

    async with serving(elsewhere) as url:
        report = await Load(url, rate=50, count=3).run()
    assert [one.status for one in report.requests] == [302] * 3


async def test_a_slow_server_gets_as_many_requests_as_a_fast_one() -> None:
    under_way, most = 0, 0

    async def slow(_: web.Request) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.5)
        under_way -= 1
        return web.json_response({})

    async with serving(slow) as url:
        report = await Load(url, rate=50, seconds=1).run()
    assert len(report) == 50
    assert most > 10
    assert report.latency(0.5) >= 0.5


async def test_half_of_the_requests_open_a_connection_of_their_own() -> None:
    peers: list[object] = []

    async def remember(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        return web.json_response({})

    async with serving(remember) as url:
        report = await Load(url, rate=100, count=40).run()
    assert sum(one.fresh for one in report.requests) == 20
    assert len(set(peers)) > 20


async def test_a_load_beside_a_test_ends_with_its_block_and_keeps_what_was_under_way() -> None:
    arrived, ended = asyncio.Event(), asyncio.Event()

    async def late(_: web.Request) -> web.StreamResponse:
        arrived.set()
        await ended.wait()
        return web.json_response({"hostname": "web-a-69ccf-bvfkq"})

    async with serving(late) as url:
        async with load(url, rate=50) as running:
            await arrived.wait()
            assert len(running.report()) == 0
            ended.set()
        assert len(running.report()) > 0
        assert running.report().failures == []


def test_windows_cover_the_whole_time_and_show_gaps() -> None:
    report = Report([Request(at=at, latency=0.01, status=200, pod="web-a-x-y") for at in (10.0, 10.4, 12.1)])
    assert [len(window) for _, window in report.windows(1.0)] == [2, 0, 1]
    assert len(report.between(10.2, 12.1)) == 1


def test_a_report_survives_its_file(tmp_path: Path) -> None:
    report = Report([Request(at=1.5, latency=0.25, status=0, error="TimeoutError", fresh=True)])
    report.write(tmp_path / "requests.jsonl")
    assert Report.read(tmp_path / "requests.jsonl") == report
