"""A record's ConfigMap: the statement in its place of the chain, its rendering, and a name that follows from both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from slipway.api.model import dump
from slipway.api.record import PREDICATE, STATEMENT, RecordLink, Statement
from slipway.core import names
from slipway.core.record import markdown
from slipway.core.revision import canonical, sha256
from slipway.core.snapshot import Object

STATEMENT_KEY = "statement.json"
RECORD_KEY = "record.md"
REPORT_KEY = "report.md"

LONGEST_REPORT = 512 * 1024
"""A ConfigMap holds 1 MiB."""
_LONGEST_NAME = 253


def digest_of(text: str) -> str:
    """`sha256:` and the digest of a text, as `sha256sum` finds it."""
    return sha256(text.encode())


def seal(statement: Statement, number: int, previous: RecordLink | None, report: str | None) -> dict[str, Any]:
    """The ConfigMap of a record that follows `previous`; `report` is the text of the Promotion's report."""
    too_long = report is not None and len(report.encode()) > LONGEST_REPORT
    left_out = {REPORT_KEY: digest_of(report)} if report is not None and too_long else {}
    placed = _with(statement, {"number": number, "previous": previous, "attachments": {}, "left_out": left_out})
    texts = {RECORD_KEY: markdown.render(placed)}
    if report and not too_long:
        texts[REPORT_KEY] = report
    whole = _with(placed, {"attachments": {key: digest_of(text) for key, text in sorted(texts.items())}})
    text = canonical(dump(whole)).decode()
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name_of(whole, text),
            "namespace": whole.predicate.namespace,
            "labels": labels_of(whole),
            "annotations": annotations_of(whole),
        },
        "immutable": True,
        "data": {STATEMENT_KEY: text, **texts},
    }


def _with(statement: Statement, changes: Mapping[str, Any]) -> Statement:
    return statement.model_copy(update={"predicate": statement.predicate.model_copy(update=dict(changes))})


def name_of(statement: Statement, text: str) -> str:
    """`launch-<promotion>-<hash>`, or with the Rollout's name where there was no Promotion."""
    predicate = statement.predicate
    about = predicate.promotion.name if predicate.promotion else predicate.rollout.name
    short = digest_of(text).removeprefix("sha256:")[:10]
    about = about[: _LONGEST_NAME - len(f"launch--{short}")].rstrip("-.")
    return f"launch-{about}-{short}"


def labels_of(statement: Statement) -> dict[str, str]:
    """By what records are found."""
    predicate = statement.predicate
    values = {
        names.RECORD_OF_LABEL: predicate.rollout.name,
        names.RECORD_LABEL: predicate.kind,
        names.PROMOTION_LABEL: predicate.promotion.name if predicate.promotion else "",
        names.ENVIRONMENT_LABEL: predicate.environment,
        names.IDEA_LABEL: predicate.idea,
    }
    found = {key: names.label_value(value) for key, value in values.items() if value}
    return {names.MANAGED_BY_LABEL: names.OPERATOR, **found}


def annotations_of(statement: Statement) -> dict[str, str]:
    """What has to be known of a record without reading it."""
    return {names.RECORD_ID: statement.predicate.id, names.RECORD_NUMBER: str(statement.predicate.number)}


def statement_text(obj: Object) -> str | None:
    """The statement as a ConfigMap holds it."""
    text = (obj.get("data") or {}).get(STATEMENT_KEY)
    return text if isinstance(text, str) else None


def read(text: str | None) -> Statement | None:
    """The statement in a text; None where it is none that this version understands."""
    try:
        statement = Statement.model_validate(json.loads(text or ""), extra="ignore")
    except (ValueError, ValidationError, RecursionError):
        return None
    return statement if (statement.type_, statement.predicate_type) == (STATEMENT, PREDICATE) else None
