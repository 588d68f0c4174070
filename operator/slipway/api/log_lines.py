"""Which lines of a container's log are counted: by a pattern that takes linear time, whatever it is."""

from functools import lru_cache
from typing import Annotated, Any

import re2
from pydantic import AfterValidator, Field

from slipway.api.extensions import rule, rules
from slipway.api.model import Model, invalid
from slipway.api.names import Label

ERROR_LINES = (
    r"\b(ERROR|FATAL|CRITICAL|PANIC)\b|\bpanic: |\bTraceback \(most recent call last\)|^E[0-9]{4} "
    r'|(?i:\b(level|lvl|severity)"?\s?[=:]\s?"?(error|fatal|critical|panic)\b)'
)
"""What lines about errors usually have: the words of loggers, of Go, Python and klog, and of structured logs."""

MEMORY = 1 << 18
"""Bytes for a pattern: with it, how long one line can take is bounded too."""


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Any:
    """The pattern for lines as bytes. Raises ValueError, with what is wrong, for one that cannot be used."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MEMORY
    options.never_capture = True
    try:
        return re2.compile(pattern.encode(), options)
    except re2.error as error:
        words = error.args[0] if error.args else ""
        raise ValueError(words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)) from None


def check_pattern(pattern: str) -> str:
    """The pattern itself; refused where it cannot be used."""
    try:
        compiled(pattern)
    except ValueError as error:
        raise invalid(
            f"cannot be used: {' '.join(str(error).split())}", "a regular expression as RE2 knows them"
        ) from None
    return pattern


# Always true, or an error of matches(), which the API server shows together with the message.
_IS_PATTERN = rule("''.matches(self) || !''.matches(self)", "must be a regular expression as RE2 knows them")

Pattern = Annotated[str, Field(min_length=1, max_length=512), AfterValidator(check_pattern), rules(_IS_PATTERN)]
"""A regular expression in RE2's syntax. It is searched for in each line; `^` is the beginning of the line."""


class LogLines(Model):
    """Lines that the pods write to their log, and a pattern finds."""

    pattern: Pattern | None = None
    """A regular expression in RE2's syntax, searched for in the first 8 KiB of each line. Absent: what lines about
    errors usually have, as the preset `error-lines`."""
    container: Label | None = None
    """Name of the container. Absent: the one that `kubectl logs` would show."""
