"""How each write that decide() asks for becomes a request, with its precondition."""

from __future__ import annotations

from typing import Any

from slipway.cluster.api import Api, Object
from slipway.cluster.cache import Cache
from slipway.cluster.resources import (
    CONTROLLER_REVISIONS,
    DEPLOYMENTS,
    FIELD_MANAGER,
    HTTP_ROUTES,
    PROMOTIONS,
    ROLLOUTS,
    SERVICES,
    Resource,
)
from slipway.core.decision import (
    Apply,
    CommitPromotionStatus,
    CommitRolloutStatus,
    CreateRevision,
    Delete,
    MarkRevision,
    PatchPromotionSpec,
    PatchRolloutImages,
    Replace,
    SetWeights,
    Write,
)

KINDS = {
    "Service": SERVICES,
    "Deployment": DEPLOYMENTS,
    "ControllerRevision": CONTROLLER_REVISIONS,
}


class Pass:
    """Executes the writes of one decision for the Rollout `namespace`/`name`, one after the other.

    A resourceVersion that an earlier write of the same pass has superseded is followed to its successor: what
    the pass itself wrote is no stranger's change.
    """

    def __init__(self, api: Api, cache: Cache, namespace: str, name: str) -> None:
        self._api = api
        self._cache = cache
        self._namespace = namespace
        self._name = name
        self._moved: dict[tuple[Resource, str, str | None], str] = {}

    async def execute(self, write: Write) -> tuple[Resource, Object | None]:
        """Execute one write. Returns the object that it left, None after a delete; raises APIError."""
        match write:
            case CreateRevision():
                return await self._keep(
                    CONTROLLER_REVISIONS, None, self._api.create(CONTROLLER_REVISIONS, dict(write.object))
                )
            case CommitRolloutStatus():
                return await self._commit(ROLLOUTS, self._name, None, write.resource_version, write.status)
            case CommitPromotionStatus():
                return await self._commit(PROMOTIONS, write.name, write.uid, write.resource_version, write.status)
            case PatchPromotionSpec():
                at = self._at(PROMOTIONS, write.name, write.resource_version)
                patch = {"metadata": {"uid": write.uid, "resourceVersion": at}, "spec": dict(write.spec)}
                request = self._api.merge_patch(PROMOTIONS, self._namespace, write.name, patch)
                return await self._keep(PROMOTIONS, write.resource_version, request)
            case PatchRolloutImages():
                at = self._at(ROLLOUTS, self._name, write.resource_version)
                request = set_images(self._api, self._namespace, self._name, write, at)
                return await self._keep(ROLLOUTS, write.resource_version, request)
            case MarkRevision():
                at = self._at(CONTROLLER_REVISIONS, write.name, write.resource_version)
                marks: Object = {"annotations": dict(write.annotations), "resourceVersion": at}
                request = self._api.merge_patch(CONTROLLER_REVISIONS, self._namespace, write.name, {"metadata": marks})
                return await self._keep(CONTROLLER_REVISIONS, write.resource_version, request)
            case Apply():
                kind = KINDS[write.kind]
                name = write.object["metadata"]["name"]
                at = self._at(kind, name, write.resource_version)
                seen = self._cache.get(kind, self._namespace, name) if write.resource_version else None
                uid = seen["metadata"]["uid"] if seen else None
                return await self._keep(kind, write.resource_version, apply(self._api, write, at, uid))
            case Replace():
                kind, name = KINDS[write.kind], write.object["metadata"]["name"]
                at = self._at(kind, name, write.resource_version)
                return await self._keep(kind, write.resource_version, replace(self._api, write, at))
            case SetWeights():
                at = self._at(HTTP_ROUTES, f"{write.namespace}/{write.name}", write.resource_version)
                return await self._keep(HTTP_ROUTES, write.resource_version, set_weights(self._api, write, at))
            case Delete():
                kind = KINDS[write.kind]
                at = self._at(kind, write.name, write.resource_version)
                await self._api.delete(kind, self._namespace, write.name, write.uid, at)
                return kind, None

    async def _commit(
        self, kind: Resource, name: str, uid: str | None, version: str, status: Any
    ) -> tuple[Resource, Object]:
        metadata = {"namespace": self._namespace, "name": name}
        metadata["resourceVersion"] = self._at(kind, name, version)
        if uid:
            metadata["uid"] = uid
        request = self._api.replace(kind, {"metadata": metadata, "status": dict(status)}, "status")
        return await self._keep(kind, version, request)

    async def _keep(self, kind: Resource, version: str | None, request: Any) -> tuple[Resource, Object]:
        obj: Object = await request
        metadata = obj["metadata"]
        name = f"{metadata['namespace']}/{metadata['name']}" if kind == HTTP_ROUTES else metadata["name"]
        for superseded in (version, None):
            if superseded != metadata["resourceVersion"]:  # a write without effect leaves the version
                self._moved[kind, name, superseded] = metadata["resourceVersion"]
        return kind, obj

    def _at(self, kind: Resource, name: str, version: str | None) -> Any:
        moved = self._moved.get((kind, name, version))
        while moved is not None and (kind, name, moved) in self._moved:
            moved = self._moved[kind, name, moved]
        return moved or version


