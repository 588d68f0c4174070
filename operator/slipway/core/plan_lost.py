"""A watch whose approved plan is gone or cannot be read: there is nothing to measure by, and that is said.

It goes on for the default time all the same: as long as it does, a person can still send the revision back.
"""

from __future__ import annotations

from slipway.api.rollout import WatchStatus
from slipway.core import instants, names, watch
from slipway.core.case import Case
from slipway.core.gates import Verdict
from slipway.core.lineage import Lineage
from slipway.core.revision import Revision


def ended(case: Case, revision: Revision) -> str:
    """Why a watch has ended without having been one."""
    return f"nothing was measured at its end: {_missing(case, revision)}. Look at how revision {revision.name} is doing"


def words(case: Case, lineage: Lineage) -> str:
    """What the watch over stable lacks, and what to do; '' where it lacks nothing."""
    stable, until = lineage.stable, watch.until(case, lineage)
    if stable is None or until is None or not watch.is_lost(case, stable):
        return ""
    back = f"set spec.abort to bring revision {lineage.previous.name} back, or " if lineage.previous else ""
    return (
        f"nothing is measured: {_missing(case, stable)}. Restore it from a backup, {back}"
        f"launch the next revision with a new Promotion; this watch ends at {instants.render(until)}"
    )


def without_figures(status: WatchStatus) -> WatchStatus:
    """What was measured last says nothing of now; failures still count when the plan is back."""
    gates = [
        gate.model_copy(
            update={"verdict": str(Verdict.NO_DATA), "value": None, "message": f"{gate.name}: its plan is gone"}
        )
        for gate in status.gates
    ]
    return status.model_copy(update={"gates": gates})


def _missing(case: Case, revision: Revision) -> str:
    approved = revision.marks.approved
    name = names.plan_name(case.name, approved.plan_hash) if approved is not None else "?"
    return f"ControllerRevision {name}, the approved plan, is gone or cannot be read"
