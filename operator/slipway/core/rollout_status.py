"""The Rollout's status: phase, message, roles, conditions. Every decision in words, with the next command to run."""

from __future__ import annotations

from datetime import timedelta

from slipway.api.conditions import Condition
from slipway.api.duration import format_duration
from slipway.api.rollout import (
    CandidateStatus,
    GateStatus,
    NextStatus,
    PreviousStatus,
    RejectedStatus,
    RevisionStatus,
    RolloutStatus,
    SmokeTestStatus,
    WatchStatus,
)
from slipway.core import approval, instants, names, strategy
from slipway.core.ceiling import Code
from slipway.core.conditions import condition
from slipway.core.course import automatic, replicas_of
from slipway.core.history import history
from slipway.core.marks import Watching
from slipway.core.migration import planned
from slipway.core.migration.words import contracted
from slipway.core.restored import restored
from slipway.core.revision import Revision
from slipway.core.scene import Scene

_HELD = frozenset({Code.HELD, Code.WINDOW, Code.PLAN_CHANGED, Code.NO_DATA, Code.NO_PLAN})
_ASKING = frozenset({Code.APPROVAL, Code.WITHDRAWN, Code.ASKS})


def rollout_status(scene: Scene) -> RolloutStatus:
    """The status to commit."""
    case, course = scene.case, scene.course
    lineage, world = course.lineage, case.world
    candidate, step = course.candidate, scene.step
    shown = None
    if candidate is not None and not candidate.marks.verified_at and not course.back and not course.kept:
        shown = CandidateStatus(
            revision=candidate.name,
            deployment=names.deployment_name(case.name, candidate.name),
            images=list(candidate.images),
            ready_replicas=world.ready(candidate.name),
            weight=world.exposure(candidate.name),
            step=step,
        )
    replicas, selector = _scale(scene)
    phase = phase_of(scene)
    gates, smoke = tests_of(scene)
    return RolloutStatus(
        observed_generation=case.generation,
        replicas=replicas,
        selector=selector,
        strategy=strategy.name_of(case.spec) if case.spec else case.status.strategy,
        phase=phase,
        message=message_of(scene, phase)[:4000],
        stable=_role(scene, lineage.stable),
        candidate=shown,
        next=_next(scene),
        previous=_previous(scene),
        rejected=_rejected(scene),
        promotion=course.claim.name if course.claim and shown else None,
        gates=gates,
        smoke_tests=smoke,
        watch=watch_of(scene),
        history=history(case.status.history, course.lineage, case.claims),
        conditions=_conditions(scene, phase),
    )


def _role(scene: Scene, revision: Revision | None) -> RevisionStatus | None:
    if revision is None:
        return None
    return RevisionStatus(
        revision=revision.name,
        deployment=names.deployment_name(scene.case.name, revision.name),
        images=list(revision.images),
    )


def _scale(scene: Scene) -> tuple[int, str]:
    """Pods and selector for the scale subresource: stable's pods, in a canary all that serve."""
    case, lineage = scene.case, scene.course.lineage
    serving = [r.name for r in (lineage.stable, lineage.shifting) if r]
    if lineage.stable and case.world.exposure(serving[-1]) in (0, 100):
        serving = serving[:1] if case.world.exposure(serving[-1]) == 0 else serving[-1:]
    count = sum(
        int((case.world.deployments[name].get("status") or {}).get("replicas") or 0)
        for name in serving
        if name in case.world.deployments
    )
    chosen = ",".join(sorted(serving)) or names.NO_REVISION
    return count, f"{names.ROLLOUT_LABEL}={case.name},{names.REVISION_LABEL} in ({chosen})"


def _next(scene: Scene) -> NextStatus | None:
    lineage = scene.course.lineage
    desired, shifting = lineage.desired, lineage.shifting
    if desired is None or shifting is None or desired.name == shifting.name:
        return None
    if lineage.stable is not None and desired.name == lineage.stable.name:
        return None
    return NextStatus(revision=desired.name)


