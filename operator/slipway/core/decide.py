"""decide(): for any snapshot of a Rollout, the writes, the probes, the events, and when to look again.

Pure and total: no I/O, no clock, no randomness. Writes are in the order in which they must be made: first the truth
that nothing may contradict (new revisions, the outcome of a shift), then the fence on the Promotion, then the
Rollout's status, then the marks, and only then Services, routes and Deployments. A crash after any of them is made
good by the next pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from slipway.api.model import dump
from slipway.core import (
    after_rollback,
    charge,
    checks,
    children,
    dry_run,
    instants,
    moves,
    names,
    notices,
    plan,
    reminder,
    set_images,
    watch,
)
from slipway.core.accept import Acceptance, accept
from slipway.core.case import Case, read
from slipway.core.ceiling import HELD, Code
from slipway.core.chart import chart
from slipway.core.course import Course, automatic
from slipway.core.deadline import deadline, keep_until
from slipway.core.decision import (
    Apply,
    CommitPromotionStatus,
    CommitRolloutStatus,
    CreateRevision,
    Decision,
    MarkRevision,
    PatchPromotionSpec,
    PatchRolloutImages,
    Probe,
    Write,
)
from slipway.core.drain import is_drained, retreating_revision
from slipway.core.drift import drift
from slipway.core.dry_run import Trial
from slipway.core.look_again import look_again
from slipway.core.migration import steps
from slipway.core.migration.told import told
from slipway.core.promotion_status import Verdict
from slipway.core.pruning import prune
from slipway.core.record import keeping, noting
from slipway.core.report.publish import reported
from slipway.core.revision import to_object
from slipway.core.rollout_status import phase_of, rollout_status
from slipway.core.rollout_words import message_of
from slipway.core.scene import Scene
from slipway.core.snapshot import Snapshot
from slipway.core.tidings import events
from slipway.core.verdicts import verdicts, without_rollout
from slipway.core.workload import workload


def decide(snapshot: Snapshot, now: datetime) -> Decision:
    """The decision for one Rollout and its Promotions."""
    rollout = snapshot.rollout
    if rollout is None:
        return _orphaned_promotions(snapshot, instants.whole_milliseconds(now))
    if rollout["metadata"].get("deletionTimestamp") or snapshot.namespace_ends:
        return Decision()
    case = read(snapshot, rollout, now)
    acceptance = _with_template(case, accept(case))
    unknown = moves.unknown_history(case)
    if unknown and acceptance.accepted and automatic(case):
        # Never an initial deploy that skips the gates: without a person to ask, it waits for one.
        acceptance = Acceptance(False, "UnknownHistory", f"{unknown}; set spec.approval: Required for that")
    unconverged = moves.unconverged(case)
    against = unconverged or ("" if case.settled else "traffic has only just been moved")
    way_back = moves.way_back(case)
    course = chart(case, acceptance, against, way_back)
    trials = dry_run.trials(case, course, way_back)
    scene = _scene(case, acceptance, course, unconverged, unknown, trials)
    return notices.tell(scene, _decision(scene))


def _scene(
    case: Case, acceptance: Acceptance, course: Course, unconverged: str, unknown: str, trials: Mapping[str, Trial]
) -> Scene:
    retreating = retreating_revision(case, course.lineage, course.candidate if course.back is None else None)
    frozen = (bool(unknown) and course.lineage.shifting is None) or (
        course.lineage.shifting is not None and course.progress is None and course.back is None
    )
    refused = _still_refused(case, course)
    share = 0 if refused else course.share
    move = moves.next_move(case, course.lineage, share, retreating, unconverged, frozen)
    drained = is_drained(case, retreating, move.reached)
    late, progressing, restart = deadline(case, course, retreating is not None)
    scene = Scene(
        case=case,
        acceptance=acceptance,
        course=course,
        move=move,
        refused=refused,
        unconverged=unconverged,
        unknown=unknown,
        retreating=retreating,
        drained=drained,
        drift=drift(case, course, move, retreating),
        late=late,
        progressing=progressing,
        restart_clock=restart,
        keep_until=keep_until(case, course),
        setting=set_images.setting(case, course.candidate),
        trials=trials,
        watch_until=watch.until(case, course.lineage),
        aftermath=after_rollback.running(case, course.lineage),
    )
    return replace(scene, message=message_of(scene, phase_of(scene)))


def _still_refused(case: Case, course: Course) -> bool:
    """Whether people took back their word, or hold, while the first share was committed and nobody had got it yet."""
    code = course.limit.code if course.limit is not None else None
    refused = code in HELD | {Code.WITHDRAWN, Code.APPROVAL} and course.back is None and course.entered is None
    first = course.step is not None and course.step.converged_at is None
    return refused and first and course.candidate is not None and case.world.exposure(course.candidate.name) == 0


def _decision(scene: Scene) -> Decision:
    case, course = scene.case, scene.course
    status = dump(rollout_status(scene))
    reports = reported(scene, told(scene, noting.noted(scene, reminder.reminded(scene, verdicts(scene)))))
    found = reports.verdicts
    writes: list[Write] = [*_new_revisions(case)]
    ended = course.verified or bool(course.kept)
    marks = _marks(course, case)
    if ended:
        writes += marks
    fence = [v for v in found if course.advances and course.is_led_by(v.claim)]
    writes += [_commit(verdict, fence=True) for verdict in fence]
    if status != (case.rollout.get("status") or {}):
        version = case.rollout["metadata"]["resourceVersion"]
        writes.append(CommitRolloutStatus(resource_version=version, status=status))
    if course.store_plan is not None and not _plan_stored(case, course.store_plan.hash):
        writes.append(CreateRevision(object=plan.to_object(course.store_plan, case.rollout, _number(case))))
    if not ended:
        writes += marks
    writes += workload(scene)
    for verdict in found:
        if verdict not in fence and dump(verdict.status) != (verdict.claim.obj.get("status") or {}):
            writes.append(_commit(verdict, fence=False))
        if verdict.spec_patch:
            meta = verdict.claim.obj["metadata"]
            writes.append(
                PatchPromotionSpec(
                    name=meta["name"],
                    uid=meta["uid"],
                    resource_version=meta["resourceVersion"],
                    spec=verdict.spec_patch,
                )
            )
    if not scene.moving and course.back is None:
        writes += prune(scene)
    # Last: the next pass sees another template, and nothing of this one is about it.
    writes += _images(scene)
    probes = (*_probes(scene), *reports.probes)
    return Decision(
        writes=tuple(writes),
        probes=probes,
        events=tuple(events(scene, status, found)),
        look_again=look_again(scene),
        needs_live=not case.snapshot.live and any(_needs_live(case, write) for write in writes),
    )


def _with_template(case: Case, acceptance: Acceptance) -> Acceptance:
    """A template that a Deployment refuses is a spec that cannot be accepted; the API server's words say why."""
    desired = case.lineage.desired
    if not acceptance.accepted or desired is None or desired.marks.approved:
        return acceptance
    verdict = checks.template_verdict(case, desired)
    if verdict is None or verdict.passed:
        return acceptance
    return Acceptance(False, "TemplateRejected", f"spec.template: {verdict.message}", pods=False)


