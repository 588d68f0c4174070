"""Which revision is what: read from the marks alone, so that a lost status loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from slipway.core.marks import Cause, Marks
from slipway.core.revision import Revision

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Lineage:
    """The roles of the stored revisions.

    `desired` is what the template asks for. `stable` is the last fully promoted revision, `previous` the one that
    served immediately before it (None after going back: forward again needs a new approval), `shifting` the one that
    takes traffic under an approval and is not verified yet.
    """

    revisions: Mapping[str, Revision]
    desired: Revision | None
    stable: Revision | None
    previous: Revision | None
    shifting: Revision | None

    def get(self, name: str | None) -> Revision | None:
        """The stored revision of this name."""
        return self.revisions.get(name) if name else None

    def with_marks(self, name: str, marks: Marks) -> Lineage:
        """The lineage as it is once these marks are written."""
        revisions = dict(self.revisions)
        revisions[name] = revisions[name].marked(marks)
        return trace(revisions, self.desired)


def has_served(revision: Revision) -> bool:
    """Fully promoted and not sent back."""
    marks = revision.marks
    return bool(marks.approved and marks.promoted_at and (marks.verified_at or marks.kept) and not marks.rejected)


def trace(revisions: Mapping[str, Revision], desired: Revision | None) -> Lineage:
    """Find the roles. Total: any combination of marks gives one answer."""
    served = sorted(
        (r for r in revisions.values() if has_served(r)),
        key=lambda r: (r.marks.returned_at or r.marks.promoted_at or _NEVER, r.name),
    )
    stable = served[-1] if served else None
    previous = served[-2] if len(served) > 1 and stable and not stable.marks.returned_at else None
    moving = [r for r in revisions.values() if r.marks.in_flight]
    shifting = max(moving, key=lambda r: (r.marks.approved.at if r.marks.approved else _NEVER, r.name), default=None)
    if desired is not None:
        desired = revisions.get(desired.name, desired)
    return Lineage(dict(revisions), desired, stable, previous, shifting)


def cleared(marks: Marks) -> Marks:
    """Marks of a revision that starts again as if it had never been tried.

    An acted abort stays acted, what is not recorded yet stays owed, data that was migrated is still so, and that users
    had it taken from them stays known.
    """
    rejected = marks.rejected
    counts = rejected is not None and rejected.cause is not Cause.RESTART and marks.approved is not None
    sent_back = rejected if counts else marks.sent_back
    return replace(
        Marks(),
        abort_acted=marks.abort_acted,
        owed=marks.owed,
        migrations=marks.migrations,
        sent_back=sent_back,
    )
