"""Where a decision about traffic is taken: which marks change, which stage is entered, whether anything goes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from slipway.api.check_status import CheckStatus
from slipway.api.rollout import StepStatus
from slipway.core import (
    after_switch,
    approval,
    baseline,
    capacity,
    ceiling,
    charge,
    checks,
    plan,
    progress,
    retreat,
    unasked,
)
from slipway.core.accept import Acceptance
from slipway.core.approval import Consent
from slipway.core.case import Case
from slipway.core.ceiling import Ceiling, Code
from slipway.core.charge import Claim
from slipway.core.checking import Subjects
from slipway.core.circumstances import asked, circumstances, overrides
from slipway.core.course import Course, automatic, candidate_of, replicas_of
from slipway.core.decision import Apply, Replace, SetWeights
from slipway.core.demanded import demanded
from slipway.core.history import outcome_of
from slipway.core.lineage import cleared
from slipway.core.marks import AUTOMATIC, Approved, Cause, Kept, Marks, Rejected
from slipway.core.migration import planned, steps
from slipway.core.migration.run import Run
from slipway.core.plan import Plan
from slipway.core.policy.windows import hours
from slipway.core.progress import Progress
from slipway.core.record import keeping, watching
from slipway.core.record.outcome import owing
from slipway.core.record.owed import LAUNCH, ROLLBACK
from slipway.core.revision import Revision
from slipway.core.strategy import stage_for, stages


def chart(
    case: Case,
    acceptance: Acceptance,
    unconverged: str,
    way_back: Sequence[Apply | Replace | SetWeights],
) -> Course:
    """Decide the course. `unconverged` says why traffic is not settled where it should be, '' when it is."""
    course = _charted(case, acceptance, unconverged, way_back)
    return _marked(course, watching.changed(case, course.lineage, course.watched))


def _charted(
    case: Case,
    acceptance: Acceptance,
    unconverged: str,
    way_back: Sequence[Apply | Replace | SetWeights],
) -> Course:
    candidate = candidate_of(case)
    watched = progress.of_watched(case)
    found = progress.of_candidate(case, candidate) if candidate else watched
    course = Course(case.lineage, candidate, found, step=found.step if found else None, watched=watched)
    if watched is None:
        course = replace(course, restored=progress.of_restored(case))
    course = _tidy(case, course)
    if found is not None and found.in_flight and candidate is not None and found.stage and found.stage.final:
        # The committed step is the decision; a mark that a crash has left out follows from it.
        marks = course.marks.get(candidate.name, candidate.marks)
        if marks.promoted_at is None:
            course = _marked(course, {candidate.name: replace(marks, promoted_at=case.now)})
            candidate = course.candidate
    back = retreat.retreat(case, candidate, found if candidate else None, watched)
    if back is not None:
        return _go_back(case, course, back)
    course = _nowhere_to_go(case, course)
    course = _migrates(case, course)
    candidate = course.candidate
    if candidate is None:
        return course
    if found is None:
        lost = "its approved plan is not stored or cannot be read: nothing moves until it is aborted"
        claim = charge.in_charge(case.claims, case.environment, candidate)
        return replace(course, claim=claim, limit=Ceiling(0, Code.NO_PLAN, lost, 0))
    return _forward(case, course, candidate, found, acceptance, unconverged, way_back)


def _tidy(case: Case, course: Course) -> Course:
    """Marks whose time is over: an abort that no longer names the revision, a rejection that no longer binds."""
    changed: dict[str, Marks] = {}
    named = str(case.raw_spec.get("abort") or "")[:10]
    final = {claim.uid for claim in case.claims if claim.finished}
    present = {claim.uid for claim in case.claims}
    for name, revision in case.lineage.revisions.items():
        marks = planned.settled(case, revision, keeping.settled(case, revision))
        if marks.abort_acted and named != name:
            marks = replace(marks, abort_acted=False)
        rejected = marks.rejected
        if rejected is not None and case.spec is not None:
            desired = case.lineage.desired is not None and case.lineage.desired.name == name
            uid = rejected.promotion_uid
            ended = uid in final or uid not in present or rejected.cause is Cause.RESTART
            idle = case.world.exposure(name) == 0 and name not in case.world.serving()
            if ended and idle and (not desired or rejected.cause is Cause.RESTART) and case.settled:
                marks = cleared(marks)
        if marks != revision.marks:
            changed[name] = marks
    return _came_back(case, _marked(course, changed))


def _migrates(case: Case, course: Course) -> Course:
    """What was migrated is undone or completed, one step at a time; users are not concerned by it any more."""
    begun = steps.begin(case, course.candidate, automatic(case))
    if begun is None:
        # Who waits for a window wants to know when it opens.
        waits = course.candidate is None and steps.waits_for_a_window(case)
        return replace(course, hours=hours(case.demands.calendars, case.now)) if waits else course
    revision, run = begun
    return replace(_begun(course, revision, run, keep=True), migrates=True)


def _begun(course: Course, revision: Revision, run: Run, keep: bool) -> Course:
    """The course with a run marked. `keep`: it follows on other steps; else it is a new beginning."""
    marks = course.marks.get(revision.name, revision.marks)
    # One run for each step, however often it is tried again: the mark has to stay small.
    before = [other for other in marks.migrations if keep and other.step is not run.step]
    return _marked(course, {revision.name: replace(marks, migrations=(*before, run))})


def _came_back(case: Case, course: Course) -> Course:
    """The mark of what traffic came back to, where a crash has left it out: the one that was sent back implies it."""
    stable = course.lineage.stable
    if stable is None or stable.marks.promoted_at is None:
        return course
    marks, promoted = stable.marks, stable.marks.promoted_at
    since = [
        r.marks.rejected.at
        for r in course.lineage.revisions.values()
        if r.marks.rejected and r.marks.promoted_at and r.marks.promoted_at > (marks.returned_at or promoted)
    ]
    if not since:
        return course
    return _marked(course, {stable.name: replace(marks, returned_at=max(since))})


def _marked(course: Course, changed: dict[str, Marks]) -> Course:
    lineage = course.lineage
    for name, marks in changed.items():
        if name in lineage.revisions:
            lineage = lineage.with_marks(name, marks)
    candidate = course.candidate
    if candidate is not None and candidate.name in changed:
        candidate = candidate.marked(changed[candidate.name])
    return replace(course, lineage=lineage, candidate=candidate, marks=course.marks | changed)


def _go_back(case: Case, course: Course, back: retreat.Retreat) -> Course:
    name = back.revision.name
    before = course.marks.get(name, back.revision.marks)
    if before.rejected is not None:
        # Sent back once, and asked for again: what its marks say of traffic is of the launch before.
        before = cleared(before)
    approved = before.approved
    claim = charge.in_charge(case.claims, case.environment, back.revision)
    uid = (approved.promotion_uid if approved else "") or (claim.uid if claim else "")
    rejected = Rejected(back.reason, back.cause, case.now, uid)
    marks = replace(before, rejected=rejected, abort_acted=before.abort_acted or back.abort)
    if back.cause is not Cause.RESTART:
        outcome = outcome_of(back.cause)
        marks = owing(marks, ROLLBACK, case.now, outcome, back.reason, name, course.watched or course.progress)
    changed = {name: marks}
    lineage = case.lineage
    goes_to = lineage.stable
    if lineage.stable is not None and name == lineage.stable.name:
        goes_to = lineage.previous
    if goes_to is not None and before.promoted_at is not None:
        # What is gone back to has no previous of its own any more: forward again needs a new approval.
        marks = course.marks.get(goes_to.name, goes_to.marks)
        changed[goes_to.name] = replace(marks, returned_at=case.now)
    course = _marked(course, changed)
    return replace(course, back=back, claim=claim, step=None)


def _forward(
    case: Case,
    course: Course,
    candidate: Revision,
    found: Progress,
    acceptance: Acceptance,
    unconverged: str,
    way_back: Sequence[Apply | Replace | SetWeights],
) -> Course:
    claim = charge.in_charge(case.claims, case.environment, candidate)
    lineage, spec = case.lineage, case.spec
    present = plan.make(case.uid, candidate, spec, claim.spec if claim else None) if spec else None
    shown = claim.status.plan_hash if claim else ""
    demands = demanded(case, claim)
    consent = None
    if claim and claim.spec and present:
        wanted = asked(case, claim, demands, present.hash, candidate.marks)
        consent = approval.consent(claim.spec, present.hash, shown, found.in_flight, wanted)
    checked = None
    if not found.in_flight and present is not None and spec is not None:
        stale = claim is not None and (claim.status.plan_hash != present.hash or progress.rerun_asked(case, candidate))
        about = Subjects(
            candidate,
            lineage.stable,
            spec,
            claim.spec if claim else None,
            present.hash,
            tuple(way_back),
            claim.obj if claim else {},
            automatic(case),
        )
        before: Sequence[CheckStatus] = claim.status.checks if claim else unasked.before(case, candidate, present.hash)
        checked = checks.run(case, about, before, found.smoke, stale, demands)
    open_hours = hours(demands.calendars, case.now)
    looks = after_switch.looks(case, claim, found, present.hash if present else "", demands.advisory)
    course = replace(
        course,
        claim=claim,
        plan=present,
        consent=consent,
        checked=checked,
        looks=looks,
        demands=demands,
        hours=open_hours,
    )
    first_failure = _first_fails(case, found)
    if first_failure:
        marks = replace(candidate.marks, kept=Kept(first_failure, case.now))
        marks = owing(marks, LAUNCH, case.now, "Failed", first_failure, candidate.name, found)
        course = _marked(course, {candidate.name: marks})
        return replace(course, kept=first_failure)
    if not found.in_flight:
        course = replace(course, expansion=steps.expansion(case, candidate, claim, present, automatic(case)))
    around = circumstances(case, course, found, acceptance, unconverged)
    replicas = replicas_of(case)
    following = found.next_stage
    needed = capacity.needed(replicas, following.weight) if following else 0
    ready = min(
        case.world.available(candidate.name),
        case.world.endpoints(case.world.preview_service)[candidate.name],
    )
    limit = ceiling.ceiling(around, found, ready, needed)
    course = replace(course, limit=limit)
    expands = course.expansion.begins if course.expansion is not None else None
    if limit.code is Code.MIGRATION and expands is not None and not course.migrates:
        return replace(_begun(course, candidate, expands, keep=False), store_plan=present)
    other = limit.code is Code.PLAN_CHANGED and not planned.changed(case, candidate, present)
    if other and consent and consent.granted and present and spec:
        return _replan(case, course, candidate, present)
    if limit.code is not Code.OPEN:
        return course
    skipped = overrides(found, around)
    if following is None:
        marks = replace(candidate.marks, verified_at=case.now, excused=skipped, sent_back=None)
        marks = owing(marks, LAUNCH, case.now, "Succeeded", "", candidate.name, found)
        marks = watching.begun(case, candidate.marked(marks))
        course = _marked(course, {candidate.name: marks})
        return replace(course, verified=True, overrides=skipped)
    if not ceiling.may_enter(limit, following) or present is None:
        return course
    marks = candidate.marks
    if not found.in_flight:
        taken = baseline.take(case, candidate, found.spec, following.weight <= around.no_data_up_to)
        course = replace(course, taking=taken)
        skipped = (*skipped, *taken.unmeasured)
        if taken.waits:
            code = Code.NO_DATA if taken.silent else Code.CONVERGENCE
            return replace(course, limit=Ceiling(0, code, taken.waits, following.weight))
        marks = replace(
            cleared(candidate.marks), approved=_approved(case, claim, consent, present), baseline=taken.baseline
        )
        course = replace(course, store_plan=present)
    entered = StepStatus(index=following.index, weight=following.weight, started_at=case.now)
    if following.final:
        marks = replace(marks, promoted_at=case.now)
    course = _marked(course, {candidate.name: marks})
    return replace(course, entered=entered, step=entered, overrides=skipped)


def _approved(case: Case, claim: Claim | None, consent: Consent | None, present: Plan) -> Approved:
    if claim is not None and consent is not None and not automatic(case):
        return Approved(claim.name, claim.uid, present.hash, consent.by, case.now)
    name, uid = (claim.name, claim.uid) if claim is not None else ("", "")
    return Approved(name, uid, present.hash, AUTOMATIC, case.now)


def _replan(case: Case, course: Course, candidate: Revision, present: Plan) -> Course:
    """A new plan was approved while traffic moves: it starts with the largest share that it has in common."""
    spec, consent, claim = case.spec, course.consent, course.claim
    if spec is None or consent is None or claim is None:
        return course
    all_stages = stages(spec, case.lineage.stable is not None)
    switched = candidate.marks.promoted_at is not None
    stage = stage_for(all_stages, case.world.exposure(candidate.name), switched)
    step = StepStatus(index=stage.index, weight=stage.weight, started_at=case.now) if stage else None
    before = candidate.marks.approved
    since = before.since if before is not None else None
    approved = Approved(claim.name, claim.uid, present.hash, consent.by, case.now, since)
    marks = replace(candidate.marks, approved=approved)
    course = _marked(course, {candidate.name: marks})
    return replace(course, store_plan=present, step=step, entered=step)


def _nowhere_to_go(case: Case, course: Course) -> Course:
    """A watched revision that fails, and none that served before it: it keeps serving, and that is said.

    While another one takes traffic over from it, that one's end is waited for: it may be the way out.
    """
    stable, watched = course.lineage.stable, course.watched
    if stable is None or watched is None or course.lineage.previous is not None or course.lineage.shifting is not None:
        return course
    reason = retreat.breach(case, watched)
    if not reason:
        return course
    return _marked(course, {stable.name: replace(stable.marks, kept=Kept(reason, case.now))})


def _first_fails(case: Case, found: Progress) -> str:
    """A first revision that breaks a gate: there is nothing to go back to, so it keeps serving, and that is said."""
    if case.lineage.stable is not None or not found.in_flight:
        return ""
    return retreat.breach(case, found)