def _new_revisions(case: Case) -> Iterable[CreateRevision]:
    desired = case.lineage.desired
    if desired is not None and desired.resource_version is None and case.spec is not None:
        yield CreateRevision(object=to_object(desired, case.rollout, _number(case)))


def _number(case: Case) -> int:
    return 1 + max((int(obj.get("revision") or 0) for obj in case.snapshot.revisions), default=0)


def _plan_stored(case: Case, plan_hash: str) -> bool:
    wanted = names.plan_name(case.name, plan_hash)
    return any(obj["metadata"]["name"] == wanted for obj in case.snapshot.revisions)


def _marks(course: Course, case: Case) -> list[Write]:
    # What was sent back first: that traffic came back to another one follows from it, not the other way round.
    writes: list[Write] = []
    for name, marks in sorted(course.marks.items(), key=lambda item: (item[1].rejected is None, item[0])):
        revision = case.lineage.revisions.get(name)
        if revision is None:
            continue
        changes = marks.changes(revision.marks)
        if changes:
            writes.append(
                MarkRevision(
                    name=names.deployment_name(case.name, name),
                    resource_version=revision.resource_version,
                    annotations=changes,
                )
            )
    return writes


def _images(scene: Scene) -> list[Write]:
    """The images that a Promotion sets, while traffic is at rest and stays so in this pass."""
    case, course, setting = scene.case, scene.course, scene.setting
    if setting is None or not setting.due:
        return []
    ends = course.verified or course.kept or course.back is not None or course.entered is not None
    moves_on = course.lineage.shifting is not None or scene.goes_back or scene.moving or scene.unknown
    accepted = scene.acceptance.accepted or scene.acceptance.reason == "TemplateRejected"
    if ends or moves_on or not accepted:
        return []
    version = case.rollout["metadata"]["resourceVersion"]
    return [PatchRolloutImages(resource_version=version, images=setting.places)]


