"""RFC 7396 and RFC 6902 on plain JSON, as far as the operator and people use them."""

from __future__ import annotations

import marshal
from collections.abc import Sequence
from typing import Any

from slipway.cluster.errors import Conflict, Invalid

Object = dict[str, Any]


def clone(value: Any) -> Any:
    """A deep copy of JSON data. By marshal: copies are most of the work here, and nothing copies faster."""
    return marshal.loads(marshal.dumps(value))


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396; `target` stays as it is."""
    if not isinstance(patch, dict):
        return clone(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def json_patch(target: Object, ops: Sequence[Object]) -> Object:
    """RFC 6902 with add, replace, remove and test. A failed test is a Conflict, as the Api promises."""
    result: Object = clone(target)
    for op in ops:
        *parents, last = [_unescape(part) for part in op["path"].split("/")[1:]]
        where: Any = result
        for part in parents:
            where = _step(where, part, op)
        _one(where, last, op)
    return result


def _one(where: Any, last: str, op: Object) -> None:
    if op["op"] == "test":
        if _step(where, last, op) != op["value"]:
            raise Conflict(f"test of {op['path']} failed", 409, "Conflict")
    elif op["op"] == "add":
        if isinstance(where, list):
            where.insert(len(where) if last == "-" else int(last), clone(op["value"]))
        else:
            where[last] = clone(op["value"])
    elif op["op"] in ("replace", "remove"):
        _step(where, last, op)
        key: Any = int(last) if isinstance(where, list) else last
        if op["op"] == "remove":
            del where[key]
        else:
            where[key] = clone(op["value"])
    else:
        raise Invalid(f"unknown operation {op['op']}", 422, "Invalid")


def _step(where: Any, part: str, op: Object) -> Any:
    try:
        return where[int(part)] if isinstance(where, list) else where[part]
    except (KeyError, IndexError, ValueError, TypeError):
        raise Invalid(f"{op['op']} operation does not apply: no {op['path']}", 422, "Invalid") from None


def _unescape(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")
