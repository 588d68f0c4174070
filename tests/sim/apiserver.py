"""An API server in memory: enough of Kubernetes' rules that the operator cannot tell the difference.

resourceVersions, uids, generations, optimistic locking, status subresources, patches, server-side
apply, finalizers, preconditions, dry run, and the history of changes that watches are served from.
Times come from the simulated clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.sim import admission, ownership
from tests.sim.clock import rfc3339
from tests.sim.defaults import complete
from tests.sim.patches import clone, json_patch, merge_patch

from slipway.cluster.errors import AlreadyExists, Conflict, Invalid, NotFound
from slipway.cluster.resources import DEPLOYMENTS, JOBS, PODS, SERVICES, Resource

Object = dict[str, Any]
Key = tuple[str, str]

_WITH_STATUS = {"Rollout", "Promotion", "Deployment", "Pod", "HTTPRoute", "Service", "Job"}
_WITH_GENERATION = {"Rollout", "Promotion", "Deployment", "HTTPRoute"}
_IMMUTABLE = {
    "ControllerRevision": ("data", "revision"),
    "Deployment": ("spec.selector",),
}
_APPLIED = (SERVICES, DEPLOYMENTS)  # nobody applies other kinds here: their fields have no owners
_SERVER_METADATA = ("uid", "creationTimestamp", "deletionTimestamp", "generation", "namespace", "name")


@dataclass(frozen=True)
class Change:
    """One committed write. `type` is that of a watch event; `before` is None for ADDED."""

    resource_version: int
    kind: Resource
    type: str
    object: Object
    before: Object | None
    user: str

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])


class Server:
    """The store. Objects inside are never changed in place and never handed out."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.version = 100
        self.history: list[Change] = []
        self.approvers: set[str] = set()
        self.observers: list[Callable[[Change], None]] = []
        self._objects: dict[str, dict[Key, Object]] = {}
        self._owners: dict[tuple[str, Key], ownership.Owners] = {}
        self._created = 0

    def session(self, user: str, manager: str | None = None) -> Session:
        """Requests as `user`, whose writes own fields as `manager`."""
        return Session(self, user, manager or user)

    def peek(self, kind: Resource, namespace: str | None = None) -> Iterator[Object]:
        """The stored objects themselves, by name, for readers that change nothing."""
        stored = self._objects.get(kind.name, {})
        return (stored[key] for key in sorted(stored) if namespace in (None, key[0]))

    def find(self, kind: Resource, namespace: str | None, name: str) -> Object | None:
        """The stored object itself, or None."""
        return self._objects.get(kind.name, {}).get((namespace or "", name))

    def owners(self, kind: Resource, namespace: str | None, name: str) -> ownership.Owners:
        """Who owns which fields."""
        return self._owners.get((kind.name, (namespace or "", name)), {})

    def numbered(self) -> int:
        """How many objects were ever created."""
        return self._created

    def add(self, kind: Resource, obj: Object, session: Session, dry_run: bool, applied: bool = False) -> Object:
        """Create."""
        new: Object = clone(obj)
        new["apiVersion"], new["kind"] = kind.api_version, kind.kind
        meta = new.setdefault("metadata", {})
        if "name" not in meta:
            meta["name"] = f"{meta['generateName']}{self._created:05x}"
        if meta.get("resourceVersion"):
            raise Invalid("resourceVersion should not be set on objects to be created", 400, "BadRequest")
        key = (meta.get("namespace", "") if kind.namespaced else "", meta["name"])
        if key in self._objects.get(kind.name, {}):
            raise AlreadyExists(f'{kind.plural} "{key[1]}" already exists', 409, "AlreadyExists")
        if kind.kind in _WITH_STATUS and not session.user.startswith("system:kube"):
            new.pop("status", None)
        number = self._created
        meta["uid"] = f"00000000-0000-0000-0000-{number:012x}"
        meta["creationTimestamp"] = rfc3339(self.now())
        if kind.kind in _WITH_GENERATION:
            meta["generation"] = 1
        complete(new, number)
        if kind.kind == "Promotion":
            new = admission.admit(session.user, self.approvers, None, new)
        if not dry_run:
            self._created += 1
            if applied:
                self._owners[kind.name, key] = {session.manager: set(ownership.leaves(kind.kind, obj))}
            elif kind in _APPLIED:
                owners = ownership.updated(kind.kind, None, new, {}, session.updater)
                self._owners[kind.name, key] = owners
            self._commit(kind, key, new, "ADDED", session.user)
        return clone(new)

    def store(
        self,
        kind: Resource,
        key: Key,
        wanted: Object,
        session: Session,
        *,
        status: bool,
        dry_run: bool,
        owners: ownership.Owners | None = None,
    ) -> Object:
        """Replace the stored object by `wanted`, whose resourceVersion (if any) must be the stored one."""
        old = self._stored(kind, key)
        asked = wanted.get("metadata", {}).get("resourceVersion")
        if asked and asked != old["metadata"]["resourceVersion"]:
            raise Conflict(
                f'operation cannot be fulfilled on {kind.plural} "{key[1]}": the object has been modified',
                409,
                "Conflict",
            )
        asked_uid = wanted.get("metadata", {}).get("uid")
        if asked_uid and asked_uid != old["metadata"]["uid"]:
            raise Conflict(f'{kind.plural} "{key[1]}": the UID in the precondition does not match', 409, "Conflict")
        new = self._merged(kind, old, wanted, status)
        if kind.kind == "Promotion" and not status:
            new = admission.admit(session.user, self.approvers, old, new)
        _check_immutable(kind, old, new)
        had = self._owners.get((kind.name, key), {})
        if owners is None and not status and kind in _APPLIED:
            given = (wanted.get("metadata") or {}).get("managedFields")
            if given is not None and given != old["metadata"].get("managedFields"):
                had = {}
            owners = ownership.updated(kind.kind, old, new, had, session.updater)
        for field in ("resourceVersion", "managedFields"):
            if field in old["metadata"]:
                new["metadata"][field] = old["metadata"][field]
        if new == old and (owners is None or owners == had):
            return clone(old)
        if kind.kind in _WITH_GENERATION and new.get("spec") != old.get("spec"):
            new["metadata"]["generation"] = old["metadata"]["generation"] + 1
        if dry_run:
            return clone(new)
        if owners is not None:
            self._owners[kind.name, key] = owners
        if new["metadata"].get("deletionTimestamp") and not new["metadata"].get("finalizers"):
            self._remove(kind, key, session.user, new)
        else:
            self._commit(kind, key, new, "MODIFIED", session.user)
        return clone(new)

    def delete(
        self,
        kind: Resource,
        key: Key,
        session: Session,
        uid: str | None,
        version: str | None,
        propagation: str,
    ) -> None:
        """Delete, or mark as being deleted where finalizers or a pod's grace period ask for it."""
        old = self._stored(kind, key)
        meta = old["metadata"]
        if (uid and uid != meta["uid"]) or (version and version != meta["resourceVersion"]):
            raise Conflict(f'{kind.plural} "{key[1]}": the precondition does not hold', 409, "Conflict")
        if propagation == "Orphan":
            self._orphan(meta["uid"])
        # A pod goes when the kubelet has ended it: the simulated kubelet deletes it a second time.
        waits = kind == PODS or (kind == JOBS and propagation == "Foreground")
        graceful = waits and not meta.get("deletionTimestamp")
        if meta.get("finalizers") or graceful:
            if not meta.get("deletionTimestamp"):
                new: Object = clone(old)
                new["metadata"]["deletionTimestamp"] = rfc3339(self.now())
                self._commit(kind, key, new, "MODIFIED", session.user)
            return
        self._remove(kind, key, session.user, old)

    def collect_garbage(self) -> None:
        """One pass of the garbage collector: objects go when none of their owners is left."""
        alive = {obj["metadata"]["uid"] for stored in self._objects.values() for obj in stored.values()}
        collector = self.session("system:kube-controller-manager")
        for plural, stored in list(self._objects.items()):
            for key, obj in list(stored.items()):
                owners = obj["metadata"].get("ownerReferences") or []
                if owners and not any(owner["uid"] in alive for owner in owners):
                    kind = self._kinds[plural]
                    if not obj["metadata"].get("deletionTimestamp"):
                        self.delete(kind, key, collector, obj["metadata"]["uid"], None, "Background")

    def _orphan(self, uid: str) -> None:
        """Take the owner `uid` out of its dependents: what an orphaning delete waits for."""
        for plural, stored in list(self._objects.items()):
            for key, obj in list(stored.items()):
                owners = obj["metadata"].get("ownerReferences") or []
                if any(owner["uid"] == uid for owner in owners):
                    new: Object = clone(obj)
                    rest = [owner for owner in owners if owner["uid"] != uid]
                    new["metadata"].pop("ownerReferences")
                    if rest:
                        new["metadata"]["ownerReferences"] = rest
                    kind = self._kinds[plural]
                    self._owners[plural, key] = ownership.updated(
                        kind.kind, obj, new, self._owners.get((plural, key), {}), "garbage-collector/update"
                    )
                    self._commit(kind, key, new, "MODIFIED", "system:kube-controller-manager")

    _kinds: dict[str, Resource] = {}  # noqa: RUF012  # filled as kinds are written, the same for every server

    def _stored(self, kind: Resource, key: Key) -> Object:
        found = self._objects.get(kind.name, {}).get(key)
        if found is None:
            raise NotFound(f'{kind.plural} "{key[1]}" not found', 404, "NotFound")
        return found

    def _merged(self, kind: Resource, old: Object, wanted: Object, status: bool) -> Object:
        """What `wanted` may change of `old`: status through the subresource, all else without it."""
        if status:
            new: Object = clone(old)
            new.pop("status", None)
            if wanted.get("status") is not None:
                new["status"] = clone(wanted["status"])
            complete(new, 0)
            return new
        new = clone(wanted)
        new["apiVersion"], new["kind"] = kind.api_version, kind.kind
        meta = new.setdefault("metadata", {})
        for field in _SERVER_METADATA:
            meta.pop(field, None)
            if field in old["metadata"]:
                meta[field] = old["metadata"][field]
        if kind.kind in _WITH_STATUS:
            new.pop("status", None)
            if "status" in old:
                new["status"] = clone(old["status"])
        if kind.kind == "Service":
            for field in ("clusterIP", "clusterIPs"):
                new.setdefault("spec", {}).setdefault(field, clone(old["spec"].get(field)))
        complete(new, 0)
        return new

    def _commit(self, kind: Resource, key: Key, new: Object, type_: str, user: str) -> None:
        self._kinds[kind.name] = kind
        self.version += 1
        new["metadata"]["resourceVersion"] = str(self.version)
        if kind in _APPLIED:
            new["metadata"]["managedFields"] = ownership.managed_fields(self._owners.get((kind.name, key), {}))
        stored = self._objects.setdefault(kind.name, {})
        self._record(Change(self.version, kind, type_, new, stored.get(key), user))
        stored[key] = new
        self._notify()

    def _remove(self, kind: Resource, key: Key, user: str, last: Object) -> None:
        self.version += 1
        gone: Object = clone(last)
        gone["metadata"]["resourceVersion"] = str(self.version)
        self._owners.pop((kind.name, key), None)
        before = self._objects[kind.name].pop(key)
        self._record(Change(self.version, kind, "DELETED", gone, before, user))
        self._notify()

    def _record(self, change: Change) -> None:
        self.history.append(change)

    def _notify(self) -> None:
        for observer in self.observers:
            observer(self.history[-1])


