"""What the person sees: a live view on a terminal, plain lines elsewhere."""

import re
import time
from collections import Counter
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from tests.cluster.load import Report
from tests.demo.users import Users
from tests.demo.world import Seen

COLOURS = {"v1": "cyan", "v2": "green", "v3": "magenta", "v4": "red"}
VERDICTS = {"Pass": "green", "Fail": "red"}
BAR = 40


class Screen:
    """Tells, and shows what is seen; `live` decides how."""

    def __init__(self, users: Users, *, live: bool) -> None:
        self.console = Console(highlight=False, width=None if live else 118)
        self._users = users
        self._is_live = live
        self._live: Live | None = None
        self._said = ""
        self._began = time.monotonic()

    def title(self, words: str) -> None:
        self.console.print()
        self.console.rule(Text(words, style="bold"), align="left", characters="─")

    def tell(self, words: str) -> None:
        self.console.print(Text(words), soft_wrap=not self._is_live)

    def command(self, person: str, line: str) -> None:
        self.console.print(Text.assemble((f"{person} $ ", "bold yellow"), (line, "bold")), soft_wrap=True)

    def answer(self, text: str, *, bad: bool = False) -> None:
        for line in text.strip().splitlines():
            self.console.print(Text(f"  {line}", style="red" if bad else "dim"), soft_wrap=True)

    def showing(self) -> AbstractContextManager[object]:
        """Within this, `show` draws."""
        if not self._is_live:
            return nullcontext()
        self._live = Live(console=self.console, refresh_per_second=4, transient=True)
        return self._live

    def show(self, seen: Seen) -> None:
        """Draw what is seen now; plain lines only when something else than the time has changed."""
        lately = self._users.lately()
        if self._live is not None and self._is_live:
            self._live.update(self._picture(seen, lately))
        said = _said(seen)
        if said != self._said:
            self._said = said
            self._line(seen, lately)

    def _line(self, seen: Seen, lately: Report) -> None:
        clock = f"{time.monotonic() - self._began:6.1f}s"
        shares = "  ".join(f"{name} {share:.0%}" for name, share in _shares(lately))
        self.console.print(
            Text.assemble(
                (f"{clock}  ", "dim"),
                (f"{seen.phase or '…':<18}", "bold"),
                f"{seen.message}",
                (f"  [users: {shares}]" if shares else "", "cyan"),
            ),
            soft_wrap=True,
        )

    def _picture(self, seen: Seen, lately: Report) -> RenderableType:
        facts = Table.grid(padding=(0, 2))
        facts.add_row("Rollout", Text(seen.phase, style="bold"), Text(seen.message))
        verdict = seen.verdict
        if verdict:
            facts.add_row("Promotion", Text(verdict.get("phase", ""), style="bold"), Text(verdict.get("message", "")))
        weights = seen.weights
        if weights:
            facts.add_row("Route", "", "  ".join(f"{name} {weight}" for name, weight in weights.items()))
        parts: list[RenderableType] = [facts, Text()]
        gates = Table(box=None, padding=(0, 2), header_style="dim")
        for heading in ("gate", "verdict", "value", "bound", "passes", "failures"):
            gates.add_column(heading)
        for gate in seen.status.get("gates", []):
            gates.add_row(
                gate["name"],
                Text(gate.get("verdict", ""), style=VERDICTS.get(gate.get("verdict", ""), "yellow")),
                f"{gate['value']:.4g}" if gate.get("value") is not None else "",
                gate.get("bound", ""),
                str(gate.get("passes", 0)),
                str(gate.get("failures", 0)),
            )
        if gates.row_count:
            parts += [gates, Text()]
        for name, share in _shares(lately):
            bar = "█" * round(share * BAR)
            parts.append(
                Text.assemble((f"{name:<9}", "bold"), (f"{bar:<{BAR}}", COLOURS.get(name, "red")), f" {share:.0%}")
            )
        report = self._users.report()
        if len(report):
            failures = len(report.failures)
            style = "red" if failures else "green"
            parts.append(Text.assemble(f"{len(report)} requests so far, ", (f"{failures} failed", style)))
        return Panel(Group(*parts), title=f"shop/web  {time.monotonic() - self._began:.0f}s", title_align="left")


def _shares(lately: Report) -> list[tuple[str, float]]:
    """The share of the last requests by version; those that failed are a row of their own."""
    counted = Counter("failed" if one.failed else one.version for one in lately.requests)
    return [(name, count / len(lately)) for name, count in sorted(counted.items())]


def _said(seen: Seen) -> str:
    """What makes a line worth printing: not the seconds and measurements, which change all the time, but failures."""
    candidate = seen.status.get("candidate") or {}
    words = re.sub(r"\d+(\.\d+)?(e-?\d+)?(ms|s|m)?", "#", seen.message.split(";")[0])
    failing = [(gate["name"], gate["failures"]) for gate in seen.status.get("gates", []) if gate.get("failures")]
    return f"{seen.phase}/{words}/{candidate.get('weight')}/{sorted(failing)}"
