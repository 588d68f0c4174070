"""The JSON Schema of `report.json`, from the models of the report."""

import json
from typing import Any

from tests.docs.reference import REPOSITORY

from slipway.api.crd import structural
from slipway.api.report import SCHEMA, Report

PATH = REPOSITORY / "docs" / "report.schema.json"


def schema() -> dict[str, Any]:
    """What readers may rely on. Later versions of Slipway may add fields to it, and take none away."""
    made = _plain(structural(Report))
    made["properties"]["schema"] = {"type": "string", "const": SCHEMA, "description": "Version of this format."}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"https://{SCHEMA}", "title": SCHEMA}
    return head | made | {"required": ["schema", *made["required"]]}


def render() -> str:
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _plain(node: Any) -> Any:
    """Without what only the API server understands, and without defaults: what is absent from a report is empty."""
    if isinstance(node, list):
        return [_plain(each) for each in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if key != "default" and not key.startswith("x-")}
    fields = {name: _plain(field) for name, field in kept.pop("properties", {}).items()}
    return {key: _plain(value) for key, value in kept.items()} | ({"properties": fields} if fields else {})