def _previous(scene: Scene) -> PreviousStatus | None:
    previous = scene.course.lineage.previous
    if previous is None:
        return None
    return PreviousStatus(
        revision=previous.name,
        deployment=names.deployment_name(scene.case.name, previous.name),
        until=scene.keep_until,
    )


def _rejected(scene: Scene) -> RejectedStatus | None:
    course = scene.course
    desired = course.lineage.desired
    if course.back is not None:
        marks = course.lineage.revisions.get(course.back.revision.name, course.back.revision).marks
        name = course.back.revision.name
    elif desired is not None and desired.marks.rejected is not None:
        if course.candidate is not None and course.candidate.name == desired.name:
            return None
        marks, name = desired.marks, desired.name
    else:
        return None
    if marks.rejected is None:
        return None
    return RejectedStatus(revision=name, reason=marks.rejected.reason[:1000], at=marks.rejected.at)


def tests_of(scene: Scene) -> tuple[list[GateStatus], list[SmokeTestStatus]]:
    """What status says of gates and smoke tests: of the candidate that has traffic, else of what is watched."""
    course, status = scene.course, scene.case.status
    found, watched = course.progress, watch_of(scene)
    if course.entered is not None:
        # Measurements belong to one stage: the next one starts without any.
        return [], list(found.smoke) if found else []
    if found is None and watched is not None:
        return list(watched.gates), list(watched.smoke_tests)
    if found is None:
        return list(status.gates), list(status.smoke_tests)
    if found.in_flight:
        return [gate for gate in found.gates if gate.verdict], list(found.smoke)
    gates = list(watched.gates) if watched else [gate for gate in status.gates if gate.verdict]
    if found.watched:
        return gates, list(watched.smoke_tests) if watched else list(status.smoke_tests)
    return gates, list(found.smoke)


def watch_of(scene: Scene) -> WatchStatus | None:
    """What status says of stable, while it is watched or measured after going back."""
    watched, stable = scene.course.watched or scene.course.restored, scene.course.lineage.stable
    before, known = scene.case.lineage.stable, scene.case.status.watch
    if before is not None and before.marks.watch is Watching.OPEN:
        # Until its end is marked, with the figures of its record, nothing takes these away.
        if watched is not None and watched.revision.name == before.name:
            return watched.written
        return known if known is not None and known.revision == before.name else None
    if watched is None or stable is None or watched.revision.name != stable.name or stable.marks.kept:
        return None
    return watched.written


def phase_of(scene: Scene) -> str:
    """The phase for people: the first one that fits."""
    case, course = scene.case, scene.course
    code = course.limit.code if course.limit else None
    if not scene.acceptance.accepted:
        return "Invalid"
    if scene.goes_back or course.back:
        return "RollingBack"
    if code in _HELD or scene.unknown:
        return "Held"
    if code in _ASKING:
        return "AwaitingApproval"
    candidate = course.candidate
    if candidate is not None and not course.verified and not course.kept:
        if candidate.marks.in_flight:
            step = scene.step
            final = step is not None and course.progress is not None and step.weight == 100 and step.converged_at
            return "Verifying" if final and _is_final(scene) else "Shifting"
        if not scene.late:
            waits = code in {Code.NO_PROMOTION, Code.CHECKS, Code.POLICY, Code.MIGRATION_FAILED} and not _checks_run(
                scene
            )
            return "AwaitingPromotion" if waits else "Deploying"
    return _phase_at_rest(scene, case.world.ready(course.lineage.stable.name) if course.lineage.stable else 0)


def _is_final(scene: Scene) -> bool:
    found, step = scene.course.progress, scene.step
    stages = found.stages if found else ()
    return step is not None and bool(stages) and step.index == stages[-1].index


def _checks_run(scene: Scene) -> bool:
    checked = scene.course.checked
    code = scene.course.limit.code if scene.course.limit else None
    return code is Code.CHECKS and checked is not None and not checked.failed


