"""Reads what the kubelet answers when it is asked for a log with times. Pure.

The kubelet itself says which lines are of the window, so that clocks which are a little apart take nothing out of it.
Its answer counts only if it has every line of that time. That is known when the log begins before it: the file that
the kubelet reads is a new one after each start of the container and after each rotation, and what was before is in
none of its answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

CLOCKS = timedelta(seconds=2)
"""How far the clocks of the node and of the operator may be apart."""


class Partial(Exception):
    """There may be lines that the answer does not have. The message is safe to show."""


class Unreadable(Exception):
    """What was answered is no log, or is one of another time. The message is safe to show."""


@dataclass(frozen=True)
class Line:
    """A line of a log: its text may be anything, and is shown to nobody."""

    at: datetime
    text: bytes


def read(body: bytes, limit: int) -> list[Line]:
    """The lines of an answer that was asked for with this limit of bytes, oldest first.

    Raises Partial where it was cut off, Unreadable where it is no log.
    """
    if len(body) >= limit:
        raise Partial(f"it has more than {limit >> 10} KiB of log in the window")
    if body and not body.endswith(b"\n"):
        raise Partial("the log breaks off within a line")
    return list(_lines(body))


def beginning(body: bytes) -> datetime | None:
    """The time of a log's first line, of which `body` may have no more than that; None for an empty log."""
    return _at(body.partition(b" ")[0]) if body else None


def covers(begins: datetime | None, start: datetime) -> None:
    """Raises Partial unless a log that begins then has all that was written since `start`."""
    if begins is None:
        raise Partial("it has logged nothing yet")
    if begins > start - CLOCKS:
        raise Partial("its log begins within the window: it was started, or its log rotated, a short while ago")


def compare_clocks(lines: Sequence[Line], start: datetime, answered: datetime) -> None:
    """Raises Unreadable where lines that the kubelet takes to be of the window have times far outside of it.

    `start` and `answered` are by the operator's clock: the window's begin, and when the answer was there.
    """
    if any(not start - CLOCKS <= line.at <= answered + CLOCKS for line in lines):
        raise Unreadable("the clock of its node is not that of the operator")


def _lines(body: bytes) -> Iterator[Line]:
    for line in body.split(b"\n")[:-1]:
        time, _, text = line.partition(b" ")
        yield Line(_at(time), text)


def _at(text: bytes) -> datetime:
    try:
        found = datetime.fromisoformat(text.decode("ascii"))
    except ValueError:
        # A kubelet that has no log says so in plain words, with status 200.
        raise Unreadable("the kubelet has no log of it") from None
    if found.tzinfo is None:
        raise Unreadable("the kubelet has no log of it")
    return found
