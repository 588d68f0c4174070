"""The operator's connection to the server in memory, and the faults that it can have."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from tests.sim.apiserver import Server, Session

from slipway.cluster.errors import NotFound
from slipway.cluster.resources import Resource

Object = dict[str, Any]

BURST = 100


class HotLoop(BaseException):
    """The operator writes again and again without anything to wait for. Ends the simulation at once."""


class Client:
    """Implements `slipway.cluster.api.Api`.

    `dead` means that the process is gone: a call then never comes back, whatever the caller catches.
    `before_write` and `after_write` let a test act between two writes.
    """

    def __init__(self, server: Server, user: str, manager: str = "slipway") -> None:
        self._session = Session(server, user, manager)
        self.dead = False
        self.running = asyncio.Event()
        self.running.set()
        self._burst = (0.0, 0)
        self.attempts: list[str] = []
        self.writes: list[str] = []
        """Those of the attempts that the server took."""
        self.before_write: Callable[[str], None] | None = None
        self.after_write: Callable[[str], None] | None = None

    async def get(self, kind: Resource, namespace: str | None, name: str) -> Object:
        return await self._read(lambda: self._session.get(kind, namespace, name))

    async def list(
        self, kind: Resource, namespace: str | None = None, label_selector: str | None = None, at_once: bool = False
    ) -> tuple[list[Object], str]:
        return await self._read(lambda: self._session.list(kind, namespace, label_selector))

    async def list_metadata(self, kind: Resource, namespace: str | None, label_selector: str) -> list[Object]:
        found, _ = await self._read(lambda: self._session.list(kind, namespace, label_selector))
        return [{key: obj[key] for key in ("apiVersion", "kind", "metadata")} for obj in found]

    async def log(self, namespace: str, pod: str, lines: int) -> str:
        raise NotFound("nothing runs in pods here")

    async def log_since(self, namespace: str, pod: str, container: str, seconds: int | None, limit: int) -> bytes:
        raise NotFound("nothing runs in pods here")

    async def kinds(self, group: str, version: str) -> list[Object]:
        return []

    async def create(self, kind: Resource, obj: Object, dry_run: bool = False) -> Object:
        name = obj["metadata"].get("name") or obj["metadata"].get("generateName")
        return await self._write(
            f"create {kind.kind} {name}", dry_run, lambda: self._session.create(kind, obj, dry_run)
        )

    async def replace(
        self, kind: Resource, obj: Object, subresource: str | None = None, dry_run: bool = False
    ) -> Object:
        return await self._write(
            f"replace {kind.kind} {obj['metadata']['name']} {subresource or ''}",
            dry_run,
            lambda: self._session.replace(kind, obj, subresource, dry_run),
        )

    async def merge_patch(
        self,
        kind: Resource,
        namespace: str | None,
        name: str,
        patch: Object,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        return await self._write(
            f"patch {kind.kind} {name} {subresource or ''}",
            dry_run,
            lambda: self._session.merge_patch(kind, namespace, name, patch, subresource, dry_run),
        )

    async def json_patch(
        self, kind: Resource, namespace: str | None, name: str, ops: Sequence[Object], dry_run: bool = False
    ) -> Object:
        return await self._write(
            f"patch {kind.kind} {name}",
            dry_run,
            lambda: self._session.json_patch(kind, namespace, name, ops, dry_run),
        )

    async def apply(
        self,
        kind: Resource,
        obj: Object,
        dry_run: bool = False,
        force: bool = True,
        subresource: str | None = None,
    ) -> Object:
        return await self._write(
            f"apply {kind.kind} {obj['metadata']['name']} {subresource or ''}",
            dry_run,
            lambda: self._session.apply(kind, obj, dry_run, force, subresource),
        )

    async def delete(
        self,
        kind: Resource,
        namespace: str | None,
        name: str,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
    ) -> None:
        await self._write(
            f"delete {kind.kind} {name}",
            False,
            lambda: self._session.delete(kind, namespace, name, uid, resource_version, propagation),
        )

    async def _read(self, request: Callable[[], Any]) -> Any:
        await self._alive()
        return request()

    async def _write(self, what: str, dry_run: bool, request: Callable[[], Any]) -> Any:
        await self._alive()
        if dry_run:
            return request()
        self._check_burst(what)
        self.attempts.append(what.strip())
        if self.before_write:
            self.before_write(what)
            await self._alive()
        result = request()
        self.writes.append(what.strip())
        if self.after_write:
            self.after_write(what)
            await self._alive()  # killed by the hook: the answer never arrives
        return result

    def _check_burst(self, what: str) -> None:
        """An operator that writes for ever without time going by would never let the simulation go on."""
        now = asyncio.get_running_loop().time()
        count = self._burst[1] + 1 if self._burst[0] == now else 1
        self._burst = (now, count)
        if count > BURST:
            raise HotLoop(f"{count} writes in one instant, the last ones {[*self.writes[-5:], what]}")

    async def _alive(self) -> None:
        await asyncio.sleep(0)  # other tasks may run between any two requests, as on a network
        await self.running.wait()
        if self.dead:
            await asyncio.get_running_loop().create_future()
