"""Answers on a terminal, in a file or in a pipe: tables, trees, JSON and YAML."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import typer
import yaml
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

from slipway.console import saying

WIDE = 1000
"""Columns where nobody looks on: a line that is cut cannot be searched."""


class Plain(Console):
    """Words of people stay words: no markup, and nothing in them steers the terminal."""

    def __init__(self, **given: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **given)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich has it; what is not its own control code is shown, not obeyed."""
        for words, style, control in super().render(renderable, options):
            yield Segment(words if control else saying.text(words), style, control)


def console() -> Console:
    """Colours on a terminal only, and there not with NO_COLOR; lines are never cut where there is none."""
    made = Plain()
    return made if made.is_terminal else Plain(width=WIDE)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], header: bool = True) -> None:
    """Columns without lines between them, as kubectl prints them."""
    where = console()
    made = Table(*head, box=None, pad_edge=False, show_header=header, header_style="bold" if where.is_terminal else "")
    for one in rows:
        made.add_row(*(saying.line(cell) for cell in one))
    where.print(made)


def data(found: Any, output: str) -> None:
    """`output`: json or yaml."""
    typer.echo(json.dumps(found, indent=2) if output == "json" else yaml.safe_dump(found, sort_keys=False), nl=True)
