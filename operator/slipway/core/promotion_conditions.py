"""The conditions of a Promotion."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.api.conditions import Condition
from slipway.core import charge
from slipway.core.approval import Consent
from slipway.core.charge import Claim
from slipway.core.conditions import condition, find
from slipway.core.demanded import glass_holds
from slipway.core.overrides import NO_DATA, accepted_by
from slipway.core.scene import Scene

Watched = tuple[bool | None, str, str]
"""Status (None: Unknown), reason and message of the condition Watched."""


def conditions(
    scene: Scene,
    claim: Claim,
    phase: str,
    reason: str,
    message: str,
    consent: Consent | None,
    granted: bool,
    checked: bool,
) -> list[Condition]:
    """All but Watched and Restored, which last longer than a Promotion is in charge."""
    before, now = claim.status.conditions, scene.case.now
    generation = int(claim.obj["metadata"].get("generation") or 0)
    reason = reason or "Waiting"
    succeeded = True if phase in ("Succeeded", charge.WATCHING) else False if phase in charge.FINAL else None
    found = [
        condition(before, "Succeeded", succeeded, phase or "Waiting", message, now, generation),
        condition(
            before,
            "Approved",
            granted,
            "Approved" if granted else _why_not(before, consent),
            "by " + ", ".join(consent.by) if consent and consent.granted else (consent.reason if consent else reason),
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
    found.extend(_glass(scene, claim))
    results = scene.course.checked if scene.course.is_led_by(claim) else None
    trial = scene.trials.get(claim.uid)
    if phase == "DryRunComplete":
        found.append(condition(before, "ChecksPassed", reason == "Passed", reason, message, now, generation))
        return found
    results = trial.checked if trial else results
    if results is not None:
        good = not results.failed and not results.pending
        status = True if good else None if not results.failed else False
        words = results.against or results.passed
        found.append(
            condition(before, "ChecksPassed", status, "Passed" if good else "NotPassed", words, now, generation)
        )
    else:
        found.extend(c for c in before if c.type == "ChecksPassed")
    return found


def watched_condition(scene: Scene, claim: Claim, watched: Watched | None) -> list[Condition]:
    """As it was, or with what is known of the watch in this pass."""
    before = claim.status.conditions
    if watched is None:
        return [found for found in before if found.type == "Watched"]
    status, reason, words = watched
    generation = int(claim.obj["metadata"].get("generation") or 0)
    return [condition(before, "Watched", status, reason, words, scene.case.now, generation)]


def _why_not(before: Sequence[Condition], consent: Consent | None) -> str:
    """A void approval stays explained after the operator has removed it, until somebody approves again."""
    if consent is not None and (consent.void or consent.lapsed):
        return "Lapsed" if consent.lapsed else "PlanChanged"
    old = find(before, "Approved")
    return old.reason if old is not None and old.reason in ("PlanChanged", "Lapsed") else "NotApproved"


def _override(scene: Scene, claim: Claim) -> list[Condition]:
    """Missing data that an approver accepted stays on record with the Promotion: it is an override, never a pass."""
    course, before = scene.course, claim.status.conditions
    leads = course.is_led_by(claim)
    accepted = claim.spec.accept_no_data if claim.spec else None
    if not (leads and course.overrides and accepted):
        return [c for c in before if c.type == NO_DATA]
    weight = course.progress.share if course.progress else 0
    who = f" by {by}" if (by := accepted_by(scene.case, claim)) else ""
    words = f"at {weight} % gates {', '.join(course.overrides)} had no data; accepted{who}: {accepted.reason}"
    generation = int(claim.obj["metadata"].get("generation") or 0)
    return [condition(before, NO_DATA, True, "AcceptedByApprover", words, scene.case.now, generation)]


def _glass(scene: Scene, claim: Claim) -> list[Condition]:
    """Broken glass stays on record with the Promotion, also after the words were taken out of its spec."""
    case, before = scene.case, claim.status.conditions
    stated = claim.spec.break_glass if claim.spec is not None else None
    if stated is None:
        return [c for c in before if c.type == "GlassBroken"]
    holds = glass_holds(case)
    who = f" by {stated.by}" if stated.by else ""
    words = f"not lifted, {holds}: {stated.reason}" if holds else f"policies are lifted{who}: {stated.reason}"
    generation = int(claim.obj["metadata"].get("generation") or 0)
    reason = "NotAllowed" if holds else "Broken"
    return [condition(before, "GlassBroken", not holds, reason, words, case.now, generation)]
