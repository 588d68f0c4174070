"""The Api on a real API server: plain dicts over the pooled HTTPS connections of `kubernetes.aio`.

The generated per-kind methods and models are bypassed: they would copy every object twice.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from slipway import __version__
from slipway.cluster import credentials
from slipway.cluster.api import Object, Objects
from slipway.cluster.errors import APIError, Conflict, Gone, Invalid, NotFound, Unauthorized, Unavailable, from_status
from slipway.cluster.resources import FIELD_MANAGER, PODS, ROLLOUTS, Resource

REQUEST_TIMEOUT = 10.0
LIST_TIMEOUT = 60.0
CONNECTIONS = 64
PAGE = 500
# kube-apiserver drops idle connections after 90 s. Dropping ours a little earlier means that a request never
# meets a connection that is being closed, and that a decision after a quiet minute needs no TLS handshake.
KEEP_ALIVE = 75.0

JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

# verb, resource, HTTP status (0: no answer), seconds
Observer = Callable[[str, Resource, int, float], None]


class Client:
    """Implements `slipway.cluster.api.Api`. Close it with `close()`; use it only in the loop that made it."""

    _on_behalf: Sequence[tuple[str, str]] = ()
    """Headers that say for whom this process speaks, where it is not for itself."""

    def __init__(
        self,
        kubeconfig: Path | None = None,
        *,
        context: str | None = None,
        field_manager: str = FIELD_MANAGER,
        request_timeout: float = REQUEST_TIMEOUT,
        observe: Observer | None = None,
    ) -> None:
        self._kubeconfig = kubeconfig
        self._context = context
        self._field_manager = field_manager
        self._timeout = request_timeout
        self._observe = observe
        self._rest: _Pool | None = None
        self._connecting = asyncio.Lock()

    async def configuration(self) -> Configuration:
        """The connection in use (loads it when there is none yet)."""
        return (await self._connected()).configuration

    async def close(self) -> None:
        """Close all connections."""
        rest, self._rest = self._rest, None
        if rest is not None:
            await rest.close()

    async def get(self, kind: Resource, namespace: str | None, name: str) -> Object:
        """Read one object from etcd (not from the server's watch cache)."""
        answer: Object = await self._request("get", kind, kind.path(namespace, name))
        return answer

    async def list(
        self, kind: Resource, namespace: str | None = None, label_selector: str | None = None, at_once: bool = False
    ) -> tuple[Objects, str]:
        """All objects, read in pages of one consistent snapshot, and its resourceVersion.

        `at_once`: as the server has them in memory, perhaps a moment old, instead of waiting for the newest.
        """
        if at_once:
            return await self._list(kind, namespace, label_selector, None, {"resourceVersion": "0"})
        try:
            return await self._list(kind, namespace, label_selector, PAGE)
        except Gone:  # the snapshot expired between two pages
            return await self._list(kind, namespace, label_selector, None)

    async def _list(
        self,
        kind: Resource,
        namespace: str | None,
        label_selector: str | None,
        limit: int | None,
        how: Mapping[str, str] | None = None,
        accept: str = JSON,
    ) -> tuple[Objects, str]:
        items: Objects = []
        query: dict[str, str] = dict(how or {})
        if label_selector:
            query["labelSelector"] = label_selector
        if limit:
            query["limit"] = str(limit)
        while True:
            answer = await self._request("list", kind, kind.path(namespace), query, seconds=LIST_TIMEOUT, accept=accept)
            for item in answer.get("items") or []:
                # Items of a list carry neither; what reads them should not care where they came from.
                items.append(_with_head(kind, item))
            metadata = answer["metadata"]
            if not metadata.get("continue"):
                return items, str(metadata["resourceVersion"])
            query["continue"] = metadata["continue"]

    async def list_metadata(self, kind: Resource, namespace: str | None, label_selector: str) -> Objects:
        """Only the metadata of the objects with these labels: the server leaves out what they hold."""
        items, _ = await self._list(kind, namespace, label_selector, None, accept=METADATA)
        return items

    async def create(self, kind: Resource, obj: Object, dry_run: bool = False) -> Object:
        """Create `obj`; unknown fields are refused, as kubectl does."""
        path, body = kind.path(obj["metadata"].get("namespace")), _with_head(kind, obj)
        return await self._write("create", kind, path, {"fieldValidation": "Strict"}, body, "application/json", dry_run)

    async def replace(
        self, kind: Resource, obj: Object, subresource: str | None = None, dry_run: bool = False
    ) -> Object:
        """PUT `obj`; with `metadata.resourceVersion` or `metadata.uid` only on that one, else Conflict."""
        path = kind.path(obj["metadata"].get("namespace"), obj["metadata"]["name"], subresource)
        return await self._write("update", kind, path, {}, _with_head(kind, obj), "application/json", dry_run)

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
        path = kind.path(namespace, name, subresource)
        return await self._write("patch", kind, path, {}, patch, "application/merge-patch+json", dry_run)

    async def json_patch(
        self, kind: Resource, namespace: str | None, name: str, ops: Sequence[Object], dry_run: bool = False
    ) -> Object:
        """RFC 6902. A failed `test` operation is a Conflict."""
        path, body = kind.path(namespace, name), [*ops]
        try:
            return await self._write("patch", kind, path, {}, body, "application/json-patch+json", dry_run)
        except Invalid as error:
            if _test_failed(error, ops):
                raise Conflict(error.message, error.status, error.reason) from error
            raise

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
        path = kind.path(obj["metadata"].get("namespace"), obj["metadata"]["name"], subresource)
        query, body = {"force": "true" if force else "false"}, _with_head(kind, obj)
        return await self._write("apply", kind, path, query, body, "application/apply-patch+yaml", dry_run)

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
        options: Object = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
        }
        preconditions = {key: value for key, value in (("uid", uid), ("resourceVersion", resource_version)) if value}
        if preconditions:
            options["preconditions"] = preconditions
        await self._request("delete", kind, kind.path(namespace, name), {}, options, "application/json")

    async def log(self, namespace: str, pod: str, lines: int) -> str:
        """The last `lines` of what the only container of a pod has written, at most 16 KiB."""
        query = {"tailLines": str(lines), "limitBytes": str(16 << 10)}
        data: bytes = await self._request("log", PODS, PODS.path(namespace, pod, "log"), query)
        return data.decode("utf-8", "replace")

    async def log_since(self, namespace: str, pod: str, container: str, seconds: int | None, limit: int) -> bytes:
        """What a container has written within the last `seconds`, or since its file begins; each line after its time.

        At most `limit` bytes, the oldest ones.
        """
        query = {"container": container, "timestamps": "true", "limitBytes": str(limit)}
        if seconds is not None:
            query["sinceSeconds"] = str(seconds)
        data: bytes = await self._request("log", PODS, PODS.path(namespace, pod, "log"), query)
        return data

    async def kinds(self, group: str, version: str) -> Objects:
        """The APIResource entries of `group/version`; empty when the server does not know it."""
        marker = Resource(group, version, "", "APIResourceList", namespaced=False)
        try:
            answer = await self._request("discover", marker, f"/apis/{group}/{version}" if group else f"/api/{version}")
        except APIError as error:
            if error.status == 404:
                return []
            raise
        return list(answer.get("resources") or [])

    async def served(self, group: str, version: str) -> set[str]:
        """The plural names that the server serves in `group/version`; empty when it does not know it."""
        return {resource["name"] for resource in await self.kinds(group, version)}

    async def openapi(self, group: str, version: str) -> Object:
        """The OpenAPI v3 document of `group/version`, in which each kind has its schema."""
        marker = Resource(group, version, "", "OpenAPI", namespaced=False)
        document: Object = await self._request("discover", marker, f"/openapi/v3/apis/{group}/{version}")
        return document

    async def _write(
        self,
        verb: str,
        kind: Resource,
        path: str,
        query: dict[str, str],
        body: Any,
        content_type: str,
        dry_run: bool,
    ) -> Object:
        query = {**query, "fieldManager": self._field_manager}
        if dry_run:
            query["dryRun"] = "All"
        answer: Object = await self._request(verb, kind, path, query, body, content_type)
        return answer

    async def _request(
        self,
        verb: str,
        kind: Resource,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str | None = None,
        seconds: float | None = None,
        accept: str = JSON,
    ) -> Any:
        url = f"{path}?{urlencode(query)}" if query else path
        rest, limit = await self._connected(), seconds or self._timeout
        try:
            return await self._send(rest, verb, kind, url, body, content_type, limit, accept)
        except Unauthorized:
            # A token or a client certificate was replaced: read them again and repeat, once.
            rest = await self._reconnect(rest)
            return await self._send(rest, verb, kind, url, body, content_type, limit, accept)

    async def _send(
        self,
        rest: _Pool,
        verb: str,
        kind: Resource,
        url: str,
        body: Any,
        content_type: str | None,
        seconds: float,
        accept: str,
    ) -> Any:
        headers = {"Accept": accept, "User-Agent": f"slipway/{__version__}"}
        if content_type:
            headers["Content-Type"] = content_type
        if authorization := await credentials.authorization(rest.configuration):
            headers["Authorization"] = authorization
        status, started = 0, time.monotonic()
        try:
            told = [*headers.items(), *self._on_behalf]
            async with rest.send(_METHODS[verb], url, told, encode(body), seconds) as response:
                status = response.status
                data = await response.read()
                retry_after = response.headers.get("Retry-After")
        except (aiohttp.ClientError, TimeoutError, OSError, RuntimeError) as error:
            # RuntimeError: the session was closed under the request because another one got new credentials.
            raise Unavailable(f"{verb} {url.partition('?')[0]}: {str(error) or type(error).__name__}") from error
        finally:
            if self._observe:
                self._observe(verb, kind, status, time.monotonic() - started)
        if status < 300:
            return data if verb == "log" else json.loads(data)
        if status == 404 and not data.startswith(b"{"):
            raise not_served(kind)
        raise refusal(status, data, retry_after)

    async def _connected(self) -> _Pool:
        return self._rest or await self._reconnect(None)

    async def _reconnect(self, used: _Pool | None) -> _Pool:
        """Load the credentials again and replace the pool `used`, unless somebody did so meanwhile."""
        async with self._connecting:
            if self._rest is None or self._rest is used:
                self._rest = _Pool(await credentials.load(self._kubeconfig, self._context))
                if used is not None:
                    await used.close()
            return self._rest


