"""What the operator has seen of the cluster: one monotonic copy of each object.

Watch events, LISTs and the answers to the operator's own writes all end here, in any order. For each object
the newest resourceVersion wins and nothing goes back: neither to an older version nor, after a deletion, to
an object that is gone. resourceVersions are compared as integers, which Kubernetes promises for its own kinds
and for custom resources (KEP-5504) and etcd has always given.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from slipway.cluster.api import Object
from slipway.cluster.resources import (
    CONTROLLER_REVISIONS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    FIELD_MANAGER,
    HTTP_ROUTES,
    NAMESPACES,
    PODS,
    PROMOTION_POLICIES,
    PROMOTIONS,
    ROLLOUT_LABEL,
    ROLLOUTS,
    SERVICES,
    Resource,
)

WATCHED = (
    ROLLOUTS,
    PROMOTIONS,
    PROMOTION_POLICIES,
    CONTROLLER_REVISIONS,
    DEPLOYMENTS,
    SERVICES,
    ENDPOINT_SLICES,
    PODS,
    HTTP_ROUTES,
    NAMESPACES,
)
CHILDREN = frozenset({CONTROLLER_REVISIONS, DEPLOYMENTS, ENDPOINT_SLICES, PODS})
"""Kinds of which only the objects with a rollout label are seen at all."""

FINAL = frozenset({"Succeeded", "RolledBack", "Failed", "Aborted", "Superseded", "DryRunComplete"})
"""Phases from which a Promotion does not come back."""

# A deletion is remembered for longer than any request or watch can deliver something from before it.
TOMBSTONE_SECONDS = 600.0

Name = tuple[str, str]
"""Namespace (empty for cluster-scoped kinds) and name."""


@dataclass(frozen=True, slots=True)
class Change:
    """One object before and after; None where it did not or does not exist."""

    kind: Resource
    before: Object | None
    after: Object | None


class Cache:
    """All kinds that the operator watches. Objects are shared, not copied: never change one in place."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._kinds = {kind: _Kind(kind, clock) for kind in WATCHED}

    def upsert(self, kind: Resource, obj: Object) -> Change | None:
        """Take in an object from a watch, a read or a write; None if what is here is as new or newer."""
        return self._kinds[kind].upsert(obj)

    def remove(self, kind: Resource, obj: Object) -> Change | None:
        """Take in a DELETED event, whose object carries the resourceVersion of the deletion."""
        return self._kinds[kind].remove(_name(obj), version(obj))

    def forget(self, kind: Resource, namespace: str | None, name: str) -> Change | None:
        """Take in a 404: the version that was here, and older ones, are gone."""
        return self._kinds[kind].forget((namespace or "", name))

    def replace(
        self,
        kind: Resource,
        items: Iterable[Object],
        resource_version: str,
        namespace: str | None = None,
        rollout: str | None = None,
    ) -> list[Change]:
        """Take in a LIST of everything, of a namespace or of one Rollout in it; what is newer stays."""
        return self._kinds[kind].replace(items, int(resource_version), namespace, rollout)

    def has_seen(self, kind: Resource, obj: Object) -> bool:
        """Whether this state of an object, or what became of it, is known."""
        return self._kinds[kind].has_seen(_name(obj), version(obj))

    def get(self, kind: Resource, namespace: str | None, name: str) -> Object | None:
        """One object."""
        return self._kinds[kind].objects.get((namespace or "", name))

    def all(self, kind: Resource) -> list[Object]:
        """All objects of a kind, in no particular order."""
        return list(self._kinds[kind].objects.values())

    def count(self, kind: Resource) -> int:
        """How many objects of a kind are here."""
        return len(self._kinds[kind].objects)

    def in_namespace(self, kind: Resource, namespace: str) -> tuple[Object, ...]:
        """The Rollouts of a namespace, by name."""
        return self._kinds[kind].indexed("namespace", (namespace, ""))

    def of_rollout(self, kind: Resource, namespace: str, rollout: str) -> tuple[Object, ...]:
        """The children labelled with a Rollout, or the Promotions that name it, by name."""
        return self._kinds[kind].indexed("rollout", (namespace, rollout))

    def promoted_from(self, namespace: str, rollout: str = "") -> tuple[Object, ...]:
        """The unfinished Promotions that name a Rollout, or any of a namespace, in `from`."""
        return self._kinds[PROMOTIONS].indexed("origin" if rollout else "origins", (namespace, rollout))

    def selecting(self, namespace: str, rollout: str) -> tuple[Object, ...]:
        """The Services whose selector may match pods of a Rollout: it asks for theirs, or for nobody's, label."""
        services = self._kinds[SERVICES]
        return services.indexed("selects", (namespace, rollout)) + services.indexed("selects", (namespace, ""))

    def routes_to(self, namespace: str, service: str) -> tuple[Object, ...]:
        """HTTPRoutes of any namespace that have a Service as a backend, by namespace and name."""
        return self._kinds[HTTP_ROUTES].indexed("service", (namespace, service))

    def rollouts_listing(self, namespace: str, route: str) -> tuple[Object, ...]:
        """Rollouts whose `traffic.httpRoutes` lists a route, by name."""
        return self._kinds[ROLLOUTS].indexed("route", (namespace, route))


