"""What runs of the Rollouts that are looked at, read once for all who look."""

from __future__ import annotations

import asyncio

from slipway.console.session import Session, Workload
from slipway.dashboard.key import Key

KEPT = 2.5
"""Seconds for which it is shown. Open pages look whenever anything changes on the board, which is far more often."""


class Workloads:
    """By namespace and name of the Rollout: all who look at a dashboard read with the same rights.

    What is older than `KEPT` is not there any more.
    """

    def __init__(self) -> None:
        self._looks: dict[Key, asyncio.Task[Workload]] = {}

    def __len__(self) -> int:
        return len(self._looks)

    async def of(self, session: Session, namespace: str, name: str) -> Workload:
        """As it was a moment ago at most. Raises APIError and NoCluster."""
        key = (namespace, name)
        if (look := self._looks.get(key)) is None:
            look = self._looks[key] = asyncio.create_task(session.workload(namespace, name))
            look.add_done_callback(lambda ended: self._keep(key, ended))
        # One who leaves ends the look of nobody else.
        return await asyncio.shield(look)

    def _keep(self, key: Key, ended: asyncio.Task[Workload]) -> None:
        if ended.cancelled() or ended.exception() is not None:
            del self._looks[key]
        else:
            asyncio.get_running_loop().call_later(KEPT, self._looks.pop, key)
