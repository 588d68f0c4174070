"""What status shows of the revisions of a Rollout, their pods and their measurements."""

from __future__ import annotations

from slipway.api.rollout import (
    GateStatus,
    NextStatus,
    PreviousStatus,
    RejectedStatus,
    RevisionStatus,
    SmokeTestStatus,
    WatchStatus,
)
from slipway.core import names, plan_lost, watch
from slipway.core.marks import Watching
from slipway.core.revision import Revision
from slipway.core.scene import Scene


def role(scene: Scene, revision: Revision | None) -> RevisionStatus | None:
    """A revision that serves; None where there is none."""
    if revision is None:
        return None
    return RevisionStatus(
        revision=revision.name,
        deployment=names.deployment_name(scene.case.name, revision.name),
        images=list(revision.images),
    )


def scale(scene: Scene) -> tuple[int, str]:
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


def waiting_next(scene: Scene) -> NextStatus | None:
    """The revision of the template, where another one still takes traffic."""
    lineage = scene.course.lineage
    desired, shifting = lineage.desired, lineage.shifting
    if desired is None or shifting is None or desired.name == shifting.name:
        return None
    if lineage.stable is not None and desired.name == lineage.stable.name:
        return None
    return NextStatus(revision=desired.name)


def previous_of(scene: Scene) -> PreviousStatus | None:
    """The revision that is kept to go back to."""
    previous = scene.course.lineage.previous
    if previous is None:
        return None
    return PreviousStatus(
        revision=previous.name,
        deployment=names.deployment_name(scene.case.name, previous.name),
        until=scene.keep_until,
    )


def rejected_of(scene: Scene) -> RejectedStatus | None:
    """The revision that was sent back, or goes back."""
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
        if known is None or known.revision != before.name:
            return None
        return plan_lost.without_figures(known) if watch.is_lost(scene.case, before) else known
    if watched is None or stable is None or watched.revision.name != stable.name or stable.marks.kept:
        return None
    return watched.written


def in_last_stage(scene: Scene) -> bool:
    """Whether the candidate is where it is verified."""
    found, step = scene.course.progress, scene.step
    stages = found.stages if found else ()
    return step is not None and bool(stages) and step.index == stages[-1].index


def keeps_previous(scene: Scene) -> bool:
    """Whether pods are still kept to go back to."""
    kept = scene.course.lineage.previous is not None and scene.keep_until is not None
    return kept and scene.keep_until is not None and scene.case.now < scene.keep_until
