"""Things named in a message: how many, the first few of them, a row of them; and a text that has no room."""

from __future__ import annotations

from collections.abc import Sequence


def some(items: Sequence[str], separator: str = ", ") -> str:
    """The first three, and how many more there are."""
    more = f"{separator}and {len(items) - 3} more" if len(items) > 3 else ""
    return separator.join(items[:3]) + more


def count(number: int, noun: str) -> str:
    """`1 script`, `2 scripts`."""
    plural = {"measurable criterion": "measurable criteria"}.get(noun, f"{noun}s")
    return f"{number} {noun if number == 1 else plural}"


def row(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def cut(text: str, longest: int) -> str:
    """The text, or its begin and a sign that there was more: never more characters than these."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
