"""Windows in time in which going forward is denied, or outside of which it is: by cron, by dates, by holidays."""

from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from slipway.api.duration import SecondsUp
from slipway.api.extensions import MAP_ATOMIC, rule, rules
from slipway.api.holiday_calendar import countries
from slipway.api.model import Model, invalid
from slipway.api.names import Reason

_FIELDS = "five fields: minute, hour, day of month, month, day of week, such as '0 12 * * 5'"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?(Z|[+-][0-9]{2}:[0-9]{2})?)?$"
_A_MOMENT = "a date or a time, such as 2026-12-23, 2026-12-23T17:00 or 2026-12-23T16:00:00Z"
_HIGHEST_YEAR = 2500
"""Far enough for anybody, and far enough from the end of the calendar that no sum overflows."""


@lru_cache(maxsize=256)
def _cron_problem(text: str) -> str:
    """What is wrong with a cron expression; '' when nothing is. Searching decades for a tick is done once."""
    try:
        first = next(CronSim(text, datetime(2000, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        return f"{text!r} is no cron expression ({error})"
    return "" if first is not None else f"{text!r} never fires"


def _fires(text: str) -> str:
    wrong = _cron_problem(text) if len(text.split()) == 5 else f"{text!r} is no cron expression"
    if wrong:
        raise invalid(wrong, _FIELDS)
    return text


def _known_zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError):
        raise invalid(f"there is no time zone {text!r}", "a name of the IANA database, such as Europe/Berlin") from None
    return text


def _moment(text: str) -> str:
    try:
        year = datetime.fromisoformat(text).year
    except ValueError:
        raise invalid(f"{text!r} is not in the calendar", _A_MOMENT) from None
    if not 1970 <= year <= _HIGHEST_YEAR:
        raise invalid(f"{text!r} is too far away", f"a year from 1970 to {_HIGHEST_YEAR}")
    return text


Cron = Annotated[
    str,
    Field(min_length=1, max_length=128),
    AfterValidator(_fires),
    rules(rule(r"self.matches('^[^ ]+( +[^ ]+){4}$')", f"must have {_FIELDS}")),
]
TimeZone = Annotated[
    str,
    Field(min_length=1, max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_+/-]*$"),
    AfterValidator(_known_zone),
]
Moment = Annotated[
    str,
    Field(max_length=25, pattern=_MOMENT),
    AfterValidator(_moment),
    rules(rule(f"self.matches('{_MOMENT}')", f"must be {_A_MOMENT}")),
]


class Holidays(Model):
    """The public holidays of a country."""

    country: Annotated[str, Field(max_length=2, pattern=r"^[A-Z]{2}$")]
    """ISO 3166-1 code with two letters, such as DE."""
    subdivision: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    """Code of a part of the country, such as BY. Absent: the holidays of the whole country."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        try:
            parts = countries()
        except ImportError as error:
            # A policy that cannot be read holds what goes forward. An error that comes up with each decision would
            # hold what goes back too.
            raise invalid(f"the calendars cannot be loaded ({error})", "the package holidays") from None
        if self.country not in parts:
            raise invalid(f"there is no calendar of {self.country!r}", "a country with two letters", "country")
        if self.subdivision is not None and self.subdivision not in parts[self.country]:
            known = ", ".join(sorted(parts[self.country])[:60]) or "none"
            raise invalid(f"{self.country} has no part {self.subdivision!r}", f"one of {known}", "subdivision")
        return self


class Window(Model):
    """A window in time. Exactly one of `deny` and `allow` names it and says what it does."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule("has(self.deny) != has(self.allow)", "exactly one of deny and allow must be set"),
                rule("has(self.cron) == has(self.duration)", "cron and duration go together", ".duration"),
                rule("!(has(self.cron) && has(self.holidays))", "cron and holidays exclude each other"),
                rule(
                    "has(self.cron) || has(self.holidays) || has(self.from) || has(self.until)",
                    "one of cron, holidays, from and until must be set",
                ),
            ]
        }
    )

    deny: Reason | None = None
    """Nothing goes forward within this window. The text says why: it is shown to those who wait."""
    allow: Reason | None = None
    """Nothing goes forward outside of this window and of the policy's other `allow` windows."""
    cron: Cron | None = None
    """When it opens: five fields, in `timeZone`. With `duration`."""
    duration: SecondsUp | None = None
    """How long it stays open each time, as a clock without daylight saving counts."""
    holidays: Annotated[Holidays, MAP_ATOMIC] | None = None
    """Open on these days, from midnight to midnight in `timeZone`."""
    time_zone: TimeZone = "UTC"
    """Name in the IANA database, such as Europe/Berlin."""
    from_: Annotated[Moment | None, Field(alias="from")] = None
    """The window counts from here on: a date or a time. Without cron and holidays it is open from here."""
    until: Moment | None = None
    """The window counts until here: a time, or a date, which it still covers."""

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        if (self.deny is None) == (self.allow is None):
            raise invalid("both deny and allow, or none of them", "exactly one of deny and allow")
        if (self.cron is None) != (self.duration is None):
            raise invalid("one of cron and duration is missing", "cron and duration go together", "duration")
        if self.cron is not None and self.holidays is not None:
            raise invalid("both cron and holidays", "two windows, one for each", "holidays")
        if not (self.cron or self.holidays or self.from_ or self.until):
            raise invalid("it has no time", "one of cron, holidays, from and until")
        begin, end = self.begins, self.ends
        if begin is not None and end is not None and begin >= end:
            raise invalid("it ends before it begins", "a time after from", "until")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def begins(self) -> datetime | None:
        """`from` as an instant in UTC. A local time that comes twice means the first one."""
        return self._instant(datetime.fromisoformat(self.from_), 0) if self.from_ else None

    @property
    def ends(self) -> datetime | None:
        """`until` as an instant in UTC: the window ends right before. A local time that comes twice: the second one."""
        if self.until is None:
            return None
        found = datetime.fromisoformat(self.until)
        if len(self.until) == len("2026-12-23"):
            found = datetime.combine(found.date() + timedelta(days=1), time())
        return self._instant(found, 1)

    def _instant(self, moment: datetime, fold: int) -> datetime:
        """What has an offset from UTC is an instant; everything else is a time on the clocks of `timeZone`."""
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone, fold=fold)
        return moment.astimezone(UTC)
