"""The Rollout's status: phase, message, roles, conditions. Every decision in words, with the next command to run."""

from __future__ import annotations

from slipway.api.conditions import Condition
from slipway.api.rollout import (
    CandidateStatus,
    RolloutStatus,
)
from slipway.core import names, strategy, unasked
from slipway.core.ceiling import ASKING, HELD, Code
from slipway.core.conditions import condition
from slipway.core.course import automatic, replicas_of
from slipway.core.history import history
from slipway.core.restored import restored
from slipway.core.rollout_facts import (
    in_last_stage,
    keeps_previous,
    previous_of,
    rejected_of,
    role,
    scale,
    tests_of,
    waiting_next,
    watch_of,
)
from slipway.core.rollout_words import message_of
from slipway.core.scene import Scene

AWAITED = frozenset({"RouteNotFound"})
"""Reasons of Accepted that pass by themselves where all is applied at once."""


def rollout_status(scene: Scene) -> RolloutStatus:
    """The status to commit."""
    case, course = scene.case, scene.course
    lineage, world = course.lineage, case.world
    candidate, step = course.candidate, scene.step
    shown = None
    if candidate is not None and not candidate.marks.verified_at and not course.back and not course.kept:
        plan_hash, checks = unasked.kept(case, course)
        shown = CandidateStatus(
            revision=candidate.name,
            deployment=names.deployment_name(case.name, candidate.name),
            images=list(candidate.images),
            ready_replicas=world.ready(candidate.name),
            weight=world.exposure(candidate.name),
            step=step,
            plan_hash=plan_hash,
            checks=checks,
        )
    replicas, selector = scale(scene)
    phase = phase_of(scene)
    gates, smoke = tests_of(scene)
    return RolloutStatus(
        observed_generation=case.generation,
        replicas=replicas,
        selector=selector,
        strategy=strategy.name_of(case.spec) if case.spec else case.status.strategy,
        phase=phase,
        message=message_of(scene, phase)[:4000],
        # What tells that marks were lost stays until they are back.
        stable=case.status.stable if scene.unknown and case.status.stable else role(scene, lineage.stable),
        candidate=shown,
        next=waiting_next(scene),
        previous=previous_of(scene),
        rejected=rejected_of(scene),
        promotion=course.claim.name if course.claim and shown else None,
        gates=gates,
        smoke_tests=smoke,
        watch=watch_of(scene),
        history=history(case.status.history, course.lineage, case.claims),
        conditions=_conditions(scene, phase),
    )


def phase_of(scene: Scene) -> str:
    """The phase for people: the first one that fits."""
    case, course = scene.case, scene.course
    code = course.limit.code if course.limit else None
    if not scene.acceptance.accepted:
        return "Invalid"
    if scene.goes_back or course.back:
        return "RollingBack"
    if code in HELD or scene.unknown:
        return "Held"
    if code in ASKING:
        return "AwaitingApproval"
    candidate = course.candidate
    if candidate is not None and not course.verified and not course.kept:
        if candidate.marks.in_flight:
            step = scene.step
            final = step is not None and course.progress is not None and step.weight == 100 and step.converged_at
            return "Verifying" if final and in_last_stage(scene) else "Shifting"
        if not scene.late:
            waits = code in {Code.NO_PROMOTION, Code.CHECKS, Code.POLICY, Code.MIGRATION_FAILED} and not _checks_run(
                scene
            )
            return "AwaitingPromotion" if waits else "Deploying"
    return _phase_at_rest(scene, case.world.ready(course.lineage.stable.name) if course.lineage.stable else 0)


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
    if keeps_previous(scene) or scene.watch_until is not None:
        return "Watching"
    return "Healthy"


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
    asking = code in ASKING and phase != "Invalid"
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
        _followed(scene) if moved else (scene.unconverged or f"moving to {_in_words(scene)}"),
        now,
        generation,
    )
    return [
        accepted,
        _ready(scene, phase),
        condition(before, "Progressing", progressing, why, text, now, generation, restart=scene.restart_clock),
        _stalled(scene, phase, text),
        awaiting,
        converged,
        *([back] if back is not None else []),
    ]


def _followed(scene: Scene) -> str:
    live = scene.case.traffic.live
    if live is not None and scene.case.world.ready(live) == 0 and replicas_of(scene.case) > 0:
        return f"Services and routes say what they should; revision {live}, which they lead to, has no ready pod"
    return "users get what Services and routes say"


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


def _stalled(scene: Scene, phase: str, text: str) -> Condition:
    """What kstatus takes for failed: of this Rollout nothing happens any more until somebody changes it.

    What passes by itself is not among it: pods of the stable revision that restart, a closed window. What a launch
    waits for is said of its Promotion, which has the same condition.
    """
    case, stable = scene.case, scene.course.lineage.stable
    if not scene.acceptance.accepted and scene.acceptance.reason not in AWAITED:
        stalled, reason = True, scene.acceptance.reason
    elif phase == "RolledBack":
        stalled, reason = True, "CandidateRejected"
    elif scene.late:
        stalled, reason = True, "ProgressDeadlineExceeded"
    elif phase == "Degraded" and stable is not None and stable.marks.kept:
        stalled, reason = True, "NothingToGoBackTo"
    else:
        stalled, reason = False, "NotStalled"
        text = "the phase says where it is, and the Promotion what a launch waits for"
    return condition(case.status.conditions, "Stalled", stalled, reason, text, case.now, case.generation)


def needs_person(scene: Scene) -> bool:
    """Whether only a person can bring the next step."""
    code = scene.course.limit.code if scene.course.limit else None
    return code in HELD | ASKING | {Code.NO_PROMOTION, Code.LOOKS} and not automatic(scene.case)
