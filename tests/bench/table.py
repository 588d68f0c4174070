"""The figures as a table, each with the orientation that there is, and how busy the machine was."""

import os
from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows in the order in which they were measured; printed as they come, and whole at the end."""

    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, what: str, figure: str, orientation: str = "") -> None:
        self.rows.append((what, figure, orientation))
        print(f"  {what}: {figure}  [load average {os.getloadavg()[0]:.1f}]", flush=True)

    def __str__(self) -> str:
        lines = [("measured", "Slipway", "for orientation"), *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(3)]
        rows = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        rows.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join(row.rstrip() for row in rows)


def ratio(theirs: float, ours: float) -> str:
    """How many times faster or smaller ours is, for the orientation column."""
    return f"{theirs / ours:.1f}×" if ours else "—"
