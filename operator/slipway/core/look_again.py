"""When time alone changes something."""

from __future__ import annotations

from datetime import datetime

from slipway.core import moves, reminder, share
from slipway.core.conditions import find
from slipway.core.scene import Scene


def look_again(scene: Scene) -> datetime | None:
    """The next instant at which time alone changes something."""
    case, course, now = scene.case, scene.course, scene.case.now
    settings = case.snapshot.settings
    times: list[datetime] = []
    converged = find(case.status.conditions, "TrafficConverged")
    if converged is not None and converged.status == "True" and not scene.moving:
        if not case.settled:
            times.append(converged.last_transition_time + settings.gateway_settle)
        migrated = any(revision.marks.migrations for revision in course.lineage.revisions.values())
        if migrated or (scene.retreating is not None and not scene.drained):
            times.append(converged.last_transition_time + settings.drain_delay)
    if scene.retreating is not None and (end := moves.patience_ends(case, scene.retreating.name)) is not None:
        times.append(end)
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
    times.extend(reminder.next_due(case))
    times.extend(found.again for found in scene.aftermath.values() if found.again is not None)
    ahead = [time for time in times if time > now]
    return min(ahead, default=None)