class _Pool(RESTClientObject):  # type: ignore[misc]  # the package ships without usable types
    """The connections: kept open as long as the server keeps them, and without the package's own encoding."""

    _session: aiohttp.ClientSession | None = None

    def _create_connector(self) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(limit=CONNECTIONS, ssl=self.ssl_context, keepalive_timeout=KEEP_ALIVE)

    def _create_pool_manager(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=self._create_connector(), trust_env=credentials.behind_proxy(), read_bufsize=2**18
        )

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | Sequence[tuple[str, str]],
        data: bytes | None,
        seconds: float,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """One request; `url` is the path and query."""
        if self._session is None:
            self._session = self.pool_manager = self._create_pool_manager()
        return self._session.request(
            method,
            f"{self.configuration.host}{url}",
            headers=headers,
            data=data,
            timeout=aiohttp.ClientTimeout(total=seconds),
            proxy=self.proxy,
            proxy_headers=self.proxy_headers,
            server_hostname=self.configuration.tls_server_name,
        )


def encode(body: Any) -> bytes | None:
    """JSON, byte for byte as Go writes it: sorted, without blanks, with its escapes.

    A ControllerRevision keeps the bytes of its data as they were sent, and compares them when it is patched:
    anything that Go's encoder would write differently could never be annotated again ("field is immutable").
    """
    if body is None:
        return None
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.translate(_GO_ESCAPES).encode()


