"""decide(): for any snapshot of a Rollout, the writes, the probes, the events, and when to look again.

Pure and total: no I/O, no clock, no randomness. Writes are in the order in which they must be made: first the truth
that nothing may contradict (new revisions, the outcome of a shift), then the fence on the Promotion, then the
Rollout's status, then the marks, and only then Services, routes and Deployments. A crash after any of them is made
good by the next pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from slipway.api.model import dump
from slipway.core import (
    capacity,
    charge,
    checks,
    children,
    dry_run,
    instants,
    moves,
    names,
    notices,
    plan,
    set_images,
    share,
    strategy,
    watch,
)
from slipway.core.accept import Acceptance, accept
from slipway.core.case import Case, read
from slipway.core.ceiling import Code
from slipway.core.conditions import find
from slipway.core.course import Course, automatic, chart, replicas_of
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
    Replace,
    Write,
)
from slipway.core.dry_run import Trial
from slipway.core.lineage import Lineage
from slipway.core.promotion_status import Verdict, verdicts, without_rollout
from slipway.core.pruning import prune
from slipway.core.record import keeping, noting
from slipway.core.report.publish import reported
from slipway.core.revision import Revision, to_object
from slipway.core.rollout_status import message_of, phase_of, rollout_status
from slipway.core.scene import Scene
from slipway.core.snapshot import Snapshot
from slipway.core.tidings import events


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
    retreating = _retreating(case, course.lineage)
    frozen = (bool(unknown) and course.lineage.shifting is None) or (
        course.lineage.shifting is not None and course.progress is None and course.back is None
    )
    move = moves.next_move(case, course.lineage, course.share, retreating, unconverged, frozen)
    drained = _drained(case, retreating, move.reached)
    late, progressing, restart = _deadline(case, course, retreating is not None)
    scene = Scene(
        case=case,
        acceptance=acceptance,
        course=course,
        move=move,
        unconverged=unconverged,
        unknown=unknown,
        retreating=retreating,
        drained=drained,
        drift=_drift(case, course, move),
        late=late,
        progressing=progressing,
        restart_clock=restart,
        keep_until=_keep_until(case, course),
        setting=set_images.setting(case, course.candidate),
        trials=trials,
        watch_until=watch.until(case, course.lineage),
    )
    return replace(scene, message=message_of(scene, phase_of(scene)))


def _decision(scene: Scene) -> Decision:
    case, course = scene.case, scene.course
    status = dump(rollout_status(scene))
    reports = reported(scene, noting.noted(scene, verdicts(scene)))
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
    writes += _children(scene)
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
        look_again=_look_again(scene),
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


def _retreating(case: Case, lineage: Lineage) -> Revision | None:
    """The revision that traffic is taken from: sent back, and still selected or not yet drained."""
    sent_back = [
        r
        for r in lineage.revisions.values()
        if r.marks.rejected
        and (case.world.exposure(r.name) or r.name in case.traffic_targets or case.world.size(r.name))
    ]
    exposed = sorted(
        sent_back,
        key=lambda r: (case.world.exposure(r.name), r.marks.rejected.at if r.marks.rejected else case.now),
    )
    return exposed[-1] if exposed else None


def _drained(case: Case, retreating: Revision | None, reached: bool) -> bool:
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


def _drift(case: Case, course: Course, move: moves.Move) -> str:
    """What others changed of the traffic, if this pass puts it back."""
    step = course.step
    if move.wanted == case.traffic or course.back or course.entered or not case.status.stable:
        return ""
    converged = find(case.status.conditions, "TrafficConverged")
    at_rest = converged is not None and converged.status == "True" and (step is None or step.converged_at)
    if not at_rest or _retreating(case, course.lineage) is not None:
        return ""
    now, wanted = case.traffic, move.wanted
    if now.live != wanted.live:
        return f"the selector of Service {case.name} was changed by others and is restored"
    if now.weight != wanted.weight:
        return "the weights of an HTTPRoute were changed by others and are restored"
    return ""


def _deadline(case: Case, course: Course, going_back: bool) -> tuple[bool, bool, bool]:
    """(late, progressing, restart): whether pods have missed progressDeadline, and the state of its clock.

    Only waiting for pods counts; a hold, a pause or a person never does, and the clock starts anew after them.
    """
    candidate, limit = course.candidate, course.limit
    if candidate is None or course.progress is None or course.back or course.verified or course.kept:
        return False, going_back, False
    waits_for_pods = limit is not None and limit.code in (Code.ABSENT, Code.CAPACITY)
    before = find(case.status.conditions, "Progressing")
    known = case.status.candidate
    same = known is not None and known.revision == candidate.name
    claim = course.claim.name if course.claim else None
    restart = not same or (claim is not None and claim != case.status.promotion)
    if not waits_for_pods:
        moving = candidate.marks.in_flight and (
            limit is None or limit.code in (Code.STAGE, Code.OPEN, Code.CONVERGENCE)
        )
        return False, moving, restart
    if before is None or restart:
        return False, True, True
    if before.status == "False" and before.reason == "ProgressDeadlineExceeded":
        return True, False, False
    if before.status != "True":
        return False, True, True
    restart = course.entered is not None
    late = case.now - before.last_transition_time >= course.progress.spec.progress_deadline
    return late, not late, restart


def _keep_until(case: Case, course: Course) -> datetime | None:
    """Until when the previous revision is kept: from the converged switch, or, when that is lost, from now."""
    previous = course.lineage.previous
    if previous is None:
        return None
    known = case.status.previous
    if course.verified and course.progress is not None:
        step = course.progress.step
        start = step.converged_at if step is not None and step.converged_at is not None else case.now
        keep = strategy.settings(course.progress.spec).keep_previous
        return start + max(keep, case.snapshot.settings.drain_delay)
    if known is not None and known.revision == previous.name and known.until is not None:
        return known.until
    keep = strategy.settings(case.spec).keep_previous if case.spec else timedelta(minutes=30)
    return case.now + keep


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


def _children(scene: Scene) -> list[Write]:
    """Deployments that grow, then traffic, then Deployments that shrink."""
    case, course = scene.case, scene.course
    if scene.acceptance.reason in {"NameTaken", "DigestCollision"}:
        return []
    lineage = course.lineage
    candidate = course.progress if course.candidate is not None and not course.back else None
    if course.verified or course.kept:
        candidate = None
    limit = course.limit
    wanted = capacity.sizes(
        case,
        lineage=lineage,
        replicas=replicas_of(case),
        candidate=candidate,
        pods_for=course.share if course.entered or limit is None else limit.pods_for,
        allowed=scene.acceptance.pods and _template_taken(case, course.candidate),
        retreating=scene.retreating,
        drained=scene.drained,
        keeping=scene.keep_until is not None and case.now < scene.keep_until,
    )
    grow: list[Write] = []
    shrink: list[Write] = []
    for name, replicas in sorted(wanted.items()):
        revision = lineage.get(name)
        if revision is None:
            continue
        write = _deployment(case, course, revision, replicas)
        if write is not None:
            (shrink if replicas < case.world.size(name) else grow).append(write)
    preview = course.candidate if course.candidate and scene.acceptance.pods and candidate else None
    followed = case.settled and not scene.moving and not scene.unconverged and scene.drained
    services: list[Write] = [*moves.services(case, lineage, scene.move.wanted, preview, followed)]
    weights: list[Write] = [*moves.weights(case, scene.move.wanted.weight)]
    return [*grow, *services, *weights, *shrink]


def _template_taken(case: Case, candidate: Revision | None) -> bool:
    if candidate is None:
        return False
    verdict = checks.template_verdict(case, candidate)
    return verdict is not None and verdict.passed


def _deployment(case: Case, course: Course, revision: Revision, replicas: int) -> Apply | Replace | None:
    current = case.world.deployments.get(revision.name)
    if current is None and replicas == 0:
        return None
    spec = course.progress.spec if course.progress and course.progress.revision.name == revision.name else case.spec
    seconds = spec.min_ready_seconds if spec else 0
    deadline = spec.progress_deadline if spec else timedelta(minutes=10)
    if current is not None and (course.progress is None or course.progress.revision.name != revision.name):
        # Nothing of the spec reaches what serves, but for the number of its pods.
        seconds = int(current["spec"].get("minReadySeconds") or 0)
        deadline = timedelta(seconds=int(current["spec"].get("progressDeadlineSeconds") or 600))
    wanted = children.deployment(case.rollout, revision, replicas, seconds, deadline)
    return children.deployment_write(wanted, current, case.uid)


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
    if course.taking is not None and course.entered is None:
        found.extend(course.taking.probes)
    found.extend(keeping.wanted(scene))
    unique = {probe.key: probe for probe in found}
    return tuple(unique[key] for key in sorted(unique))


def _look_again(scene: Scene) -> datetime | None:
    """The next instant at which time alone changes something."""
    case, course, now = scene.case, scene.course, scene.case.now
    settings = case.snapshot.settings
    times: list[datetime] = []
    converged = find(case.status.conditions, "TrafficConverged")
    if converged is not None and converged.status == "True" and not scene.moving:
        if not case.settled:
            times.append(converged.last_transition_time + settings.gateway_settle)
        if scene.retreating is not None and not scene.drained:
            times.append(converged.last_transition_time + settings.drain_delay)
    step, found = scene.step, course.progress
    if step is not None and step.converged_at is not None and found is not None and found.stage is not None:
        times.append(step.converged_at + found.stage.hold)
        if found.disagreement and found.subject is not None:
            interval = found.spec.analysis.interval
            times.append((share.due(found.stage, found.subject, interval, now) or now) + interval)
        timeout = found.spec.analysis.no_data_timeout
        data = [gate.data_at for gate in found.gates if gate.data_at is not None]
        times.append(max([step.converged_at, *data[:1]]) + timeout)
        times.extend(at + timeout for at in data)
    progressing = find(case.status.conditions, "Progressing")
    if scene.progressing and found is not None and progressing is not None:
        start = now if scene.restart_clock or progressing.status != "True" else progressing.last_transition_time
        times.append(start + found.spec.progress_deadline)
    if course.hours is not None and course.hours.changes is not None:
        times.append(course.hours.changes)
    if course.consent is not None and course.consent.lapses is not None:
        times.append(course.consent.lapses)
    if course.checked is not None and course.demands is not None and course.demands.max_age is not None:
        times.extend(check.at + course.demands.max_age for check in course.checked.checks if check.at is not None)
    all_checked = [course.checked, *(trial.checked for trial in scene.trials.values())]
    times.extend(checked.again for checked in all_checked if checked is not None and checked.again is not None)
    times.extend(end for end in (scene.keep_until, scene.watch_until) if end is not None)
    if course.restored is not None and course.restored.written and course.restored.written.until:
        times.append(course.restored.written.until)
    ahead = [time for time in times if time > now]
    return min(ahead, default=None)


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
        if claim.finished or claim.deleting:
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