class _Kind:
    def __init__(self, kind: Resource, clock: Callable[[], float]) -> None:
        self.kind = kind
        self.objects: dict[Name, Object] = {}
        self._clock = clock
        self._indexes: dict[str, defaultdict[Name, set[Name]]] = {
            index: defaultdict(set) for index in _INDEXES.get(kind, {})
        }
        self._tombstones: dict[Name, tuple[int, float]] = {}
        self._sweep_at = clock() + TOMBSTONE_SECONDS
        # By namespace ("" for all): the LIST that said what exists. What is unknown and older does not exist.
        self._floors: dict[str, int] = {}

    def upsert(self, obj: Object) -> Change | None:
        name, at = _name(obj), version(obj)
        before = self.objects.get(name)
        if before is not None:
            if version(before) >= at:
                return None
        elif self._is_gone(name, at):
            return None
        after = _slim(self.kind, obj)
        self._unindex(name, before)
        self.objects[name] = after
        self._index(name, after)
        return Change(self.kind, before, after)

    def remove(self, name: Name, at: int) -> Change | None:
        before = self.objects.get(name)
        if before is not None and version(before) > at:
            return None  # it has been created again since
        self._bury(name, at)
        if before is None:
            return None
        self._unindex(name, self.objects.pop(name))
        return Change(self.kind, before, None)

    def forget(self, name: Name) -> Change | None:
        before = self.objects.get(name)
        return None if before is None else self.remove(name, version(before))

    def replace(self, items: Iterable[Object], at: int, namespace: str | None, rollout: str | None) -> list[Change]:
        changes: list[Change] = []
        seen: set[Name] = set()
        for item in items:
            seen.add(_name(item))
            if change := self.upsert(item):
                changes.append(change)
        gone = [
            name for name in self._within(namespace, rollout) if name not in seen and version(self.objects[name]) <= at
        ]
        changes.extend(change for name in gone if (change := self.remove(name, at)))
        if rollout is None:
            self._floors[namespace or ""] = max(at, self._floors.get(namespace or "", 0))
        return changes

    def has_seen(self, name: Name, at: int) -> bool:
        here = self.objects.get(name)
        return self._is_gone(name, at) if here is None else version(here) >= at

    def indexed(self, index: str, value: Name) -> tuple[Object, ...]:
        return tuple(self.objects[name] for name in sorted(self._indexes[index].get(value, ())))

    def _within(self, namespace: str | None, rollout: str | None) -> Iterator[Name]:
        if rollout is not None:
            yield from tuple(self._indexes["rollout"].get((namespace or "", rollout), ()))
        else:
            yield from (name for name in tuple(self.objects) if namespace is None or name[0] == namespace)

    def _is_gone(self, name: Name, at: int) -> bool:
        buried, _ = self._tombstones.get(name, (0, 0.0))
        return at <= max(buried, self._floors.get("", 0), self._floors.get(name[0], 0))

    def _bury(self, name: Name, at: int) -> None:
        now = self._clock()
        if now >= self._sweep_at:
            self._tombstones = {key: grave for key, grave in self._tombstones.items() if grave[1] > now}
            self._sweep_at = now + TOMBSTONE_SECONDS
        buried, _ = self._tombstones.get(name, (0, 0.0))
        self._tombstones[name] = (max(at, buried), now + TOMBSTONE_SECONDS)

    def _index(self, name: Name, obj: Object) -> None:
        for index, values in _INDEXES.get(self.kind, {}).items():
            for value in values(obj):
                self._indexes[index][value].add(name)

    def _unindex(self, name: Name, obj: Object | None) -> None:
        if obj is None:
            return
        for index, values in _INDEXES.get(self.kind, {}).items():
            for value in values(obj):
                entries = self._indexes[index][value]
                entries.discard(name)
                if not entries:
                    del self._indexes[index][value]


def version(obj: Object) -> int:
    """The resourceVersion as the number by which two states of one object are ordered."""
    return int(obj["metadata"]["resourceVersion"])


