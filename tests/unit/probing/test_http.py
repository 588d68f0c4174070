import asyncio
import time
from datetime import timedelta

import pytest
from tests.unit.metrics.raw_server import Answer, RawServer, Request, hang, http, raw_server, says, trickles

from slipway.probing.dial import ProbeResult
from slipway.probing.http import http_probe

SLACK = 3.0
"""Seconds that a busy machine may add to a deadline."""


async def probe(
    *servers: RawServer,
    path: str = "/",
    status: int = 200,
    body: str | None = None,
    seconds: float = 5,
    host: str | None = None,
) -> ProbeResult:
    addresses = [(server.host, server.port) for server in servers]
    return await http_probe(addresses, path, status, body, timedelta(seconds=seconds), host, refused=())


async def test_the_expected_status_and_text_pass() -> None:
    async with raw_server(says(http(200, b"{'message': 'greetings'}"))) as server:
        result = await probe(server, path="/a%20b?c=d%26e", body="greetings", host="web.shop")
        assert result == ProbeResult(True, f"127.0.0.1:{server.port}: HTTP 200")
    [request] = server.requests
    assert (request.method, request.target) == ("GET", "/a%20b?c=d%26e")
    assert request.headers["host"] == "web.shop"


@pytest.mark.parametrize(
    ("answer", "expect", "body", "seen"),
    [
        (http(500, b"s3cret"), 200, None, "HTTP 500, expected 200"),
        (http(200, b"s3cret"), 204, None, "HTTP 200, expected 204"),
        (http(200, b"s3cret"), 200, "greetings", "HTTP 200 without the expected text"),
        (b"s3cret\r\n\r\n", 200, None, "the answer breaks HTTP, or its connection broke"),
        (b"HTTP/1.1 s3cret\r\n\r\n", 200, None, "the answer breaks HTTP, or its connection broke"),
        (
            b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
            200,
            None,
            "the answer breaks HTTP, or its connection broke",
        ),
        (
            http(200, b" " * (64 << 10) + b"greetings"),
            200,
            "greetings",
            "HTTP 200 without the expected text in the first 64 KiB",
        ),
    ],
)
async def test_anything_else_fails_in_words_without_the_body(
    answer: bytes, expect: int, body: str | None, seen: str
) -> None:
    async with raw_server(says(answer)) as server:
        result = await probe(server, status=expect, body=body)
    assert result == ProbeResult(False, f"127.0.0.1:{server.port}: {seen}")


async def test_an_answer_that_breaks_off_fails() -> None:
    async def break_off(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ngree")
        writer.close()

    async with raw_server(break_off) as server:
        result = await probe(server, body="greetings")
    assert result == ProbeResult(False, f"127.0.0.1:{server.port}: the answer breaks HTTP, or its connection broke")


async def test_a_redirect_is_an_answer_and_not_followed() -> None:
    async with (
        raw_server(says(http(200, b""))) as target,
        raw_server(says(http(302, b"", Location=target.url))) as server,
    ):
        result = await probe(server)
        assert result.message == f"127.0.0.1:{server.port}: HTTP 302, expected 200"
        assert (await probe(server, status=302)).passed
    assert target.connections == 0


@pytest.mark.parametrize("path", ["@127.0.0.2/", ":80/", ".example.com/", "", "http://127.0.0.2/"])
async def test_a_path_cannot_become_a_host(path: str) -> None:
    async with raw_server(says(http(200, b""))) as server:
        assert await probe(server, path=path) == ProbeResult(False, "the path does not begin with /")
        assert server.connections == 0


@pytest.mark.parametrize("path", ["//127.0.0.2/", "/\\127.0.0.2", "/@127.0.0.2/", "/a\r\nX-Evil: 1"])
async def test_a_strange_path_goes_to_the_address_as_a_path(path: str) -> None:
    async with raw_server(says(http(200, b""))) as server:
        await probe(server, path=path)
    [request] = server.requests
    assert request.target.startswith("/")
    assert "x-evil" not in request.headers


async def test_the_environment_does_not_choose_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_server(says(http(502, b""))) as proxy, raw_server(says(http(200, b""))) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert (await probe(server)).passed
    assert proxy.connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(hang, id="no answer"),
        pytest.param(trickles(b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n"), id="trickled headers"),
        pytest.param(trickles(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b" "), id="trickled body"),
    ],
)
async def test_the_timeout_is_for_the_whole_answer(answer: Answer) -> None:
    async with raw_server(answer) as server:
        start = time.monotonic()
        result = await probe(server, body="greetings", seconds=0.5)
        assert time.monotonic() - start < 0.5 + SLACK
    assert not result.passed
    # Endless headers may also run into the parser's own limit before the time is over.
    assert result.message.partition(": ")[2] in (
        "no answer within 0.5 s",
        "the answer breaks HTTP, or its connection broke",
    )


async def test_an_endless_body_is_read_up_to_a_limit() -> None:
    poured = 0

    async def pour(_: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal poured
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            writer.write(b" " * 65536)
            poured += 65536
            await writer.drain()

    async with raw_server(pour) as server:
        result = await probe(server, body="greetings", seconds=30)
    assert result.message.endswith("without the expected text in the first 64 KiB")
    assert poured < 64 << 20


async def test_every_address_has_to_pass() -> None:
    good, bad = says(http(200, b"")), says(http(503, b""))
    async with raw_server(good) as one, raw_server(good) as two, raw_server(bad) as three:
        assert await probe(one, two) == ProbeResult(True, "all 2 addresses: HTTP 200")
        assert await probe(one, three, two) == ProbeResult(
            False, f"127.0.0.1:{three.port}: HTTP 503, expected 200 (1 of 3 addresses)"
        )


async def test_addresses_are_probed_at_the_same_time() -> None:
    async with raw_server(hang) as one, raw_server(hang) as two, raw_server(hang) as three:
        start = time.monotonic()
        result = await probe(one, two, three, one, two, three, one, two, three, seconds=0.7)
        assert time.monotonic() - start < 0.7 + SLACK
    assert result.message.endswith("no answer within 0.7 s (9 of 9 addresses)")


async def test_a_port_where_nobody_listens_fails() -> None:
    async with raw_server(hang) as server:
        pass
    assert await probe(server) == ProbeResult(False, f"127.0.0.1:{server.port}: connection refused")


async def test_ipv6_is_dialled() -> None:
    async with raw_server(says(http(200, b"")), host="::1") as server:
        assert await probe(server) == ProbeResult(True, f"[::1]:{server.port}: HTTP 200")
    assert server.requests[0].headers["host"] == f"[::1]:{server.port}"
