"""Reads what the kubelet answers when it is asked for a log with times. Pure.

The kubelet itself says which lines are of the window, so that clocks which are a little apart take nothing out of it.
Its answer counts only if it has every line of that time. That is known when the log begins before it: the file that
the kubelet reads is a new one after each start of the container and after each rotation, and what was before is in
none of its answers.
"""

from __future__ import annotations

from collections.abc import Iterator
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


def check_whole(body: bytes, limit: int) -> None:
    """Raises Partial where an answer that was asked for with this limit of bytes was cut off."""
    if len(body) >= limit:
        raise Partial(f"it has more than {limit >> 10} KiB of log in the window")
    if body and not body.endswith(b"\n"):
        raise Partial("the log breaks off within a line")


def read(body: bytes) -> Iterator[Line]:
    """The lines of an answer, oldest first, one at a time: a list of them would be many times as large.

    What is behind the last end of a line is left out. Raises Unreadable where it is no log.
    """
    begin = 0
    while (end := body.find(b"\n", begin)) >= 0:
        time, _, text = body[begin:end].partition(b" ")
        yield Line(_at(time), text)
        begin = end + 1


def beginning(body: bytes) -> datetime | None:
    """The time of a log's first line, of which `body` may have no more than that; None for an empty log."""
    return _at(body.partition(b" ")[0]) if body else None


def covers(begins: datetime | None, start: datetime) -> None:
    """Raises Partial unless a log that begins then has all that was written since `start`."""
    if begins is None:
        raise Partial("it has logged nothing yet")
    if begins > start - CLOCKS:
        raise Partial("its log begins within the window: it was started, or its log rotated, a short while ago")


def compare_clocks(line: Line, start: datetime, answered: datetime) -> None:
    """Raises Unreadable where a line that the kubelet takes to be of the window has a time far outside of it.

    `start` and `answered` are by the operator's clock: the window's begin, and when the answer was there.
    """
    if not start - CLOCKS <= line.at <= answered + CLOCKS:
        raise Unreadable("the clock of its node is not that of the operator")


def _at(text: bytes) -> datetime:
    try:
        found = datetime.fromisoformat(text.decode("ascii"))
    except ValueError:
        # A kubelet that has no log says so in plain words, with status 200.
        raise Unreadable("the kubelet has no log of it") from None
    if found.tzinfo is None:
        raise Unreadable("the kubelet has no log of it")
    return found
