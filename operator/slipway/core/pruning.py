"""revisionHistoryLimit: what is no longer needed goes, never what serves or may be gone back to."""

from __future__ import annotations

from slipway.core import names
from slipway.core.accept import is_ours
from slipway.core.decision import Delete
from slipway.core.migration import steps
from slipway.core.plan import is_plan
from slipway.core.revision import Revision
from slipway.core.scene import Scene


def prune(scene: Scene) -> list[Delete]:
    """Deployments and ControllerRevisions beyond the limit, oldest first, and plans that no revision refers to."""
    case, lineage = scene.case, scene.course.lineage
    if case.spec is None:
        return []
    keep = {r.name for r in (lineage.stable, lineage.previous, lineage.shifting, lineage.desired) if r}
    keep |= {scene.retreating.name} if scene.retreating else set()
    keep |= case.world.serving() | case.traffic_targets
    keep |= {r.name for r in lineage.revisions.values() if steps.bars_pruning(case, r)}
    old = sorted((r for r in lineage.revisions.values() if r.name not in keep), key=lambda r: (r.number, r.name))
    idle = [r for r in old if case.world.size(r.name) == 0 and not case.world.pods_of(r.name)]
    surplus = idle[: max(0, len(old) - case.spec.revision_history_limit)]
    writes: list[Delete] = []
    for revision in surplus:
        writes += _gone(scene, revision)
    gone = {revision.name for revision in surplus}
    used = {r.marks.approved.plan_hash for r in lineage.revisions.values() if r.marks.approved and r.name not in gone}
    used |= {run.plan_hash for r in lineage.revisions.values() if r.name not in gone for run in r.marks.migrations}
    used |= {owed.plan_hash for r in lineage.revisions.values() for owed in r.marks.owed}
    kept_plans = {names.plan_name(case.name, plan_hash) for plan_hash in used}
    for obj in case.snapshot.revisions:
        meta = obj["metadata"]
        if is_plan(obj) and meta["name"] not in kept_plans and not scene.course.store_plan and is_ours(obj, case):
            writes.append(
                Delete(
                    kind="ControllerRevision",
                    name=meta["name"],
                    uid=meta["uid"],
                    resource_version=meta["resourceVersion"],
                )
            )
    return writes


def _gone(scene: Scene, revision: Revision) -> list[Delete]:
    case = scene.case
    writes = []
    deployment = case.world.deployments.get(revision.name)
    if deployment is not None and is_ours(deployment, case):
        meta = deployment["metadata"]
        writes.append(
            Delete(
                kind="Deployment",
                name=meta["name"],
                uid=meta["uid"],
                resource_version=meta["resourceVersion"],
            )
        )
    if revision.uid and revision.resource_version and deployment is None:
        # The revision outlives its Deployment by one pass, so that an interrupted clean-up is finished.
        writes.append(
            Delete(
                kind="ControllerRevision",
                name=names.deployment_name(case.name, revision.name),
                uid=revision.uid,
                resource_version=revision.resource_version,
            )
        )
    return writes
