"""Field ownership of server-side apply: which manager set which leaf, what is merged, what goes, what
conflicts.

Leaves are scalars, atomic lists and atomic maps. An item of a list-map has a path element of its
own, the tuple of its keys (KEP-555).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.sim.patches import clone

Object = dict[str, Any]
Path = tuple[Any, ...]
Owners = dict[str, set[Path]]

_ANY_KIND: dict[Path, tuple[str, ...]] = {
    ("metadata", "ownerReferences"): ("uid",),
    ("status", "conditions"): ("type",),
}
_POD = ("spec", "template", "spec")
_LIST_MAPS: dict[str, dict[Path, tuple[str, ...]]] = {
    "Service": {("spec", "ports"): ("port", "protocol")},
    "Deployment": {
        (*_POD, "containers"): ("name",),
        (*_POD, "initContainers"): ("name",),
        (*_POD, "containers", "ports"): ("containerPort", "protocol"),
        (*_POD, "containers", "env"): ("name",),
        (*_POD, "containers", "volumeMounts"): ("mountPath",),
        (*_POD, "volumes"): ("name",),
    },
}
_ATOMIC_MAPS: dict[str, set[Path]] = {
    "Service": {("spec", "selector")},
    "Deployment": {("spec", "selector")},
}
_KEY_DEFAULTS = {"protocol": "TCP"}
_SERVER_OWNED = {
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "managedFields",
}


def leaves(kind: str, obj: Object) -> dict[Path, Any]:
    """Every leaf of `obj` outside status and of what the server itself writes into metadata."""
    found: dict[Path, Any] = {}
    for name, value in obj.items():
        if name == "metadata":
            own = {key: item for key, item in value.items() if key not in _SERVER_OWNED}
            found.update(_walk(kind, own, ("metadata",)) if own else ())
        elif name not in ("apiVersion", "kind", "status"):
            found.update(_walk(kind, value, (name,)))
    return found


def _walk(kind: str, value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    fields = _fields(path)
    if isinstance(value, Mapping) and value and fields not in _ATOMIC_MAPS.get(kind, ()):
        for key, item in value.items():
            yield from _walk(kind, item, (*path, key))
    elif isinstance(value, list) and (keys := _list_keys(kind, fields)):
        for item in value:
            at = (*path, _item_key(item, keys))
            yield at, None
            yield from _walk(kind, item, at)
    else:
        yield path, value


def _fields(path: Path) -> Path:
    return tuple(part for part in path if isinstance(part, str))


def _list_keys(kind: str, fields: Path) -> tuple[str, ...] | None:
    return _LIST_MAPS.get(kind, {}).get(fields) or _ANY_KIND.get(fields)


def _item_key(item: Object, keys: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(item.get(key, _KEY_DEFAULTS.get(key)) for key in keys)


def updated(kind: str, old: Object | None, new: Object, owners: Owners, manager: str) -> Owners:
    """The owners after `manager` wrote `new` over `old` with a create, a patch or a PUT."""
    before, after = leaves(kind, old) if old else {}, leaves(kind, new)
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    result = {name: (paths & after.keys()) - changed for name, paths in owners.items()}
    result.setdefault(manager, set()).update(changed)
    return {name: paths for name, paths in result.items() if paths}


def applied(kind: str, live: Object, wanted: Object, owners: Owners, manager: str) -> tuple[Object, Owners, list[str]]:
    """Apply `wanted` as `manager`: the merged object, its owners then, and what conflicts."""
    have, want = leaves(kind, live), leaves(kind, wanted)
    conflicts, result = [], {name: set(paths) for name, paths in owners.items()}
    for path, value in want.items():
        if path in have and have[path] == value:
            continue
        for other, paths in result.items():
            if other != manager and path in paths:
                conflicts.append(f'conflict with "{other}": .{".".join(map(str, path))}')
                paths.discard(path)
    gone = result.get(manager, set()) - want.keys()
    result[manager] = set(want)
    kept = set().union(*result.values())
    merged = clone(live)
    for name, value in wanted.items():
        if name not in ("apiVersion", "kind", "status"):
            merged[name] = _merge(kind, merged.get(name), value, (name,))
    for path in sorted(gone - kept, key=len, reverse=True):
        _remove(kind, merged, path, kept)
    return merged, {name: paths for name, paths in result.items() if paths}, conflicts


def _merge(kind: str, live: Any, wanted: Any, path: Path) -> Any:
    fields = _fields(path)
    if isinstance(wanted, Mapping) and isinstance(live, Mapping) and fields not in _ATOMIC_MAPS.get(kind, ()):
        result = dict(live)
        for key, value in wanted.items():
            if path != ("metadata",) or key not in _SERVER_OWNED:
                result[key] = _merge(kind, result.get(key), value, (*path, key))
        return result
    keys = _list_keys(kind, fields)
    if isinstance(wanted, list) and isinstance(live, list) and keys:
        items = list(live)
        places = {_item_key(item, keys): index for index, item in enumerate(items)}
        for item in wanted:
            key = _item_key(item, keys)
            if key in places:
                items[places[key]] = _merge(kind, items[places[key]], item, (*path, key))
            else:
                items.append(clone(item))
        return items
    return clone(wanted)


def _remove(kind: str, obj: Object, path: Path, kept: set[Path]) -> None:
    """Take one leaf out, and the maps and items that it leaves empty and that nobody claims."""
    if any(other[: len(path)] == path for other in kept):
        return
    where: Any = obj
    trail: list[tuple[Any, Any]] = []
    for depth, part in enumerate(path):
        if isinstance(part, tuple):
            keys = _list_keys(kind, _fields(path[:depth]))
            index = next((i for i, item in enumerate(where) if keys and _item_key(item, keys) == part), None)
            if index is None:
                return
            trail.append((where, index))
            where = where[index]
        else:
            if not isinstance(where, dict) or part not in where:
                return
            trail.append((where, part))
            where = where[part]
    holder, key = trail.pop()
    del holder[key]
    while trail and not holder:
        holder, key = trail.pop()
        if holder is obj:
            return
        del holder[key]


def managed_fields(owners: Owners) -> list[Object]:
    """metadata.managedFields: one entry for each manager, its paths as a tree of `f:` and `k:` elements."""
    return [
        {
            "manager": name.removesuffix("/update"),
            "operation": "Update" if name.endswith("/update") else "Apply",
            "fieldsType": "FieldsV1",
            "fieldsV1": _tree(paths),
        }
        for name, paths in sorted(owners.items())
    ]


def _tree(paths: set[Path]) -> Object:
    tree: Object = {}
    for path in paths:
        where = tree
        for part in path:
            where = where.setdefault(f"f:{part}" if isinstance(part, str) else f"k:{part}", {})
    return tree
