"""status.migrations and the condition Migrated of the Promotions: what ran, what came of it, what is still to come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from slipway.api.conditions import Condition
from slipway.api.promotion_status import MigrationStatus, PromotionStatus
from slipway.core import charge
from slipway.core.approval import patch_command
from slipway.core.charge import Claim
from slipway.core.conditions import condition
from slipway.core.migration import steps
from slipway.core.migration.planned import asked, entry, job_name
from slipway.core.migration.run import Run, Step
from slipway.core.migration.words import has_contracted
from slipway.core.promotion_status import Verdict
from slipway.core.revision import Revision
from slipway.core.scene import Scene

ENTRIES = 20
"""The newest runs are told."""

MIGRATED = "Migrated"


def told(scene: Scene, found: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts of this pass with their migrations, and those of Promotions that have ended and learn of one."""
    known = _known(scene)
    out = [replace(verdict, status=_with(scene, verdict.claim, verdict.status, known)) for verdict in found]
    about = {verdict.claim.uid for verdict in found}
    for claim in scene.case.claims:
        if claim.uid not in about and not claim.deleting:
            status = _with(scene, claim, claim.status, known)
            if status != claim.status:
                generation = int(claim.obj["metadata"].get("generation") or 0)
                out.append(Verdict(claim, status.model_copy(update={"observed_generation": generation}), {}))
    return out


def migrated(found: Sequence[Verdict]) -> Iterator[tuple[str, Literal["Normal", "Warning"], str, str]]:
    """Name, severity, reason and words of an Event for each run that began or ended."""
    for verdict in found:
        before = {(known.job, known.result) for known in verdict.claim.status.migrations}
        for new in verdict.status.migrations:
            if new.job and (new.job, new.result) not in before:
                severity: Literal["Normal", "Warning"] = "Warning" if new.result == "Failed" else "Normal"
                yield verdict.claim.name, severity, f"Migration{new.result}", f"{new.step}: {new.message}"


def _known(scene: Scene) -> Mapping[str, dict[str, Run]]:
    """By Promotion, the runs as they are stored and as this pass leaves them, oldest first."""
    found: dict[str, dict[str, Run]] = {}
    for lineage in (scene.case.lineage, scene.course.lineage):
        for revision in lineage.revisions.values():
            for run in revision.marks.migrations:
                found.setdefault(run.promotion_uid, {})[job_name(run)] = run
    return found


def _with(scene: Scene, claim: Claim, status: PromotionStatus, known: Mapping[str, dict[str, Run]]) -> PromotionStatus:
    runs = known.get(claim.uid, {})
    before = claim.status.migrations
    # One that was begun in a pass that came to nothing has never run.
    entries = [old for old in before if old.job and old.job not in runs and old.result != "Running"]
    made = sorted(((run.begun, name) for name, run in runs.items()))
    entries = [*entries, *(_entry(scene, runs[name]) for _, name in made)][-ENTRIES:]
    revision = _revision_of(scene, claim)
    if revision is not None:
        entries += _to_come(scene, claim, revision)
    elif not runs:
        # Nothing is left that tells of it: what was said stays.
        entries = [old for old in before if old.result != "Running"]
    if not entries and not before:
        return status
    conditions = [found for found in status.conditions if found.type != MIGRATED]
    return status.model_copy(
        update={"migrations": entries, "conditions": [*conditions, *_condition(scene, claim, entries, runs)]}
    )


def _entry(scene: Scene, run: Run) -> MigrationStatus:
    found = entry(run)
    return found.model_copy(update={"message": steps.running(scene.case, run)}) if run.running else found


def _revision_of(scene: Scene, claim: Claim) -> Revision | None:
    """The revision that took traffic for a Promotion."""
    revisions = scene.course.lineage.revisions.values()
    return next((r for r in revisions if r.marks.approved and r.marks.approved.promotion_uid == claim.uid), None)


def _to_come(scene: Scene, claim: Claim, revision: Revision) -> Iterator[MigrationStatus]:
    """What has not run, and why; nothing before traffic moves."""
    case, approved = scene.case, revision.marks.approved
    if approved is None:
        return
    contract, began = asked(case, approved.plan_hash, Step.CONTRACT), has_contracted(revision.marks)
    over = steps.passed_over(case, revision)
    if contract is not None and not began:
        waits = steps.contract_waits(case, revision, claim)
        yield MigrationStatus(
            step=Step.CONTRACT, result="Skipped" if over else "Pending", message=over or waits or "it begins"
        )
    if began and revision.marks.rejected is not None and asked(case, approved.plan_hash, Step.ROLLBACK) is not None:
        words = "contract had begun: what it took away is not brought back by undoing expand; look at the data first"
        yield MigrationStatus(step=Step.ROLLBACK, result="Skipped", message=words)


def _condition(
    scene: Scene, claim: Claim, entries: Sequence[MigrationStatus], runs: Mapping[str, Run]
) -> list[Condition]:
    """How the last step that ran has ended, with the command that tries it again."""
    ran = [told for told in entries if told.job]
    if not ran:
        return [found for found in claim.status.conditions if found.type == MIGRATED and found.status != "Unknown"]
    last = ran[-1]
    words = f"{last.step}: {last.message}"
    run = runs.get(last.job)
    if last.result == "Failed" and run is not None:
        patch = patch_command(scene.case.namespace, claim.name)
        words += f'; when it is mended: {patch} \'{{"spec":{{"rerun":"{charge.another(run.rerun)}"}}}}\''
    status = {"Succeeded": True, "Failed": False}.get(last.result)
    generation = int(claim.obj["metadata"].get("generation") or 0)
    reason = f"{last.step.title()}{last.result}"
    return [condition(claim.status.conditions, MIGRATED, status, reason, words, scene.case.now, generation)]