def _phase_at_rest(scene: Scene, ready: int) -> str:
    lineage = scene.course.lineage
    desired, stable = lineage.desired, lineage.stable
    if desired is not None and desired.marks.rejected is not None and scene.course.candidate is None:
        return "RolledBack"
    if scene.late or stable is None or stable.marks.kept or (ready == 0 and replicas_of(scene.case) > 0):
        return "Degraded"
    if _keeping(scene) or scene.watch_until is not None:
        return "Watching"
    return "Healthy"


def _keeping(scene: Scene) -> bool:
    kept = scene.course.lineage.previous is not None and scene.keep_until is not None
    return kept and scene.keep_until is not None and scene.case.now < scene.keep_until


def message_of(scene: Scene, phase: str) -> str:
    """What is happening, what it waits for, and the next command."""
    course = scene.course
    text = _message(scene, phase)
    following = _next(scene)
    if following is not None:
        text += f"; revision {following.revision} waits for this shift to end"
    if course.overrides:
        text += f"; missing data of {', '.join(course.overrides)} accepted by an approver"
    if scene.drift:
        text += f"; {scene.drift}"
    return text + contracted(course.lineage)


def _message(scene: Scene, phase: str) -> str:
    case, course = scene.case, scene.course
    candidate, stable = course.candidate, course.lineage.stable
    if phase == "Invalid":
        return scene.acceptance.message
    if phase == "RollingBack":
        back = course.back.revision if course.back else scene.retreating
        known = course.lineage.get(back.name) if back else None
        rejected = known.marks.rejected if known else None
        why = f": {rejected.reason}" if rejected else ""
        goal = f"traffic goes back to {stable.name}" if stable else "it is taken out of service"
        if stable is None and case.adoption is not None:
            goal = f"Service {case.name} gets its own selector back"
        waits = f" ({scene.move.waiting})" if scene.move.waiting else ""
        return f"revision {back.name if back else '?'} was sent back{why}; {goal}{waits}"
    if scene.unknown and (candidate is None or not candidate.marks.in_flight):
        return scene.unknown + (f"; {_about_candidate(scene, phase)}" if candidate else "")
    if candidate is not None and not course.verified and not course.kept:
        return _about_candidate(scene, phase)
    if phase == "RolledBack" and course.lineage.desired is not None:
        rejected = course.lineage.desired.marks.rejected
        serving = f"revision {stable.name} serves" if stable else "nothing serves"
        if stable is None and case.adoption is not None:
            serving = f"Service {case.name} has its own selector"
        why = f": {rejected.reason}" if rejected else ""
        well = restored(scene)
        if well is not None:
            serving += f" ({well.message})"
        return (
            f"{serving}; revision {course.lineage.desired.name} was sent back{why}. "
            "Change spec.template, or create a new Promotion to try it again"
        )
    if stable is None:
        return "no revision serves"
    ready = case.world.ready(stable.name)
    pods = f"{ready} of {replicas_of(case)} pods ready"
    if stable.marks.kept:
        return f"revision {stable.name} serves although it failed, as there is nothing to go back to: " + (
            f"{stable.marks.kept.reason}; {pods}"
        )
    if phase == "Watching":
        return f"revision {stable.name} serves; {words_of_watch(scene)}; {pods}"
    return f"revision {stable.name} serves; {pods}"


def words_of_watch(scene: Scene) -> str:
    """How long the watch goes on, what it has measured, and what would be gone back to."""
    watched, previous = watch_of(scene), scene.course.lineage.previous
    words = []
    if scene.watch_until is not None:
        left = instants.left(scene.watch_until - scene.case.now)
        words.append(f"watched for {left} more, until {instants.render(scene.watch_until)}")
    words += [gate.message for gate in (watched.gates if watched else [])]
    words += [f"smoke test {t.name}: {t.message}" for t in (watched.smoke_tests if watched else []) if t.failures]
    if previous is None:
        words.append("there is no revision to go back to")
    elif _keeping(scene) and scene.keep_until is not None:
        words.append(f"the one before it is kept until {instants.render(scene.keep_until)}")
    else:
        words.append(f"the one before it, {previous.name}, is started first if this one has to go back")
    return "; ".join(words)


