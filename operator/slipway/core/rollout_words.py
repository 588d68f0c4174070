"""What a Rollout waits for, in words that end with the next command."""

from __future__ import annotations

from datetime import timedelta

from slipway.api.duration import format_duration
from slipway.core import approval, instants, plan_lost
from slipway.core.ceiling import Code
from slipway.core.course import automatic, replicas_of
from slipway.core.migration import planned
from slipway.core.migration.words import contracted
from slipway.core.restored import restored
from slipway.core.rollout_facts import in_last_stage, keeps_previous, waiting_next, watch_of
from slipway.core.scene import Scene


def message_of(scene: Scene, phase: str) -> str:
    """What is happening, what it waits for, and the next command."""
    course = scene.course
    text = _message(scene, phase)
    following = waiting_next(scene)
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
            "Change spec.template, or create a new Promotion that says in spec.retry.fix what is different now"
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
    # What is measured has its plan: it is not read once more in each pass.
    if scene.course.watched is None and (lost := plan_lost.words(scene.case, scene.course.lineage)):
        return lost
    watched, previous = watch_of(scene), scene.course.lineage.previous
    words = []
    if scene.watch_until is not None:
        left = instants.left(scene.watch_until - scene.case.now)
        words.append(f"watched for {left} more, until {instants.render(scene.watch_until)}")
    words += [gate.message for gate in (watched.gates if watched else [])]
    words += [f"smoke test {t.name}: {t.message}" for t in (watched.smoke_tests if watched else []) if t.failures]
    if previous is None:
        words.append("there is no revision to go back to")
    elif keeps_previous(scene) and scene.keep_until is not None:
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
        if scene.refused:
            return f"{at}; {why}{_command(scene)}"
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
        if course.looks.against and step.converged_at and in_last_stage(scene):
            # Said from the switch on: whoever looks need not wait until the gates have held for long enough.
            text += f"; {course.looks.against}"
        return text
    if scene.late:
        return f"candidate {candidate.name} was not ready by spec.progressDeadline: {why}"
    hint = _command(scene)
    if phase == "AwaitingPromotion" and code is Code.NO_PROMOTION:
        return f"candidate {candidate.name} is ready and waits: {_create(scene)}"
    return f"candidate {candidate.name}: {why or 'traffic begins to move'}{hint}"


def _create(scene: Scene) -> str:
    case = scene.case
    return f"create a Promotion with spec.rollout: {case.name} and spec.environment: {case.environment}"


def _abort(scene: Scene) -> str:
    """How to go back where no Promotion can say so."""
    candidate = scene.course.candidate
    return f'go back with spec.abort: "{candidate.name if candidate else ""}" on the Rollout'


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
    if course.claim is None and course.limit is not None and course.limit.code is Code.ASKS:
        return f"; {_create(scene)}, then say there which share may be entered"
    if course.claim is None and course.limit is not None and course.limit.code is Code.APPROVAL:
        return f"; {_create(scene)} and approve it, or {_abort(scene)}"
    if course.claim is None or course.limit is None:
        return ""
    patch = approval.patch_command(case.namespace, course.claim.name)
    code = course.limit.code
    if code is Code.HELD:
        return _lift(scene, patch, course.plan.hash if course.plan is not None else "")
    if approve := approve_command(scene):
        return f"; approve: {approve}"
    bound = course.candidate is not None and planned.changed(case, course.candidate, course.plan)
    if code is Code.PLAN_CHANGED and course.plan is not None and not bound:
        return (
            f"; approve the new plan {course.plan.hash[:17]}…: first withdraw, {patch} "
            '\'{"spec":{"approved":false}}\', then approve again'
        )
    return ""


def approve_command(scene: Scene) -> str:
    """What the next approver runs: for the start, or for a canary step that asks. '' where nobody's word is missing."""
    course, namespace = scene.course, scene.case.namespace
    if course.claim is None or course.limit is None:
        return ""
    code = course.limit.code
    plan_hash = course.plan.hash if course.plan is not None else ""
    if code in (Code.APPROVAL, Code.WITHDRAWN):
        return approval.command(namespace, course.claim.name, course.consent, plan_hash)
    if code is Code.ASKS and course.progress is not None and course.progress.next_stage is not None:
        weight, spec = course.progress.next_stage.weight, course.claim.spec
        others = spec is not None and (spec.approved_weight or 0) >= weight and bool(spec.weight_approvals)
        return approval.weight_command(namespace, course.claim.name, weight, others, plan_hash)
    return ""


def _lift(scene: Scene, patch: str, plan_hash: str) -> str:
    """How a hold ends. To approve and to let it move may be two people's words, at two times."""
    course, consent = scene.course, scene.course.consent
    spec = course.claim.spec if course.claim is not None else None
    if spec is None:
        return f"; remove or correct that field, or {_abort(scene)}"
    field = "hold" if spec.hold else "rollbackPlanNeeded"
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
