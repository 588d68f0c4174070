"""A source that misbehaves costs its own gates an answer, in bounded time, and nobody else anything."""

import asyncio
import contextlib
import gzip
import socket
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.metrics.raw_server import (
    Answer,
    Request,
    envelope,
    hang,
    http,
    raw_server,
    says,
    trickles,
    until,
)

from slipway.metrics.prometheus import PrometheusSource
from slipway.metrics.reading import Error, NoData, Reading, Value

AT = datetime(2026, 3, 15, 12, 0, 0, 250_000, UTC)
NOW = AT.timestamp()
GOOD = http(200, envelope("0.5", at=NOW))
SLACK = 3.0
"""Seconds that a busy machine may add to a deadline."""

MakeSource = Callable[..., PrometheusSource]


async def timed(source: PrometheusSource) -> tuple[Reading, float]:
    start = time.monotonic()
    return await source.query("up", AT), time.monotonic() - start


async def test_a_query_is_evaluated_at_the_pinned_time(make_source: MakeSource) -> None:
    async with raw_server(says(GOOD)) as server:
        source = make_source(server.url + "/prometheus", headers={"X-Scope-OrgID": "shop"}, seconds=7)
        assert await source.query('sum(rate(x{a="b"}[1m]))', AT) == Value(0.5)
    [request] = server.requests
    assert (request.method, request.path) == ("GET", "/prometheus/api/v1/query")
    assert request.params == {"query": 'sum(rate(x{a="b"}[1m]))', "time": f"{NOW:.3f}", "timeout": "7000ms"}
    assert request.headers["x-scope-orgid"] == "shop"
    assert "authorization" not in request.headers


async def test_a_connection_is_used_again(make_source: MakeSource) -> None:
    async with raw_server(says(GOOD)) as server:
        source = make_source(server.url)
        for _ in range(3):
            assert await source.query("up", AT) == Value(0.5)
        assert (len(server.requests), server.connections) == (3, 1)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (envelope("NaN", at=NOW), NoData),
        (envelope(at=NOW), NoData),
        (envelope("1", at=NOW - 60), NoData),
        (envelope("0", "0", at=NOW), Error),
        (envelope("0", at=NOW, warnings=["a store did not answer"]), Error),
        (b"garbage", Error),
    ],
)
async def test_the_envelope_is_not_dropped(make_source: MakeSource, body: bytes, kind: type[Reading]) -> None:
    async with raw_server(says(http(200, body))) as server:
        assert isinstance(await make_source(server.url).query("up", AT), kind)


