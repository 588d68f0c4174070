"""What the Rollout says of migrations that bear on going back."""

from __future__ import annotations

from slipway.core.lineage import Lineage
from slipway.core.marks import Marks
from slipway.core.migration.run import Step


def has_contracted(marks: Marks) -> bool:
    """Whether this launch took away what older versions need; a run that failed may have done a part of it."""
    uid = marks.approved.promotion_uid if marks.approved is not None else ""
    return any(run.step is Step.CONTRACT and run.promotion_uid == uid for run in marks.migrations)


def contracted(lineage: Lineage) -> str:
    """A warning to append where going back, which is never held up, leads to code that may not know the data."""
    stable, previous = lineage.stable, lineage.previous
    if stable is not None and previous is not None and has_contracted(stable.marks):
        return f"; migration contract has begun: revision {previous.name} may not work with the data any more"
    left = [r for r in lineage.revisions.values() if r.marks.rejected and has_contracted(r.marks)]
    if stable is not None and left and stable.marks.returned_at is not None:
        return (
            f"; migration contract of revision {left[0].name} had begun: look whether revision {stable.name} works "
            "with the data"
        )
    return ""
