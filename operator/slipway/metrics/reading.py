"""What a query of a metrics source comes to: one number, no data, or an error."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Value:
    """Exactly one finite number."""

    value: float


@dataclass(frozen=True)
class NoData:
    """The source answered, and there is no number to judge: nothing measured, NaN, infinite, or too old."""

    reason: str


@dataclass(frozen=True)
class Error:
    """There is no answer that can be trusted: unreachable, refused, partial, ambiguous or malformed."""

    reason: str


Reading = Value | NoData | Error
"""Reasons are short and Slipway's own words: never a response's body, a URL, a header or a token."""


@dataclass(frozen=True)
class Measured:
    """A reading for a gate, and how many requests it rests on: None where not asked for or not known."""

    reading: Reading
    requests: float | None = None
