"""What pages say of objects: plain values for the templates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from slipway.api.promotion_status import PromotionStatus, read_status
from slipway.api.rollout import read_status as read_rollout_status
from slipway.api.rollout_status import GateStatus, RolloutStatus
from slipway.cluster.api import Object
from slipway.console import decisions, whole
from slipway.core import charge, instants
from slipway.dashboard.measured import Course, limits

_TONES = {
    "good": (
        "Healthy",
        "Promoted",
        "Succeeded",
        "Watching",
        "Pass",
        "Passed",
        "Skipped",
        "DryRunComplete",
        "Completed",
    ),
    "bad": ("Invalid", "RollingBack", "RolledBack", "Degraded", "Failed", "Fail", "Aborted", "Blocked"),
    "waits": ("AwaitingApproval", "AwaitingPromotion", "Held", "Pending", "NoData", "Error", "Unverifiable"),
    "moves": ("Shifting", "Verifying", "Deploying", "Checking", "Approved", "Running"),
}
REDRAWN = 5
"""Seconds between two pictures of a gate."""

_COMMANDS = re.compile(r"(;| Confirm) [^;:]*: (kubectl|slipway) .*", re.DOTALL)

_TONE_OF = {word: tone for tone, words in _TONES.items() for word in words}


def tone(word: str) -> str:
    """How a phase, verdict or result is coloured. The word itself is always there too."""
    return _TONE_OF.get(word, "plain")


def without_commands(message: str) -> str:
    """A message without the commands at its end: here there are buttons."""
    return _COMMANDS.sub("", message)


def more_than_said(explained: Sequence[str]) -> list[str]:
    """What an explanation has beyond the messages that the page shows anyway; nothing where that is all."""
    rest = list(explained[1:])
    return rest if any(not found.startswith("Promotion ") for found in rest) else []


@dataclass(frozen=True)
class Share:
    """A revision and what it has of the traffic."""

    role: str
    """stable, candidate, previous or rejected."""
    revision: str
    percent: int | None
    """None where it takes none by its role."""
    images: Sequence[str] = ()
    words: str = ""
    pods: str = ""


def shares(status: RolloutStatus, deployments: Sequence[Object] = ()) -> list[Share]:
    """The revisions of a Rollout that have pods, or had, what serves first."""
    return [
        Share(one.role, one.name, one.weight, *_about(one, status), pods=_pods(one.name, deployments))
        for one in whole.revisions(status)
        if one.role != "next"
    ]


def _about(one: whole.Revision, status: RolloutStatus) -> tuple[Sequence[str], str]:
    """Its images, where status has them, and a word on it."""
    serving = {"stable": status.stable, "candidate": status.candidate}.get(one.role)
    if serving is not None:
        return serving.images, ""
    until = status.previous.until if status.previous and one.role == "previous" else None
    return (), f"kept until {moment(until)}" if until else one.message


def _pods(revision: str, deployments: Sequence[Object]) -> str:
    for one in whole.of_revision(deployments, revision):
        ready = (one.get("status") or {}).get("readyReplicas") or 0
        return f"{ready} of {(one.get('spec') or {}).get('replicas') or 0} ready"
    return ""


@dataclass(frozen=True)
class Line:
    """A Rollout in the overview."""

    namespace: str
    name: str
    environment: str
    status: RolloutStatus
    shares: Sequence[Share]


def line(rollout: Object) -> Line:
    """One Rollout."""
    meta, status = rollout["metadata"], read_rollout_status(rollout)
    environment = str((rollout.get("spec") or {}).get("environment") or "")
    return Line(str(meta["namespace"]), str(meta["name"]), environment, status, shares(status))


def by_environment(lines: Sequence[Line]) -> list[tuple[str, list[Line]]]:
    """Environment → its Rollouts, by namespace and name."""
    found: dict[str, list[Line]] = {}
    for one in sorted(lines, key=lambda one: (one.environment, one.namespace, one.name)):
        found.setdefault(one.environment, []).append(one)
    return list(found.items())


@dataclass(frozen=True)
class Case:
    """A Promotion as lists and headings show it."""

    namespace: str
    name: str
    rollout: str
    environment: str
    version: str
    commit: str
    requested_by: str
    hold: str
    """Why nothing goes forward, '' where nobody holds it, and when it has ended."""
    doubted: bool
    """Somebody is not confident in the rollback."""
    status: PromotionStatus
    created: datetime | None


def case(promotion: Object) -> Case:
    """One Promotion."""
    meta, spec, status = promotion["metadata"], promotion.get("spec") or {}, read_status(promotion)
    ended = status.phase in charge.FINAL or status.phase == charge.WATCHING
    return Case(
        namespace=str(meta["namespace"]),
        name=str(meta["name"]),
        rollout=str(spec.get("rollout") or ""),
        environment=str(spec.get("environment") or ""),
        version=str(spec.get("version") or ""),
        commit=str(spec.get("commit") or ""),
        requested_by=str(spec.get("requestedBy") or ""),
        hold="" if ended else str(spec.get("hold") or ""),
        doubted=not ended and spec.get("rollbackPlanNeeded") is True,
        status=status,
        created=instants.parse(meta.get("creationTimestamp")),
    )


def waits_for_people(promotion: Object, rollout: Object | None) -> bool:
    """Whether somebody has to decide something."""
    status, spec = read_status(promotion), promotion.get("spec") or {}
    if status.phase in charge.FINAL or status.phase == charge.WATCHING:
        return False
    asked = spec.get("approved") is True and decisions.asked_weight(rollout) is not None
    looked_at = decisions.to_confirm(promotion)
    return bool(status.phase in ("AwaitingApproval", "Held") or asked or spec.get("hold") or looked_at)


@dataclass(frozen=True)
class GateView:
    """A gate with its course."""

    gate: GateStatus
    course: Course | None
    limits: list[float] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Measurements that were collected."""
        return len(self.course.points) if self.course else 0

    @property
    def since(self) -> datetime | None:
        """When the first of them was made."""
        return self.course.points[0].at if self.course and self.course.points else None

    @property
    def edition(self) -> str:
        """Another one for another picture, of which there is one every few seconds at most."""
        if not self.course or not self.count:
            return "0"
        return f"{self.course.revision}-{self.course.points[-1].at.timestamp() // REDRAWN:.0f}"


def gate_views(gates: Sequence[GateStatus], courses: Any) -> list[GateView]:
    """Each gate with what was collected of it."""
    return [GateView(one, courses.get(one.name), limits(one.bound)) for one in gates]


def moment(at: datetime | None) -> str:
    """An instant for people; always UTC, as statuses have it."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else ""
