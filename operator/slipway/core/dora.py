"""What launches came to, in four figures: how often, how soon, how many fail, and how long until users are well again.

Told from objects alone, the Promotions and the history of their Rollout, so that a restart neither forgets a launch nor
counts one twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

from slipway.api.promotion_status import PromotionStatus
from slipway.api.rollout import HistoryEntry
from slipway.core.record.owed import ROLLBACK

WINDOW = timedelta(days=30)
"""Launches that came to something longer ago do not count."""
COMMIT_TIME = "slipway.dev/commit-time"
"""Annotation of a Promotion: when what it launches was committed, RFC 3339."""
WENT_BACK = frozenset({"RolledBack", "Aborted"})


@dataclass(frozen=True)
class Change:
    """One version that users have met. At least one of the instants is there."""

    deployed_at: datetime | None = None
    """When all traffic had moved to it."""
    failed_at: datetime | None = None
    """When it was taken back, or had failed with nothing to go back to."""
    lead: timedelta | None = None
    """From the commit, or else from the creation of the Promotion, until all traffic had moved."""
    restored: timedelta | None = None
    """From the decision to go back until traffic was back."""

    @property
    def at(self) -> datetime:
        """The last instant that is known of it."""
        known = [at for at in (self.deployed_at, self.failed_at) if at is not None]
        return max(known)


@dataclass(frozen=True)
class Figures:
    """Of one Rollout, of the last WINDOW. None where nothing was measured."""

    deployments: int
    failures: int
    failure_ratio: float | None
    lead: timedelta | None
    """Median."""
    restore: timedelta | None
    """Median."""


def of_promotion(
    name: str,
    status: PromotionStatus,
    created: datetime | None,
    committed: datetime | None,
    history: Iterable[HistoryEntry],
) -> Change | None:
    """What a Promotion brought in front of users; None where no request ever met it."""
    history = [entry for entry in history if entry.promotion == name and entry.outcome in WENT_BACK]
    failed = _failed_at(status, history)
    if status.shifted_at is None and failed is None:
        return None
    began = committed or created
    lead = status.shifted_at - began if status.shifted_at is not None and began is not None else None
    restored = None
    if failed is not None and status.phase in WENT_BACK:
        decided = [entry.at for entry in history if entry.at <= failed]
        restored = failed - max(decided) if decided else None
    return Change(
        status.shifted_at,
        failed,
        # A commit that is younger than its traffic is a clock that is wrong, or a hand.
        lead if lead is not None and lead >= timedelta() else None,
        restored,
    )


def had_traffic(status: PromotionStatus) -> bool:
    """Whether any request went to its revision. What a person ended before that leaves no record of a way back."""
    breached = status.phase == "RolledBack" and status.approved_at is not None
    recorded = any(record.kind == ROLLBACK for record in status.records)
    # Where no record can be kept the summary alone says it.
    summed_up = status.summary is not None and status.summary.went_back != ""
    return status.shifted_at is not None or breached or recorded or summed_up


def _failed_at(status: PromotionStatus, back: Iterable[HistoryEntry]) -> datetime | None:
    if status.phase == "Succeeded" and status.shifted_at is not None:
        # It stays Succeeded, though its revision was taken back after the watch.
        return max((entry.at for entry in back if entry.at > status.shifted_at), default=None)
    if status.phase == "Failed":
        # Without all traffic it failed before the first request: it was late.
        return status.finished_at if status.shifted_at is not None else None
    return status.finished_at if status.phase in WENT_BACK and had_traffic(status) else None


def of_history(history: Iterable[HistoryEntry], told: frozenset[str]) -> Iterator[Change]:
    """What only the history knows: without a Promotion, or under one that was deleted. `told`: names of the others."""
    found: dict[tuple[str, str], Change] = {}
    for entry in sorted(history, key=lambda entry: entry.at):
        if entry.promotion in told:
            continue
        key, served = (entry.revision, entry.promotion), found.get((entry.revision, entry.promotion))
        if entry.outcome in ("Promoted", "Failed"):
            if served is not None:
                yield served
            found[key] = Change(entry.at, entry.at if entry.outcome == "Failed" else None)
        elif entry.outcome == "RolledBack" or (entry.outcome == "Aborted" and served is not None):
            yield replace(served or Change(), failed_at=entry.at)
            found.pop(key, None)
    yield from found.values()


def figures(changes: Sequence[Change], now: datetime) -> Figures:
    """Of those changes that came to something within WINDOW."""
    since = now - WINDOW
    recent = [change for change in changes if change.at > since]
    deployed = [change for change in recent if change.deployed_at is not None and change.deployed_at > since]
    failed = sum(change.failed_at is not None for change in recent)
    return Figures(
        len(deployed),
        failed,
        failed / len(recent) if recent else None,
        _median(change.lead for change in deployed),
        _median(change.restored for change in recent),
    )


def _median(lengths: Iterable[timedelta | None]) -> timedelta | None:
    known = [length.total_seconds() for length in lengths if length is not None]
    return timedelta(seconds=median(known)) if known else None