async def test_semantics_18_a_503_with_retry_after_is_neither_waited_for_nor_repeated(make_source: MakeSource) -> None:
    async with raw_server(says(http(503, b"", Retry_After="6"))) as server:
        reading, seconds = await timed(make_source(server.url, seconds=20))
    assert reading == Error("HTTP 503")
    assert seconds < SLACK
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(make_source: MakeSource, tmp_path: Path, status: int) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")
    async with raw_server(says(GOOD)) as target:
        elsewhere = says(http(status, b"", Location=f"{target.url}/api/v1/query"))
        async with raw_server(elsewhere) as server:
            reading = await make_source(server.url, token_file=token).query("up", AT)
    assert reading == Error(f"HTTP {status}: redirects are not followed")
    assert target.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(hang, id="no answer"),
        pytest.param(trickles(b"", b"H"), id="trickled status line"),
        pytest.param(trickles(b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n"), id="trickled headers"),
        pytest.param(trickles(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", b" "), id="trickled body"),
        pytest.param(
            trickles(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
            id="trickled chunks",
        ),
        pytest.param(trickles(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="endless interim responses"),
    ],
)
async def test_semantics_18_a_server_that_hangs_or_trickles_ends_with_the_deadline(
    make_source: MakeSource, answer: Answer
) -> None:
    answers = iter([answer, answer, says(GOOD)])

    async def next_answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await next(answers)(request, writer)

    async with raw_server(next_answer) as server:
        source = make_source(server.url, seconds=0.5, max_concurrency=1)
        for _ in range(2):
            reading, seconds = await timed(source)
            assert isinstance(reading, Error)
            assert 0 < seconds < 0.5 + SLACK
        # The only thread is free again although the server never ended the first answers.
        assert await source.query("up", AT) == Value(0.5)
        await until(lambda: server.open <= 1)


async def test_a_tls_handshake_that_trickles_ends_with_the_deadline(make_source: MakeSource) -> None:
    dialled = dropped = 0

    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal dialled, dropped
        dialled += 1
        try:
            writer.write(b"\x16\x03\x03\x3f\xff")  # a handshake record that is said to have 16 KiB
            while True:
                writer.write(b"\x02")
                await writer.drain()
                await asyncio.sleep(0.02)
        except OSError:
            dropped += 1
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    source = make_source(url, seconds=0.5, max_concurrency=1)
    for _ in range(2):
        reading, seconds = await timed(source)
        assert isinstance(reading, Error)
        assert seconds < 0.5 + SLACK
    await until(lambda: (dialled, dropped) == (2, 2))
    server.close()


async def test_a_connection_that_does_not_come_about_ends_with_the_deadline(make_source: MakeSource) -> None:
    # A listener that accepts nothing: once its backlog is full, the kernel drops further attempts.
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        source = make_source(f"http://127.0.0.1:{listener.getsockname()[1]}", seconds=0.5)
        reading, seconds = await timed(source)
    assert isinstance(reading, Error)
    assert seconds < 0.5 + SLACK


async def test_semantics_18_a_hung_source_does_not_delay_another(make_source: MakeSource) -> None:
    async with raw_server(hang) as hung, raw_server(says(GOOD)) as good:
        dead, alive = make_source(hung.url, seconds=30, max_concurrency=2), make_source(good.url, seconds=30)
        stuck = [asyncio.create_task(dead.query("up", AT)) for _ in range(50)]
        await until(lambda: len(hung.requests) == 2)
        reading, seconds = await timed(alive)
        assert reading == Value(0.5)
        assert seconds < SLACK
        assert not any(task.done() for task in stuck)
        start = time.monotonic()
        await dead.close()
        assert all(isinstance(reading, Error) for reading in await asyncio.gather(*stuck))
        assert time.monotonic() - start < SLACK


async def test_waiting_for_a_slot_is_part_of_the_deadline(make_source: MakeSource) -> None:
    async with raw_server(hang) as server:
        source = make_source(server.url, seconds=0.5, max_concurrency=1)
        start = time.monotonic()
        readings = await asyncio.gather(*(source.query("up", AT) for _ in range(20)))
        assert time.monotonic() - start < 0.5 + SLACK
    assert set(readings) == {Error("no answer within 0.5 s")}


async def test_a_source_is_asked_no_more_at_a_time_than_configured(make_source: MakeSource) -> None:
    running = most = 0

    async def slow(_: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.05)
        running -= 1
        writer.write(GOOD)

    async with raw_server(slow) as server:
        source = make_source(server.url, max_concurrency=3)
        readings = await asyncio.gather(*(source.query("up", AT) for _ in range(12)))
    assert set(readings) == {Value(0.5)}
    assert most == 3


async def test_a_query_that_nobody_waits_for_any_more_gives_its_slot_back(make_source: MakeSource) -> None:
    answers = iter([hang, says(GOOD)])

    async def next_answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await next(answers)(request, writer)

    async with raw_server(next_answer) as server:
        source = make_source(server.url, seconds=60, max_concurrency=1)
        task = asyncio.create_task(source.query("up", AT))
        await until(lambda: bool(server.requests))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        reading, seconds = await timed(source)
    assert reading == Value(0.5)
    assert seconds < SLACK


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(http(200, b" " * (2 << 20)), id="2 MiB"),
        pytest.param(http(200, gzip.compress(b" " * (200 << 20), 9), Content_Encoding="gzip"), id="zip bomb"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b" " * 0xFFFF + b"\r\n",
            id="endless",
        ),
    ],
)
async def test_semantics_18_a_body_is_read_up_to_a_limit(make_source: MakeSource, data: bytes) -> None:
    async def pour(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        while b"chunked" in data[:80]:
            writer.write(b"ffff\r\n" + b" " * 0xFFFF + b"\r\n")
            await writer.drain()
        await writer.drain()

    async with raw_server(pour) as server:
        source = make_source(server.url, seconds=20)
        reading, seconds = await timed(source)
        await until(lambda: server.open == 0)
    assert reading == Error("the answer is larger than 1024 KiB")
    assert seconds < SLACK


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\xff\x00\xff\r\n\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + envelope("0", at=NOW),
        b"",
    ],
    ids=range(10),
)
async def test_what_is_not_http_is_an_error(make_source: MakeSource, data: bytes) -> None:
    async def say_and_leave(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    async with raw_server(say_and_leave) as server:
        reading, seconds = await timed(make_source(server.url, seconds=20))
    assert isinstance(reading, Error)
    assert seconds < SLACK


async def test_a_source_that_is_not_there_is_an_error(make_source: MakeSource) -> None:
    async with raw_server(says(GOOD)) as server:
        url = server.url
    assert await make_source(url).query("up", AT) == Error("cannot connect, or the connection broke")
    name = await make_source("http://prometheus.invalid:9090").query("up", AT)
    assert isinstance(name, Error)


async def test_semantics_19_reasons_have_nothing_of_the_answer_or_of_the_request(
    make_source: MakeSource, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")
    body = b'{"status": "error", "errorType": "bad_data", "error": "s3cret"}'
    for data in (http(401, b"s3cret"), http(400, body), http(302, b"", Location="http://s3cret/"), b"s3cret"):
        async with raw_server(says(data)) as server:
            source = make_source(server.url, token_file=token, headers={"X-Key": "s3cret"}, seconds=1)
            reading = await source.query("s3cret", AT)
        assert isinstance(reading, Error)
        assert "s3cret" not in reading.reason
        assert server.url not in reading.reason


async def test_a_token_is_read_again_for_every_query(make_source: MakeSource, tmp_path: Path) -> None:
    token = tmp_path / "token"
    async with raw_server(says(GOOD)) as server:
        source = make_source(server.url, token_file=token, max_concurrency=1)
        assert await source.query("up", AT) == Error("the token file cannot be read")
        token.write_text("\n")
        assert await source.query("up", AT) == Error("the token file is empty")
        for text in ("first\n", "second\n"):
            token.write_text(text)
            assert await source.query("up", AT) == Value(0.5)
    assert [request.headers["authorization"] for request in server.requests] == [
        "Bearer first",
        "Bearer second",
    ]


async def test_headers_in_a_file_are_read_again_for_every_query(make_source: MakeSource, tmp_path: Path) -> None:
    file, token = tmp_path / "headers", tmp_path / "token"
    token.write_text("t0ken")
    async with raw_server(says(GOOD)) as server:
        fixed = {"X-Fixed": "1", "X-Scope-OrgID": "none"}
        source = make_source(server.url, headers=fixed, headers_file=file, max_concurrency=1)
        unread = Error("the headers file cannot be read, or has other lines than Name: value")
        assert await source.query("up", AT) == unread
        file.write_text("s3cret")
        assert await source.query("up", AT) == unread
        file.write_text("\n")
        assert await source.query("up", AT) == Error("the headers file is empty")
        for wrong in ("X Y: s3cret", "X-Key: s3cret\x00", "X-Key: s3crèt"):
            file.write_text(wrong)
            assert await source.query("up", AT) == Error("the headers file has something that no header can be")
        for team in ("shop", "post"):
            file.write_text(f"X-Scope-OrgID: {team}\nAuthorization: Basic s3cret\n")
            assert await source.query("up", AT) == Value(0.5)
        assert await make_source(server.url, headers_file=file, token_file=token).query("up", AT) == Value(0.5)
    sent = [(r.headers.get("x-fixed"), r.headers["x-scope-orgid"], r.headers["authorization"]) for r in server.requests]
    assert sent == [
        ("1", "shop", "Basic s3cret"),
        ("1", "post", "Basic s3cret"),
        (None, "post", "Bearer t0ken"),
    ]


async def test_the_environment_does_not_choose_proxies_or_credentials(
    make_source: MakeSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password s3cret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with raw_server(says(http(502, b""))) as proxy, raw_server(says(GOOD)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert await make_source(server.url).query("up", AT) == Value(0.5)
    assert proxy.requests == []
    assert "authorization" not in server.requests[0].headers


async def test_closing_leaves_no_thread_and_no_connection_behind(make_source: MakeSource) -> None:
    async with raw_server(says(GOOD)) as server:
        source = make_source(server.url)
        assert await source.query("up", AT) == Value(0.5)
        await source.close()
        assert await source.query("up", AT) == Error("the source is closed")
        await until(
            lambda: not (server.open or any(t.name.startswith("slipway-metrics") for t in threading.enumerate()))
        )
