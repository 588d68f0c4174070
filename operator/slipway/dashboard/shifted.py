"""Which share a candidate was given and when: the step that status has, and those that the dashboard saw before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime

from slipway.api.rollout import read_status
from slipway.cluster.api import Object
from slipway.dashboard.key import Key, key_of

KEPT = 50
"""Steps of a Rollout: those of some launches."""


@dataclass(frozen=True)
class Shift:
    """One step of a candidate."""

    at: datetime
    weight: int
    revision: str
    promotion: str
    """The Promotion in charge, '' where there is none."""
    followed: bool
    """Whether the gateway was seen to follow."""

    @property
    def words(self) -> str:
        """What it is, without its time."""
        return f"{self.weight} % of the traffic{'' if self.followed else '; the gateway has not followed yet'}"


class Shifted:
    """The steps of the Rollouts that are there. Status has the current one alone."""

    def __init__(self) -> None:
        self._seen: dict[Key, deque[Shift]] = {}

    def add(self, rollout: Object) -> None:
        """Remember the step that a status has."""
        status = read_status(rollout)
        if status.candidate is None or status.candidate.step is None:
            return
        step, revision = status.candidate.step, status.candidate.revision
        now = Shift(step.started_at, step.weight, revision, status.promotion or "", step.converged_at is not None)
        seen = self._seen.setdefault(key_of(rollout), deque(maxlen=KEPT))
        if seen and (seen[-1].at, seen[-1].revision) == (now.at, now.revision):
            seen.pop()
        seen.append(now)

    def keep_only(self, there: Container[Key]) -> None:
        """Forget Rollouts that are gone; `there` are namespaces and names."""
        self._seen = {key: found for key, found in self._seen.items() if key in there}

    def of(self, rollout: Object) -> list[Shift]:
        """The oldest first."""
        return list(self._seen.get(key_of(rollout), ()))
