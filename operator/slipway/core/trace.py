"""A launch as a trace: spans of what has ended, told from objects alone.

Their ids follow from the launch, so that whoever tells of a span once more, after a restart, tells of the same one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from slipway.api.promotion_status import PromotionStatus, Target
from slipway.api.rollout import RolloutStatus
from slipway.core import charge, instants
from slipway.core.conditions import find
from slipway.core.dora import WENT_BACK, had_traffic
from slipway.core.watch import State

LAUNCH = "launch"
APPROVAL = "waiting for approval"
SHIFTING = "shifting"
VERIFYING = "verifying"
WATCHING = "watching"
GOING_BACK = "going back"


@dataclass(frozen=True)
class Span:
    """A part of a launch that has ended. Ids are never 0; `parent` is None for the launch itself."""

    name: str
    trace: int
    id: int
    parent: int | None
    start: datetime
    end: datetime
    failed: bool = False
    attributes: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Launch:
    """What a trace is about. `rollout` is None where there is none any more."""

    uid: str
    name: str
    namespace: str
    environment: str
    version: str
    commit: str
    status: PromotionStatus
    rollout: RolloutStatus | None


def spans(launch: Launch) -> Iterator[Span]:
    """All that has ended of it; nothing before it is known which revision it is about."""
    status, target = launch.status, launch.status.target
    if target is None or status.phase == "DryRunComplete":
        return
    trace = _Trace(launch, target)
    back_at, verified_at = _back_at(launch), _verified_at(launch)
    ended_at = status.finished_at if status.phase in charge.FINAL else None
    yield from trace.span(APPROVAL, status.started_at, status.approved_at)
    yield from trace.span(SHIFTING, status.approved_at, status.shifted_at or back_at)
    yield from _shift(launch, target, trace)
    yield from trace.span(VERIFYING, status.shifted_at, verified_at or back_at)
    if _is_watched(status):
        yield from trace.span(WATCHING, verified_at, back_at or ended_at)
    yield from trace.span(GOING_BACK, back_at, ended_at)
    outcome: dict[str, str | int] = {"slipway.outcome": status.phase}
    outcome |= {"slipway.version": launch.version} if launch.version else {}
    outcome |= {"vcs.ref.head.revision": launch.commit} if launch.commit else {}
    failed = status.phase in ("RolledBack", "Failed")
    yield from trace.span(LAUNCH, status.started_at, ended_at, parent=None, more=outcome, failed=failed)


class _Trace:
    def __init__(self, launch: Launch, target: Target) -> None:
        self._identity = f"{launch.uid}/{target.revision}"
        self._attributes: dict[str, str | int] = {
            "k8s.namespace.name": launch.namespace,
            "slipway.rollout": target.rollout,
            "slipway.environment": launch.environment,
            "slipway.promotion": launch.name,
            "slipway.revision": target.revision,
        }

    def span(
        self,
        name: str,
        start: datetime | None,
        end: datetime | None,
        *,
        key: str = "",
        parent: str | None = LAUNCH,
        more: Mapping[str, str | int] | None = None,
        failed: bool = False,
    ) -> Iterator[Span]:
        """One, if it has begun and ended. `key` tells apart those of one name."""
        if start is None or end is None or end < start:
            return
        yield Span(
            name,
            trace=self._id("", 16),
            id=self._id(key or name, 8),
            parent=self._id(parent, 8) if parent is not None else None,
            start=start,
            end=end,
            failed=failed,
            attributes=self._attributes | dict(more or {}),
        )

    def _id(self, what: str, size: int) -> int:
        return int.from_bytes(hashlib.sha256(f"{self._identity}/{what}".encode()).digest()[:size]) or 1


def _shift(launch: Launch, target: Target, trace: _Trace) -> Iterator[Span]:
    """The step that a canary is in, once the gateway has followed: it can be read there for as long as it is held."""
    rollout = launch.rollout
    if rollout is None or rollout.promotion != launch.name or rollout.candidate is None:
        return
    step = rollout.candidate.step
    if step is None or rollout.candidate.revision != target.revision:
        return
    # A step that is entered once more is another shift.
    key = f"shift {step.index} {instants.render(step.started_at)}"
    more = {"slipway.weight": step.weight, "slipway.step": step.index}
    name = f"shift to {step.weight} %"
    yield from trace.span(name, step.started_at, step.converged_at, key=key, parent=SHIFTING, more=more)


def _is_watched(status: PromotionStatus) -> bool:
    found = find(status.conditions, "Watched")
    return found is not None and found.reason != State.SKIPPED


def _back_at(launch: Launch) -> datetime | None:
    """When it was decided to go back."""
    if launch.status.phase not in WENT_BACK or launch.status.finished_at is None or launch.rollout is None:
        return None
    if not had_traffic(launch.status):
        return None
    known = [e.at for e in launch.rollout.history if e.promotion == launch.name and e.outcome in WENT_BACK]
    return max((at for at in known if at <= launch.status.finished_at), default=None)


def _verified_at(launch: Launch) -> datetime | None:
    """When verification had passed: as the history says, which stays; the condition changes when it goes back."""
    shifted = launch.status.shifted_at
    if shifted is None:
        return None
    if launch.rollout is not None:
        history = launch.rollout.history
        known = (e.at for e in history if e.promotion == launch.name and e.outcome == "Promoted" and e.at >= shifted)
        return min(known, default=None)
    found = find(launch.status.conditions, "Succeeded")
    return found.last_transition_time if found is not None and found.status == "True" else None
