"""Events: what a person who looks at `kubectl describe` should find."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from slipway.api.rollout import StepStatus
from slipway.core import after_rollback, approval, reminder
from slipway.core.circumstances import asked
from slipway.core.conditions import find
from slipway.core.decision import Event
from slipway.core.history import outcome_of
from slipway.core.migration.told import migrated
from slipway.core.overrides import accepted_by
from slipway.core.promotion_status import Verdict
from slipway.core.restored import found_unwell, found_unwell_of, restored
from slipway.core.scene import Scene

_WARN = frozenset({"Invalid", "RollingBack", "RolledBack", "Degraded", "Blocked", "Failed", "Aborted", "Held"})


def events(scene: Scene, status: Mapping[str, Any], found: Sequence[Verdict]) -> Iterator[Event]:
    """One for each change of phase, for each advance, and for each drift that is restored."""
    case, course = scene.case, scene.course
    before, phase, message = case.status.phase, str(status.get("phase", "")), str(status.get("message", ""))
    if course.back is not None:
        yield _event("Rollout", case.name, "Warning", outcome_of(course.back.cause), course.back.reason)
    elif course.entered is not None and course.candidate is not None:
        weight = course.entered.weight
        names = _approvers(scene, course.entered)
        by = f", approved by {', '.join(names)}" if names else ""
        words = f"revision {course.candidate.name} is entering {weight} % of traffic{by}"
        yield _event("Rollout", case.name, "Normal", "TrafficShifting", words)
    elif course.verified and course.candidate is not None:
        yield _event("Rollout", case.name, "Normal", "Promoted", f"revision {course.candidate.name} is stable now")
    elif phase != before:
        yield _event("Rollout", case.name, "Warning" if phase in _WARN else "Normal", phase, message)
    if scene.drift:
        yield _event("Rollout", case.name, "Warning", "DriftRestored", scene.drift)
    if unwell := found_unwell(case.status.conditions, restored(scene)):
        yield _event("Rollout", case.name, "Warning", "AfterRollback", unwell.message)
    setting = scene.setting
    if setting is not None and setting.done:
        for verdict in found:
            claim = verdict.claim
            if claim.uid == setting.uid and list(setting.wanted) != claim.status.images_set:
                listed = ", ".join(f"{ref.name}={ref.image}" for ref in setting.wanted)
                yield _event("Promotion", claim.name, "Normal", "ImagesSet", f"Rollout {case.name} has {listed}")
    if course.overrides and course.candidate is not None:
        who = f" by {by}" if course.claim and (by := accepted_by(case, course.claim)) else ""
        words = f"missing data of {', '.join(course.overrides)} was accepted{who} for revision {course.candidate.name}"
        yield _event("Rollout", case.name, "Warning", "NoDataAccepted", words)
    for name, severity, reason, words in migrated(found):
        yield _event("Promotion", name, severity, reason, words)
    for verdict in found:
        new = verdict.status
        glass, old_glass = (find(status.conditions, "GlassBroken") for status in (new, verdict.claim.status))
        if glass is not None and (old_glass is None or glass.message != old_glass.message):
            reason = "GlassBroken" if glass.status == "True" else "GlassHolds"
            yield _event("Promotion", verdict.claim.name, "Warning", reason, glass.message)
        asks = find(new.conditions, reminder.DUE)
        if asks is not None and asks.status == "True" and find(verdict.claim.status.conditions, reminder.DUE) is None:
            yield _event("Promotion", verdict.claim.name, "Normal", reminder.DUE, asks.message)
        known = {check.name for check in after_rollback.failed(verdict.claim.status)}
        for check in after_rollback.failed(new):
            if check.name not in known:
                words = f"check {check.name} after going back {check.result}: {check.message}"
                yield _event("Promotion", verdict.claim.name, "Warning", "AfterRollback", words)
        if unwell := found_unwell_of(verdict.claim.status, new):
            yield _event("Promotion", verdict.claim.name, "Warning", "AfterRollback", unwell.message)
        if new.phase != verdict.claim.status.phase:
            kind: Literal["Normal", "Warning"] = "Warning" if new.phase in _WARN else "Normal"
            yield _event("Promotion", verdict.claim.name, kind, new.phase, new.message)


def _approvers(scene: Scene, entered: StepStatus) -> tuple[str, ...]:
    """Those who let it go so far: who agreed to this share where it asks for a person, else who approved the plan."""
    course, case = scene.course, scene.case
    spec, found, demands = course.claim.spec if course.claim else None, course.progress, course.demands
    asks = found is not None and any(stage.asks and stage.index == entered.index for stage in found.stages)
    if asks and spec is not None and course.claim and course.plan and course.candidate and demands is not None:
        about = asked(case, course.claim, demands, course.plan.hash, course.candidate.marks)
        if names := approval.agreed(spec, course.plan.hash, entered.weight, about):
            return names
    return course.consent.by if course.consent else ()


def _event(
    kind: Literal["Rollout", "Promotion"],
    name: str,
    severity: Literal["Normal", "Warning"],
    reason: str,
    text: str,
) -> Event:
    return Event(kind=kind, name=name, type=severity, reason=reason, message=text[:1000])