def _commit(verdict: Verdict, fence: bool) -> CommitPromotionStatus:
    meta = verdict.claim.obj["metadata"]
    return CommitPromotionStatus(
        name=meta["name"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        status=dump(verdict.status),
        fence=fence,
    )


def _probes(scene: Scene) -> tuple[Probe, ...]:
    case, course = scene.case, scene.course
    found: list[Probe] = []
    desired = case.lineage.desired
    if (
        desired is not None
        and case.spec is not None
        and desired.name not in case.world.deployments
        and scene.acceptance.reason not in {"NameTaken", "DigestCollision"}
        and (course.candidate is not None and course.candidate.name == desired.name)
    ):
        wanted = children.deployment(case.rollout, desired, 1, case.spec.min_ready_seconds, case.spec.progress_deadline)
        found.append(
            checks.template_probe(case, desired, Apply(kind="Deployment", resource_version=None, object=wanted))
        )
    if course.entered is None and course.back is None and not course.verified:
        for progress in (course.progress, course.watched, course.restored):
            if progress is not None:
                found.extend(progress.probes)
    if course.checked is not None:
        found.extend(course.checked.probes)
    for trial in scene.trials.values():
        found.extend(trial.checked.probes)
    for aftermath in scene.aftermath.values():
        found.extend(aftermath.probes)
    if course.taking is not None and course.entered is None:
        found.extend(course.taking.probes)
    found.extend(keeping.wanted(scene))
    back = course.back.revision if course.back is not None else None
    found.extend(steps.probes(case, course.candidate, automatic(case), back))
    unique = {probe.key: probe for probe in found}
    return tuple(unique[key] for key in sorted(unique))


def _needs_live(case: Case, write: Write) -> bool:
    """Whether a write may only be made on what the API server says now, not on what a watch said a while ago."""
    if isinstance(write, CreateRevision | CommitRolloutStatus):
        return False
    if isinstance(write, CommitPromotionStatus):
        return write.fence
    if isinstance(write, Apply):
        if write.resource_version is None:
            return False
        if write.kind == "Deployment":
            revision = write.object["metadata"]["labels"][names.REVISION_LABEL]
            return int(write.object["spec"]["replicas"]) < case.world.size(revision)
        return True
    return True


def _orphaned_promotions(snapshot: Snapshot, now: datetime) -> Decision:
    writes: list[Write] = []
    for claim in charge.read(snapshot.promotions):
        if claim.deleting or (claim.finished and not after_rollback.open_in(claim.status)):
            continue
        status: Mapping[str, Any] = dump(without_rollout(claim, snapshot.name, now))
        meta: Mapping[str, Any] = claim.obj["metadata"]
        if status != (claim.obj.get("status") or {}):
            writes.append(
                CommitPromotionStatus(
                    name=meta["name"],
                    uid=meta["uid"],
                    resource_version=meta["resourceVersion"],
                    status=status,
                )
            )
    return Decision(writes=tuple(writes))
