"""Instants and lengths as statuses and messages show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from slipway.api.duration import format_duration
from slipway.api.instant import format_instant as render

__all__ = ["left", "parse", "render", "roughly", "whole_milliseconds"]


def parse(text: str | None) -> datetime | None:
    """The instant, or None for what is not one (an annotation may have been edited by hand)."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text)
        # What has no place in UTC could be read, and never written again.
        return instant.astimezone(UTC) if instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def whole_milliseconds(instant: datetime) -> datetime:
    """What survives being written to a status and read again."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def roughly(length: timedelta) -> str:
    """How long something has lasted, for a message: coarse, so that a message does not change all the time."""
    seconds = max(0, int(length.total_seconds()))
    grain = 60 if seconds >= 120 else 10 if seconds >= 30 else 5
    return format_duration(timedelta(seconds=seconds // grain * grain))


def left(length: timedelta) -> str:
    """How long something still lasts, rounded up: coarse, so that a message that says it is seldom written anew."""
    grain = next(step for over, step in _GRAINS if length > over)
    return format_duration(-(-max(length, timedelta()) // grain) * grain)


_GRAINS = (
    (timedelta(hours=2), timedelta(hours=1)),
    (timedelta(minutes=10), timedelta(minutes=10)),
    (timedelta.min, timedelta(minutes=1)),
)
