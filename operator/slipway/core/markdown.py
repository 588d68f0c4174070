"""Markdown (GitHub's flavour: the tables) that is put together from words of people and clusters.

Whatever a text holds, it stays words: it opens no HTML, no link and no heading, ends no code, and breaks no table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~$])")
_ENTITY = re.compile(r"&(?=[#A-Za-z])")
_ADDRESS = re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE)
"""What GitHub makes a link of where it stands, without any mark."""
_BAR = re.compile(r"(?<!\\)((?:\\\\)*)\|")
_TICKS = re.compile(r"`+")


def plain(text: str) -> str:
    """One line of words, with nothing in it that Markdown or HTML would act on."""
    return _lead(_escaped(" ".join(text.split())))


def _escaped(line: str) -> str:
    marked = _ENTITY.sub(r"\\&", _MARKS.sub(r"\\\1", line))
    return _ADDRESS.sub(lambda found: f"\\{found.group()}", marked)


def _lead(line: str) -> str:
    """Without what would make the line the begin of a list, or of a heading above it."""
    found = re.match(r"[-+=]|\d+(?=[.)](\s|$))", line)
    if found is None:
        return line
    digits = found.group() if found.group().isdigit() else ""
    return f"{digits}\\{line[len(digits) :]}"


def quoted(text: str | None) -> list[str]:
    """Words of many lines, as a block quote."""
    return [f"> {plain(line)}".rstrip() for line in (text or "").strip().splitlines()]


def code(text: str) -> str:
    """A short text as code, '' where there is none. A backtick in it ends nothing."""
    line = " ".join(text.split())
    if not line:
        return ""
    fence = _fence(line, 1)
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def block(lines: Iterable[str], language: str = "") -> list[str]:
    """Lines as a block of code. Nothing in them ends it."""
    found = [line for text in lines for line in text.splitlines()]
    fence = _fence("\n".join(found), 3)
    return [f"{fence}{language}", *found, fence]


def _fence(text: str, least: int) -> str:
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
    return "`" * max(least, longest + 1)


def instruction(text: str) -> str:
    """A line with commands in backticks: these stay code, all else is plain."""
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0:
        return plain(text)
    told = (code(part) if n % 2 else _escaped(part) for n, part in enumerate(parts))
    return _lead("".join(told).strip())


def link(url: str) -> str:
    """An address as itself. Its words are its target: it can pose as nothing else. Another text is plain words."""
    if not re.fullmatch(r"https?://[^\s\\`]+", url):
        return plain(url)
    return f"<{url.replace('<', '%3C').replace('>', '%3E').replace('|', '%7C')}>"


def heading(level: int, text: str) -> str:
    """A heading of plain words."""
    return f"{'#' * level} {plain(text)}"


def bullets(texts: Iterable[str]) -> list[str]:
    """A list of plain words, one line each."""
    return [f"- {plain(text)}" for text in texts]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table of cells that are Markdown already; nothing where there are no rows. A bar in a cell stays in it."""
    found = [[_BAR.sub(r"\1\\|", " ".join(cell.split())) for cell in row] for row in rows]
    if not found:
        return []
    return [_row(head), _row(["---"] * len(head)), *(_row(row) for row in found)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
