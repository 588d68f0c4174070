"""The catalogue of checks as Markdown: each name, and what it asks."""

from pathlib import Path

from slipway.api.catalogue import CATALOGUE

PATH = Path(__file__).resolve().parents[2] / "docs" / "catalogue.md"

_HEAD = """\
<!-- Generated from operator/slipway/api/catalogue.py by `python -m tests.docs`. Do not edit. -->
# Catalogue of checks

Names that teams share. Listed in `spec.checks` by its name alone, a check of the catalogue needs no category, and is
`Pending` until it is answered: see [how](checks.md#the-catalogue).
"""


def render() -> str:
    lines = [_HEAD, "| name | category | asks |", "|---|---|---|"]
    lines += [f"| `{entry.name}` | {entry.category} | {entry.asks} |" for entry in CATALOGUE.values()]
    return "\n".join(lines) + "\n"
