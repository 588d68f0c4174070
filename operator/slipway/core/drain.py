"""Which revision traffic is taken from, and whether it may end."""

from __future__ import annotations

from slipway.core.case import Case
from slipway.core.conditions import find
from slipway.core.lineage import Lineage
from slipway.core.revision import Revision


def retreating_revision(case: Case, lineage: Lineage, candidate: Revision | None) -> Revision | None:
    """The revision that traffic is taken from: sent back, and still selected or not yet drained.

    Not the candidate, which has pods because somebody asks for it again, unless traffic is still with it or the launch
    that sent it back has not ended: who asks again may have waited for that since before.
    """
    sent_back = []
    for r in lineage.revisions.values():
        has_traffic = bool(case.world.exposure(r.name)) or r.name in case.traffic_targets
        again = candidate is not None and candidate.name == r.name and _has_ended(case, r)
        if r.marks.rejected and (has_traffic or (case.world.size(r.name) and not again)):
            sent_back.append(r)
    exposed = sorted(
        sent_back,
        key=lambda r: (case.world.exposure(r.name), r.marks.rejected.at if r.marks.rejected else case.now),
    )
    return exposed[-1] if exposed else None


def _has_ended(case: Case, sent_back: Revision) -> bool:
    """Whether its launch is over: its Promotion says so; without one, traffic has been gone for long enough."""
    uid = sent_back.marks.rejected.promotion_uid if sent_back.marks.rejected else ""
    if not uid:
        return is_drained(case, sent_back, reached=True)
    return all(claim.finished for claim in case.claims if claim.uid == uid)


def is_drained(case: Case, retreating: Revision | None, reached: bool) -> bool:
    """Traffic has been gone from it for the drain delay, or never was there."""
    if retreating is None:
        return True
    if not reached or case.world.exposure(retreating.name) or retreating.name in case.traffic_targets:
        return False
    if retreating.marks.approved is None:
        return True
    converged = find(case.status.conditions, "TrafficConverged")
    if converged is None or converged.status != "True":
        return False
    return case.now - converged.last_transition_time >= case.snapshot.settings.drain_delay
