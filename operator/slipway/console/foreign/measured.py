"""Numbers that others measure, as gates: bounds from conditions, windows from queries."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.console.foreign.source import span, written

_NUMBER = r"(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"
_TERM = re.compile(
    rf"\(?\s*(?:result|result\[0\]|float\(result\[0\]\)|asFloat\(result\[0\]\))\s*(<=|>=|<|>)\s*{_NUMBER}\s*\)?"
)
_NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_RANGE = re.compile(r"\[\s*(\d+(?:ms|s|m|h))\s*\]")
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


@dataclass
class Bounds:
    """What a number must keep; a side that is not exclusive is moved to the next number beyond."""

    below: float | None = None
    above: float | None = None
    moved: list[str] = field(default_factory=list)

    def add(self, operator: str, number: float) -> None:
        """Both this and what was there before."""
        if operator in ("<=", ">="):
            beyond = math.nextafter(number, math.inf if operator == "<=" else -math.inf)
            self.moved.append(f"{operator} {number:g} became {'below' if operator == '<=' else 'above'} {beyond!r}")
            number = beyond
        if operator in ("<", "<="):
            self.below = number if self.below is None else min(self.below, number)
        else:
            self.above = number if self.above is None else max(self.above, number)

    @property
    def possible(self) -> bool:
        """Whether there is a bound, and a number that keeps it."""
        if self.below is None and self.above is None:
            return False
        return self.below is None or self.above is None or self.above < self.below

    def fields(self) -> dict[str, float]:
        """Of a gate."""
        sides = {"below": self.below, "above": self.above}
        return {side: value for side, value in sides.items() if value is not None}


def bounds(success: str, failure: str) -> Bounds | None:
    """Of conditions such as `result[0] >= 0.95 && result[0] < 2`; None where one says anything else."""
    made = Bounds()
    terms = [(part, False) for part in success.split("&&")] if success else []
    terms += [(part, True) for part in failure.split("||")] if failure else []
    for text, negated in terms:
        found = _TERM.fullmatch(text.strip())
        if found is None:
            return None
        made.add(_NEGATED[found[1]] if negated else found[1], float(found[2]))
    return made if made.possible else None


def filled(query: str, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """The query with its `{{ names }}` replaced, its own dollars kept; and the names that nobody knows."""
    missing = []
    pieces, end = [], 0
    for found in _PLACEHOLDER.finditer(query):
        pieces.append(query[end : found.start()].replace("$", "$$"))
        if found[1] in values:
            pieces.append(values[found[1]])
        else:
            missing.append(found[1])
        end = found.end()
    return "".join([*pieces, query[end:].replace("$", "$$")]).strip(), missing


def windowed(query: str) -> tuple[str, dict[str, Any]]:
    """With `$(window)` in place of the only range that it names; and the gate's `window`."""
    ranges = {found[1] for found in _RANGE.finditer(query)}
    seconds = span(next(iter(ranges))) if len(ranges) == 1 else None
    if seconds is None or seconds.total_seconds() < 1:
        return query, {}
    return _RANGE.sub("[$(window)]", query), {"window": written(seconds)}


def asks_candidate(query: str) -> bool:
    """Whether it names what only the candidate has."""
    return any(name in query for name in ("$(deployment)", "$(service)", "$(revision)"))


CHECK_QUERY = (
    'the query is as it was, and names nothing that only the candidate has: narrow it, as by pod=~"$(deployment)-.+"'
)


def label(name: str, taken: set[str]) -> str:
    """A name of a gate, unlike those that are there."""
    made = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:50].strip("-") or "gate"
    number, unique = 2, made
    while unique in taken:
        unique, number = f"{made}-{number}", number + 1
    taken.add(unique)
    return unique
