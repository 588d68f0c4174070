"""The watch over a launch, from its beginning to its record: each that began is recorded once, however it ends.

Its beginning is marked on the revision together with the verification, its end together with the record that is owed.
Nothing about traffic looks at either.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from slipway.api.watch import watched_for
from slipway.core import instants, plan_lost, progress, watch
from slipway.core.case import Case
from slipway.core.history import outcome_of
from slipway.core.lineage import Lineage
from slipway.core.marks import Marks, Watching
from slipway.core.progress import Progress
from slipway.core.record.outcome import owing
from slipway.core.record.owed import WATCH
from slipway.core.revision import Revision
from slipway.core.watch import State

End = tuple[datetime, str, str]
"""When a watch ended, how, and why."""


def begun(case: Case, revision: Revision) -> Marks:
    """The marks of a revision that is verified now; its watch begins unless its Promotion asks for none."""
    asked = watched_for(watch.periods(case, revision)) > timedelta()
    return replace(revision.marks, watch=Watching.OPEN) if asked else revision.marks


def changed(case: Case, lineage: Lineage, watched: Progress | None) -> dict[str, Marks]:
    """The marks that this pass changes: watches that end in it, and those that began before they were marked.

    `lineage` is that with which the pass ends, `watched` what was measured of stable in it.
    """
    found: dict[str, Marks] = {}
    for name, revision in lineage.revisions.items():
        if name not in case.lineage.revisions:
            continue
        if revision.marks.watch is Watching.OPEN:
            end = _end(case, lineage, revision)
            if end is not None:
                found[name] = _closed(revision, end, _figures(case, revision, watched))
        elif revision.marks.watch is None and _runs_unmarked(case, revision):
            found[name] = begun(case, revision)
    return found


def _runs_unmarked(case: Case, revision: Revision) -> bool:
    """An older version of the operator began it."""
    stable = case.lineage.stable
    running = stable is not None and stable.name == revision.name and not revision.marks.rejected
    return running and watch.until(case, case.lineage) is not None


def _end(case: Case, lineage: Lineage, revision: Revision) -> End | None:
    marks = revision.marks
    if marks.rejected is not None:
        return marks.rejected.at, outcome_of(marks.rejected.cause), marks.rejected.reason
    if marks.kept is not None:
        return marks.kept.at, "Failed", f"{marks.kept.reason}; there was nothing to go back to"
    state = watch.state(case, lineage, revision)
    if state is State.COMPLETED:
        end = watch.ends(case, revision) or case.now
        return end, str(state), f"it was watched until {instants.render(end)}"
    if state is State.LOST:
        return watch.ends(case, revision) or case.now, str(state), plan_lost.ended(case, revision)
    if state is not State.RUNNING:
        return case.now, str(state), "the watch has ended with the next launch"
    if watch.claim_of(case, revision) is None:
        return case.now, "PromotionDeleted", "the watch has ended with its Promotion"
    return None


def _figures(case: Case, revision: Revision, watched: Progress | None) -> Progress | None:
    if watched is not None and watched.revision.name == revision.name:
        return watched
    stable = case.lineage.stable
    if stable is None or stable.name != revision.name:
        return None
    return progress.of_watch_that_ended(case)


def _closed(revision: Revision, end: End, figures: Progress | None) -> Marks:
    at, outcome, reason = end
    marks = replace(revision.marks, watch=Watching.CLOSED)
    return owing(marks, WATCH, at, outcome, reason, revision.name, figures)
