"""Operator-run probes dial pods and Services, and nothing else that a status may have been made to say."""

from datetime import timedelta

import pytest
from tests.unit.metrics.raw_server import http, raw_server, says

from slipway.probing.dial import ProbeResult
from slipway.probing.http import http_probe
from slipway.probing.tcp import tcp_probe

SECOND = timedelta(seconds=1)

NOT_DIALLED = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "0.1.2.3",
    "169.254.169.254",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "febf::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
]
NO_ADDRESS = [
    "localhost",
    "db.shop.svc",
    "2130706433",
    "127.1",
    "0x7f.0.0.1",
    "",
    "10.0.0.1:80",
    "[::1]",
    "10.0.0.1/8",
]


@pytest.mark.parametrize("host", NOT_DIALLED)
async def test_semantics_19_where_no_pod_can_be_is_not_dialled(host: str) -> None:
    expected = "not the address of a pod or Service, not dialled"
    for result in (
        await tcp_probe([(host, 80)], SECOND),
        await http_probe([(host, 80)], "/", 200, None, SECOND),
    ):
        assert not result.passed
        assert result.message.endswith(expected)


@pytest.mark.parametrize("host", NO_ADDRESS)
async def test_only_addresses_are_dialled_and_no_name_is_looked_up(host: str) -> None:
    for result in (
        await tcp_probe([(host, 80)], SECOND),
        await http_probe([(host, 80)], "/", 200, None, SECOND),
    ):
        assert not result.passed
        assert result.message.endswith("not an IP address")


async def test_a_refused_address_gets_no_connection() -> None:
    async with raw_server(says(http(200, b""))) as server:
        address = (server.host, server.port)
        assert not (await http_probe([address], "/", 200, None, SECOND)).passed
        assert not (await tcp_probe([address], SECOND)).passed
        assert server.connections == 0
        assert (await http_probe([address], "/", 200, None, SECOND, refused=())).passed
        assert server.connections == 1


async def test_one_refused_address_fails_the_probe() -> None:
    async with raw_server(says(http(200, b""))) as server:
        result = await tcp_probe([(server.host, server.port), ("fe80::1", 80)], SECOND, refused=())
        assert not result.passed


async def test_nothing_to_probe_is_no_pass() -> None:
    assert await tcp_probe([], SECOND) == ProbeResult(False, "no address to probe")
    assert await http_probe([], "/", 200, None, SECOND) == ProbeResult(False, "no address to probe")
