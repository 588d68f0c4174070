"""The HTTP smoke test: a GET that has to have the expected status and text."""

from collections.abc import Sequence
from datetime import timedelta

import aiohttp

from slipway.probing.dial import NOT_PODS, Address, Network, ProbeFailed, ProbeResult, every

MAX_BODY = 64 << 10
"""Bytes of an answer in which the expected text is looked for."""


async def http_probe(
    addresses: Sequence[Address],
    path: str,
    expect_status: int,
    expect_body: str | None,
    timeout: timedelta,  # noqa: ASYNC109 -- running out of it is a result, not an exception
    host_header: str | None = None,
    *,
    refused: Sequence[Network] = NOT_PODS,
) -> ProbeResult:
    """GET `path` (with its query) from each of `addresses`, which the caller vouches for.

    Passes when each answers with `expect_status` and, where given, with `expect_body` within its first
    64 KiB. `timeout` is for the whole answer. Redirects are answers like any other, proxies are not used, and
    no name is looked up.
    """
    if not path.startswith("/"):
        # Anything else could become a part of the authority, as in "@example.com/".
        return ProbeResult(False, "the path does not begin with /")
    headers = {"User-Agent": "slipway", "Accept-Encoding": "identity"}
    if host_header:
        headers["Host"] = host_header

    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None),  # the deadline is set around all of a probe
        headers=headers,
        trust_env=False,
        auto_decompress=False,
    ) as session:

        async def get(host: str, port: int) -> str:
            url = f"http://[{host}]:{port}{path}" if ":" in host else f"http://{host}:{port}{path}"
            try:
                async with session.get(url, allow_redirects=False) as response:
                    if response.status != expect_status:
                        raise ProbeFailed(f"HTTP {response.status}, expected {expect_status}")
                    if expect_body is not None:
                        await _find(response, expect_body.encode())
            except aiohttp.ClientOSError:
                raise  # an OSError: connection refused, no route and the like
            except aiohttp.ClientError:
                raise ProbeFailed("the answer breaks HTTP, or its connection broke") from None
            return f"HTTP {expect_status}"

        return await every(addresses, timeout, refused, get)


async def _find(response: aiohttp.ClientResponse, text: bytes) -> None:
    body = b""
    while text not in body and len(body) < MAX_BODY:
        chunk = await response.content.read(MAX_BODY - len(body))
        if not chunk:
            break
        body += chunk
    if text not in body:
        within = "" if len(body) < MAX_BODY else f" in the first {MAX_BODY >> 10} KiB"
        raise ProbeFailed(f"HTTP {response.status} without the expected text{within}")
