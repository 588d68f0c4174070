"""The status of every Promotion of a Rollout, and what the operator writes back to its spec."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slipway.api.conditions import Condition
from slipway.api.promotion import ApprovalStatus, PromotionStatus, Target
from slipway.core import approval, charge
from slipway.core.approval import Consent
from slipway.core.ceiling import Code
from slipway.core.charge import Claim
from slipway.core.conditions import condition, find
from slipway.core.course import automatic
from slipway.core.marks import Cause
from slipway.core.revision import Revision
from slipway.core.scene import Scene

_HELD = frozenset({Code.HELD, Code.PLAN_CHANGED, Code.NO_DATA, Code.NO_PLAN})


@dataclass(frozen=True)
class Verdict:
    """What becomes of one Promotion in this pass."""

    claim: Claim
    status: PromotionStatus
    spec_patch: Mapping[str, Any]


def without_rollout(claim: Claim, rollout: str, now: Any) -> PromotionStatus:
    """A Promotion whose Rollout does not exist."""
    generation = int(claim.obj["metadata"].get("generation") or 0)
    return claim.status.model_copy(
        update={
            "observed_generation": generation,
            "phase": "Checking",
            "message": f"spec.rollout: there is no Rollout {rollout} in this namespace",
            "started_at": claim.status.started_at or now,
        }
    )


def verdicts(scene: Scene) -> list[Verdict]:
    """One for every unfinished Promotion."""
    return [_verdict(scene, claim) for claim in scene.case.claims if not claim.finished and not claim.deleting]


def _verdict(scene: Scene, claim: Claim) -> Verdict:
    course = scene.course
    ended = _ended(scene, claim)
    if ended is not None:
        return ended
    if claim.spec is None:
        return Verdict(claim, _status(scene, claim, "Blocked", claim.problem, reason="InvalidSpec"), {})
    if course.claim is not None and course.claim.uid == claim.uid and not course.back:
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
                return Verdict(claim, _status(scene, claim, "Shifting", text, revision=revision), {})
            phase = "RolledBack" if rejected.cause is Cause.BREACH else "Aborted"
            serving = course.lineage.stable
            tail = f"; revision {serving.name} serves" if serving else ""
            return _final(scene, claim, phase, f"{reason}{tail}", revision)
        if approved is None or approved.promotion_uid != claim.uid or rejected is not None:
            continue
        if marks.verified_at is not None:
            text = f"revision {revision.name} serves all traffic and has been verified"
            return _final(scene, claim, "Succeeded", text, revision)
        if marks.kept is not None:
            text = f"{marks.kept.reason}; revision {revision.name} keeps serving, as there is nothing to go back to"
            return _final(scene, claim, "Failed", text, revision)
    if claim.spec is not None and claim.spec.abort and not case.lineage.shifting:
        return _final(scene, claim, "Aborted", claim.spec.abort, None)
    return None


def _is_back(scene: Scene, revision: Revision) -> bool:
    world = scene.case.world
    # A gateway serves the old share for a moment longer: the word is final when it has had its time to follow.
    return world.exposure(revision.name) == 0 and scene.move.reached and not scene.moving and scene.case.settled


def _final(scene: Scene, claim: Claim, phase: str, message: str, revision: Revision | None) -> Verdict:
    status = _status(scene, claim, phase, message, reason=phase, revision=revision)
    return Verdict(claim, status.model_copy(update={"finished_at": scene.case.now}), {})


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
        return Verdict(claim, _status(scene, claim, "Blocked", text, reason="EnvironmentMismatch"), patch)
    in_flight = candidate is not None and candidate.marks.in_flight and not course.back
    if in_flight and candidate is not None and not automatic(case):
        text = f"revision {candidate.name} is shifting under another Promotion: this one waits for its end"
        other = spec.revision not in (None, candidate.name)
        reason = "OtherRevision" if other else "InFlight"
        return Verdict(claim, _status(scene, claim, "Blocked", text, reason=reason), patch)
    if candidate is None or course.back:
        text = f"Rollout {case.name} has no candidate: change its spec.template"
        stable = course.lineage.stable
        if spec.revision is not None and stable is not None and spec.revision == stable.name:
            text = f"revision {stable.name} serves already; {text}"
        return Verdict(claim, _status(scene, claim, "Checking", text, reason="NoCandidate"), patch)
    if spec.revision not in (None, candidate.name):
        text = f"spec.revision is {spec.revision}, but the candidate is {candidate.name}"
        return Verdict(claim, _status(scene, claim, "Blocked", text, reason="OtherRevision"), patch)
    newer = course.claim.name if course.claim else "another Promotion"
    verdict = _final(scene, claim, "Superseded", f"Promotion {newer} is newer and is in charge now", None)
    return replace(verdict, spec_patch=patch)


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
        return _final(scene, claim, "Failed", f"not ready by spec.progressDeadline: {why}", candidate)
    if in_flight:
        phase = "Held" if code in _HELD else "AwaitingApproval" if code in (Code.ASKS, Code.WITHDRAWN) else "Shifting"
    elif code is Code.HELD:
        phase = "Held"
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
    status = _status(scene, claim, phase, text, reason=reason, revision=candidate)
    return Verdict(claim, status, patch)


def _text(scene: Scene, claim: Claim, phase: str, why: str) -> str:
    case, course = scene.case, scene.course
    command = f"kubectl -n {case.namespace} patch promotion {claim.name} --type merge -p"
    if phase == "AwaitingApproval" and course.limit and course.limit.code is Code.APPROVAL:
        count = len(course.checked.checks) if course.checked else 0
        void = " (the approval was void: " + why + ")" if course.consent and course.consent.void else ""
        rehearsed = next(
            (c.message for c in (course.checked.checks if course.checked else ()) if c.name == "rollback-rehearsed"),
            "",
        )
        return f'all {count} checks passed; {rehearsed}{void}; approve: {command} \'{{"spec":{{"approved":true}}}}\''
    if phase == "Blocked" and course.checked and course.checked.failed:
        return f'{why}; when it is mended: {command} \'{{"spec":{{"rerun":"{_again(claim)}"}}}}\''
    if phase in ("Shifting", "Held", "AwaitingApproval"):
        return scene.message
    return why or "traffic begins to move"


def _again(claim: Claim) -> str:
    """Another value of `rerun` than the one that was acted on; the same from pass to pass."""
    last = claim.status.rerun or ""
    return str(int(last) + 1) if last.isdecimal() and len(last) < 9 else ("2" if last != "2" else "3")


def _status(
    scene: Scene,
    claim: Claim,
    phase: str,
    message: str,
    reason: str = "",
    revision: Revision | None = None,
) -> PromotionStatus:
    case, course, before = scene.case, scene.course, claim.status
    generation = int(claim.obj["metadata"].get("generation") or 0)
    leads = course.claim is not None and course.claim.uid == claim.uid
    consent = course.consent if leads else None
    final = phase in charge.FINAL
    target, plan_hash, checks = before.target, before.plan_hash, before.checks
    rerun = before.rerun
    if leads and revision is not None and course.plan is not None and not final:
        target = Target(
            rollout=case.name,
            uid=case.uid,
            revision=revision.name,
            digest=revision.digest,
            images=list(revision.images),
        )
        plan_hash = course.plan.hash
        if course.checked is not None:
            checks = list(course.checked.checks)
            rerun = claim.spec.rerun if claim.spec else None
    elif not leads and not final and phase != "Shifting":
        target, plan_hash, checks = None, "", []
    approvals = _approvals(scene, claim, consent, before.approvals)
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
        plan_hash=plan_hash,
        checks=checks,
        approvals=approvals,
        links=before.links,
        notices=before.notices,
        started_at=before.started_at or case.now,
        approved_at=before.approved_at or (case.now if granted else None),
        shifted_at=moved,
        finished_at=before.finished_at,
        rerun=rerun,
        conditions=_conditions(scene, claim, phase, reason or phase, message, consent, granted, checks != []),
    )


def _approvals(
    scene: Scene, claim: Claim, consent: Consent | None, before: list[ApprovalStatus]
) -> list[ApprovalStatus]:
    """Entries that count now; those under which traffic moved stay for the record."""
    if consent is None or claim.spec is None:
        return before
    if not consent.granted:
        moving = scene.course.candidate is not None and scene.course.candidate.marks.in_flight
        return before if moving else []
    known = {(entry.by, entry.plan_hash): entry for entry in before}
    out = []
    verified = scene.case.snapshot.settings.identity_verified
    plan_hash = scene.course.plan.hash if scene.course.plan else ""
    for who in consent.by:
        entry = known.get((who, plan_hash))
        out.append(
            entry
            or ApprovalStatus(
                by=who,
                at=scene.case.now,
                plan_hash=plan_hash,
                identity=approval.identity(who, verified),
            )
        )
    return out


def _conditions(
    scene: Scene,
    claim: Claim,
    phase: str,
    reason: str,
    message: str,
    consent: Consent | None,
    granted: bool,
    checked: bool,
) -> list[Condition]:
    before, now = claim.status.conditions, scene.case.now
    generation = int(claim.obj["metadata"].get("generation") or 0)
    reason = reason or "Waiting"
    succeeded = {"Succeeded": True}.get(phase, False if phase in charge.FINAL else None)
    found = [
        condition(before, "Succeeded", succeeded, phase or "Waiting", message, now, generation),
        condition(
            before,
            "Approved",
            granted,
            "Approved" if granted else _why_not(before, consent),
            "by " + ", ".join(consent.by) if consent and consent.by else (consent.reason if consent else reason),
            now,
            generation,
        ),
        condition(
            before,
            "Stalled",
            phase in {"Blocked", "Held"},
            reason,
            message if phase in {"Blocked", "Held"} else "nothing stands in the way that a person would have to mend",
            now,
            generation,
        ),
    ]
    found.extend(_override(scene, claim))
    results = scene.course.checked if scene.course.claim and scene.course.claim.uid == claim.uid else None
    if results is not None:
        good = not results.failed and not results.pending
        status = True if good else None if not results.failed else False
        words = results.against or f"all {len(results.checks)} checks passed"
        found.append(
            condition(before, "ChecksPassed", status, "Passed" if good else "NotPassed", words, now, generation)
        )
    else:
        found.extend(c for c in before if c.type == "ChecksPassed")
    return found


def _why_not(before: Sequence[Condition], consent: Consent | None) -> str:
    """A void approval stays explained after the operator has removed it, until somebody approves again."""
    if consent is not None and consent.void:
        return "PlanChanged"
    old = find(before, "Approved")
    return "PlanChanged" if old is not None and old.reason == "PlanChanged" else "NotApproved"


def _override(scene: Scene, claim: Claim) -> list[Condition]:
    """Missing data that an approver accepted stays on record with the Promotion: it is an override, never a pass."""
    course, before = scene.course, claim.status.conditions
    leads = course.claim is not None and course.claim.uid == claim.uid
    accepted = claim.spec.accept_no_data if claim.spec else None
    if not (leads and course.overrides and accepted):
        return [c for c in before if c.type == "NoDataAccepted"]
    weight = course.progress.share if course.progress else 0
    words = f"at {weight} % gates {', '.join(course.overrides)} had no data; accepted: {accepted.reason}"
    generation = int(claim.obj["metadata"].get("generation") or 0)
    return [condition(before, "NoDataAccepted", True, "AcceptedByApprover", words, scene.case.now, generation)]
