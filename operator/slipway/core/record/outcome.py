"""What is noted of an outcome in the same write as its mark."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from slipway.api.model import dump
from slipway.api.record import RecordedGate, RecordedSmokeTest
from slipway.core import instants
from slipway.core.marks import Marks
from slipway.core.progress import Progress
from slipway.core.record.owed import Owed

ENTRIES = 50
"""Gates and smoke tests that are noted, so that the annotation stays small."""


def owing(
    marks: Marks, kind: str, at: datetime, outcome: str, reason: str, revision: str, found: Progress | None
) -> Marks:
    """The marks of a revision, and the record that they owe from now on.

    Nothing is owed for a revision to which no traffic has moved. `found` has its last measurements.
    """
    approved = marks.approved
    if approved is None:
        return marks
    gates = found.gates if found is not None and found.revision.name == revision else ()
    tests = found.smoke if found is not None and found.revision.name == revision else ()
    facts = {
        "outcome": outcome,
        "reason": reason[:1000],
        "promotion": {"name": approved.promotion, "uid": approved.promotion_uid},
        "plan": approved.plan_hash,
        "approvedBy": list(approved.by),
        "approvedAt": instants.render(approved.at),
        "trafficAt": instants.render(approved.since),
        "promotedAt": instants.render(marks.promoted_at) if marks.promoted_at else None,
        "verifiedAt": instants.render(marks.verified_at) if marks.verified_at else None,
        "gates": [
            dump(RecordedGate(name=g.name, verdict=g.verdict, value=g.value, bound=g.bound, at=g.measured_at))
            for g in gates[:ENTRIES]
            if g.verdict
        ],
        "smokeTests": [
            dump(RecordedSmokeTest(name=t.name, verdict=t.verdict, at=t.at)) for t in tests[:ENTRIES] if t.verdict
        ],
    }
    return replace(marks, owed=(*marks.owed, Owed(kind, at, facts)))
