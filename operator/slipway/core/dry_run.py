"""`dryRun`: every check and what policies demand, on the present candidate, for who is in charge of nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slipway.core import checks, plan
from slipway.core.case import Case
from slipway.core.checking import Subjects
from slipway.core.checks import Checked
from slipway.core.course import Course, automatic
from slipway.core.decision import Apply, Replace, SetWeights
from slipway.core.demanded import demanded, lacks
from slipway.core.plan import Plan


@dataclass(frozen=True)
class Trial:
    """The plan that a dry run is about, and its checks. Their probes have the keys of this plan, and of no other."""

    plan: Plan
    checked: Checked
    lacks: str = ""
    """What policies demand of its case and it does not have, or which of them cannot be read."""


def trials(case: Case, course: Course, way_back: Sequence[Apply | Replace | SetWeights]) -> dict[str, Trial]:
    """The dry runs that can be made now, by the uid of their Promotion: none without a candidate at rest."""
    candidate, found = course.candidate, course.progress
    if candidate is None or found is None or case.spec is None or course.back is not None:
        return {}
    if found.in_flight or candidate.marks.in_flight:
        return {}
    made: dict[str, Trial] = {}
    for claim in case.claims:
        spec = claim.spec
        if spec is None or not spec.dry_run or claim.finished or claim.deleting:
            continue
        if spec.environment != case.environment or spec.revision not in (None, candidate.name):
            continue
        made_of = plan.make(case.uid, candidate, case.spec, spec)
        fresh = claim.status.plan_hash != made_of.hash or (spec.rerun or "") != (claim.status.rerun or "")
        about = Subjects(candidate, case.lineage.stable, case.spec, spec, made_of.hash, tuple(way_back), claim.obj)
        # Smoke tests are the Rollout's: they run once on a candidate, whoever asks.
        demands = demanded(case, claim)
        checked = checks.run(case, about, claim.status.checks, found.smoke, fresh, demands)
        # Windows and holds are of an hour, not of the case: it is not judged by when it is tried.
        wrong = demands.invalid or lacks(demands, spec, checked, automatic(case))
        made[claim.uid] = Trial(made_of, checked, wrong)
    return made
