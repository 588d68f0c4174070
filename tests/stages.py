"""What a run says of itself: each failure at once, and at the end what each stage did and how long it took."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest

STAGES = ("unit", "sim", "integration", "e2e", "bench")


class Failures:
    """Names each failure when it happens: a whole run takes long, and tells the rest at its end."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One line."""
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            why = crash.message.splitlines()[0][:200] if crash and crash.message else ""
            self._terminal.ensure_newline()
            self._terminal.write_line(f"{report.nodeid} failed at {report.when}: {why}", red=True)


@pytest.hookimpl(trylast=True)  # the reporter is there by then
def pytest_configure(config: pytest.Config) -> None:
    """Where people read, and not in the processes that tests are spread over."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Failures(terminal))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for each stage; what was skipped is named with its reason."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: Counter[str] = Counter()
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            if not isinstance(report, pytest.TestReport | pytest.CollectReport):
                continue
            counts[_stage(report.nodeid)][outcome] += 1
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                seconds[_stage(report.nodeid)] += report.duration
    if not counts:
        return
    terminalreporter.section("stages")
    for stage in sorted(counts, key=lambda name: STAGES.index(name) if name in STAGES else len(STAGES)):
        found = ", ".join(f"{number} {outcome}" for outcome, number in counts[stage].items())
        terminalreporter.line(f"  {stage:<12} {seconds[stage]:7.0f} s   {found}")


def _stage(nodeid: str) -> str:
    parts = Path(nodeid.split("::")[0]).parts
    return parts[1] if len(parts) > 1 and parts[0] == "tests" else parts[0]
