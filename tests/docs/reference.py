"""The reference of the API as Markdown: every field of the CRDs, with type, default and description."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
PATH = REPOSITORY / "docs" / "reference.md"
KINDS = ("rollouts", "promotions", "promotionpolicies")

Schema = dict[str, Any]

_HEAD = """\
<!-- Generated from crds/ by `python -m tests.docs`. Do not edit. -->
# Reference

The fields of `slipway.dev/v1alpha1`, as `kubectl explain rollout.spec --recursive` and the same for `promotion` and
`promotionpolicy` show them. A field that is not here does not exist: `kubectl` refuses it. Durations are Go style:
`30s`, `5m`, `1h30m`. `[]` stands for each entry of a list, `.*` for each key of a map.
"""


def render() -> str:
    return "\n".join([_HEAD, *(_kind(name) for name in KINDS)])


def _kind(plural: str) -> str:
    document = yaml.safe_load((REPOSITORY / "crds" / f"slipway.dev_{plural}.yaml").read_text())
    names, version = document["spec"]["names"], document["spec"]["versions"][0]
    schema: Schema = version["schema"]["openAPIV3Schema"]
    columns = ", ".join(f"`{column['name'].upper()}`" for column in version["additionalPrinterColumns"])
    rules = [rule["message"] for rule in schema.get("x-kubernetes-validations", [])]
    lines = [
        f"## {names['kind']}",
        "",
        f"{schema.get('description', '').strip()} Short name `{', '.join(names['shortNames'])}`. Columns: {columns}.",
        *(["", "The API server checks:", ""] if rules else []),
        *(f"- {rule}" for rule in rules),
    ]
    for part in ("spec", "status"):
        if part not in schema["properties"]:
            continue
        lines += ["", f"### {names['kind']}: {part}", ""]
        lines += ["| field | type | default | |", "|---|---|---|---|"]
        top: Schema = schema["properties"][part]
        lines += [_row(path, field, needed) for path, field, needed in fields(top, f"{part}.")]
        lines += ["", *_rules(top, part)]
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip() + "\n"


def fields(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema, bool]]:
    """Every field below a schema: its path, its schema, and whether it is required where its parent is."""
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        here = f"{path}{name}"
        yield here, field, name in required
        yield from fields(field, f"{here}.")
        if isinstance(field.get("items"), dict):
            yield from fields(field["items"], f"{here}[].")
        if isinstance(field.get("additionalProperties"), dict):
            yield from fields(field["additionalProperties"], f"{here}.*.")


def _row(path: str, field: Schema, required: bool) -> str:
    default = field.get("default")
    shown = "required" if required and path.startswith("spec.") else "" if default in (None, {}) else f"`{default}`"
    words = " ".join(str(field.get("description", "")).split()).replace("|", "\\|")
    bounds = _bounds(field)
    return f"| `{path}` | {_type(field)} | {shown} | {words}{f' ({bounds})' if bounds else ''} |"


def _type(field: Schema) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if field.get("enum"):
        return " \\| ".join(f"`{value}`" for value in field["enum"])
    kind = str(field.get("type", ""))
    if kind == "array":
        return f"list of {_type(field['items'])}"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"map to {_type(field['additionalProperties'])}"
    if field.get("format") == "date-time":
        return "time"
    if "(h|m|s|ms)" in str(field.get("pattern", "")):
        return "duration"
    return kind


def _bounds(field: Schema) -> str:
    found = []
    if "minimum" in field and "maximum" in field and field["maximum"] < 2**31 - 1:
        found.append(f"{field['minimum']} to {field['maximum']}")
    elif "minimum" in field:
        found.append(f"at least {field['minimum']}")
    if "maxItems" in field:
        found.append(f"at most {field['maxItems']}")
    return ", ".join(found)


def _rules(schema: Schema, path: str) -> list[str]:
    """What the API server checks beyond types, in the words that users see."""
    found: list[str] = []
    for rule in schema.get("x-kubernetes-validations", []):
        found.append(f"- `{path}{rule.get('fieldPath', '')}`: {rule['message']}")
    for here, field, _ in fields(schema, f"{path}."):
        below = field.get("items") if isinstance(field.get("items"), dict) else {}
        for where, one in ((here, field), (f"{here}[]", below)):
            for rule in one.get("x-kubernetes-validations", []):
                if not rule["message"].startswith(("must be a duration", "must be at least 1s")):
                    found.append(f"- `{where}`: {rule['message']}")
    return ["Rules that the API server checks:", "", *found, ""] if found else []
