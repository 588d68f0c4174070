"""Rows that come one after another and stand below each other, as kubectl prints them while it watches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from slipway.console import saying

_BETWEEN = "  "


class Columns:
    """As wide as what was printed first: what is wider later does not move the lines that are there already."""

    def __init__(self, head: Sequence[str]) -> None:
        self._head = head
        self._widths: list[int] = []

    def lines(self, rows: Sequence[Sequence[str]]) -> Iterator[str]:
        """These rows, the head before the first of them."""
        cells = [[saying.line(cell) for cell in row] for row in rows]
        if cells and not self._widths:
            cells.insert(0, list(self._head))
            self._widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, self._widths, strict=True))
            yield _BETWEEN.join(padded).rstrip()