def _name(obj: Object) -> Name:
    metadata = obj["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


def _namespace_of(obj: Object) -> Iterable[Name]:
    return [(obj["metadata"]["namespace"], "")]


def _rollout_label(obj: Object) -> Iterable[Name]:
    metadata = obj["metadata"]
    label = (metadata.get("labels") or {}).get(ROLLOUT_LABEL)
    return [(metadata["namespace"], label)] if label else []


def _promoted_rollout(obj: Object) -> Iterable[Name]:
    rollout = (obj.get("spec") or {}).get("rollout")
    return [(obj["metadata"]["namespace"], rollout)] if rollout else []


def origin(promotion: Object) -> Name | None:
    """The Rollout (namespace, name) that a Promotion names in `from` and still looks at."""
    found = (promotion.get("spec") or {}).get("from") or {}
    if not found.get("rollout") or (promotion.get("status") or {}).get("phase") in FINAL:
        return None
    return found.get("namespace") or promotion["metadata"]["namespace"], found["rollout"]


def _origin(obj: Object) -> Iterable[Name]:
    found = origin(obj)
    return [found] if found else []


def _origins(obj: Object) -> Iterable[Name]:
    found = origin(obj)
    return [(found[0], "")] if found else []


def _selected_rollout(obj: Object) -> Iterable[Name]:
    selector = (obj.get("spec") or {}).get("selector")
    return [(obj["metadata"]["namespace"], selector.get(ROLLOUT_LABEL) or "")] if selector else []


def _listed_routes(obj: Object) -> Iterable[Name]:
    routes = ((obj.get("spec") or {}).get("traffic") or {}).get("httpRoutes") or []
    return {(obj["metadata"]["namespace"], route["name"]) for route in routes}


def backend_services(route: Object) -> set[Name]:
    """The Services (namespace, name) that an HTTPRoute sends requests to; other backends are left out."""
    own = route["metadata"]["namespace"]
    return {
        (backend.get("namespace") or own, backend["name"])
        for rule in (route.get("spec") or {}).get("rules") or []
        for backend in rule.get("backendRefs") or []
        if (backend.get("kind") or "Service") == "Service" and not backend.get("group")
    }


_INDEXES: dict[Resource, dict[str, Callable[[Object], Iterable[Name]]]] = {
    ROLLOUTS: {"namespace": _namespace_of, "route": _listed_routes},
    PROMOTIONS: {"rollout": _promoted_rollout, "origin": _origin, "origins": _origins},
    SERVICES: {"selects": _selected_rollout, "rollout": _rollout_label},
    HTTP_ROUTES: {"service": backend_services},
    **{kind: {"rollout": _rollout_label} for kind in CHILDREN},
}


def _slim(kind: Resource, obj: Object) -> Object:
    """Without what nobody reads: most of who manages which field, and most of a pod's spec.

    A thousand Rollouts are many thousand objects; pods alone would be half of the operator's memory.
    """
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    if kind == PODS:
        metadata.pop("annotations", None)
        obj = {**obj, "spec": _slim_pod_spec(obj.get("spec") or {})}
    elif kind == ROLLOUTS and (managers := _of_template(obj)):
        metadata["managedFields"] = managers
    elif kind == DEPLOYMENTS and (strangers := _strangers(obj)):
        metadata["managedFields"] = strangers
    slim: Object = _interned({**obj, "metadata": metadata})
    return slim


def _strangers(deployment: Object) -> list[Object]:
    """The managedFields of others who have written to a Deployment's pod template, which nobody should."""
    return [
        entry
        for entry in deployment["metadata"].get("managedFields") or []
        if entry.get("manager") != FIELD_MANAGER and "f:template" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
    ]


def _of_template(rollout: Object) -> list[Object]:
    """Who manages which parts of a Rollout's pod template: who would undo what is written there."""
    kept = []
    for entry in rollout["metadata"].get("managedFields") or []:
        fields = (entry.get("fieldsV1") or {}).get("f:spec") or {}
        if "f:template" in fields:
            who = {key: entry[key] for key in ("manager", "operation", "subresource") if key in entry}
            kept.append({**who, "fieldsV1": {"f:spec": {"f:template": fields["f:template"]}}})
    return kept


def _slim_pod_spec(spec: Object) -> Object:
    return {
        **{key: spec[key] for key in ("nodeName", "readinessGates") if key in spec},
        **{
            group: [
                {key: container[key] for key in ("name", "image", "ports") if key in container}
                for container in spec[group]
            ]
            for group in ("containers", "initContainers")
            if group in spec
        },
    }


def _interned(value: Any) -> Any:
    """The same JSON with one copy of each key and of each short string, which are the same in all objects."""
    if isinstance(value, dict):
        return {sys.intern(key): _interned(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_interned(entry) for entry in value]
    if type(value) is str and len(value) <= 32:
        return sys.intern(value)
    return value
