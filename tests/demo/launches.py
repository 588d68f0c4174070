"""What happened: one row per launch, from the Promotions' own status and the users' requests."""

from dataclasses import dataclass
from datetime import datetime

from rich.table import Table
from tests.cluster.load import Report
from tests.demo.world import Object


@dataclass(frozen=True)
class Launch:
    """One version's way to users: under which Promotion, and from when to when (Unix seconds) users were counted."""

    version: str
    strategy: str
    promotion: str
    began: float
    ended: float


def table(launches: list[tuple[Launch, Object]], requests: Report) -> Table:
    """The launches with their Promotions as they ended."""
    drawn = Table(show_lines=True)
    for heading in (
        "version",
        "strategy",
        "outcome",
        "approved by",
        "waited",
        "moved in",
        "done in",
        "requests",
        "failed",
    ):
        drawn.add_column(heading, justify="right" if heading in {"requests", "failed"} else "left", overflow="fold")
    for launch, promotion in launches:
        status = promotion.get("status") or {}
        counted = requests.between(launch.began, launch.ended)
        approvals = [f"{one['by']} ({one['identity']})" for one in status.get("approvals", [])]
        weights = (promotion.get("spec") or {}).get("weightApprovals") or {}
        approvals += [f"{who}: to {entry['weight']} %" for who, entry in weights.items()]
        drawn.add_row(
            launch.version,
            launch.strategy,
            outcome(status),
            "\n".join(approvals),
            _span(status, "startedAt", "approvedAt"),
            _span(status, "approvedAt", "shiftedAt") or "never at 100 %",
            _span(status | {"decidedAt": decided_at(status)}, "approvedAt", "decidedAt"),
            str(len(counted)),
            str(len(counted.failures)),
        )
    drawn.add_row("", "", "", "", "", "", "all", str(len(requests)), str(len(requests.failures)))
    return drawn


def decided_at(status: Object) -> str | None:
    """When it had succeeded, or had come to another end; None while neither is so."""
    found: str | None = (_success(status) or {}).get("lastTransitionTime") or status.get("finishedAt")
    return found


def outcome(status: Object) -> str:
    """What a launch came to. The watch goes on after a success."""
    return "Succeeded" if _success(status) else str(status.get("phase", ""))


def _success(status: Object) -> Object | None:
    conditions: list[Object] = status.get("conditions", [])
    return next((c for c in conditions if c["type"] == "Succeeded" and c["status"] == "True"), None)


def _span(status: Object, start: str, end: str) -> str:
    if not status.get(start) or not status.get(end):
        return ""
    took = datetime.fromisoformat(status[end]) - datetime.fromisoformat(status[start])
    return f"{took.total_seconds():.1f} s"