# encoding/json escapes these everywhere, and they occur in strings only.
_GO_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}

_METHODS = {
    "get": "GET",
    "list": "GET",
    "discover": "GET",
    "log": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "apply": "PATCH",
    "delete": "DELETE",
}


def _with_head(kind: Resource, obj: Object) -> Object:
    return {"apiVersion": kind.api_version, "kind": kind.kind, **obj}


def refusal(status: int, data: bytes, retry_after: str | None) -> APIError:
    """The error that an answer of 300 and above stands for; `data` is its body, a Status or anything else."""
    try:
        body = json.loads(data)
    except ValueError:
        body = None
    return from_status(status, body if isinstance(body, dict) else None, data.decode("utf-8", "replace"), retry_after)


def not_served(kind: Resource) -> NotFound:
    """What a 404 without a Status stands for: the server knows no such path, so no object of the kind can be there."""
    words = f"this cluster does not serve {kind.name} ({kind.version})"
    if kind.group == ROLLOUTS.group:
        words += ": is Slipway installed there? kubectl get crds shows it, docs/installation.md says how"
    return NotFound(words, 404)


def _test_failed(error: Invalid, ops: Sequence[Object]) -> bool:
    """Whether a patch did not apply, as opposed to its result being refused.

    kube-apiserver answers a failed `test`, and a path that is not there any more, with a bare 422 that names
    neither; an object that is refused is named.
    """
    bare = error.message == "the server rejected our request due to an error in our request"
    return bare and any(op.get("op") == "test" for op in ops)
