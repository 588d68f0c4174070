"""What all probes share: which addresses may be dialled, and that every one of them has to pass."""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = tuple[str, int]
"""An IP address, as text, and a port."""
Network = IPv4Network | IPv6Network

NOT_PODS: tuple[Network, ...] = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "127.0.0.0/8",  # loopback: the operator itself
        "169.254.0.0/16",  # link-local: the cloud's metadata service
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "::/128",
        "::1/128",
        "fe80::/10",
        "ff00::/8",
    )
)
"""Where no pod and no Service is. An address out of a status that says otherwise was put there by someone."""


@dataclass(frozen=True)
class ProbeResult:
    """Whether a smoke test passed, and in words what was seen. Never has any of a response's body."""

    passed: bool
    message: str


class ProbeFailed(Exception):
    """One address did not pass. The message is safe to show."""


async def every(
    addresses: Sequence[Address],
    timeout: timedelta,  # noqa: ASYNC109 -- running out of it is a result, not an exception
    refused: Sequence[Network],
    probe: Callable[[str, int], Awaitable[str]],
) -> ProbeResult:
    """Probe all addresses at the same time: passed when each one did within `timeout`, failed without any.

    `probe` says in words what it saw, or raises ProbeFailed or OSError.
    """
    if not addresses:
        return ProbeResult(False, "no address to probe")

    async def one(host: str, port: int) -> tuple[bool, str]:
        try:
            _check(host, port, refused)
            async with asyncio.timeout(timeout.total_seconds()):
                return True, await probe(host, port)
        except TimeoutError:
            seen = f"no answer within {timeout.total_seconds():g} s"
        except ProbeFailed as error:
            seen = str(error)
        except OSError as error:
            seen = _words(error)
        return False, f"{_named(host, port)}: {seen}"

    outcomes = await asyncio.gather(*(one(host, port) for host, port in addresses))
    failures = [seen for passed, seen in outcomes if not passed]
    if failures:
        of = f" ({len(failures)} of {len(addresses)} addresses)" if len(addresses) > 1 else ""
        return ProbeResult(False, failures[0] + of)
    at = _named(*addresses[0]) if len(addresses) == 1 else f"all {len(addresses)} addresses"
    return ProbeResult(True, f"{at}: {outcomes[0][1]}")


def _check(host: str, port: int, refused: Sequence[Network]) -> None:
    try:
        address = ip_address(host)
    except ValueError:
        raise ProbeFailed("not an IP address") from None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if any(address in network for network in refused):
        raise ProbeFailed("not the address of a pod or Service, not dialled")
    if not 1 <= port <= 65535:
        raise ProbeFailed("not a port")


def _named(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _words(error: OSError) -> str:
    if error.errno == errno.ECONNREFUSED:
        return "connection refused"
    return os.strerror(error.errno).lower() if error.errno else "cannot connect"
