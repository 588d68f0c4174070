"""What happened when, as far as statuses tell, and why something went back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from slipway.api.rollout_status import HistoryEntry, RejectedStatus, RolloutStatus
from slipway.console import decisions
from slipway.core import charge, said
from slipway.core.enumerating import cut
from slipway.dashboard.shifted import Shift
from slipway.dashboard.views import Case, without_commands

LONGEST = 500
"""Characters of a reason: a message may be of some thousand."""


@dataclass(frozen=True)
class Step:
    """Something that happened to a Promotion."""

    at: datetime
    what: str


def steps(found: Case, rollout: RolloutStatus, shifts: Sequence[Shift]) -> list[Step]:
    """What happened to a Promotion, in its order. `shifts`: those of its Rollout that were seen."""
    status = found.status
    rejected, ended = _sent_back(found, rollout), status.finished_at is not None
    why = cut(rejected.reason, LONGEST) if rejected else _why(found)
    told = [
        (found.created, f"created by {found.requested_by}" if found.requested_by else "created"),
        (status.started_at, "its checks began"),
        *((one.at, f"approved by {one.by} ({one.identity})") for one in status.approvals),
        *(step for one in status.decisions for step in said.steps(one)),
        (status.approved_at, "enough people had approved"),
        *((one.at, f"migration {one.step}: {one.result}") for one in status.migrations),
        *((one.at, one.words) for one in shifts if one.promotion == found.name and _during(found, one.at)),
        (status.shifted_at, "all traffic had moved"),
        (rejected.at if rejected else None, "sent back" if ended else f"sent back: {why}"),
        (status.finished_at, f"ended: {status.phase}{': ' + why if why else ''}"),
    ]
    return sorted((Step(at, what) for at, what in told if at is not None), key=lambda step: step.at)


@dataclass(frozen=True)
class Tried:
    """An entry of a Rollout's history."""

    entry: HistoryEntry
    why: str
    """Why it went back, '' where it did not or where nothing is left that says so."""


def tried(status: RolloutStatus, promotions: Sequence[Case]) -> list[Tried]:
    """What was tried of a Rollout, the newest first."""
    return [Tried(entry, _why_of(entry, status, promotions)) for entry in reversed(status.history)]


def current(status: RolloutStatus, shifts: Sequence[Shift]) -> list[Shift]:
    """The steps of the candidate while it has traffic, as far as they were seen."""
    candidate = status.candidate
    if candidate is None or candidate.step is None:
        return []
    return [one for one in shifts if (one.revision, one.promotion) == (candidate.revision, status.promotion or "")]


def _why_of(entry: HistoryEntry, status: RolloutStatus, promotions: Sequence[Case]) -> str:
    if entry.outcome == "Promoted":
        return ""
    rejected = status.rejected
    if rejected and (rejected.revision, rejected.at) == (entry.revision, entry.at):
        return cut(rejected.reason, LONGEST)
    return next((_why(one) for one in promotions if one.name == entry.promotion), "")


def _why(found: Case) -> str:
    """Why a Promotion ended without success, as its own status says."""
    status = found.status
    if status.phase not in charge.FINAL or status.phase in decisions.ENDED_WELL:
        return ""
    return cut(without_commands(status.message), LONGEST)


def _sent_back(found: Case, rollout: RolloutStatus) -> RejectedStatus | None:
    """What the Rollout says of this attempt: another one of the same revision may have been sent back too."""
    target, rejected = found.status.target, rollout.rejected
    if target is None or rejected is None or rejected.at is None or rejected.revision != target.revision:
        return None
    return rejected if _during(found, rejected.at) and found.status.phase not in decisions.ENDED_WELL else None


def _during(found: Case, at: datetime) -> bool:
    ended = found.status.finished_at
    return (found.created is None or found.created <= at) and (ended is None or at <= ended)
