"""Going back:

decided before anything about pauses, deadlines or the candidate's health, and never in need of approval.
"""

from __future__ import annotations

from dataclasses import dataclass

from slipway.core import charge, gates, plan, smoke, watch
from slipway.core.accept import automatic_allowed
from slipway.core.case import Case, running_spec
from slipway.core.marks import AUTOMATIC, Cause
from slipway.core.progress import Progress
from slipway.core.revision import Revision


@dataclass(frozen=True)
class Retreat:
    """`revision` must not serve any more. `abort`: it was named by spec.abort, which is acted on once."""

    revision: Revision
    cause: Cause
    reason: str
    abort: bool = False


def retreat(
    case: Case, candidate: Revision | None, progress: Progress | None, watched: Progress | None
) -> Retreat | None:
    """Why the candidate or the stable revision goes back now; None when nothing does.

    `progress` is that of the candidate, `watched` that of the stable revision while it is watched.
    """
    return (
        _abort_of_spec(case, candidate)
        or _word_of_promotion(case, candidate)
        or _template(case)
        or (_breach(case, progress) if progress else None)
        or _stable(case, watched)
    )


def _abort_of_spec(case: Case, candidate: Revision | None) -> Retreat | None:
    named, stable = str(case.raw_spec.get("abort") or "")[:10], case.lineage.stable
    reason = f"spec.abort names revision {named}"
    # The candidate may have been sent back before, and be asked for again.
    if candidate is not None and named == candidate.name and not candidate.marks.abort_acted:
        return Retreat(candidate, Cause.ABORT, reason, abort=True)
    if stable is not None and named == stable.name and not stable.marks.abort_acted and not stable.marks.rejected:
        return _of_stable(case, stable, Cause.ABORT, reason, abort=True)
    return None


def _word_of_promotion(case: Case, candidate: Revision | None) -> Retreat | None:
    if candidate is None:
        return None
    claim = charge.in_charge(case.claims, case.environment, candidate)
    # A Promotion whose own revision is on its way back says nothing about the one that the template asks for now.
    spent = {r.marks.rejected.promotion_uid for r in case.lineage.revisions.values() if r.marks.rejected}
    if claim and claim.abort and not claim.finished and claim.uid not in spent:
        return Retreat(candidate, Cause.ABORT, f"aborted on Promotion {claim.name}: {claim.abort}")
    approved = candidate.marks.approved
    first = case.lineage.stable is None
    asked = approved and approved.promotion_uid and approved.by != AUTOMATIC
    gone = candidate.marks.in_flight and asked and claim is None
    if gone and approved and not first and case.world.exposure(candidate.name) < 100:
        return Retreat(candidate, Cause.ABORT, f"Promotion {approved.promotion} was deleted during its shift")
    return None


def _template(case: Case) -> Retreat | None:
    lineage = case.lineage
    desired, stable, shifting, previous = (
        lineage.desired,
        lineage.stable,
        lineage.shifting,
        lineage.previous,
    )
    if desired is None or case.spec is None:
        return None
    if shifting is None:
        if stable and previous and desired.name == previous.name and not stable.marks.rejected:
            why = f"spec.template went back to revision {previous.name}, which served before"
            return Retreat(stable, Cause.REVERT, why)
        return None
    if stable and desired.name == stable.name:
        return Retreat(shifting, Cause.ABORT, f"spec.template went back to the stable revision {stable.name}")
    if not _automatic(case) or stable is None:
        return None
    if desired.name != shifting.name:
        return Retreat(shifting, Cause.RESTART, f"a newer template, revision {desired.name}, replaces it")
    running = running_spec(case.snapshot, case.rollout, lineage)
    if running is not None and plan.fixed_part(running) != plan.fixed_part(case.spec):
        return Retreat(shifting, Cause.RESTART, "the plan was edited; it starts again at zero")
    return None


