"""What the stored plan says of migrations, the Jobs that follow from it, and their ends.

Only what was approved is run: what the Promotion says by now may have been edited since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import ValidationError

from slipway.api.migration_job import MigrationJob
from slipway.api.promotion_status import MigrationStatus
from slipway.core import instants, job, names
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.decision import JobProbe
from slipway.core.marks import Marks
from slipway.core.migration.run import Run, Step
from slipway.core.plan import Plan
from slipway.core.revision import Revision
from slipway.core.snapshot import Observation, Probed, Unverified

MESSAGE = 1000
"""Characters of a Job's words that are kept."""


def asked(case: Case, plan_hash: str, step: Step) -> MigrationJob | None:
    """The Job that an approved plan asks for; None where it asks for none, or cannot be read."""
    wanted = names.plan_name(case.name, plan_hash)
    stored = next((o.get("data") for o in case.snapshot.revisions if o["metadata"]["name"] == wanted), None)
    if _step(stored.get("plan") if isinstance(stored, Mapping) else None, step) is None:
        # Nearly every plan: to know so much it need not be held against its hash.
        return None
    found = _step(case.plan_inputs(plan_hash), step)
    if found is None:
        return None
    try:
        return MigrationJob.model_validate(found)
    except ValidationError:
        return None


def changed(case: Case, revision: Revision, now: Plan | None) -> bool:
    """Whether the plan of now migrates otherwise than the one under which a revision takes traffic.

    Then its expansion was not the one that this plan rests on, and would never be.
    """
    approved = revision.marks.approved
    if approved is None or now is None or now.hash == approved.plan_hash:
        return False
    return any(_step(now.inputs, step) != _step(case.plan_inputs(approved.plan_hash), step) for step in Step)


def _step(inputs: object, step: Step) -> object:
    for key in ("promotion", "migrations", "jobs", step):
        inputs = inputs.get(key) if isinstance(inputs, Mapping) else None
    return inputs


def job_name(run: Run) -> str:
    """The name of its Job."""
    return job.migration_name(run.step, run.promotion_uid, run.plan_hash, run.rerun, instants.render(run.begun))


def entry(run: Run) -> MigrationStatus:
    """The run as a status or a record tells it."""
    result = "Running" if run.passed is None else "Succeeded" if run.passed else "Failed"
    return MigrationStatus(
        step=run.step, result=result, message=run.message, job=job_name(run), at=run.ended or run.begun
    )


def recorded(claim: Claim | None, uid: str, revision: Revision) -> list[MigrationStatus]:
    """All runs for a Promotion, as its status has them, and the marks of its revision where they know better."""
    newer = {job_name(run): entry(run) for run in revision.marks.migrations if run.promotion_uid == uid}
    before = [e for e in claim.status.migrations if e.job and e.job not in newer] if claim is not None else []
    return [*before, *newer.values()]


def probe(case: Case, run: Run, make: bool) -> JobProbe | None:
    """The Job of a run that has not ended; None where it can never end. `make`: if it is not there yet."""
    found = asked(case, run.plan_hash, run.step) if run.running else None
    if found is None or claim_of(case, run.promotion_uid) is None:
        return None
    owner = {
        "metadata": {"name": run.promotion, "uid": run.promotion_uid, "namespace": case.namespace},
        "spec": {"rollout": case.name},
    }
    made = job.migration(run.step.value, job_name(run), found, owner)
    key = _key(run) if make else _key_of_unwanted(run)
    return JobProbe(key=key, due=case.now, job=made, patient=True, make=make)


def _key(run: Run) -> str:
    return f"migration/{job_name(run)}"


def _key_of_unwanted(run: Run) -> str:
    return f"{_key(run)}/unwanted"


def claim_of(case: Case, uid: str) -> Claim | None:
    """The Promotion with this uid, in whatever phase; None where it is gone or about to go."""
    return next((claim for claim in case.claims if uid and claim.uid == uid and not claim.deleting), None)


def settled(case: Case, revision: Revision, marks: Marks) -> Marks:
    """The marks with the ends that are known now. What ran for a Promotion that is gone is nobody's any more.

    But for what contract did: that bears on going back for as long as the revision serves.
    """
    present = {claim.uid for claim in case.claims}
    out = []
    for run in revision.marks.migrations:
        if run.promotion_uid in present and isinstance(_seen(case, run, _key_of_unwanted(run)), Unverified):
            # Taken back before its Job was made: it is as if it had never been begun.
            continue
        if run.promotion_uid in present:
            out.append(_ended(case, run))
        elif run.step is Step.CONTRACT:
            gone = "its Promotion was deleted before it had ended"
            out.append(replace(run, passed=False, ended=case.now, message=gone) if run.running else run)
    return marks if tuple(out) == marks.migrations else replace(marks, migrations=tuple(out))


def _seen(case: Case, run: Run, key: str) -> Observation | None:
    return case.snapshot.observations.get(key) if run.running else None


def _ended(case: Case, run: Run) -> Run:
    seen = _seen(case, run, _key(run)) or _seen(case, run, _key_of_unwanted(run))
    if isinstance(seen, Unverified):
        # Nothing was run, and somebody has to do something about it first.
        return replace(run, passed=False, ended=instants.whole_milliseconds(seen.at), message=seen.message[:MESSAGE])
    if isinstance(seen, Probed):
        at = instants.whole_milliseconds(seen.at)
        return replace(run, passed=seen.passed, ended=at, message=seen.message[:MESSAGE])
    return run
