import socket
import time
from datetime import timedelta

import pytest
from tests.unit.metrics.raw_server import hang, raw_server, until

from slipway.probing.dial import ProbeResult
from slipway.probing.tcp import tcp_probe

SECONDS = timedelta(seconds=5)


async def test_a_connection_passes_and_is_closed() -> None:
    async with raw_server(hang) as server:
        result = await tcp_probe([(server.host, server.port)], SECONDS, refused=())
        assert result == ProbeResult(True, f"127.0.0.1:{server.port}: connected")
        await until(lambda: not server.open)


async def test_every_address_has_to_accept() -> None:
    async with raw_server(hang) as gone:
        pass
    async with raw_server(hang) as server:
        result = await tcp_probe([(s.host, s.port) for s in (server, gone)], SECONDS, refused=())
    expected = f"127.0.0.1:{gone.port}: connection refused (1 of 2 addresses)"
    assert result == ProbeResult(False, expected)


async def test_a_connection_that_does_not_come_about_ends_with_the_timeout() -> None:
    # A listener that accepts nothing: once its backlog is full, the kernel drops further attempts.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        host, port = listener.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex((host, port))
        start = time.monotonic()
        result = await tcp_probe([(host, port)], timedelta(seconds=0.5), refused=())
        assert time.monotonic() - start < 3.5
        for sock in waiting:
            sock.close()
    assert result == ProbeResult(False, f"127.0.0.1:{port}: no answer within 0.5 s")


@pytest.mark.parametrize("port", [0, -1, 65536])
async def test_a_port_that_is_none_is_not_dialled(port: int) -> None:
    result = await tcp_probe([("10.244.0.5", port)], SECONDS)
    assert result == ProbeResult(False, f"10.244.0.5:{port}: not a port")
