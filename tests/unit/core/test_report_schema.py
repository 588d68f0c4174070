"""The published schema of `report.json` is about reports as they are written."""

from __future__ import annotations

import json
from typing import Any

from tests.docs.report_schema import PATH
from tests.unit.api.objects import ACCEPTED
from tests.unit.core.test_report import IDEA, report, waiting

from slipway.api.report import SCHEMA, Report

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}


def misfits(value: Any, schema: dict[str, Any], path: str = "") -> list[str]:
    """What of a value a schema does not have, or has otherwise."""
    if not isinstance(value, TYPES[schema["type"]]):
        return [f"{path}: {value!r} is no {schema['type']}"]
    if isinstance(value, list):
        return [wrong for n, each in enumerate(value) for wrong in misfits(each, schema["items"], f"{path}[{n}]")]
    if not isinstance(value, dict):
        allowed = schema.get("enum") or [schema.get("const", value)]
        return [] if value in allowed else [f"{path}: {value!r} is none of {allowed}"]
    fields, others = schema.get("properties", {}), schema.get("additionalProperties")
    found = [f"{path}.{name}: missing" for name in schema.get("required", []) if name not in value]
    for name, each in value.items():
        if name not in fields and others is None:
            found.append(f"{path}.{name}: unknown")
        else:
            found += misfits(each, fields.get(name, others), f"{path}.{name}")
    return found


def published() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PATH.read_text())
    return found


def test_it_is_named_by_the_version_of_the_format() -> None:
    assert published()["$id"] == f"https://{SCHEMA}"
    assert published()["properties"]["schema"]["const"] == SCHEMA
    assert set(published()["properties"]) == {field.alias or name for name, field in Report.model_fields.items()}


def test_reports_keep_to_it() -> None:
    full = next(made["spec"] for made in ACCEPTED.values() if "rollbackPlan" in made["spec"])
    parts = ("readiness", "assessment", "rollbackPlan", "operations", "communication", "idea")
    assert misfits(report(waiting(**{part: full[part] for part in parts})), published()) == []
    assert misfits(report(waiting(idea=IDEA)), published()) == []


def test_what_is_no_report_is_found() -> None:
    told = report(waiting())
    del told["planHash"]
    told |= {"stage": 1, "surprise": True, "schema": "slipway.dev/report/v2"}
    assert sorted(misfits(told, published())) == [
        ".planHash: missing",
        ".schema: 'slipway.dev/report/v2' is none of ['slipway.dev/report/v1']",
        ".stage: 1 is no string",
        ".surprise: unknown",
    ]
