"""How long a launch is watched after it was verified, and how closely."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from slipway.api.duration import PATTERN, SecondsUp, format_duration
from slipway.api.extensions import LIST_ATOMIC, rule, rules
from slipway.api.model import Model, invalid

# `for` is a word of CEL: in a rule it is written with underscores.
_READABLE = f"self.__for__.matches('{PATTERN}') && self.interval.matches('{PATTERN}')"


class WatchPeriod(Model):
    """Until when after verify the gates and smoke tests go on, and how often."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    f"!({_READABLE}) || duration(self.interval) <= duration(self.__for__)",
                    "an interval longer than the period measures nothing",
                    ".interval",
                )
            ]
        }
    )

    for_: Annotated[SecondsUp, Field(alias="for")]
    """The period ends this long after verify has passed; it begins where the one before it ends."""
    interval: SecondsUp
    """Time between two measurements within the period."""

    @model_validator(mode="after")
    def _measures_something(self) -> Self:
        if self.interval > self.for_:
            wrong = f"an interval of {format_duration(self.interval)} in a period of {format_duration(self.for_)}"
            raise invalid(f"{wrong} measures nothing", "interval of at most the period", "interval")
        return self


def default_watch() -> list[WatchPeriod]:
    """The first hour closely, then up to a day from time to time."""
    return [
        WatchPeriod(for_=timedelta(hours=1), interval=timedelta(seconds=30)),
        WatchPeriod(for_=timedelta(hours=24), interval=timedelta(minutes=5)),
    ]


def _rising(periods: list[WatchPeriod]) -> list[WatchPeriod]:
    for index in range(1, len(periods)):
        before, end = periods[index - 1].for_, periods[index].for_
        if end <= before:
            wrong = f"{format_duration(end)} follows {format_duration(before)}"
            raise invalid(wrong, "each period ends later than the one before", f"[{index}].for")
    return periods


Watch = Annotated[
    list[WatchPeriod],
    Field(max_length=10),
    AfterValidator(_rising),
    LIST_ATOMIC,
    rules(
        rule(
            f"!self.all(p, p.__for__.matches('{PATTERN}')) || (self.map(p, duration(p.__for__)).isSorted()"
            " && self.all(a, self.exists_one(b, duration(a.__for__) == duration(b.__for__))))",
            "each period must end later than the one before",
        )
    ),
]
"""Periods of a watch, each ending later than the one before."""


def watched_for(periods: Sequence[WatchPeriod]) -> timedelta:
    """How long a watch lasts, from verify on."""
    return max((period.for_ for period in periods), default=timedelta())
