"""What the operator logs, as it goes to stderr."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator

from slipway.runtime import logs


@contextlib.contextmanager
def logged(level: str, style: logs.Format) -> Iterator[io.StringIO]:
    """Log into this text for a while, configured as the operator is."""
    root = logging.getLogger()
    handlers, before = root.handlers[:], root.level
    with contextlib.redirect_stderr(io.StringIO()) as text:
        try:
            logs.configure(level, style)
            yield text
        finally:
            root.handlers[:] = handlers
            root.setLevel(before)
