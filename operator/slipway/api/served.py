"""What a cluster's definitions of our kinds lack, where they are older than the operator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.api import GROUP, VERSION

Schema = Mapping[str, Any]


def lacking(ours: Schema, served: Schema, path: str = "") -> Iterator[str]:
    """Paths of fields that `ours` has and `served` has not, `status.gates[].recent`; of what is whole missing the top.

    Both are structural schemas. What is served may say more than we know: then it is the newer one.
    """
    there = served.get("properties") or {}
    for name, schema in (ours.get("properties") or {}).items():
        below = f"{path}.{name}" if path else name
        if name in there:
            yield from lacking(schema, there[name], below)
        elif not served.get("x-kubernetes-preserve-unknown-fields"):
            yield below
    for key, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(ours.get(key), Mapping) and isinstance(served.get(key), Mapping):
            yield from lacking(ours[key], served[key], path + mark)


def schema_of(kind: str, document: Mapping[str, Any]) -> Schema:
    """The schema of one of our kinds in the OpenAPI v3 document of our group; empty where it is not there."""
    schemas = (document.get("components") or {}).get("schemas") or {}
    name = ".".join([*reversed(GROUP.split(".")), VERSION, kind])
    found: Schema = schemas.get(name) or {}
    return found
