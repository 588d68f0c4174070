"""What gates measured: the last values that statuses have, and what came since the dashboard was started."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from slipway.api.rollout import read_status
from slipway.cluster.api import Object
from slipway.core import bounds
from slipway.dashboard.key import Key, key_of

KEPT = 240
"""Measurements of a gate: two hours at the default interval."""


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
        self._courses: dict[Key, dict[str, Course]] = {}

    def add(self, rollout: Object) -> None:
        """Remember what is new in a status. Another revision begins another course."""
        key, courses = key_of(rollout), {}
        known = self._courses.get(key, {})
        for gate in read_status(rollout).judged:
            course = known.get(gate.name)
            if course is None or (gate.revision and course.revision != gate.revision):
                course = Course(gate.revision)
            courses[gate.name] = course
            for one in gate.course:
                if not course.points or course.points[-1].at < one.at:
                    course.points.append(Point(one.at, one.value, one.verdict == "Fail"))
        self._courses[key] = courses

    def keep_only(self, there: Container[Key]) -> None:
        """Forget Rollouts that are gone; `there` are namespaces and names."""
        self._courses = {key: found for key, found in self._courses.items() if key in there}

    def of(self, rollout: Object) -> Mapping[str, Course]:
        """By name of the gate."""
        return self._courses.get(key_of(rollout), {})


def limits(bound: str) -> list[float]:
    """The numbers in a bound as status has it, `> 0.2 and < 0.9`; not a share of a baseline that is not there yet."""
    return [number for _, number in bounds.sides(bound)]
