"""Which revision is what: read from the marks alone, so that a lost status loses nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from slipway.core.marks import Cause, Marks, Rejected
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


def sent_back(revision: Revision) -> Rejected | None:
    """Its last rejection after it was approved, also where that has stopped to bind. What starts again is not meant."""
    last = revision.marks.last_rejection
    return revision.marks.sent_back if last is not None and last.cause is Cause.RESTART else last


def came_back_at(lineage: Lineage) -> datetime | None:
    """When it was decided that traffic comes back to stable, from a switch or from a canary's step.

    None where nothing was sent back since stable has served everybody.
    """
    stable = lineage.stable
    promoted = stable.marks.promoted_at if stable is not None else None
    if stable is None or promoted is None:
        return None
    left = (back.at for revision in lineage.revisions.values() if (back := sent_back(revision)) is not None)
    times = [at for at in left if at > promoted]
    return max([*times, *([stable.marks.returned_at] if stable.marks.returned_at else [])], default=None)


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
