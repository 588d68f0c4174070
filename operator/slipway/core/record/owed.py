"""A record that is owed: noted on the revision together with the mark that it tells of, until it is kept.

Gates are measured again and statuses wiped; what is noted here in the same write as the outcome can neither be lost
nor told in two ways, however often the operator dies before the record is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slipway.core import instants

LAUNCH = "launch"
ROLLBACK = "rollback"
WATCH = "watch"

ORDER = (LAUNCH, WATCH, ROLLBACK)
"""Of what ends at the same instant. A rollback waits until traffic is back, and what comes after it waits too."""


@dataclass(frozen=True)
class Owed:
    """What ended, when, and what is known of it only then; `facts` is JSON."""

    kind: str
    at: datetime
    facts: Mapping[str, Any]

    @property
    def promotion_uid(self) -> str:
        """The Promotion that it is about; '' where there was none."""
        return str(_mapping(self.facts.get("promotion")).get("uid") or "")

    @property
    def promotion(self) -> str:
        """Its name."""
        return str(_mapping(self.facts.get("promotion")).get("name") or "")

    @property
    def plan_hash(self) -> str:
        """The plan under which traffic moved."""
        return str(self.facts.get("plan") or "")


def render(owed: Sequence[Owed]) -> str:
    """What parse() reads."""
    entries = [{**one.facts, "kind": one.kind, "at": instants.render(one.at)} for one in owed]
    return json.dumps(entries, sort_keys=True, separators=(",", ":"))


def parse(text: str | None) -> tuple[Owed, ...]:
    """What is owed; an entry that cannot be read counts as absent."""
    try:
        value = json.loads(text) if text else []
    except ValueError:
        value = []
    found = []
    for entry in value if isinstance(value, list) else []:
        if not isinstance(entry, Mapping):
            continue
        at, kind = instants.parse(str(entry.get("at") or "")), entry.get("kind")
        if at is not None and isinstance(kind, str) and kind:
            facts = {key: part for key, part in entry.items() if key not in ("kind", "at")}
            found.append(Owed(kind, at, facts))
    return tuple(found)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
