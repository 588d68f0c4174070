"""One line per step on standard error, with the seconds since the start."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_started = time.monotonic()


def say(message: str) -> None:
    print(f"[{time.monotonic() - _started:6.1f}s] {message}", file=sys.stderr, flush=True)


@contextmanager
def step(message: str) -> Iterator[None]:
    """Announce a step, and say how long it took when it took long enough to wonder."""
    say(message)
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    if took >= 2:
        say(f"  done in {took:.1f}s")
