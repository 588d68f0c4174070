"""Durations as users write them."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.api.duration import LONGEST, PATTERN, format_duration, parse_duration

DURATIONS = st.integers(0, LONGEST // timedelta(milliseconds=1)).map(lambda ms: timedelta(milliseconds=ms))


@given(DURATIONS)
def test_what_is_written_reads_as_the_same(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@given(DURATIONS)
def test_what_is_written_fits_the_schema(duration: timedelta) -> None:
    assert re.fullmatch(PATTERN, format_duration(duration))
    assert len(format_duration(duration)) <= 32


@given(st.from_regex(PATTERN, fullmatch=True))
def test_all_that_the_schema_takes_is_read_or_too_long(text: str) -> None:
    assert len(text) <= 32
    try:
        duration = parse_duration(text)
    except ValueError as error:
        assert "longer" in str(error)  # noqa: PT017
    else:
        assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "duration", "written"),
    [
        ("30s", timedelta(seconds=30), "30s"),
        ("5m", timedelta(minutes=5), "5m"),
        ("1h30m", timedelta(minutes=90), "1h30m"),
        ("90m", timedelta(minutes=90), "1h30m"),
        ("90s", timedelta(seconds=90), "1m30s"),
        ("1h0m0s", timedelta(hours=1), "1h"),
        ("250ms", timedelta(milliseconds=250), "250ms"),
        ("1500ms", timedelta(milliseconds=1500), "1s500ms"),
        ("48h", timedelta(days=2), "48h"),
        ("0s", timedelta(), "0s"),
        ("1m1m", timedelta(minutes=2), "2m"),
    ],
)
def test_known_ones(text: str, duration: timedelta, written: str) -> None:
    assert parse_duration(text) == duration
    assert format_duration(duration) == written


@pytest.mark.parametrize("text", ["", "5", "5 m", "-5m", "1.5h", "5min", "1d", "٣s", "5m\n", "999999s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)
