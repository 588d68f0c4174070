"""A client that also hears of changes, for programs that show what is there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import aiohttp

from slipway import __version__
from slipway.cluster import credentials
from slipway.cluster.api import Object
from slipway.cluster.client import JSON, REQUEST_TIMEOUT, Client, refusal
from slipway.cluster.errors import Unauthorized, Unavailable, from_status
from slipway.cluster.resources import Resource

LONGEST = 240


class WatchingClient(Client):
    """Beside what the operator asks for: changes as they happen."""

    async def watch(
        self, kind: Resource, namespace: str | None, resource_version: str, seconds: int = LONGEST
    ) -> AsyncIterator[tuple[str, Object]]:
        """(ADDED, MODIFIED or DELETED, object) for all that changes after a list, until the server ends it.

        After at most `seconds` it has to be listed anew. Raises Gone and other APIErrors.
        """
        query = urlencode({"watch": "true", "resourceVersion": resource_version, "timeoutSeconds": str(seconds)})
        rest = await self._connected()
        headers = {"Accept": JSON, "User-Agent": f"slipway/{__version__}"}
        if authorization := await credentials.authorization(rest.configuration):
            headers["Authorization"] = authorization
        url = f"{kind.path(namespace)}?{query}"
        try:
            async with rest.send("GET", url, headers, None, seconds + REQUEST_TIMEOUT) as response:
                if response.status >= 300:
                    raise refusal(response.status, await response.read(), response.headers.get("Retry-After"))
                async for line in _lines(response.content):
                    event = json.loads(line)
                    found = event.get("object") or {}
                    if event["type"] == "ERROR":
                        raise from_status(int(found.get("code") or 0), found, "the watch was ended")
                    yield str(event["type"]), found
        except Unauthorized:
            await self._reconnect(rest)
            raise
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unavailable(f"watch of {kind.name}: {str(error) or type(error).__name__}") from error


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """One event is one line, however long: the reader's own limit on lines is less than an object may have."""
    begun = bytearray()
    async for chunk in stream.iter_any():
        *whole, rest = (bytes(begun) + chunk).split(b"\n")
        begun = bytearray(rest)
        for line in whole:
            if line:
                yield line
