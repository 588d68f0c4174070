"""Answers on a terminal, in a file or in a pipe: tables, trees, JSON and YAML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import typer
import yaml
from rich.console import Console
from rich.table import Table

WIDE = 1000
"""Columns where nobody looks on: a line that is cut cannot be searched."""


def console() -> Console:
    """Colours on a terminal only, and there not with NO_COLOR; lines are never cut where there is none."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=WIDE)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], header: bool = True) -> None:
    """Columns without lines between them, as kubectl prints them."""
    where = console()
    made = Table(*head, box=None, pad_edge=False, show_header=header, header_style="bold" if where.is_terminal else "")
    for one in rows:
        made.add_row(*one)
    where.print(made)


def data(found: Any, output: str) -> None:
    """`output`: json or yaml."""
    typer.echo(json.dumps(found, indent=2) if output == "json" else yaml.safe_dump(found, sort_keys=False), nl=True)
