"""What gates measured since the dashboard was started. Statuses have the last value only; nothing is made up."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from slipway.api.rollout import read_status
from slipway.api.rollout_status import GateStatus, RolloutStatus
from slipway.cluster.api import Object

KEPT = 240
"""Measurements of a gate: two hours at the default interval."""

_LIMIT = re.compile(r"[<>≤≥] (-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)(?![\d.%])")


@dataclass(frozen=True)
class Point:
    """One measurement."""

    at: datetime
    value: float
    failed: bool


@dataclass
class Course:
    """The measurements of one gate for one revision, the oldest first."""

    revision: str
    points: deque[Point] = field(default_factory=lambda: deque(maxlen=KEPT))


class Measured:
    """The courses of all gates of the Rollouts that are there."""

    def __init__(self) -> None:
        self._courses: dict[tuple[str, str], dict[str, Course]] = {}

    def add(self, rollout: Object) -> None:
        """Remember what is new in a status. Another revision begins another course."""
        key, courses = _key(rollout), {}
        known = self._courses.get(key, {})
        for gate in gates_of(read_status(rollout)):
            course = known.get(gate.name)
            if course is None or (gate.revision and course.revision != gate.revision):
                course = Course(gate.revision)
            courses[gate.name] = course
            fresh = not course.points or (gate.measured_at is not None and course.points[-1].at < gate.measured_at)
            if gate.value is not None and gate.measured_at is not None and fresh:
                course.points.append(Point(gate.measured_at, gate.value, gate.verdict == "Fail"))
        self._courses[key] = courses

    def keep_only(self, there: Container[tuple[str, str]]) -> None:
        """Forget Rollouts that are gone; `there` are namespaces and names."""
        self._courses = {key: found for key, found in self._courses.items() if key in there}

    def of(self, rollout: Object) -> Mapping[str, Course]:
        """By name of the gate."""
        return self._courses.get(_key(rollout), {})


def gates_of(status: RolloutStatus) -> list[GateStatus]:
    """The gates of the candidate, or those of the watch over what serves."""
    return [*status.gates] or (list(status.watch.gates) if status.watch else [])


def limits(bound: str) -> list[float]:
    """The numbers in a bound as status has it, `> 0.2 and < 0.9`; not a share of a baseline that is not there yet."""
    return [float(found) for found in _LIMIT.findall(bound)]


def _key(rollout: Object) -> tuple[str, str]:
    return str(rollout["metadata"]["namespace"]), str(rollout["metadata"]["name"])