def _about_candidate(scene: Scene, phase: str) -> str:
    case, course = scene.case, scene.course
    candidate = course.candidate
    if candidate is None:
        return ""
    why = course.limit.reason if course.limit else ""
    code = course.limit.code if course.limit else None
    weight = case.world.exposure(candidate.name)
    if candidate.marks.in_flight:
        step = scene.step
        at = f"candidate {candidate.name} at {weight} %"
        if step is None:
            return f"{at}; {why}"
        if step.weight != weight or scene.moving:
            detail = scene.move.waiting or scene.unconverged
            # At 100 % what is left to move are the route's weights, home to the live Service.
            goal = f"moving to {step.weight} %" if step.weight != weight else "ordering Services and weights"
            return f"{at}, {goal}" + (f": {detail}" if detail else "")
        text = f"{at} {_held_for(scene)}" if step.converged_at else f"{at}, {scene.unconverged or 'settling'}"
        passed = [g.message for g in (course.progress.gates if course.progress else ()) if g.message]
        if code not in (Code.STAGE, Code.OPEN, Code.CONVERGENCE, Code.LOOKS):
            text += f"; {why}{_command(scene)}"
        elif passed:
            text += "; " + ", ".join(passed)
        if course.looks.against and step.converged_at and _is_final(scene):
            # Said from the switch on: whoever looks need not wait until the gates have held for long enough.
            text += f"; {course.looks.against}"
        return text
    if scene.late:
        return f"candidate {candidate.name} was not ready by spec.progressDeadline: {why}"
    hint = _command(scene)
    if phase == "AwaitingPromotion" and code is Code.NO_PROMOTION:
        return (
            f"candidate {candidate.name} is ready and waits: create a Promotion with spec.rollout: {case.name} and "
            f"spec.environment: {case.environment}"
        )
    return f"candidate {candidate.name}: {why or 'traffic begins to move'}{hint}"


def _held_for(scene: Scene) -> str:
    step, found = scene.step, scene.course.progress
    if step is None or step.converged_at is None or found is None:
        return ""
    stage = next((s for s in found.stages if s.index == step.index), None)
    if stage is None:
        return ""
    elapsed = min(scene.case.now - step.converged_at, stage.hold)
    lasted = format_duration(stage.hold) if elapsed >= stage.hold else instants.roughly(elapsed)
    return f"for {lasted} of {format_duration(stage.hold)}" if stage.hold > timedelta() else ""


def _command(scene: Scene) -> str:
    """The next command, if a person's word is what is missing."""
    course, case = scene.course, scene.case
    if course.claim is None or course.limit is None:
        return ""
    patch = approval.patch_command(case.namespace, course.claim.name)
    code = course.limit.code
    plan_hash = course.plan.hash if course.plan is not None else ""
    if code is Code.HELD:
        return _lift(scene, patch, plan_hash)
    if code in (Code.APPROVAL, Code.WITHDRAWN):
        return f"; approve: {approval.command(case.namespace, course.claim.name, course.consent, plan_hash)}"
    if code is Code.ASKS and course.progress is not None and course.progress.next_stage is not None:
        weight, spec = course.progress.next_stage.weight, course.claim.spec
        others = spec is not None and (spec.approved_weight or 0) >= weight and bool(spec.weight_approvals)
        return f"; approve: {approval.weight_command(case.namespace, course.claim.name, weight, others, plan_hash)}"
    bound = course.candidate is not None and planned.changed(case, course.candidate, course.plan)
    if code is Code.PLAN_CHANGED and course.plan is not None and not bound:
        return (
            f"; approve the new plan {course.plan.hash[:17]}…: first withdraw, {patch} "
            '\'{"spec":{"approved":false}}\', then approve again'
        )
    return ""


