"""Which record is to be kept next, and what follows once it is: its name in status, and nothing owed any more.

One at a time for a Rollout, the oldest first, so that the records form one chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from slipway.api.record import Statement
from slipway.core import after_rollback
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.decision import KeepRecord
from slipway.core.marks import Marks
from slipway.core.migration import steps
from slipway.core.record import statement
from slipway.core.record.owed import ORDER, ROLLBACK, Owed
from slipway.core.revision import Revision
from slipway.core.snapshot import RecordKept

if TYPE_CHECKING:  # a scene has a course, and a course knows which records are kept
    from slipway.core.scene import Scene

LEARNED_FROM = frozenset({"Succeeded", "RolledBack", "Failed", "Aborted"})
"""Ends of a Promotion that led somewhere."""


def wanted(scene: Scene) -> Iterable[KeepRecord]:
    """The record that is to be kept now; at most one."""
    for due in _due(scene):
        if due is not None:
            yield KeepRecord(key=_key(due.predicate.id), due=scene.case.now, statement=due)
        return


def _due(scene: Scene) -> Iterator[Statement | None]:
    """What is not kept yet, in order; None for one whose time has not come, and everything after it waits too."""
    case = scene.case
    for revision, owed in owed_records(case):
        if not _is_noted(case, revision, owed):
            yield statement.of_owed(case, revision, owed) if _is_over(scene, revision, owed) else None
    for claim in case.claims:
        found = _learnings(case, claim)
        if found is not None:
            yield found


def owed_records(case: Case) -> list[tuple[Revision, Owed]]:
    """As it is stored: what this very pass adds is not certain before it is written."""
    found = [(revision, owed) for revision in case.lineage.revisions.values() for owed in revision.marks.owed]
    return sorted(found, key=lambda one: (one[1].at, one[0].name, _place(one[1].kind), one[1].kind))


def _place(kind: str) -> int:
    return ORDER.index(kind) if kind in ORDER else len(ORDER)


def _is_over(scene: Scene, revision: Revision, owed: Owed) -> bool:
    """A rollback is over when traffic is back, what was migrated is undone, and what is asked then has its answers."""
    going = scene.retreating is not None and scene.retreating.name == revision.name and scene.goes_back
    case = scene.case
    if owed.kind != ROLLBACK:
        return True
    return not (
        going
        or scene.course.back is not None
        or steps.unfinished(case, revision, scene.course.candidate)
        or after_rollback.awaited(case, claim_of(case, owed), owed.plan_hash, owed.at)
    )


def _learnings(case: Case, claim: Claim) -> Statement | None:
    learnings = claim.spec.learnings if claim.spec else None
    if learnings is None or claim.deleting or claim.status.phase not in LEARNED_FROM:
        return None
    if statement.id_of_learnings(claim, learnings) in ids(claim):
        return None
    return statement.of_learnings(case, claim, learnings)


def _key(record_id: str) -> str:
    return f"record {record_id}"


def kept(case: Case, record_id: str) -> RecordKept | None:
    """Where the record with this id is, if it has just been seen to be kept."""
    found = case.snapshot.observations.get(_key(record_id))
    return found if isinstance(found, RecordKept) else None


def ids(claim: Claim) -> set[str]:
    """The records that a Promotion names."""
    return {record.id for record in claim.status.records}


def claim_of(case: Case, owed: Owed) -> Claim | None:
    """The Promotion that a record is about; None where it is gone, or where there was none."""
    return next((c for c in case.claims if c.uid == owed.promotion_uid and not c.deleting), None)


def _is_noted(case: Case, revision: Revision, owed: Owed) -> bool:
    """Whether the record is there for certain: on its Promotion, or, where there is none, as just seen."""
    claim, record_id = claim_of(case, owed), statement.id_of(case, revision, owed)
    return kept(case, record_id) is not None if claim is None else record_id in ids(claim)


def settled(case: Case, revision: Revision) -> Marks:
    """The revision's marks without the records that are kept."""
    marks = revision.marks
    left = tuple(owed for owed in marks.owed if not _is_noted(case, revision, owed))
    return marks if left == marks.owed else replace(marks, owed=left)
