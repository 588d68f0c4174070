"""How many pods each revision has. What serves is never scaled below what its share needs."""

from __future__ import annotations

from slipway.core.case import Case
from slipway.core.lineage import Lineage
from slipway.core.progress import Progress
from slipway.core.revision import Revision
from slipway.core.strategy import settings


def needed(replicas: int, share: int) -> int:
    """Pods for a share of the traffic, rounded up."""
    return -(-replicas * max(0, min(100, share)) // 100)


def preview(progress: Progress, replicas: int) -> int:
    """Pods of the candidate before it is approved."""
    asked = settings(progress.spec).preview_replicas
    # Also where the Rollout is scaled to nothing: it cannot be checked without a pod.
    most = max(1, replicas)
    return most if asked is None else min(asked, most)


def sizes(
    case: Case,
    *,
    lineage: Lineage,
    replicas: int,
    candidate: Progress | None,
    pods_for: int,
    allowed: bool,
    retreating: Revision | None,
    drained: bool,
    keeping: bool,
) -> dict[str, int]:
    """Replicas by revision, for every revision that has or should have a Deployment.

    `pods_for` is the share for which the candidate's pods may be made ready, `allowed` says that it may have pods at
    all, `drained` that no request has reached the one that goes back for the drain delay, `keeping` that
    `keepPrevious` runs.
    """
    world = case.world
    moving = retreating is not None or (candidate is not None and candidate.in_flight)
    serving = world.serving()
    wanted: dict[str, int] = dict.fromkeys(world.deployments, 0)
    if lineage.stable is not None:
        size = world.size(lineage.stable.name)
        wanted[lineage.stable.name] = max(replicas, size) if moving else replicas
    if lineage.previous is not None and keeping:
        size = world.size(lineage.previous.name)
        wanted[lineage.previous.name] = max(size, replicas) if size else 0
    if candidate is not None:
        name = candidate.revision.name
        if candidate.in_flight:
            share = max(candidate.share, pods_for, world.exposure(name))
            # Never fewer within a shift: what was made ready for the next stage waits for it.
            kept = min(world.size(name), replicas)
            wanted[name] = max(needed(replicas, share), preview(candidate, replicas), kept)
        elif allowed:
            wanted[name] = max(preview(candidate, replicas), needed(replicas, pods_for))
    if retreating is not None and not drained:
        wanted[retreating.name] = max(wanted.get(retreating.name, 0), world.size(retreating.name))
    for name in (serving | case.traffic_targets) & wanted.keys():
        # Whatever the roles say: as long as a Service or route may send requests there, its pods stay. Of two that go
        # back at the same time, one is only known by that.
        if wanted[name] == 0 and not _is_stable_scaled_to_nothing(case, name, lineage, replicas, retreating):
            floor = world.size(name)
        else:
            floor = needed(replicas, world.exposure(name))
        wanted[name] = max(wanted[name], floor)
    return wanted


def _is_stable_scaled_to_nothing(
    case: Case, name: str, lineage: Lineage, replicas: int, retreating: Revision | None
) -> bool:
    """Whether a person wants no pods of what serves. A spec that does not parse says nothing of the kind."""
    stays = lineage.stable is not None and lineage.stable.name == name
    stays = stays and (retreating is None or retreating.name != name)
    return stays and replicas == 0 and case.spec is not None
