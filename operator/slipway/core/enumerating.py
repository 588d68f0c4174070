"""Things named in a message: how many, the first few of them, a row of them."""

from __future__ import annotations

from collections.abc import Sequence


def some(items: Sequence[str], separator: str = ", ") -> str:
    """The first three, and how many more there are."""
    more = f"{separator}and {len(items) - 3} more" if len(items) > 3 else ""
    return separator.join(items[:3]) + more


def count(items: Sequence[str], noun: str) -> str:
    """`1 script`, `2 scripts`."""
    plural = {"measurable criterion": "measurable criteria"}.get(noun, f"{noun}s")
    return f"{len(items)} {noun if len(items) == 1 else plural}"


def row(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))