def _lift(scene: Scene, patch: str, plan_hash: str) -> str:
    """How a hold ends. To approve and to let it move may be two people's words, at two times."""
    course, consent = scene.course, scene.course.consent
    spec = course.claim.spec if course.claim is not None else None
    field = "hold" if spec is not None and spec.hold else "rollbackPlanNeeded"
    lift = f'; an approver lifts it: {patch} \'{{"spec":{{"{field}":null}}}}\''
    waits = course.candidate is not None and not course.candidate.marks.in_flight
    if not waits or consent is None or course.claim is None or automatic(scene.case):
        return lift
    if consent.granted:
        return f"; approved by {', '.join(consent.by)}, it moves when that is lifted{lift}"
    if course.checked is None or course.checked.against:
        return lift
    approve = approval.command(scene.case.namespace, course.claim.name, consent, plan_hash)
    return f"{lift}; it can be approved before, and does not move then: {approve}"


def _conditions(scene: Scene, phase: str) -> list[Condition]:
    case, course = scene.case, scene.course
    before, now, generation = case.status.conditions, case.now, case.generation
    text = message_of(scene, phase)
    accepted = condition(
        before,
        "Accepted",
        scene.acceptance.accepted,
        scene.acceptance.reason,
        scene.acceptance.message,
        now,
        generation,
    )
    code = course.limit.code if course.limit else None
    asking = code in _ASKING and phase != "Invalid"
    awaiting = condition(
        before,
        "AwaitingApproval",
        asking,
        str(code) if asking and code else "NotWaiting",
        text if asking else "no person is waited for",
        now,
        generation,
    )
    if scene.late:
        why, progressing = "ProgressDeadlineExceeded", False
    elif scene.progressing:
        why, progressing = phase if phase != "Invalid" else "Progressing", True
    else:
        why, progressing = (
            "AtRest" if phase in {"Healthy", "Watching", "RolledBack", "Degraded"} else "Waiting",
            False,
        )
    back = restored(scene)
    moved = not scene.moving and not scene.unconverged
    converged = condition(
        before,
        "TrafficConverged",
        moved,
        "Converged" if moved else ("Moving" if scene.moving else "Waiting"),
        "users get what Services and routes say" if moved else (scene.unconverged or f"moving to {_in_words(scene)}"),
        now,
        generation,
    )
    return [
        accepted,
        _ready(scene, phase),
        condition(before, "Progressing", progressing, why, text, now, generation, restart=scene.restart_clock),
        awaiting,
        converged,
        *([back] if back is not None else []),
    ]


def _in_words(scene: Scene) -> str:
    wanted = scene.move.wanted
    return f"live {wanted.live or names.NO_REVISION}, candidate Service {wanted.candidate or names.NO_REVISION}" + (
        f" at {wanted.weight} %" if scene.case.routed and wanted.weight is not None else ""
    )


def _ready(scene: Scene, phase: str) -> Condition:
    case, course = scene.case, scene.course
    lineage = course.lineage
    serving = case.world.selected(case.world.live_service)
    desired = lineage.desired
    live = lineage.get(serving)
    reason, ready, text = "Serving", True, f"revision {serving} serves"
    if not scene.acceptance.accepted:
        ready, reason, text = False, scene.acceptance.reason, scene.acceptance.message
    elif desired is not None and desired.marks.rejected is not None and course.candidate is None:
        ready, reason = False, "CandidateRejected"
        text = f"revision {desired.name}, which spec.template asks for, was sent back: {desired.marks.rejected.reason}"
    elif course.back is not None:
        ready, reason, text = False, "CandidateRejected", course.back.reason
    elif live is None or live.marks.approved is None:
        ready, reason, text = False, "NothingServes", "no approved revision serves yet"
        if case.adoption is not None:
            text += f"; Service {case.name} has its own selector"
    elif case.world.ready(live.name) == 0 and replicas_of(case) > 0:
        ready, reason, text = False, "NoReadyPods", f"revision {live.name} has no ready pod"
    return condition(case.status.conditions, "Ready", ready, reason, text, case.now, case.generation)


def needs_person(scene: Scene) -> bool:
    """Whether only a person can bring the next step."""
    code = scene.course.limit.code if scene.course.limit else None
    return code in _HELD | _ASKING | {Code.NO_PROMOTION, Code.LOOKS} and not automatic(scene.case)
