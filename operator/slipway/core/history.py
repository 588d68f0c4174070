"""status.history: what was tried and what came of it, told from the marks so that a lost write loses no entry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slipway.api.rollout import HistoryEntry
from slipway.core.charge import Claim
from slipway.core.lineage import Lineage
from slipway.core.marks import Cause
from slipway.core.revision import Revision

ENTRIES = 20
"""The newest are kept."""


def outcome_of(cause: Cause) -> str:
    """How a way that did not reach its end is called."""
    return {Cause.ABORT: "Aborted", Cause.RESTART: "Restarted"}.get(cause, "RolledBack")


def history(before: Sequence[HistoryEntry], lineage: Lineage, claims: Sequence[Claim]) -> list[HistoryEntry]:
    """The entries so far and those of the marks, oldest first. Marks go in time; entries stay."""
    known = list(before)
    for entry in _of_marks(lineage, claims):
        if any((e.revision, e.at) == (entry.revision, entry.at) for e in known):
            continue
        same = known and (known[-1].revision, known[-1].promotion, known[-1].outcome) == (
            entry.revision,
            entry.promotion,
            entry.outcome,
        )
        if same and known[-1].at <= entry.at:
            # A pass that was cut off after its status, and decided again: one event, one entry.
            known.pop()
        known.append(entry)
    return sorted(known, key=lambda entry: entry.at)[-ENTRIES:]


def _of_marks(lineage: Lineage, claims: Sequence[Claim]) -> Iterator[HistoryEntry]:
    by_uid = {claim.uid: claim.name for claim in claims}
    found: list[HistoryEntry] = []
    for revision in lineage.revisions.values():
        marks = revision.marks
        promotion = marks.approved.promotion if marks.approved else ""
        if marks.verified_at is not None:
            found.append(_entry(revision, promotion, "Promoted", marks.verified_at))
        if marks.kept is not None:
            found.append(_entry(revision, promotion, "Failed", marks.kept.at))
        if marks.rejected is not None:
            name = promotion or by_uid.get(marks.rejected.promotion_uid, "")
            found.append(_entry(revision, name, outcome_of(marks.rejected.cause), marks.rejected.at))
    yield from sorted(found, key=lambda entry: (entry.at, entry.revision))


def _entry(revision: Revision, promotion: str, outcome: str, at: object) -> HistoryEntry:
    return HistoryEntry.model_validate(
        {
            "revision": revision.name,
            "images": list(revision.images),
            "promotion": promotion,
            "at": at,
            "outcome": outcome,
        }
    )
