"""Durations as users write them: `30s`, `5m`, `1h30m`.

The format is that of the Gateway API (GEP-2257), a part of Go's: whole numbers with the units h, m, s and ms.
"""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from slipway.api.extensions import rule, rules
from slipway.api.model import invalid

PATTERN = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"
LONGEST = timedelta(hours=99_999)
EXPECTED = "such as 30s, 5m or 1h30m"

_UNITS = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}


def parse_duration(text: str) -> timedelta:
    """Read a duration; ValueError where it is none, or longer than 99999h."""
    if not re.fullmatch(PATTERN, text):
        raise ValueError(f"{text!r} is no duration")
    parts = re.findall(r"([0-9]+)(h|ms|m|s)", text)
    total = sum((int(number) * _UNITS[unit] for number, unit in parts), timedelta())
    if total > LONGEST:
        raise ValueError(f"{text!r} is longer than 99999h")
    return total


def format_duration(duration: timedelta) -> str:
    """Write a duration the short way, without units that are zero: `1h30m`, `1s500ms`, `0s`.

    Anything below a millisecond is cut off: the format has no place for it.
    """
    left, parts = duration, []
    for unit, length in _UNITS.items():
        number, left = divmod(left, length)
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"


def _read(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as error:
            raise invalid(str(error), EXPECTED) from None
    raise invalid(f"{value!r} is not a string", EXPECTED)


Duration = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "maxLength": 32, "pattern": PATTERN}),
    # The pattern is for tools that read schemas, the rule for people who read messages.
    rules(rule(f"self.matches('{PATTERN}')", f"must be a duration {EXPECTED}")),
]
"""A span of time: a Go-style string on the wire, a timedelta here."""


def _at_least_a_second(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise invalid(f"{format_duration(value)} is too short", "at least 1s")
    return value


SecondsUp = Annotated[
    Duration,
    AfterValidator(_at_least_a_second),
    rules(rule(f"!self.matches('{PATTERN}') || duration(self) >= duration('1s')", "must be at least 1s")),
]
"""A duration of at least a second."""
