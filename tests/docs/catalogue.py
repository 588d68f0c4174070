"""The catalogue of checks as Markdown: each name, and what it asks."""

from pathlib import Path

from slipway.api.catalogue import CATALOGUE

PATH = Path(__file__).resolve().parents[2] / "docs" / "catalogue.md"

_HEAD = """\
<!-- Generated from operator/slipway/api/catalogue.py by `python -m tests.docs`. Do not edit. -->
# Catalogue of checks

Names that teams share. Listed in `spec.checks` by its name alone, a check of the catalogue needs no category, and is
`Pending` until it is answered: see [how](checks.md#the-catalogue). Some are
[answered by Slipway](#answered-by-slipway).
"""


_OWN = """\
## Answered by Slipway
Listed by name alone, these are not waited for: Slipway looks by itself, and says what it has found. Any answer of the
Promotion's own takes the place of that.
"""


def render() -> str:
    lines = [_HEAD, "| name | category | asks |", "|---|---|---|"]
    lines += [f"| `{entry.name}` | {entry.category} | {entry.asks} |" for entry in CATALOGUE.values()]
    own = [entry for entry in CATALOGUE.values() if entry.by_itself]
    lines += ["", _OWN, "| name | looks at |", "|---|---|"]
    lines += [f"| `{entry.name}` | {entry.by_itself} |" for entry in own]
    return "\n".join(lines) + "\n"
