"""What becomes of every Promotion of a Rollout in this pass: its phase, why, and what is written back to its spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from slipway.api.promotion_status import PromotionStatus
from slipway.core import after_rollback, approval, charge, instants, plan_lost, watch
from slipway.core.ceiling import HELD, Code
from slipway.core.charge import Claim
from slipway.core.circumstances import shut
from slipway.core.conditions import condition
from slipway.core.course import automatic
from slipway.core.lineage import came_back_at, sent_back
from slipway.core.marks import Cause
from slipway.core.progress import RESTORED
from slipway.core.promotion_status import Verdict, final, promotion_status, summed_up
from slipway.core.restored import restored
from slipway.core.revision import Revision
from slipway.core.rollout_words import words_of_watch
from slipway.core.scene import Scene
from slipway.core.set_images import ImageSetting
from slipway.core.watch import State


def without_rollout(claim: Claim, rollout: str, now: Any) -> PromotionStatus:
    """A Promotion whose Rollout does not exist."""
    if claim.finished:
        return after_rollback.given_up(claim.status, f"there is no Rollout {rollout} any more")
    generation = int(claim.obj["metadata"].get("generation") or 0)
    if claim.launched:
        words = f"there is no Rollout {rollout} any more: the watch has ended"
        over = condition(claim.status.conditions, "Watched", False, "RolloutGone", words, now, generation)
        others = [found for found in claim.status.conditions if found.type != "Watched"]
        return claim.status.model_copy(
            update={
                "observed_generation": generation,
                "phase": "Succeeded",
                "message": words,
                "finished_at": now,
                "conditions": [*others, over],
            }
        )
    return claim.status.model_copy(
        update={
            "observed_generation": generation,
            "phase": "Checking",
            "message": f"spec.rollout: there is no Rollout {rollout} in this namespace",
            "started_at": claim.status.started_at or now,
        }
    )


def verdicts(scene: Scene) -> list[Verdict]:
    """One for every unfinished Promotion, and for the one whose revision was left last."""
    found = [_verdict(scene, claim) for claim in scene.case.claims if not claim.finished and not claim.deleting]
    return found + [verdict for claim in scene.case.claims if (verdict := _beyond_its_end(scene, claim)) is not None]


def _beyond_its_end(scene: Scene, claim: Claim) -> Verdict | None:
    """What is still said of a Promotion that was sent back."""
    verdict, aftermath = _restored(scene, claim), scene.aftermath.get(claim.uid)
    if aftermath is None:
        return verdict
    status = verdict.status if verdict is not None else claim.status
    return Verdict(claim, status.model_copy(update={"after_rollback": list(aftermath.checks)}), {})


def _restored(scene: Scene, claim: Claim) -> Verdict | None:
    """A Promotion that was sent back says, beyond its end, whether what serves instead is well."""
    if not claim.finished or claim.deleting:
        return None
    lineage = scene.course.lineage
    known = [found for found in claim.status.conditions if found.type == RESTORED]
    left, last = (sent_back(revision) for revision in lineage.revisions.values()), came_back_at(lineage)
    ours = any(r and r.promotion_uid == claim.uid and r.at == last for r in left)
    if not ours and not any(found.status == "Unknown" for found in known):
        return None
    back = restored(scene)
    generation = int(claim.obj["metadata"].get("generation") or 0)
    others = [found for found in claim.status.conditions if found.type != RESTORED]
    status: bool | None = False
    reason, words, since = "Overtaken", "the next launch came before it was measured", scene.case.now
    if back is not None:
        status, reason, words = {"True": True, "False": False}.get(back.status), back.reason, back.message
        since = back.last_transition_time
    elif ours:
        return None
    told = condition(known, RESTORED, status, reason, words, since, generation)
    return Verdict(claim, claim.status.model_copy(update={"conditions": [*others, told]}), {})


def _verdict(scene: Scene, claim: Claim) -> Verdict:
    course = scene.course
    ended = _ended(scene, claim)
    if ended is not None:
        return ended
    if claim.spec is None:
        return Verdict(claim, promotion_status(scene, claim, "Blocked", claim.problem, reason="InvalidSpec"), {})
    if claim.spec.dry_run:
        return _dry_run(scene, claim)
    if course.is_led_by(claim) and not course.back:
        return _in_charge(scene, claim)
    return _waiting(scene, claim)


def _ended(scene: Scene, claim: Claim) -> Verdict | None:
    """A way that ends in this pass, or ended before and was not written down yet."""
    case, course = scene.case, scene.course
    for revision in course.lineage.revisions.values():
        marks = revision.marks
        rejected, approved = marks.rejected, marks.approved
        if rejected is not None and claim.uid == rejected.promotion_uid and rejected.cause is not Cause.RESTART:
            reason = rejected.reason
            moved = approved is not None and approved.promotion_uid == claim.uid
            if moved and (course.back is not None or not _is_back(scene, revision)):
                text = f"revision {revision.name} goes back: {reason}"
                return Verdict(claim, promotion_status(scene, claim, "Shifting", text, revision=revision), {})
            phase = "RolledBack" if rejected.cause is Cause.BREACH else "Aborted"
            serving = course.lineage.stable
            tail = f"; revision {serving.name} serves" if serving else ""
            if marks.verified_at is not None and rejected.cause is Cause.BREACH:
                tail += ". What was the cause? When it is mended, change spec.template, or create a new Promotion"
                tail += " with spec.retry.fix"
            ended = final(scene, claim, phase, f"{reason}{tail}", revision)
            if not moved or approved is None:
                return ended
            asked = {"after_rollback": after_rollback.noted(case, approved.plan_hash)}
            return replace(ended, status=ended.status.model_copy(update=asked))
        if approved is None or approved.promotion_uid != claim.uid or rejected is not None:
            continue
        if marks.kept is not None:
            text = f"{marks.kept.reason}; revision {revision.name} keeps serving, as there is nothing to go back to"
            return final(scene, claim, "Failed", text, revision)
        if marks.verified_at is not None:
            return _launched(scene, claim, revision)
    if claim.status.phase == charge.WATCHING:
        known = (revision.marks.approved for revision in course.lineage.revisions.values())
        if any(approved and approved.promotion_uid == claim.uid for approved in known):
            # What is seen of the revision is older than what was decided: nothing takes a success back.
            return Verdict(claim, claim.status, {})
        text = "its revision is gone, and the watch over it has ended"
        return final(scene, claim, "Succeeded", text, None, watched=(False, "RevisionGone", text))
    if claim.spec is not None and claim.spec.abort and not case.lineage.shifting:
        return final(scene, claim, "Aborted", claim.spec.abort, None)
    return None


def _launched(scene: Scene, claim: Claim, revision: Revision) -> Verdict:
    """It has succeeded. While its revision is watched, its last word is not said yet."""
    text = f"revision {revision.name} serves all traffic and has been verified"
    state = watch.state(scene.case, scene.course.lineage, revision)
    end = watch.ends(scene.case, revision)
    if state is State.RUNNING:
        words = words_of_watch(scene)
        status = promotion_status(
            scene,
            claim,
            charge.WATCHING,
            f"{text}; {words}",
            reason=charge.WATCHING,
            revision=revision,
            watched=(None, str(state), words),
        )
        return Verdict(claim, summed_up(scene, claim, status, revision), {})
    why = {
        State.COMPLETED: f"it was watched until {instants.render(end) if end else 'now'}",
        State.REPLACED: "the watch has ended with the next launch",
        State.SKIPPED: "spec.watch asks for no watch",
        State.LOST: plan_lost.ended(scene.case, revision),
    }[state]
    watched = (state is not State.LOST, str(state), why)
    return final(scene, claim, "Succeeded", f"{text}; {why}", revision, watched=watched)


def _is_back(scene: Scene, revision: Revision) -> bool:
    world = scene.case.world
    # A gateway serves the old share for a moment longer: the word is final when it has had its time to follow.
    return world.exposure(revision.name) == 0 and scene.move.reached and not scene.moving and scene.case.settled


def _waiting(scene: Scene, claim: Claim) -> Verdict:
    """Not in charge: why, and whether it ever will be."""
    case, course = scene.case, scene.course
    # A revision whose way ends in this pass is nobody's candidate any more.
    spec, candidate = claim.spec, None if course.verified or course.kept else course.candidate
    patch = _void(claim)
    if spec is None:
        return Verdict(claim, claim.status, {})
    if spec.environment != case.environment:
        text = f"spec.environment: {spec.environment}, but Rollout {case.name} is {case.environment}"
        return Verdict(claim, promotion_status(scene, claim, "Blocked", text, reason="EnvironmentMismatch"), patch)
    in_flight = candidate is not None and candidate.marks.in_flight and not course.back
    leader = course.claim
    later = leader is None or (claim.created, claim.name) > (leader.created, leader.name)
    if in_flight and candidate is not None and (later or spec.dry_run or not automatic(case)):
        text = f"revision {candidate.name} is shifting under another Promotion: this one waits for its end"
        other = spec.revision not in (None, candidate.name)
        reason = "OtherRevision" if other else "InFlight"
        return Verdict(claim, promotion_status(scene, claim, "Blocked", text, reason=reason), patch)
    if candidate is None or course.back:
        text = f"Rollout {case.name} has no candidate: change its spec.template"
        stable = course.lineage.stable
        if spec.revision is not None and stable is not None and spec.revision == stable.name:
            text = f"revision {stable.name} serves already; {text}"
        setting = scene.setting if candidate is None and not course.back else None
        if setting is not None and setting.uid == claim.uid:
            if not setting.done:
                return _sets_images(scene, claim, setting)
            text = f"revision {stable.name} with these images serves already" if stable is not None else text
        return Verdict(claim, promotion_status(scene, claim, "Checking", text, reason="NoCandidate"), patch)
    if spec.revision not in (None, candidate.name):
        text = f"spec.revision is {spec.revision}, but the candidate is {candidate.name}"
        return Verdict(claim, promotion_status(scene, claim, "Blocked", text, reason="OtherRevision"), patch)
    newer = course.claim.name if course.claim else "another Promotion"
    verdict = final(scene, claim, "Superseded", f"Promotion {newer} is newer and is in charge now", None)
    return replace(verdict, spec_patch=patch)


def _sets_images(scene: Scene, claim: Claim, setting: ImageSetting) -> Verdict:
    """Without a candidate yet: it is about to make one, or cannot."""
    if setting.problem:
        return Verdict(
            claim, promotion_status(scene, claim, "Blocked", setting.problem, reason="ImagesNotSet"), _void(claim)
        )
    text = setting.waits or f"bringing the images into spec.template of Rollout {scene.case.name}"
    if not scene.acceptance.accepted:
        text = f"{text}; it waits until the Rollout is accepted: {scene.acceptance.message}"
    return Verdict(claim, promotion_status(scene, claim, "Checking", text, reason="SettingImages"), _void(claim))


def _dry_run(scene: Scene, claim: Claim) -> Verdict:
    """In charge of nothing: it ends as soon as every check on the candidate has its result."""
    trial, candidate = scene.trials.get(claim.uid), scene.course.candidate
    if trial is None or candidate is None:
        return _waiting(scene, claim)
    checked = trial.checked
    if not scene.acceptance.accepted:
        return _dry_run_ends(scene, claim, f"the Rollout is not accepted: {scene.acceptance.message}", False)
    if checked.pending and not scene.late:
        names = ", ".join(check.name for check in checked.pending)
        text = f"dry run of revision {candidate.name}: waiting for {names} ({checked.pending[0].message})"
        return Verdict(claim, promotion_status(scene, claim, "Checking", text, revision=candidate), {})
    wrong = [*checked.failed, *checked.pending]
    lacks = f"; but policies stand against a launch: {trial.lacks}" if trial.lacks else ""
    if not wrong:
        words = f"all {len(checked.due)} checks passed on revision {candidate.name}{lacks}; nothing was moved"
        return _dry_run_ends(scene, claim, words, not lacks)
    listed = "; ".join(f"check {check.name} {check.result}: {check.message}" for check in wrong)
    late = "not ready by spec.progressDeadline: " if checked.pending else ""
    words = f"{len(wrong)} of {len(checked.due)} checks have not passed on revision {candidate.name}: {late}{listed}"
    return _dry_run_ends(scene, claim, f"{words}{lacks}", False)


def _dry_run_ends(scene: Scene, claim: Claim, message: str, passed: bool) -> Verdict:
    reason = "Passed" if passed else "NotPassed"
    status = promotion_status(scene, claim, "DryRunComplete", message, reason=reason, revision=scene.course.candidate)
    return Verdict(claim, status.model_copy(update={"finished_at": scene.case.now}), {})


def _void(claim: Claim) -> Mapping[str, Any]:
    """Nothing approves what is not in charge: there is no plan for it to approve."""
    if claim.spec is None:
        return {}
    return approval.consent(claim.spec, "", "", False).patch


def _in_charge(scene: Scene, claim: Claim) -> Verdict:
    case, course = scene.case, scene.course
    candidate, consent, limit = course.candidate, course.consent, course.limit
    code = limit.code if limit else Code.OPEN
    why = limit.reason if limit else ""
    patch = consent.patch if consent and not automatic(case) else {}
    in_flight = candidate is not None and candidate.marks.in_flight
    reason = str(code)
    if not in_flight and scene.late:
        return final(scene, claim, "Failed", f"not ready by spec.progressDeadline: {why}", candidate)
    if in_flight:
        phase = "Held" if code in HELD else "AwaitingApproval" if code in (Code.ASKS, Code.WITHDRAWN) else "Shifting"
    elif code in (Code.HELD, Code.WINDOW):
        phase = "Held"
    elif code in (Code.POLICY, Code.MIGRATION_FAILED):
        phase = "Blocked"
    elif code is Code.CHECKS:
        phase = "Blocked" if course.checked and course.checked.failed else "Checking"
    elif code is Code.APPROVAL:
        phase = "AwaitingApproval"
    elif code in (Code.ABSENT, Code.INVALID, Code.NO_PLAN):
        failed = course.checked is not None and course.checked.failed
        phase = "Blocked" if failed or code is Code.INVALID else "Checking"
        if failed and course.checked:
            why = course.checked.against
    else:
        phase = "Approved" if consent and consent.granted else "Checking"
    text = _text(scene, claim, phase, why)
    status = promotion_status(scene, claim, phase, text, reason=reason, revision=candidate)
    if consent is not None and consent.void and "approved" in patch:
        # The plan that they saw stays until their word is gone: it must never look as if it were about another one.
        status = status.model_copy(update={"plan_hash": claim.status.plan_hash})
    return Verdict(claim, status, patch)


def _text(scene: Scene, claim: Claim, phase: str, why: str) -> str:
    case, course = scene.case, scene.course
    command = approval.patch_command(case.namespace, claim.name)
    if phase == "AwaitingApproval" and course.limit and course.limit.code is Code.APPROVAL:
        passed = course.checked.passed if course.checked else "all checks passed"
        consent, wanted = course.consent, course.demands.approvals if course.demands else None
        void = f" (the approval was void: {consent.reason})" if consent and consent.void else ""
        if consent and (consent.more or consent.lapsed):
            void = f"; {consent.reason}"
        elif wanted is not None and wanted.count > 1:
            void += f"; {wanted.count} people have to approve{wanted.by}"
        rehearsed = next(
            (c.message for c in (course.checked.checks if course.checked else ()) if c.name == "rollback-rehearsed"),
            "",
        )
        barred = f"; {words}" if (words := shut(case, course)) else ""
        approve = approval.command(case.namespace, claim.name, consent, course.plan.hash if course.plan else "")
        return f"{passed}; {rehearsed}{void}{barred}; approve: {approve}"
    again = course.limit is not None and course.limit.code is Code.MIGRATION_FAILED
    if phase == "Blocked" and (again or (course.checked and course.checked.failed)):
        return f'{why}; when it is mended: {command} \'{{"spec":{{"rerun":"{charge.another_rerun(claim)}"}}}}\''
    if phase in ("Shifting", "Held", "AwaitingApproval"):
        return scene.message
    return why or "traffic begins to move"
