"""Windows in time: open or closed at each moment, across daylight saving, and when that changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from slipway.api.window import Window
from slipway.core.policy.windows import Calendar, hours, is_open

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)


def window(**fields: object) -> Window:
    return Window.model_validate(fields)


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


FRIDAY = window(deny="no Friday afternoons", cron="0 12 * * 5", duration="60h", timeZone="Europe/Berlin")


def opens(now: datetime, *windows: Window) -> datetime | None:
    found = hours([Calendar("p", windows)], now)
    assert found.closures
    return found.changes


def is_closed(now: datetime, *windows: Window) -> bool:
    return bool(hours([Calendar("p", windows)], now).closures)


@pytest.mark.parametrize(
    ("moment", "closed"),
    [
        ("2026-11-20T11:59:59", False),
        ("2026-11-20T12:00:00", True),
        ("2026-11-21T18:00:00", True),
        ("2026-11-22T23:59:59", True),
        ("2026-11-23T00:00:00", False),
        # The same times of day in summer, two hours ahead of UTC instead of one.
        ("2026-07-17T11:59:59", False),
        ("2026-07-17T12:00:00", True),
    ],
)
def test_friday_noon_is_friday_noon_in_summer_and_winter(moment: str, closed: bool) -> None:
    assert is_closed(at(moment), FRIDAY) is closed


def test_it_says_when_it_opens_and_when_it_closes() -> None:
    assert opens(at("2026-11-21T09:00"), FRIDAY) == at("2026-11-23T00:00")
    found = hours([Calendar("p", (FRIDAY,))], at("2026-11-23T09:00"))
    assert (found.closures, found.changes) == ((), at("2026-11-27T12:00"))


def test_a_duration_is_what_passes_and_not_what_the_clock_on_the_wall_shows() -> None:
    # Clocks go back on the Sunday in between: the night has an hour more.
    assert opens(at("2026-10-24T09:00"), FRIDAY) == at("2026-10-25T23:00")
    assert opens(at("2026-03-28T09:00"), FRIDAY) == at("2026-03-30T01:00")


def test_a_time_that_the_clocks_skip_is_the_first_one_after_it() -> None:
    night = window(deny="backup", cron="30 2 * * *", duration="1h", timeZone="Europe/Berlin")
    assert [is_closed(at("2026-03-29T00:59", ZoneInfo("UTC")) + n * MINUTE, night) for n in (0, 1, 60, 61)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_time_that_comes_twice_counts_once() -> None:
    night = window(deny="backup", cron="30 2 * * *", duration="20m", timeZone="Europe/Berlin")
    assert is_closed(at("2026-10-25T02:40", fold=0), night)
    assert not is_closed(at("2026-10-25T02:40", fold=1), night)


def test_dates_are_whole_days_of_their_time_zone() -> None:
    freeze = window(deny="year end", **{"from": "2026-12-23"}, until="2027-01-02", timeZone="Europe/Berlin")
    assert not is_closed(at("2026-12-22T23:59:59"), freeze)
    assert is_closed(at("2026-12-23T00:00"), freeze)
    assert is_closed(at("2027-01-02T23:59:59"), freeze)
    assert opens(at("2026-12-24T12:00"), freeze) == at("2027-01-03T00:00")


@pytest.mark.parametrize(
    ("begins", "ends"),
    [("2026-11-27T00:00:00Z", "2026-11-30T22:30+01:00"), ("2026-11-27T01:00:00+01:00", "2026-11-30T21:30:00Z")],
)
def test_what_has_an_offset_is_an_instant_wherever_the_clocks_are(begins: str, ends: str) -> None:
    utc = ZoneInfo("UTC")
    sale = window(deny="sale", **{"from": begins}, until=ends, timeZone="America/New_York")
    assert not is_closed(at("2026-11-26T23:59:59", utc), sale)
    assert is_closed(at("2026-11-27T00:00", utc), sale)
    assert opens(at("2026-11-27T00:00", utc), sale) == at("2026-11-30T21:30", utc)


def test_dates_bound_a_cron_expression() -> None:
    summer = window(deny="season", cron="0 9 * * *", duration="8h", **{"from": "2026-06-01"}, until="2026-06-30T12:00")
    utc = ZoneInfo("UTC")
    assert not is_closed(at("2026-05-31T10:00", utc), summer)
    assert is_closed(at("2026-06-01T10:00", utc), summer)
    assert opens(at("2026-06-30T10:00", utc), summer) == at("2026-06-30T12:00", utc)
    assert not is_closed(at("2026-07-01T10:00", utc), summer)


def test_a_window_without_an_end_says_that_no_opening_is_in_sight() -> None:
    assert opens(at("2030-01-01T00:00"), window(deny="sold", **{"from": "2029-01-01"})) is None


def test_windows_that_overlap_for_ever_are_no_long_work() -> None:
    always = window(deny="mistake", cron="* * * * *", duration="1h")
    assert opens(at("2026-11-20T12:00"), always) is None
    bounded = window(deny="mistake", cron="* * * * *", duration="1h", until="2026-12-01")
    assert opens(at("2026-11-20T12:00"), bounded) == at("2026-12-02T00:00", ZoneInfo("UTC"))


def test_holidays_are_closed_from_midnight_to_midnight() -> None:
    bavarian = window(deny="holiday", holidays={"country": "DE", "subdivision": "BY"}, timeZone="Europe/Berlin")
    german = window(deny="holiday", holidays={"country": "DE"}, timeZone="Europe/Berlin")
    assert is_closed(at("2026-01-06T00:00"), bavarian)  # Epiphany is one in the south only
    assert not is_closed(at("2026-01-06T12:00"), german)
    assert opens(at("2026-12-25T08:00"), german) == at("2026-12-27T00:00")
    found = hours([Calendar("p", (german,))], at("2026-12-27T08:00"))
    assert found.changes == at("2027-01-01T00:00")


def test_allow_windows_close_everything_else_and_one_of_each_policy_must_be_open() -> None:
    morning = window(allow="mornings", cron="0 8 * * 1-5", duration="4h", timeZone="Europe/Berlin")
    evening = window(allow="evenings", cron="0 20 * * *", duration="2h", timeZone="Europe/Berlin")
    assert not is_closed(at("2026-11-23T09:00"), morning, evening)
    assert opens(at("2026-11-23T13:00"), morning, evening) == at("2026-11-23T20:00")
    # Two policies: both have to agree, and morning and evening never do.
    apart = hours([Calendar("a", (morning,)), Calendar("b", (evening,))], at("2026-11-23T09:00"))
    assert [closure.policy for closure in apart.closures] == ["b"]
    assert apart.changes is None


def test_deny_wins_over_allow() -> None:
    always_open = window(allow="always", **{"from": "2020-01-01"})
    assert is_closed(at("2026-11-20T13:00"), always_open, FRIDAY)
    assert opens(at("2026-11-20T13:00"), always_open, FRIDAY) == at("2026-11-23T00:00")


def test_an_opening_is_found_behind_windows_that_follow_on_one_another() -> None:
    freeze = window(deny="year end", **{"from": "2026-12-21"}, until="2027-01-01", timeZone="Europe/Berlin")
    # 2027-01-02 is a Saturday, behind a Friday afternoon.
    assert opens(at("2026-12-22T09:00"), FRIDAY, freeze) == at("2027-01-04T00:00")


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({"cron": "0 12 * *", "duration": "1h"}, "cron", "no cron expression"),
        ({"cron": "0 25 * * *", "duration": "1h"}, "cron", "Bad hour"),
        ({"cron": "0 0 30 2 *", "duration": "1h"}, "cron", "Bad day-of-month"),
        ({"cron": "0 12 * * 5"}, "duration", "missing"),
        ({"from": "2026-13-01"}, "from", "not in the calendar"),
        ({"from": "2026-12-02", "until": "2026-12-01"}, "until", "ends before it begins"),
        ({"from": "2026-12-02T12:00+01:00", "until": "2026-12-02T11:00:00Z"}, "until", "ends before it begins"),
        ({"from": "2026-12-02T12:00+25:00"}, "from", "not in the calendar"),
        ({"from": "2026-12-02", "timeZone": "Europe/Atlantis"}, "timeZone", "no time zone"),
        ({"from": "2026-12-02", "timeZone": "Europe"}, "timeZone", "no time zone"),
        ({"holidays": {"country": "XX"}}, "holidays", "no calendar"),
        ({"holidays": {"country": "DE", "subdivision": "XX"}}, "holidays", "no part"),
        ({}, "", "no time"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_path(fields: dict[str, object], path: str, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        window(deny="x", **fields)
    error = caught.value.errors()[0]
    assert words in error["msg"]
    assert path in [*error["loc"], (error.get("ctx") or {}).get("at", "")]


def test_exactly_one_of_deny_and_allow() -> None:
    for fields in ({}, {"deny": "x", "allow": "y"}):
        with pytest.raises(ValidationError, match="exactly one"):
            window(**{"from": "2026-01-01"}, **fields)


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
CRONS = st.builds(
    "{} {} {} {} {}".format,
    st.sampled_from(["0", "30", "*/20"]),
    st.sampled_from(["2", "12", "*", "0,23"]),
    st.sampled_from(["*", "25", "29"]),
    st.sampled_from(["*", "3,10,11"]),
    st.sampled_from(["*", "5", "1-5", "0"]),
)
KINDS = st.sampled_from(["deny", "allow"])


@st.composite
def windows(draw: st.DrawFn) -> Window:
    fields: dict[str, object] = {draw(KINDS): "because", "timeZone": draw(ZONES)}
    shape = draw(st.sampled_from(["cron", "dates", "holidays"]))
    if shape == "cron":
        fields |= {"cron": draw(CRONS), "duration": draw(st.sampled_from(["10m", "1h", "26h", "60h"]))}
    elif shape == "holidays":
        fields["holidays"] = {"country": draw(st.sampled_from(["DE", "US", "JP"]))}
    if shape == "dates" or draw(st.booleans()):
        day = date(2026, 1, 1) + timedelta(days=draw(st.integers(0, 700)))
        fields["from"] = f"{day}T02:30"
        fields["until"] = str(day + timedelta(days=draw(st.integers(0, 60))))
    return window(**fields)


MOMENTS = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    # Around the nights in which clocks change, in Europe, in America and on Lord Howe.
    st.builds(
        lambda night, minutes: datetime.fromisoformat(night) + timedelta(minutes=minutes),
        st.sampled_from(["2026-03-08", "2026-03-29", "2026-04-04", "2026-10-04", "2026-10-25", "2026-11-01"]),
        st.integers(-600, 1600),
    ),
).map(lambda moment: moment.replace(tzinfo=UTC))
CALENDARS = st.lists(
    st.builds(Calendar, st.sampled_from(["a", "b"]), st.lists(windows(), min_size=1, max_size=3).map(tuple)),
    min_size=1,
    max_size=2,
)


@given(calendars=CALENDARS, now=MOMENTS, share=st.floats(0, 1, exclude_max=True))
def test_nothing_opens_or_closes_before_it_was_said_to(calendars: list[Calendar], now: datetime, share: float) -> None:
    found = hours(calendars, now)
    if found.changes is None:
        return
    assert found.changes > now
    if found.closures:
        assert not hours(calendars, found.changes).closures
    # A share next to 1 is rounded to the whole microsecond, which would be the change itself.
    between = min(now + share * (found.changes - now), found.changes - timedelta(microseconds=1))
    assert bool(hours(calendars, between).closures) == bool(found.closures)


@given(calendars=CALENDARS, more=windows(), now=MOMENTS)
def test_one_more_policy_with_windows_never_opens_what_was_closed(
    calendars: list[Calendar], more: Window, now: datetime
) -> None:
    if hours(calendars, now).closures:
        assert hours([*calendars, Calendar("c", (more,))], now).closures


@given(cron=CRONS, zone=ZONES, length=st.integers(1, 3000), now=MOMENTS)
def test_a_cron_window_is_open_for_its_duration_after_each_time_on_the_wall(
    cron: str, zone: str, length: int, now: datetime
) -> None:
    """Against an oracle that looks at each minute's own time on the wall, away from the nights of change."""
    minute, hour, day, month, weekday = cron.split()
    now = now.replace(second=0, microsecond=0)
    tz = ZoneInfo(zone)
    start = now - timedelta(minutes=length)
    if (start - 2 * MINUTE * 60).astimezone(tz).utcoffset() != (now + 2 * MINUTE * 60).astimezone(tz).utcoffset():
        return

    def matches(field: str, value: int) -> bool:
        if field.startswith("*"):
            return value % int(field[2:] or 1) == 0
        parts = [part.split("-") for part in field.split(",")]
        return any(int(part[0]) <= value <= int(part[-1]) for part in parts)

    def fires(moment: datetime) -> bool:
        local = moment.astimezone(tz)
        days = matches(day, local.day), matches(weekday, local.isoweekday() % 7)
        chosen = all(days) if "*" in (day, weekday) else any(days)
        return matches(minute, local.minute) and matches(hour, local.hour) and chosen and matches(month, local.month)

    expected = any(fires(start + n * MINUTE) for n in range(1, length + 1))
    found = is_open(window(deny="x", cron=cron, duration=f"{length}m", timeZone=zone), now)
    assert found is expected
