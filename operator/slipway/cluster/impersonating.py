"""A client that speaks for somebody else, where the API server lets this process do so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slipway.cluster.client import Client

if TYPE_CHECKING:
    from slipway.cluster.client import _Pool


class Impersonating(Client):
    """The same requests on behalf of a user, over the connections of another client, which has to be kept open.

    Whether this process may speak for them, and what they may do, the API server judges with each request.
    """

    def __init__(self, through: Client, user: str, groups: Sequence[str], field_manager: str) -> None:
        super().__init__(field_manager=field_manager)
        self._through = through
        self._on_behalf = (("Impersonate-User", user), *(("Impersonate-Group", group) for group in groups))

    async def _connected(self) -> _Pool:
        return await self._through._connected()

    async def _reconnect(self, used: _Pool | None) -> _Pool:
        return await self._through._reconnect(used)