def _automatic(case: Case) -> bool:
    return case.spec is not None and case.spec.approval == "Automatic" and automatic_allowed(case)


def _breach(case: Case, progress: Progress) -> Retreat | None:
    if (case.lineage.stable or case.adoption) is None:
        return None
    reason = breach(case, progress)
    return Retreat(progress.revision, Cause.BREACH, reason) if reason else None


def _stable(case: Case, watched: Progress | None) -> Retreat | None:
    """What sends the stable revision back after its launch. What takes traffic over from it goes first."""
    stable = case.lineage.stable
    if stable is None:
        return None
    cause, reason = Cause.ABORT, _word_in_watch(case, stable)
    if not reason and watched is not None and case.lineage.previous is not None:
        cause, reason = Cause.BREACH, breach(case, watched)
    return _of_stable(case, stable, cause, reason) if reason else None


def _of_stable(case: Case, stable: Revision, cause: Cause, reason: str, abort: bool = False) -> Retreat | None:
    """What goes back now that stable has to; None while another share is on its way to it."""
    lineage = case.lineage
    if any(r.marks.rejected and case.world.exposure(r.name) for r in lineage.revisions.values()):
        # Another one is on its way back: its share comes home before the home moves.
        return None
    if lineage.shifting is not None:
        first = f"the stable revision {stable.name} goes back, and this one first: {reason}"
        return Retreat(lineage.shifting, cause, first)
    return Retreat(stable, cause, reason, abort)


def _word_in_watch(case: Case, stable: Revision) -> str:
    claim = watch.claim_of(case, stable)
    if claim is None or not claim.abort or watch.until(case, case.lineage) is None:
        return ""
    return f"aborted on Promotion {claim.name}: {claim.abort}"


def breach(case: Case, progress: Progress) -> str:
    """What is wrong with the revision under test while it has traffic; '' when nothing is."""
    if not progress.watched and (not progress.in_flight or progress.step is None):
        return ""
    found = gates.broken(progress.gated, progress.gates)
    if not found and progress.occasion is not None and (progress.watched or progress.in_flight):
        found = smoke.broken(progress.spec.smoke_tests, progress.smoke, progress.occasion)
    return found or _crashed(case, progress) or _silent(case, progress)


def _crashed(case: Case, progress: Progress) -> str:
    """Pods that have ended by themselves, so that too few are left; losing one of many is none of it."""
    revision = progress.revision.name
    if case.world.exposure(revision) == 0:
        return ""
    pods = case.world.pods_of(revision)
    crashed = [pod for pod in pods if pod.crashed and not pod.ready]
    if progress.watched:
        # In a whole day any pod may end once; one that keeps ending is another matter.
        crashed = [pod for pod in crashed if pod.trouble == "CrashLoopBackOff"]
    ready = case.world.ready(revision)
    if crashed and len(crashed) >= ready:
        return f"pod {crashed[0].name}: {crashed[0].trouble}; {ready} of {len(pods)} pods are ready"
    if ready == 0 and pods and progress.step is not None and progress.step.converged_at is not None:
        trouble = next((f"{p.name}: {p.trouble}" for p in pods if p.trouble), "none is ready")
        return f"no ready pod: {trouble}"
    return ""


def _silent(case: Case, progress: Progress) -> str:
    analysis = progress.spec.analysis
    if analysis.on_no_data != "Rollback" or progress.subject is None or progress.watched:
        return ""
    claim = charge.in_charge(case.claims, case.environment, progress.revision)
    accepted = claim.spec.accept_no_data if claim is not None and claim.spec is not None else None
    excused = accepted is not None and progress.stage is not None and progress.stage.weight <= accepted.weight
    span = gates.silent(progress.gated, progress.gates, progress.subject.since, case.now, excused)
    if span >= analysis.no_data_timeout:
        return "no data from the gates for longer than analysis.noDataTimeout, and onNoData is Rollback"
    return ""
