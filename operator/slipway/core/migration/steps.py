"""When a step of the migrations begins. It is marked on the revision first; its Job is made in the pass after that.

`expand` opens the way for the first traffic, and the ceiling asks for it. What it did stands for as long as the word
under which it was done; else `rollback` undoes it, when no user is there any more. `contract` comes last of all.

All is told from what is stored: what this very pass writes is not certain yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from slipway.core import charge, instants, plan, watch
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.conditions import find
from slipway.core.decision import JobProbe
from slipway.core.lineage import has_served
from slipway.core.migration.planned import asked, claim_of, job_name, probe
from slipway.core.migration.run import Run, Step
from slipway.core.plan import Plan
from slipway.core.policy.windows import hours
from slipway.core.progress import keeping
from slipway.core.revision import Revision

_CLOSED = "a window of a policy is closed now"


@dataclass(frozen=True)
class Expansion:
    """Why the first traffic waits for migrations, or cannot have them; '' when it need not.

    `begins` is the run that may begin when nothing else stands in the way.
    """

    waits: str = ""
    failed: str = ""
    begins: Run | None = None


def expansion(case: Case, candidate: Revision, claim: Claim | None, now: Plan | None, free: bool) -> Expansion:
    """What the candidate still needs before its first traffic under the plan of now. `free`: nobody has to approve."""
    spec = claim.spec if claim is not None else None
    jobs = spec.migrations.jobs if spec is not None and spec.migrations is not None else None
    if claim is None or spec is None or now is None or jobs is None or jobs.expand is None:
        own = case.lineage.get(candidate.name)
        return Expansion(_unfinished(case, [own] if own else [], candidate, free))
    last = candidate.marks.migrations[-1] if candidate.marks.migrations else None
    if last is not None and last.step is Step.EXPAND and last.is_of(claim.uid, now.hash):
        if last.running:
            return Expansion(f"migration expand: {running(case, last)}")
        if last.passed:
            return Expansion()
        if last.rerun == (spec.rerun or ""):
            return Expansion(failed=f"migration expand failed, and nothing moves without it: {last.message}")
    waits = _unfinished(case, case.lineage.revisions.values(), candidate, free)
    if waits:
        return Expansion(waits)
    return Expansion("migration expand begins", begins=_run(case, Step.EXPAND, claim, now.hash))


def running(case: Case, run: Run) -> str:
    """How to look at a Job that runs."""
    name = job_name(run)
    return f"Job {name} runs; look at it: kubectl -n {case.namespace} logs -f job/{name}"


def begin(case: Case, candidate: Revision | None, free: bool) -> tuple[Revision, Run] | None:
    """The rollback or the contraction that begins now, and of which revision; one at a time."""
    if any(under_way(case, revision) for revision in case.lineage.revisions.values()):
        return None
    owed = [
        (done, revision)
        for revision in case.lineage.revisions.values()
        if (done := _to_undo(case, revision, candidate, free)) is not None
    ]
    if not owed:
        return _contraction(case)
    # What was done last is undone first, however long that has to be waited for.
    done, revision = max(owed, key=lambda one: (one[0].begun, one[1].name))
    claim = claim_of(case, done.promotion_uid)
    if claim is None or not _deserted(case, revision.name):
        return None
    return revision, _run(case, Step.ROLLBACK, claim, done.plan_hash)


def probes(case: Case, candidate: Revision | None, free: bool, back: Revision | None) -> list[JobProbe]:
    """The Jobs that are to run to their end. `back` is the revision that goes back in this pass.

    One that was begun but not made yet, because its operator died or another one was still there, is made only while
    what it was begun for holds: nothing expands after a withdrawal, and nothing contracts once traffic goes back.
    """
    found = []
    for revision in case.lineage.revisions.values():
        for run in revision.marks.migrations:
            if run.running:
                leaves = back is not None and back.name == revision.name
                make = not leaves and _wanted(case, revision, run, candidate, free)
                found.append(probe(case, run, make))
    return [one for one in found if one is not None]


def _wanted(case: Case, revision: Revision, run: Run, candidate: Revision | None, free: bool) -> bool:
    if run.step is Step.EXPAND:
        return not revision.marks.in_flight and _stands(case, revision, run, candidate, free)
    claim, stable = claim_of(case, run.promotion_uid), case.lineage.stable
    if run.step is Step.CONTRACT:
        word = claim.spec.abort if claim is not None and claim.spec is not None else None
        return stable is not None and stable.name == revision.name and not revision.marks.returned_at and not word
    return case.world.exposure(revision.name) == 0


def under_way(case: Case, revision: Revision) -> Run | None:
    """The run of a revision that has not ended. One that can never end, as its plan or Promotion is gone, is none."""
    for run in revision.marks.migrations:
        if run.running and claim_of(case, run.promotion_uid) and asked(case, run.plan_hash, run.step):
            return run
    return None


def _run(case: Case, step: Step, claim: Claim, plan_hash: str) -> Run:
    rerun = (claim.spec.rerun if claim.spec else None) or ""
    return Run(step, claim.name, claim.uid, plan_hash, rerun, case.now)


def _unfinished(case: Case, revisions: Iterable[Revision], candidate: Revision, free: bool) -> str:
    """What has to end before data is migrated anew; '' when nothing has."""
    for revision in revisions:
        run = under_way(case, revision)
        if run is not None:
            return f"migration {run.step} of revision {revision.name}: {running(case, run)}"
        if _to_undo(case, revision, candidate, free) is not None:
            return f"what migration expand of revision {revision.name} did is undone first"
    return ""


# --- Rollback -----------------------------------------------------------------------------------------------------


def _to_undo(case: Case, revision: Revision, candidate: Revision | None, free: bool) -> Run | None:
    """The expansion of a revision that nobody stands for any more, and that its plan knows how to undo."""
    runs = revision.marks.migrations
    done = next((run for run in reversed(runs) if run.step is Step.EXPAND), None)
    if done is None or any(run.running or run.step is Step.CONTRACT for run in runs):
        # What contract has taken away no rollback of expand brings back: that is for people.
        return None
    claim = claim_of(case, done.promotion_uid)
    if claim is None or asked(case, done.plan_hash, Step.ROLLBACK) is None:
        return None
    last = runs[-1]
    if last.step is Step.ROLLBACK and not _tried_again(last, claim):
        return None
    return None if _stands(case, revision, done, candidate, free) else done


def _tried_again(run: Run, claim: Claim) -> bool:
    """Whether somebody asks for a failed run again."""
    return run.passed is False and claim.spec is not None and (claim.spec.rerun or "") != run.rerun


def _stands(case: Case, revision: Revision, done: Run, candidate: Revision | None, free: bool) -> bool:
    """Whether the word under which an expansion was done still holds, or users are there under it."""
    marks = revision.marks
    if marks.in_flight:
        return True
    if marks.rejected is not None and marks.rejected.promotion_uid == done.promotion_uid:
        return False
    if has_served(revision) and marks.approved is not None and marks.approved.promotion_uid == done.promotion_uid:
        return True
    own = claim_of(case, done.promotion_uid)
    if case.spec is None or own is None or own.spec is None:
        # What cannot be read says nothing: neither that it goes on nor that it is over.
        return True
    leads = charge.in_charge(case.claims, case.environment, candidate)
    if candidate is None or candidate.name != revision.name or leads is None or leads.uid != own.uid:
        return False
    now = plan.make(case.uid, candidate, case.spec, own.spec)
    return now.hash == done.plan_hash and (free or own.spec.approved is True)


def _deserted(case: Case, name: str) -> bool:
    """Whether no request has been on its way to a revision for as long as pods are left to drain."""
    if case.world.exposure(name) or name in case.world.serving() or name in case.traffic_targets:
        return False
    converged = find(case.status.conditions, "TrafficConverged")
    if converged is None or converged.status != "True":
        return False
    return case.now - converged.last_transition_time >= case.snapshot.settings.drain_delay


# --- Contraction --------------------------------------------------------------------------------------------------


def _contraction(case: Case) -> tuple[Revision, Run] | None:
    stable = case.lineage.stable
    approved = stable.marks.approved if stable is not None else None
    claim = claim_of(case, approved.promotion_uid) if approved is not None else None
    if stable is None or approved is None or claim is None or contract_waits(case, stable, claim) != "":
        return None
    return stable, _run(case, Step.CONTRACT, claim, approved.plan_hash)


def contract_waits(case: Case, revision: Revision, claim: Claim) -> str | None:
    """Why contract does not begin yet; '' when it may. None: it is not asked for, has run, or will never run."""
    approved = revision.marks.approved
    if approved is None or asked(case, approved.plan_hash, Step.CONTRACT) is None or passed_over(case, revision):
        return None
    before = [r for r in revision.marks.migrations if r.step is Step.CONTRACT and r.promotion_uid == claim.uid]
    if before and not _tried_again(before[-1], claim):
        return None
    if revision.marks.verified_at is None:
        return "it is not verified yet"
    if case.spec is None:
        return "the Rollout's spec cannot be read"
    shifting, previous, spec = case.lineage.shifting, case.lineage.previous, claim.spec
    end = watch.ends(case, revision)
    if end is not None and case.now < end:
        return f"it is watched until {instants.render(end)}"
    if previous is not None and keeping(case):
        return f"revision {previous.name} is kept to go back to"
    if previous is not None and case.world.pods_of(previous.name):
        return f"pods of revision {previous.name} are still there"
    if shifting is not None:
        return f"revision {shifting.name} is shifting"
    if spec is None:
        return f"its spec cannot be read: {claim.problem}"
    if spec.hold or spec.rollback_plan_needed or spec.abort or spec.approved is False:
        return "spec.hold, rollbackPlanNeeded or abort is set, or the approval was withdrawn"
    closed = case.demands.invalid or hours(case.demands.calendars, case.now).closures
    return _CLOSED if closed else ""


def waits_for_a_window(case: Case) -> bool:
    """Whether it is the hour alone that keeps contract from running."""
    stable = case.lineage.stable
    approved = stable.marks.approved if stable is not None else None
    claim = claim_of(case, approved.promotion_uid) if approved is not None else None
    return stable is not None and claim is not None and contract_waits(case, stable, claim) == _CLOSED


def passed_over(case: Case, revision: Revision) -> str:
    """Why contract will never run for a launch that has ended; '' while it may."""
    stable, marks = case.lineage.stable, revision.marks
    if marks.rejected is not None:
        return "revision was sent back"
    if marks.kept is not None:
        return "the revision failed and only keeps serving"
    if marks.verified_at is not None and (stable is None or stable.name != revision.name or marks.returned_at):
        return "the next launch came before its time: let a later one do it"
    return ""


def unfinished(case: Case, revision: Revision, candidate: Revision | None) -> bool:
    """Whether what was migrated for a revision that was sent back is still to be undone."""
    return under_way(case, revision) is not None or _to_undo(case, revision, candidate, False) is not None


def bars_pruning(case: Case, revision: Revision) -> bool:
    """Whether a revision has to stay, as something is still to be done with what was migrated for it."""
    last = revision.marks.migrations[-1] if revision.marks.migrations else None
    if last is None or claim_of(case, last.promotion_uid) is None:
        return False
    if under_way(case, revision) is not None:
        return True
    left = not has_served(revision) if last.step is Step.EXPAND else last.step is Step.ROLLBACK and not last.passed
    return left and asked(case, last.plan_hash, Step.ROLLBACK) is not None
