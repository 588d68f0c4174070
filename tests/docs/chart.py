"""What of the Helm chart is made, and what is made from it: values.schema.json, and the folders of manifests/.

charts/slipway/files is the source of what is installed. manifests/ has copies for kustomize; tests/docs/operator.py
renders the rest of them. The CRDs alone come from elsewhere: a packaged chart has nothing but its own folder.
values.yaml is the source of the schema, and the model of the configuration file that of `config`. helm-docs makes the
README of it too.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from slipway.config import Config

REPOSITORY = Path(__file__).resolve().parents[2]
CHART = REPOSITORY / "charts" / "slipway"
FILES = CHART / "files"
MANIFESTS = REPOSITORY / "manifests"
CRDS = REPOSITORY / "crds"
BY_HAND = {MANIFESTS / "access" / "namespace.yaml", MANIFESTS / "access" / "operator-identity.yaml"}
"""What Helm has flags or values for."""


@dataclass(frozen=True)
class Value:
    """A key of values.yaml with its comment."""

    path: tuple[str, ...]
    default: Any
    description: str
    schema: dict[str, Any]


def render() -> dict[Path, str]:
    """Every file that is made from the chart, or in it, by its path."""
    found = {FILES / "crds" / path.name: path.read_text() for path in CRDS.glob("*.yaml")}
    found |= {MANIFESTS / path.relative_to(FILES): path.read_text() for path in _sources()}
    values = list(read_values((CHART / "values.yaml").read_text()))
    found[CHART / "values.schema.json"] = json.dumps(schema(values), indent=2, ensure_ascii=False) + "\n"
    return found


def superfluous() -> list[Path]:
    """Copies of files that are no more."""
    wanted = render()
    folders = {path.parent for path in wanted} - {CHART}
    found = (path for folder in sorted(folders) for path in sorted(folder.glob("*")) if path.is_file())
    return [path for path in found if path not in wanted and path not in BY_HAND and path.name != "kustomization.yaml"]


def _sources() -> Iterator[Path]:
    yield from (path for path in sorted(FILES.rglob("*")) if path.is_file() and path.parent.name != "crds")


def read_values(text: str) -> Iterator[Value]:
    """The keys of values.yaml that have a description, in order, with a whole value where that is what is described."""
    data = yaml.safe_load(text)
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        if found := re.match(r"^ *# ?(.*)$", line):
            comment.append(found.group(1))
        elif found := re.match(r"^( *)([A-Za-z]\w*):", line):
            indent = len(found.group(1))
            path = [*(part for part in path if part[0] < indent), (indent, found.group(2))]
            if any(each.startswith("-- ") for each in comment):
                names = tuple(name for _, name in path)
                yield _value(names, _at(data, names), comment)
            comment = []
        else:
            comment = []


def _at(data: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        data = data[name]
    return data


def _value(names: tuple[str, ...], default: Any, comment: list[str]) -> Value:
    words = [line for line in comment if not line.startswith("@schema ")]
    extra = [json.loads(line.removeprefix("@schema ")) for line in comment if line.startswith("@schema ")]
    return Value(names, default, " ".join(words).removeprefix("-- "), extra[0] if extra else {})


_TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


def schema(values: list[Value]) -> dict[str, Any]:
    """The JSON schema of the values. Unknown keys are errors; what goes into Kubernetes' own fields is left to it."""
    config = _tidy(Config.model_json_schema(by_alias=True))
    definitions = config.pop("$defs")
    root: dict[str, Any] = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart slipway",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            # Helm itself sets this one where the chart is a part of another.
            "global": {"type": "object", "description": "Values that a parent chart shares with all its parts."},
        },
        "$defs": {"Config": config, **definitions},
    }
    for value in values:
        above, at = root, root["properties"]
        for depth, name in enumerate(value.path[:-1], start=1):
            within = at.setdefault(name, {"type": "object"})
            within["additionalProperties"] = False
            if _is_needed(value.path[:depth], values):
                above["required"] = sorted({*above.get("required", []), name})
            above, at = within, within.setdefault("properties", {})
        kind = {} if "$ref" in value.schema else {"type": _TYPES[type(value.default)]}
        # Draft 7 looks at nothing beside a $ref.
        rest = {"allOf": [value.schema]} if "$ref" in value.schema else value.schema
        at[value.path[-1]] = {"description": value.description, **kind, **rest}
    return root


def _is_needed(path: tuple[str, ...], values: list[Value]) -> bool:
    """Whether a mapping with nothing under it, which Helm takes away, would be another than the default."""
    below = [value for value in values if value.path[: len(path)] == path and value.path != path]
    return any(value.default for value in below)


def _tidy(node: Any) -> Any:
    """Without what only pydantic and the API server read."""
    if isinstance(node, list):
        return [_tidy(each) for each in node]
    if not isinstance(node, dict):
        return node
    named = node.get("type") == "object" and "properties" in node
    tidied = {k: v for k, v in node.items() if k not in ("title", "default", "format") and not k.startswith("x-")}
    if named:
        tidied["properties"] = {name: _tidy(each) for name, each in node["properties"].items()}
    return {k: v if named and k == "properties" else _tidy(v) for k, v in tidied.items()}
