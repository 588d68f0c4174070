"""Logging: one JSON object per line for collectors, or plain lines for people at a terminal."""

from __future__ import annotations

import json
import logging
import sys
import time
from contextvars import ContextVar
from typing import Literal

Format = Literal["json", "text"]

_about: ContextVar[tuple[str, str] | None] = ContextVar("about", default=None)


def about(namespace: str, rollout: str) -> None:
    """Lines of this task, and of those that it starts, are about this Rollout from now on."""
    _about.set((namespace, rollout))


class JSONLines(logging.Formatter):
    """`time` (RFC 3339, UTC), `level`, `logger`, `message`; `namespace` and `rollout` where a line is about one.

    `error` with a traceback if there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{seconds}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (key := _about.get()) is not None:
            line["namespace"], line["rollout"] = key
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class TextLines(logging.Formatter):
    """Lines for people at a terminal. A message may have words of people in it: what would begin another line, or speak
    to the terminal, is written out."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line without its traceback."""
        record.message = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in record.message)
        return super().formatMessage(record)


def configure(level: str, style: Format) -> None:
    """Log to stderr. kopf speaks only of what goes wrong, and never of each object."""
    handler = logging.StreamHandler(sys.stderr)
    if style == "json":
        handler.setFormatter(JSONLines())
    else:
        handler.setFormatter(TextLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("kopf", "kopf.objects", "kopf.activities", "aiohttp"):
        logging.getLogger(name).setLevel(logging.WARNING)