async def apply(api: Api, write: Apply, version: str | None, uid: str | None = None, dry_run: bool = False) -> Object:
    """Server-side apply of a Service or Deployment: forced where `version` was seen, else as a newcomer.

    An apply creates what is not there, whatever resourceVersion it names; only `uid` keeps it from making an
    object again that was deleted meanwhile.
    """
    obj = dict(write.object)
    preconditions = {key: value for key, value in (("resourceVersion", version), ("uid", uid)) if value}
    obj["metadata"] = {**obj["metadata"], **preconditions}
    return await api.apply(KINDS[write.kind], obj, dry_run=dry_run, force=write.resource_version is not None)


async def replace(api: Api, write: Replace, version: str, dry_run: bool = False) -> Object:
    """Replace what the write names, if the object is still as it was read."""
    meta = write.object["metadata"]
    patch = _replacement(write, version)
    return await api.json_patch(KINDS[write.kind], meta["namespace"], meta["name"], patch, dry_run=dry_run)


async def set_weights(api: Api, write: SetWeights, version: str, dry_run: bool = False) -> Object:
    """Change the weights by position, which is safe because the whole route must still be as it was read."""
    ops: list[Object] = [{"op": "test", "path": "/metadata/resourceVersion", "value": version}]
    ops.extend(
        {"op": "add", "path": f"/spec/rules/{rule}/backendRefs/{backend}/weight", "value": weight}
        for (rule, backend), weight in sorted(write.weights.items())
    )
    return await api.json_patch(HTTP_ROUTES, write.namespace, write.name, ops, dry_run=dry_run)


async def set_images(api: Api, namespace: str, name: str, write: PatchRolloutImages, version: str) -> Object:
    """Change images of the template by position, which is safe because the Rollout must still be as it was read."""
    ops: list[Object] = [{"op": "test", "path": "/metadata/resourceVersion", "value": version}]
    ops.extend(
        {"op": "add", "path": f"/spec/template/spec/{group}/{index}/image", "value": image}
        for (group, index), image in sorted(write.images.items())
    )
    return await api.json_patch(ROLLOUTS, namespace, name, ops)


_OWN = {
    "manager": FIELD_MANAGER,
    "operation": "Apply",
    "apiVersion": DEPLOYMENTS.api_version,
    "fieldsType": "FieldsV1",
    "fieldsV1": {"f:spec": {"f:replicas": {}}},
}
"""All managers of a Deployment that was replaced. Another one, who had written the same before us, would stay on record
as a manager of the template, as what brought it back from a backup does: it would look touched after every replacement.
Without any entry the API server makes one up at our next apply, of a manager who is not us, for all there is."""


def _replacement(write: Replace, version: str) -> list[Object]:
    """A patch that leaves nothing of what is replaced: what a PUT does, within the right to patch."""
    obj: Any = write.object
    # A Service's spec also holds what the server has given it, as its addresses.
    parts = {"/spec": obj["spec"]}
    if write.kind == "Service":
        parts = {f"/spec/{field}": obj["spec"][field] for field in ("selector", "ports")}
    ops: list[Object] = [{"op": "test", "path": "/metadata/resourceVersion", "value": version}]
    # "add" to a member that exists replaces it (RFC 6902, 4.1).
    ops.extend({"op": "add", "path": path, "value": value} for path, value in parts.items())
    ops.extend(
        {"op": "add", "path": f"/metadata/{field}", "value": obj["metadata"][field]}
        for field in ("labels", "annotations", "ownerReferences")
        if field in obj["metadata"]
    )
    if write.kind == "Deployment":
        ops.append({"op": "add", "path": "/metadata/managedFields", "value": [_OWN]})
    return ops
