"""The one interface through which the operator talks to an API server.

The reconciler knows nothing else, so that the same reconciler runs against a real server and a simulated one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from slipway.cluster.resources import Resource

Object = dict[str, Any]
Objects = list[Object]  # a name of its own: inside the protocol `list` is the method


class Api(Protocol):
    """Requests on plain dicts; each raises `slipway.cluster.errors.APIError` or returns the object."""

    async def get(self, kind: Resource, namespace: str | None, name: str) -> Object:
        """Read one object from etcd (not from the server's watch cache)."""
        ...

    async def list(
        self, kind: Resource, namespace: str | None = None, label_selector: str | None = None, at_once: bool = False
    ) -> tuple[Objects, str]:
        """All objects, with `apiVersion` and `kind` filled in, and the resourceVersion of the list.

        `at_once`: as the server has them in memory, perhaps a moment old, instead of waiting for the newest.
        """
        ...

    async def list_metadata(self, kind: Resource, namespace: str | None, label_selector: str) -> Objects:
        """Only the metadata of the objects with these labels, and nothing of what they hold."""
        ...

    async def log(self, namespace: str, pod: str, lines: int) -> str:
        """The last `lines` of what the only container of a pod has written, at most 16 KiB."""
        ...

    async def log_since(self, namespace: str, pod: str, container: str, seconds: int | None, limit: int) -> bytes:
        """What a container has written within the last `seconds`, or since its file begins; each line after its time.

        At most `limit` bytes, the oldest ones.
        """
        ...

    async def kinds(self, group: str, version: str) -> Objects:
        """The APIResource entries of `group/version`; empty when the server does not know it."""
        ...

    async def create(self, kind: Resource, obj: Object, dry_run: bool = False) -> Object:
        """Create `obj` (its metadata names the namespace)."""
        ...

    async def replace(
        self, kind: Resource, obj: Object, subresource: str | None = None, dry_run: bool = False
    ) -> Object:
        """PUT `obj`; with `metadata.resourceVersion` or `metadata.uid` only on that one, else Conflict.

        On the `status` subresource everything but `status` is ignored.
        """
        ...

    async def merge_patch(
        self,
        kind: Resource,
        namespace: str | None,
        name: str,
        patch: Object,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """RFC 7396. With `metadata.resourceVersion` in `patch`: only on that version, else Conflict."""
        ...

    async def json_patch(
        self, kind: Resource, namespace: str | None, name: str, ops: Sequence[Object], dry_run: bool = False
    ) -> Object:
        """RFC 6902. A failed `test` operation is a Conflict."""
        ...

    async def apply(
        self,
        kind: Resource,
        obj: Object,
        dry_run: bool = False,
        force: bool = True,
        subresource: str | None = None,
    ) -> Object:
        """Server-side apply as field manager `slipway`.

        Without `force` a field of another manager is a Conflict.
        """
        ...

    async def delete(
        self,
        kind: Resource,
        namespace: str | None,
        name: str,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
    ) -> None:
        """Delete; with `uid` or `resource_version` as a precondition (Conflict when it does not hold)."""
        ...
