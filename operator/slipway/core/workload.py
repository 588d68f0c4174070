"""The writes to what belongs to a Rollout: Deployments that grow, then traffic, then Deployments that shrink."""

from __future__ import annotations

from datetime import timedelta

from slipway.core import capacity, checks, children, moves
from slipway.core.case import Case
from slipway.core.course import Course, replicas_of
from slipway.core.decision import Apply, Replace, Write
from slipway.core.revision import Revision
from slipway.core.scene import Scene


def workload(scene: Scene) -> list[Write]:
    """Deployments that grow, then traffic, then Deployments that shrink."""
    case, course = scene.case, scene.course
    if scene.acceptance.reason in {"NameTaken", "DigestCollision"}:
        return []
    lineage = course.lineage
    candidate = course.progress if course.candidate is not None and not course.back else None
    if course.verified or course.kept:
        candidate = None
    limit = course.limit
    wanted = capacity.sizes(
        case,
        lineage=lineage,
        replicas=replicas_of(case),
        candidate=candidate,
        pods_for=course.share if course.entered or limit is None else limit.pods_for,
        allowed=scene.acceptance.pods and _template_taken(case, course.candidate),
        retreating=scene.retreating,
        drained=scene.drained,
        keeping=scene.keep_until is not None and case.now < scene.keep_until,
    )
    grow: list[Write] = []
    shrink: list[Write] = []
    for name, replicas in sorted(wanted.items()):
        revision = lineage.get(name)
        if revision is None:
            continue
        write = _deployment(case, course, revision, replicas)
        if write is not None:
            (shrink if replicas < case.world.size(name) else grow).append(write)
    preview = course.candidate if course.candidate and scene.acceptance.pods and candidate else None
    followed = case.settled and not scene.moving and not scene.unconverged and scene.drained
    services: list[Write] = [*moves.services(case, lineage, scene.move.wanted, preview, followed)]
    weights: list[Write] = [*moves.weights(case, scene.move.wanted.weight)]
    return [*grow, *services, *weights, *shrink]


def _template_taken(case: Case, candidate: Revision | None) -> bool:
    if candidate is None:
        return False
    verdict = checks.template_verdict(case, candidate)
    return verdict is not None and verdict.passed


def _deployment(case: Case, course: Course, revision: Revision, replicas: int) -> Apply | Replace | None:
    current = case.world.deployments.get(revision.name)
    if current is None and replicas == 0:
        return None
    spec = course.progress.spec if course.progress and course.progress.revision.name == revision.name else case.spec
    seconds = spec.min_ready_seconds if spec else 0
    deadline = spec.progress_deadline if spec else timedelta(minutes=10)
    if current is not None and (course.progress is None or course.progress.revision.name != revision.name):
        # Nothing of the spec reaches what serves, but for the number of its pods.
        seconds = int(current["spec"].get("minReadySeconds") or 0)
        deadline = timedelta(seconds=int(current["spec"].get("progressDeadlineSeconds") or 600))
    wanted = children.deployment(case.rollout, revision, replicas, seconds, deadline)
    return children.deployment_write(wanted, current, case.uid)
