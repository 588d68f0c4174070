"""The status of a Promotion, once it is decided what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway.api.image_ref import ImageRef
from slipway.api.promotion_status import PromotionStatus, Target
from slipway.core import after_switch, agreed, charge, overrides, said
from slipway.core.charge import Claim
from slipway.core.conditions import find
from slipway.core.promotion_conditions import Watched, conditions, watched_condition
from slipway.core.report.summary import outcome_of, summary
from slipway.core.revision import Revision
from slipway.core.scene import Scene


@dataclass(frozen=True)
class Verdict:
    """What becomes of one Promotion in this pass."""

    claim: Claim
    status: PromotionStatus
    spec_patch: Mapping[str, Any]


def final(
    scene: Scene,
    claim: Claim,
    phase: str,
    message: str,
    revision: Revision | None,
    watched: Watched | None = None,
) -> Verdict:
    """What ends in this pass."""
    if watched is None and find(claim.status.conditions, "Watched") is not None:
        # It was watched, and ends otherwise than a watch should.
        watched = (False, phase, message)
    status = promotion_status(scene, claim, phase, message, reason=phase, revision=revision, watched=watched)
    status = status.model_copy(update={"finished_at": scene.case.now})
    if revision is not None:
        status = summed_up(scene, claim, status, revision)
    return Verdict(claim, status, {})


def summed_up(scene: Scene, claim: Claim, status: PromotionStatus, revision: Revision) -> PromotionStatus:
    """With what came of it, told at the end of verification and told anew where the watch ends otherwise."""
    if status.summary is not None and status.summary.outcome == outcome_of(status):
        return status
    # Another summary is not written yet, whatever was.
    report = status.report.model_copy(update={"summary_digest": ""}) if status.report else None
    return status.model_copy(update={"summary": summary(scene, claim, status, revision), "report": report})


def promotion_status(
    scene: Scene,
    claim: Claim,
    phase: str,
    message: str,
    reason: str = "",
    revision: Revision | None = None,
    watched: Watched | None = None,
) -> PromotionStatus:
    """The whole status; `revision` is what it is about, `watched` the condition of the watch."""
    case, course, before = scene.case, scene.course, claim.status
    generation = int(claim.obj["metadata"].get("generation") or 0)
    leads = course.is_led_by(claim)
    consent = course.consent if leads else None
    final = phase in charge.FINAL
    target, plan_hash, checks = before.target, before.plan_hash, before.checks
    rerun = before.rerun
    trial = scene.trials.get(claim.uid)
    plan, checked = (trial.plan, trial.checked) if trial else (course.plan, course.checked)
    about = trial is not None or (leads and not final)
    if about and revision is not None and plan is not None:
        target = Target(
            rollout=case.name,
            uid=case.uid,
            revision=revision.name,
            digest=revision.digest,
            images=list(revision.images),
        )
        plan_hash = plan.hash
        if checked is not None:
            checks = list(checked.checks)
            # Images that are to be set once more are still to be written then.
            due = scene.setting is not None and scene.setting.uid == claim.uid and scene.setting.due
            rerun = claim.spec.rerun if claim.spec and not due else before.rerun
    elif not leads and not final and phase not in ("Shifting", charge.WATCHING):
        target, plan_hash, checks = None, "", []
    if leads:
        checks = after_switch.merged(checks, course.looks.checks, case)
    granted = bool(consent and consent.granted) or (final and before.approved_at is not None)
    granted = granted or bool(
        revision and revision.marks.approved and revision.marks.approved.promotion_uid == claim.uid
    )
    moved = before.shifted_at
    if moved is None and leads and revision is not None and case.world.exposure(revision.name) == 100:
        moved = case.now
    return PromotionStatus(
        observed_generation=generation,
        phase=phase,
        message=message[:4000],
        target=target,
        images_set=_images_set(scene, claim),
        plan_hash=plan_hash,
        checks=checks,
        after_rollback=before.after_rollback,
        approvals=agreed.approvals(scene, claim, consent),
        weight_approvals=agreed.weights(scene, claim),
        decisions=said.of(case, claim),
        break_glass=overrides.on_record(case, claim),
        links=_links(claim),
        notices=before.notices,
        started_at=before.started_at or case.now,
        approved_at=before.approved_at or (case.now if granted else None),
        shifted_at=moved,
        finished_at=before.finished_at,
        rerun=rerun,
        report=before.report,
        summary=before.summary,
        conditions=[
            *conditions(scene, claim, phase, reason or phase, message, consent, granted, checks != []),
            *watched_condition(scene, claim, watched),
        ],
        records=before.records,
        learnings_due=before.learnings_due,
    )


def _links(claim: Claim) -> dict[str, str]:
    """What the case says, for those who look at the status alone; a spec that does not parse says nothing new."""
    if claim.spec is None:
        return claim.status.links
    return dict(claim.spec.operations.links) if claim.spec.operations is not None else {}


def _images_set(scene: Scene, claim: Claim) -> list[ImageRef]:
    """Written down once the template has them: what somebody changes after that stays changed."""
    setting = scene.setting
    if setting is None or setting.uid != claim.uid or not setting.done:
        return claim.status.images_set
    return list(setting.wanted)
