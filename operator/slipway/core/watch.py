"""The watch after a launch: how long it lasts, how closely, and whether it is over.

It is told from the marks and the stored plan alone: a lost status loses nothing of it. Without a Promotion there is no
watch but the one that `keepPrevious` brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import TypeAdapter, ValidationError

from slipway.api.watch import Watch, WatchPeriod, default_watch, watched_for
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.lineage import Lineage
from slipway.core.plan import stored_spec
from slipway.core.revision import Revision

_PERIODS: TypeAdapter[list[WatchPeriod]] = TypeAdapter(Watch)


class State(StrEnum):
    """What has become of a watch. The words are the reasons of the condition Watched."""

    RUNNING = "Running"
    COMPLETED = "Completed"
    REPLACED = "Replaced"
    """The next launch has reached 100 %."""
    SKIPPED = "NotAsked"
    """The Promotion asks for none."""
    LOST = "PlanLost"
    """Its time is over, but there is no plan to have measured by."""


def interval(periods: Sequence[WatchPeriod], elapsed: timedelta, otherwise: timedelta) -> timedelta:
    """The time to the next measurement, so long after verify; `otherwise` when all periods are over."""
    return next((period.interval for period in periods if elapsed < period.for_), otherwise)


def periods(case: Case, revision: Revision) -> list[WatchPeriod]:
    """The watch that the approved plan of a revision asks for; none without a Promotion."""
    approved = revision.marks.approved
    if approved is None or not approved.promotion_uid:
        return []
    inputs = case.plan_inputs(approved.plan_hash) or {}
    asked = inputs.get("promotion")
    raw = asked.get("watch") if isinstance(asked, dict) else None
    if raw is None:
        return default_watch()
    try:
        return _PERIODS.validate_python(raw)
    except ValidationError:
        # A newer operator wrote it: the watch that nobody asked to change is the careful answer.
        return default_watch()


def ends(case: Case, revision: Revision) -> datetime | None:
    """When the watch of a verified revision ends, by its plan."""
    verified = revision.marks.verified_at
    return verified + watched_for(periods(case, revision)) if verified is not None else None


def is_lost(case: Case, revision: Revision) -> bool:
    """Whether the plan by which a revision is watched is gone, or is nothing to measure by."""
    approved = revision.marks.approved
    if approved is None or not approved.promotion_uid:
        return False
    return stored_spec(case.snapshot.revisions, case.name, approved.plan_hash, revision, case.raw_spec) is None


def state(case: Case, lineage: Lineage, revision: Revision) -> State:
    """What has become of the watch over a verified revision."""
    end = ends(case, revision)
    if end is None or end == revision.marks.verified_at:
        return State.SKIPPED
    if case.now >= end:
        return State.LOST if is_lost(case, revision) else State.COMPLETED
    stable, shifting = lineage.stable, lineage.shifting
    if stable is None or stable.name != revision.name or revision.marks.returned_at is not None:
        return State.REPLACED
    if shifting is not None and shifting.marks.promoted_at is not None and case.world.exposure(shifting.name) == 100:
        return State.REPLACED
    return State.RUNNING


def claim_of(case: Case, revision: Revision) -> Claim | None:
    """The Promotion that watches over a revision; None when it is gone or its word is final."""
    approved = revision.marks.approved
    uid = approved.promotion_uid if approved else ""
    found = next((claim for claim in case.claims if uid and claim.uid == uid), None)
    return found if found and not found.finished and not found.deleting else None


def until(case: Case, lineage: Lineage) -> datetime | None:
    """Until when a Promotion watches over stable; None when none does."""
    stable = lineage.stable
    if stable is None or stable.marks.verified_at is None or stable.marks.kept or claim_of(case, stable) is None:
        return None
    return ends(case, stable) if state(case, lineage, stable) is State.RUNNING else None
