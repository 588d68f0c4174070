"""Words on a terminal stay words: what people wrote into a cluster does not steer the terminal of who reads it."""

from __future__ import annotations

import re

import typer

# Control characters (ESC, which begins what a terminal obeys, among them), halves of characters, line separators, and
# what turns the direction of writing round, so that one reads other words than are there.
_STEERING = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069"
_IN_TEXT = re.compile(f"[{_STEERING}]")
_IN_LINE = re.compile(f"[{_STEERING}\t\n]")


def text(words: str) -> str:
    r"""Lines and tabs as they are, whatever else steers a terminal as JSON escapes it: ESC is `\u001b`."""
    return _IN_TEXT.sub(_shown, words)


def line(words: str) -> str:
    """The same for what is one line, so that no words pose as the next one."""
    return _IN_LINE.sub(_shown, words)


def say(words: str, err: bool = False) -> None:
    """Print one line."""
    typer.echo(line(words), err=err)


def _shown(found: re.Match[str]) -> str:
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(found[0], f"\\u{ord(found[0]):04x}")