class Session:
    """The verbs, synchronously, as one user."""

    def __init__(self, server: Server, user: str, manager: str) -> None:
        self.server, self.user, self.manager = server, user, manager
        # The same name applying and updating are two managers.
        self.updater = f"{manager}/update"

    def get(self, kind: Resource, namespace: str | None, name: str) -> Object:
        return clone(self.server._stored(kind, _key(kind, namespace, name)))

    def list(
        self, kind: Resource, namespace: str | None = None, label_selector: str | None = None
    ) -> tuple[list[Object], str]:
        chosen = [
            clone(obj)
            for obj in self.server.peek(kind, namespace)
            if selects(label_selector, obj["metadata"].get("labels") or {})
        ]
        return chosen, str(self.server.version)

    def create(self, kind: Resource, obj: Object, dry_run: bool = False) -> Object:
        return self.server.add(kind, obj, self, dry_run)

    def replace(self, kind: Resource, obj: Object, subresource: str | None = None, dry_run: bool = False) -> Object:
        key = _key(kind, obj["metadata"].get("namespace"), obj["metadata"]["name"])
        return self.server.store(kind, key, obj, self, status=subresource == "status", dry_run=dry_run)

    def merge_patch(
        self,
        kind: Resource,
        namespace: str | None,
        name: str,
        patch: Object,
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        key = _key(kind, namespace, name)
        wanted = merge_patch(self.server._stored(kind, key), patch)
        return self.server.store(kind, key, wanted, self, status=subresource == "status", dry_run=dry_run)

    def json_patch(
        self, kind: Resource, namespace: str | None, name: str, ops: Sequence[Object], dry_run: bool = False
    ) -> Object:
        key = _key(kind, namespace, name)
        wanted = json_patch(self.server._stored(kind, key), ops)
        return self.server.store(kind, key, wanted, self, status=False, dry_run=dry_run)

    def apply(
        self,
        kind: Resource,
        obj: Object,
        dry_run: bool = False,
        force: bool = True,
        subresource: str | None = None,
    ) -> Object:
        key = _key(kind, obj["metadata"].get("namespace"), obj["metadata"]["name"])
        live = self.server.find(kind, *key)
        if live is None:
            if obj["metadata"].get("resourceVersion"):
                raise Conflict(f'{kind.plural} "{key[1]}" does not exist any more', 409, "Conflict")
            return self.server.add(kind, obj, self, dry_run, applied=True)
        if subresource == "status":
            wanted = {**live, "status": merge_patch(live.get("status"), obj.get("status"))}
            return self.server.store(kind, key, wanted, self, status=True, dry_run=dry_run)
        owners = self.server.owners(kind, *key)
        merged, owners, conflicts = ownership.applied(kind.kind, live, obj, owners, self.manager)
        if conflicts and not force:
            raise Conflict(f"Apply failed: {'; '.join(conflicts)}", 409, "Conflict")
        merged["metadata"].pop("resourceVersion", None)
        for field in ("resourceVersion", "uid"):
            if field in obj["metadata"]:
                merged["metadata"][field] = obj["metadata"][field]
        return self.server.store(kind, key, merged, self, status=False, dry_run=dry_run, owners=owners)

    def delete(
        self,
        kind: Resource,
        namespace: str | None,
        name: str,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
    ) -> None:
        self.server.delete(kind, _key(kind, namespace, name), self, uid, resource_version, propagation)


def selects(selector: str | None, labels: dict[str, str]) -> bool:
    """A label selector of equalities and of existence: `a=b,c!=d,e,!f`."""
    for term in filter(None, (selector or "").split(",")):
        name, unequal, value = term.partition("!=")
        if unequal:
            matches = labels.get(name) != value
        elif "=" in term:
            name, _, value = term.replace("==", "=").partition("=")
            matches = labels.get(name) == value
        elif term.startswith("!"):
            matches = term[1:] not in labels
        else:
            matches = term in labels
        if not matches:
            return False
    return True


def _key(kind: Resource, namespace: str | None, name: str) -> Key:
    return (namespace or "" if kind.namespaced else "", name)


def _check_immutable(kind: Resource, old: Object, new: Object) -> None:
    for path in _IMMUTABLE.get(kind.kind, ()):
        before: Any = old
        after: Any = new
        for part in path.split("."):
            before, after = (before or {}).get(part), (after or {}).get(part)
        if before != after:
            raise Invalid(f"{kind.kind} {path}: field is immutable", 422, "Invalid")
