"""Windows in time: whether one is open now, and when that changes. All instants are in UTC.

A window of a cron expression lasts as long as its duration says, however clocks are put forward or back meanwhile.
A time of day that the clocks skip is the first one after it; one that comes twice counts once. Holidays last
from one midnight to the next of their time zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from cronsim import CronSim

from slipway.api.holiday_calendar import days_off
from slipway.api.window import Window

_STEPS = 100
"""So many windows in a row, or so many that overlap, are looked through; further ahead nobody waits for an opening."""
_DAYS_AHEAD = 800


@dataclass(frozen=True)
class Calendar:
    """The windows of one policy."""

    policy: str
    windows: tuple[Window, ...]


@dataclass(frozen=True)
class Closure:
    """Why it is closed. `until`: when this reason ends, None when that is not foreseen."""

    policy: str
    reason: str
    until: datetime | None


@dataclass(frozen=True)
class Hours:
    """Whether it is open now. `changes`: when it opens, or while it is open when it may close; None: not foreseen."""

    closures: tuple[Closure, ...]
    changes: datetime | None


def hours(calendars: Sequence[Calendar], now: datetime) -> Hours:
    """Deny wins over allow, and every policy with `allow` windows must have one of them open."""
    closed = tuple(_closures(calendars, now))
    if not closed:
        ahead = [at for calendar in calendars for at in _may_close(calendar, now)]
        return Hours((), min(ahead, default=None))
    return Hours(closed, _opens(calendars, closed))


def _opens(calendars: Sequence[Calendar], closed: Sequence[Closure]) -> datetime | None:
    for _ in range(_STEPS):
        ends = [closure.until for closure in closed]
        known = [end for end in ends if end is not None]
        if len(known) < len(ends):
            return None
        # All that closes it has to be over, so nothing before the last of these ends needs to be looked at.
        at = max(known)
        closed = tuple(_closures(calendars, at))
        if not closed:
            return at
    return None


def _closures(calendars: Sequence[Calendar], now: datetime) -> Iterator[Closure]:
    for calendar in calendars:
        for window in calendar.windows:
            if window.deny is not None and is_open(window, now):
                yield Closure(calendar.policy, window.deny, _ends(window, now))
        allowing = [window for window in calendar.windows if window.allow is not None]
        if allowing and not any(is_open(window, now) for window in allowing):
            starts = [start for window in allowing if (start := _starts(window, now)) is not None]
            words = "only within " + ", ".join(dict.fromkeys(str(window.allow) for window in allowing))
            yield Closure(calendar.policy, words, min(starts, default=None))


def _may_close(calendar: Calendar, now: datetime) -> Iterator[datetime]:
    for window in calendar.windows:
        change = _starts(window, now) if window.deny is not None else None
        if window.allow is not None and is_open(window, now):
            change = _ends(window, now)
        if change is not None:
            yield change


def is_open(window: Window, now: datetime) -> bool:
    """Whether `now` is within the window."""
    begins, ends = window.begins, window.ends
    if (begins is not None and now < begins) or (ends is not None and now >= ends):
        return False
    if window.cron is not None and window.duration is not None:
        fired = next(_ticks(window, now - window.duration), None)
        return fired is not None and fired <= now
    if window.holidays is not None:
        return _is_day_off(window, now.astimezone(window.zone).date())
    return True


def _ends(window: Window, now: datetime) -> datetime | None:
    """When a window that is open now ends; None: never, as far as can be seen."""
    last = window.ends
    end = last
    if window.cron is not None and window.duration is not None:
        end = _chain_ends(_ticks(window, now - window.duration), window.duration)
    elif window.holidays is not None:
        day = now.astimezone(window.zone).date()
        following = _first(window, day, off=False)
        end = _midnight(window, following) if following else None
    return min(end, last) if end is not None and last is not None else end or last


def _chain_ends(ticks: Iterator[datetime], duration: timedelta) -> datetime | None:
    """When the first of the windows that begin at `ticks` ends, and those that follow before it has; None: too many."""
    end: datetime | None = None
    for fired in islice(ticks, _STEPS):
        if end is not None and fired > end:
            return end
        end = fired + duration
    return None


def _starts(window: Window, now: datetime) -> datetime | None:
    """When a window that is closed now opens, or when a cron expression next fires; None: never."""
    begins, ends = window.begins, window.ends
    start: datetime | None
    if begins is not None and now < begins:
        start = begins if is_open(window, begins) else _recurs(window, begins)
    else:
        start = _recurs(window, now)
    return None if start is None or (ends is not None and start >= ends) else start


def _recurs(window: Window, after: datetime) -> datetime | None:
    if window.cron is not None:
        return next(_ticks(window, after), None)
    if window.holidays is not None:
        day = _first(window, after.astimezone(window.zone).date() + timedelta(days=1), off=True)
        return _midnight(window, day) if day else None
    return None


def _ticks(window: Window, after: datetime) -> Iterator[datetime]:
    """When a cron expression fires, strictly after an instant."""
    for tick in CronSim(window.cron or "", after.astimezone(window.zone)):
        # In the hour that comes twice it goes by the clock on the wall, and names the first of both again.
        if (instant := tick.astimezone(UTC)) > after:
            yield instant


def _is_day_off(window: Window, day: date) -> bool:
    found = window.holidays
    return found is not None and day in days_off(found.country, found.subdivision, day.year)


def _first(window: Window, day: date, off: bool) -> date | None:
    """The first day from `day` on that is a holiday, or none."""
    ahead = (day + timedelta(days=number) for number in range(_DAYS_AHEAD))
    return next((one for one in ahead if _is_day_off(window, one) == off), None)


def _midnight(window: Window, day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=window.zone).astimezone(UTC)
