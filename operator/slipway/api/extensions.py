"""The x-kubernetes-* extensions of a structural schema, attached to models as annotations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

RULES = "x-kubernetes-validations"


@dataclass(frozen=True, eq=False)
class Extension:
    """Adds keys to the schema of the annotated type; lists of CEL rules add up, anything else replaces."""

    keys: Mapping[str, Any]

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = dict(handler(core))
        for key, value in self.keys.items():
            schema[key] = [*schema.get(RULES, []), *value] if key == RULES else value
        return schema


def rule(expression: str, message: str, field: str | None = None) -> dict[str, Any]:
    """One CEL rule. `field` is the path, relative to the rule's place, that the user is pointed to."""
    made: dict[str, Any] = {"rule": expression, "message": message}
    if field is not None:
        made["fieldPath"] = field
    return made


def rules(*made: dict[str, Any]) -> Extension:
    """CEL rules on the annotated type."""
    return Extension({RULES: list(made)})


def list_map(*keys: str) -> Extension:
    """A list whose items are told apart by `keys`: the API server refuses two items with the same ones."""
    return Extension({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)})


LIST_SET = Extension({"x-kubernetes-list-type": "set"})
LIST_ATOMIC = Extension({"x-kubernetes-list-type": "atomic"})
MAP_ATOMIC = Extension({"x-kubernetes-map-type": "atomic"})
MAP_GRANULAR = Extension({"x-kubernetes-map-type": "granular"})
