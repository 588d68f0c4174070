"""From the course to Services and routes:

which move is next, whether it may be made now, and whether it was followed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slipway.core import capacity, children, names
from slipway.core.accept import is_ours
from slipway.core.adoption import forget, give_back, release, take_over
from slipway.core.case import Case
from slipway.core.course import replicas_of
from slipway.core.decision import Apply, Replace, SetWeights
from slipway.core.lineage import Lineage
from slipway.core.revision import Revision
from slipway.core.traffic import Traffic, next_traffic, reached
from slipway.routing import httproute

PATIENCE = timedelta(seconds=30)
"""For so long going back waits for all pods of stable: those that were scaled down come within it if there is room."""


@dataclass(frozen=True)
class Move:
    """The traffic that is wanted now. `waiting` says why a move that is due is not made yet."""

    wanted: Traffic
    waiting: str = ""
    reached: bool = False


def unknown_history(case: Case) -> str:
    """The live Service serves a revision that no mark tells of (a partial restore): never a reason to start over."""
    lineage, live = case.lineage, case.traffic.live
    serving, kept = lineage.get(live), case.status.stable
    lost = serving is None or not (serving.marks.approved or serving.marks.rejected)
    was_stable = kept is not None and kept.revision == live
    if lost and was_stable and lineage.stable and lineage.shifting is None:
        return (
            f"Service {case.name} selects revision {live}, which was stable, but no ControllerRevision says so any "
            "more: nothing changes until a Promotion is approved, or the ControllerRevision is restored"
        )
    if lineage.stable or lineage.shifting or live is None or (serving and serving.marks.rejected):
        return ""
    return (
        f"Service {case.name} selects revision {live}, but no revision is marked as approved: "
        "nothing changes until a Promotion is approved"
    )


def unconverged(case: Case) -> str:
    """Why what the Services and routes say is not yet what users get; '' when it is."""
    world, now = case.world, case.traffic
    if world.live_service not in world.services:
        return f"Service {world.live_service} does not exist yet"
    found = _unfollowed(case, world.live_service, now.live)
    if found or not case.routed:
        return found
    for name in world.listed_routes:
        route = next((r for r in world.routes if r["metadata"]["name"] == name), None)
        if route is None:
            return f"there is no HTTPRoute {name}"
        found = httproute.unsettled(route)
        if found:
            return found
    if world.candidate_service not in world.services:
        return f"Service {world.candidate_service} does not exist yet"
    leaves = case.lineage.get(now.candidate)
    if leaves is not None and leaves.marks.rejected and now.weight == 0:
        # Nobody is sent to it any more: its pods may well be dead, which is why it goes back.
        return ""
    return _unfollowed(case, world.candidate_service, now.candidate)


def _unfollowed(case: Case, service: str, revision: str | None) -> str:
    endpoints = case.world.endpoints(service)
    # A Service that is not ours, or was given back, has its own pods behind it.
    live = case.world.services.get(service)
    own = revision is None and live is not None and (case.adoption is not None or not is_ours(live, case))
    own = own and service == case.world.live_service
    others = sum(count for name, count in endpoints.items() if name != revision and not (own and not name))
    if others:
        return f"Service {service} still has {others} endpoints of another revision"
    if revision is None or replicas_of(case) == 0:
        return ""
    least = 0 if _may_be_empty(case, revision) else 1
    expected = max(least, min(case.world.ready(revision), _wanted_endpoints(case, revision)))
    if endpoints[revision] < expected:
        return f"Service {service} has {endpoints[revision]} of {expected} ready endpoints of {revision}"
    return ""


def _may_be_empty(case: Case, revision: str) -> bool:
    """Whether it is stable, or was rejected while stable has no pod to go back to.

    Where those have no pod, users have nobody already: that keeps no launch away which may be the way out.
    """
    stable, found = case.lineage.stable, case.lineage.get(revision)
    if stable is None or found is None:
        return False
    return found == stable or (found.marks.rejected is not None and case.world.ready(stable.name) == 0)


def _wanted_endpoints(case: Case, revision: str) -> int:
    """Pods that the present share needs: one more, made ready for the next stage, may be late."""
    kept = case.status.candidate
    if kept is not None and kept.revision == revision and kept.step is not None:
        return capacity.needed(replicas_of(case), kept.step.weight)
    return replicas_of(case)


def next_move(
    case: Case, lineage: Lineage, share: int, retreating: Revision | None, why_not_settled: str, frozen: bool
) -> Move:
    """The next move towards `share` percent for the revision in flight, or all the way back to stable."""
    now = case.traffic
    stable = lineage.stable.name if lineage.stable else None
    moving = lineage.shifting or retreating
    subject = moving.name if moving else None
    if frozen:
        return Move(now, reached=False)
    settled = case.settled and not why_not_settled
    goal = {"share": share, "stable": stable, "subject": subject, "routed": case.routed}
    wanted = next_traffic(now, settled=settled, **goal)  # type: ignore[arg-type]
    if wanted != now:
        waiting = _not_ready(case, now, wanted, stable, lineage.shifting if share else None)
        if waiting:
            return Move(now, waiting)
    return Move(wanted, reached=wanted == now and reached(now, **goal))  # type: ignore[arg-type]


def _not_ready(case: Case, now: Traffic, wanted: Traffic, stable: str | None, shifting: Revision | None) -> str:
    """Traffic goes only where enough ready endpoints are."""
    replicas = replicas_of(case)
    if wanted.live != now.live and wanted.live is not None:
        target, leaves = str(wanted.live), now.live
    elif wanted.weight is not None and wanted.weight < (now.weight if now.weight is not None else 100):
        target, leaves = wanted.live or "", now.candidate
    else:
        return _too_few(case, now, wanted)
    if not target or leaves is None or target == leaves:
        return ""
    if target == stable and case.scaled_to_nothing:
        # No pod of it is wanted, so none will come.
        return ""
    ready, full = case.world.ready(target), max(1, capacity.needed(replicas, 100))
    if target == stable and ready == 0 and shifting is not None and shifting.name != leaves:
        # What was rejected stays where stable has nobody. An approved launch goes on by way of stable all the same: it
        # is what mends that, and waiting for stable would be waiting for ever.
        return ""
    # Enough is all of them; on the way back also as many as there are where users are now, and after a while half.
    waited = (end := patience_ends(case, leaves)) is not None and case.now >= end
    enough = ready >= full or (target == stable and 0 < ready >= case.world.ready(leaves))
    if enough or (target == stable and waited and 2 * ready >= full):
        return ""
    return f"revision {target} has {ready} of {full} ready pods: traffic moves when they are there"


def _too_few(case: Case, now: Traffic, wanted: Traffic) -> str:
    """Pods may have gone since the share was decided on: no weight is raised above what is there."""
    if wanted.weight is None or now.weight is None or wanted.weight <= now.weight or wanted.candidate is None:
        return ""
    ready, needed = case.world.ready(wanted.candidate), capacity.needed(replicas_of(case), wanted.weight)
    if ready >= needed:
        return ""
    words = f"revision {wanted.candidate} has {ready} of {needed} ready pods for {wanted.weight} %"
    return f"{words}: traffic moves when they are there"


def patience_ends(case: Case, revision: str) -> datetime | None:
    """When going back from this revision no longer waits for every pod of stable; None where it was not sent back."""
    found = case.lineage.get(revision)
    return found.marks.rejected.at + PATIENCE if found is not None and found.marks.rejected is not None else None


def services(
    case: Case, lineage: Lineage, wanted: Traffic, preview: Revision | None, followed: bool
) -> list[Apply | Replace]:
    """The writes for the Services, live first. `followed`: users get what Services and routes say."""
    world = case.world
    found = [
        _live_service(case, lineage, wanted.live, followed),
        _service(case, lineage, world.preview_service, preview.name if preview else None),
    ]
    if case.routed:
        found.append(_service(case, lineage, world.candidate_service, wanted.candidate))
    elif world.candidate_service in world.services and is_ours(world.services[world.candidate_service], case):
        # Left from a canary: it follows stable, so that it keeps nobody's pods.
        found.append(_service(case, lineage, world.candidate_service, lineage.stable.name if lineage.stable else None))
    return [write for write in found if write is not None]


def _service(case: Case, lineage: Lineage, name: str, revision: str | None) -> Apply | Replace | None:
    chosen = lineage.get(revision) or lineage.desired or lineage.stable
    current = case.world.services.get(name)
    ports: Sequence[Mapping[str, Any]] = chosen.ports if chosen else []
    if current is not None and lineage.get(revision) is None:
        # Nothing of the spec reaches a Service that selects nothing, or what nobody knows, but what it already says.
        ports = current["spec"].get("ports") or ports
    if not ports:
        return None
    selected = names.selector(case.name, revision)
    return children.service_write(children.service(case.rollout, name, selected, ports), current, case.uid)


def _live_service(case: Case, lineage: Lineage, revision: str | None, followed: bool) -> Apply | Replace | None:
    name = case.world.live_service
    current, found = case.world.services.get(name), case.adoption
    if current is None or found is None:
        return _service(case, lineage, name, revision)
    if revision is None:
        if (current["spec"].get("selector") or {}) != found.selector:
            return give_back(current, found, case.uid)
        return release(current, case.uid) if found.taken and followed else None
    if lineage.stable is not None and found.taken:
        return forget(current)
    chosen = lineage.get(revision)
    if found.taken or chosen is None:
        return _service(case, lineage, name, revision)
    return take_over(
        children.service(case.rollout, name, names.selector(case.name, revision), chosen.ports), current, found
    )


def weights(case: Case, weight: int | None) -> list[SetWeights]:
    """The writes that give the candidate Service this percent in every rule that lists both of our backends."""
    if weight is None:
        return []
    changes: dict[str, dict[tuple[int, int], int]] = defaultdict(dict)
    for share in case.world.shares():
        if (share.live_weight, share.candidate_weight) != (100 - weight, weight):
            changes[share.route][share.rule, share.live_index] = 100 - weight
            changes[share.route][share.rule, share.candidate_index] = weight
    return [
        SetWeights(
            namespace=case.namespace,
            name=route["metadata"]["name"],
            resource_version=route["metadata"]["resourceVersion"],
            weights=changes[route["metadata"]["name"]],
        )
        for route in case.world.routes
        if route["metadata"]["name"] in changes
    ]


def way_back(case: Case) -> list[Apply | Replace | SetWeights]:
    """The exact writes that would bring traffic back to stable, for the rehearsal."""
    lineage = case.lineage
    current = case.world.services.get(case.world.live_service)
    if lineage.stable is None:
        found = case.adoption
        return [give_back(current, found, case.uid)] if current is not None and found is not None else []
    selected = names.selector(case.name, lineage.stable.name)
    live = children.service(case.rollout, case.world.live_service, selected, lineage.stable.ports)
    version = current["metadata"]["resourceVersion"] if current else None
    writes: list[Apply | Replace | SetWeights] = [Apply(kind="Service", resource_version=version, object=live)]
    for route in case.world.routes:
        own = [s for s in case.world.shares() if s.route == route["metadata"]["name"]]
        home = {(s.rule, s.live_index): 100 for s in own} | {(s.rule, s.candidate_index): 0 for s in own}
        if home:
            writes.append(
                SetWeights(
                    namespace=case.namespace,
                    name=route["metadata"]["name"],
                    resource_version=route["metadata"]["resourceVersion"],
                    weights=home,
                )
            )
    return writes
