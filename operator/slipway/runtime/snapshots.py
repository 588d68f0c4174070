"""The Snapshot of one Rollout out of the cache, and the live reads that make the cache current for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping

from slipway.cluster.api import Api, Object
from slipway.cluster.cache import CHILDREN, FINAL, Cache, Change, origin
from slipway.cluster.errors import APIError, NotFound
from slipway.cluster.resources import (
    CONTROLLER_REVISIONS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    HTTP_ROUTES,
    NAMESPACES,
    PODS,
    PROMOTION_POLICIES,
    PROMOTIONS,
    REVISION_LABEL,
    ROLLOUT_LABEL,
    ROLLOUTS,
    SERVICES,
    Resource,
)
from slipway.core import names
from slipway.core.marks import Marks
from slipway.core.migration.run import Step
from slipway.core.snapshot import Observation, OriginState, Settings, Snapshot
from slipway.runtime.affected import Key, service_names

log = logging.getLogger(__name__)

# One round for the usual Rollout. After a quiet hour every lane costs a TLS handshake first, so not many more.
READS_AT_ONCE = 12
# Above this one LIST is cheaper, its wait included.
PODS_ONE_BY_ONE = 40


def build(cache: Cache, key: Key, observations: Mapping[str, Observation], settings: Settings, live: bool) -> Snapshot:
    """What is known about the Rollout `key`. `live`: the caller has just made it current with `refresh`."""
    namespace, name = key
    namespace_object = cache.get(NAMESPACES, None, namespace)
    return Snapshot(
        namespace=namespace,
        name=name,
        rollout=cache.get(ROLLOUTS, namespace, name),
        promotions=cache.of_rollout(PROMOTIONS, namespace, name),
        revisions=cache.of_rollout(CONTROLLER_REVISIONS, namespace, name),
        deployments=cache.of_rollout(DEPLOYMENTS, namespace, name),
        services=tuple(_services(cache, key)),
        endpoint_slices=cache.of_rollout(ENDPOINT_SLICES, namespace, name),
        pods=cache.of_rollout(PODS, namespace, name),
        routes=tuple(_routes(cache, key)),
        policies=tuple(cache.all(PROMOTION_POLICIES)),
        origins=tuple(_origin_state(cache, named) for named in _origins(cache, key)),
        namespace_labels=((namespace_object or {}).get("metadata") or {}).get("labels") or {},
        namespace_ends=bool(((namespace_object or {}).get("metadata") or {}).get("deletionTimestamp")),
        observations=observations,
        settings=settings,
        live=live,
    )


def _origins(cache: Cache, key: Key) -> list[Key]:
    """The Rollouts that unfinished Promotions of this one name in `from`."""
    named = (origin(promotion) for promotion in cache.of_rollout(PROMOTIONS, *key))
    return sorted({one for one in named if one is not None})


def _origin_state(cache: Cache, named: Key) -> OriginState:
    namespace, name = named
    metadata = (cache.get(NAMESPACES, None, namespace) or {}).get("metadata") or {}
    return OriginState(
        namespace=namespace,
        name=name,
        rollout=cache.get(ROLLOUTS, namespace, name),
        revisions=cache.of_rollout(CONTROLLER_REVISIONS, namespace, name),
        annotations=metadata.get("annotations") or {},
    )


def _services(cache: Cache, key: Key) -> Iterable[Object]:
    """Those that carry the names of the Rollout's own, and all that may select its pods."""
    namespace, name = key
    own = (cache.get(SERVICES, namespace, service) for service in service_names(name))
    found = {service["metadata"]["name"]: service for service in own if service is not None}
    found |= {service["metadata"]["name"]: service for service in cache.selecting(namespace, name)}
    return (found[service] for service in sorted(found))


async def refresh(
    api: Api,
    cache: Cache,
    key: Key,
    routed: bool,
    thorough: bool = False,
    namespaces: Collection[str] = (),
    found: Callable[[Change], None] = lambda _: None,
) -> None:
    """Read every object in the snapshot of `key` from the API server, all at once, into the cache.

    One by one, not by LIST: since Kubernetes 1.31 a consistent LIST waits until the server's watch cache has
    caught up with etcd, up to 100 ms after any write of anybody. Children that only the server knows yet are
    new pods and endpoints, which can but add to what is ready.

    What is not read: stored plans, which never change; revisions of the past, which nobody but the leader writes;
    Promotions that have ended, and Services that only share the namespace, which can hold a decision back but
    bring traffic to no revision; the namespace, unless its labels approve or choose policies; `<rollout>-candidate`
    where there are no routes. `routed`: the server knows HTTPRoutes. `thorough`: list all children and read
    all Promotions, because the cache has turned out to be behind.
    `namespaces`: those that the operator looks at
    (none: all); nothing is read elsewhere. `found` is told of each change at once: another read may fail.
    """
    namespace, name = key
    lanes = asyncio.Semaphore(READS_AT_ONCE)
    wanted: list[tuple[Resource, str | None, str]] = [
        (ROLLOUTS, namespace, name),
        *((SERVICES, namespace, service) for service in _own_services(cache, key, thorough)),
        *((PROMOTIONS, namespace, promotion) for promotion in _promotions(cache, key, thorough)),
        *((HTTP_ROUTES, *route) for route in _route_names(cache, key) if routed),
    ]
    policies = cache.all(PROMOTION_POLICIES)
    by_labels = any((_match(policy).get("namespaceSelector")) for policy in policies)
    if thorough or by_labels or _spec(cache, key).get("approval") == "Automatic":
        wanted.append((NAMESPACES, None, namespace))
    listed = set(CHILDREN) if thorough else set()
    if len(cache.of_rollout(PODS, namespace, name)) > PODS_ONE_BY_ONE:
        listed.add(PODS)
    for named in _origins(cache, key):
        if not namespaces or named[0] in namespaces:
            wanted.extend(_of_origin(cache, named))
    in_play = _in_play(cache, key)
    wanted.extend(
        (kind, namespace, child["metadata"]["name"])
        for kind in sorted(CHILDREN - listed, key=lambda kind: kind.plural)
        for child in cache.of_rollout(kind, namespace, name)
        if kind == PODS or not _is_history(child, in_play)
    )
    await asyncio.gather(
        *(_read(lanes, api, cache, found, *one) for one in wanted),
        *(_read_all(api, cache, found, kind, key) for kind in listed),
        _read_policies(api, cache, found, thorough),
    )
    # A watch may be late with a Promotion under which traffic moves already: its absence here is no deletion.
    unseen = _unseen(cache, key)
    await asyncio.gather(*(_read(lanes, api, cache, found, PROMOTIONS, namespace, one) for one in unseen))


async def _read(
    lanes: asyncio.Semaphore,
    api: Api,
    cache: Cache,
    found: Callable[[Change], None],
    kind: Resource,
    namespace: str | None,
    name: str,
) -> None:
    async with lanes:
        try:
            change = cache.upsert(kind, await api.get(kind, namespace, name))
        except NotFound:
            change = cache.forget(kind, namespace, name)
    if change:
        found(change)


async def _read_all(api: Api, cache: Cache, found: Callable[[Change], None], kind: Resource, key: Key) -> None:
    namespace, name = key
    items, version = await api.list(kind, namespace, f"{ROLLOUT_LABEL}={name}")
    for change in cache.replace(kind, items, version, namespace, name):
        found(change)


async def _read_policies(api: Api, cache: Cache, found: Callable[[Change], None], thorough: bool) -> None:
    """All of them, new ones too: a freeze counts from when it was written, however late a watch is.

    What the server has in memory is good enough, and costs no wait. Where they cannot be read those that are known
    go on to count: going back must not depend on them.
    """
    try:
        items, version = await api.list(PROMOTION_POLICIES, None, at_once=not thorough)
    except APIError as error:
        log.warning("PromotionPolicies cannot be read, the last known ones count: %s", error)
        return
    for change in cache.replace(PROMOTION_POLICIES, items, version):
        found(change)


def _match(policy: Object) -> Object:
    found = (policy.get("spec") or {}).get("match")
    return dict(found) if isinstance(found, Mapping) else {}


def _of_origin(cache: Cache, named: Key) -> Iterable[tuple[Resource, str | None, str]]:
    """What proves the images of another Rollout: its revisions, whose marks say what is stable, and the permission."""
    yield NAMESPACES, None, named[0]
    yield ROLLOUTS, *named
    for revision in cache.of_rollout(CONTROLLER_REVISIONS, *named):
        if names.PLAN_LABEL not in revision["metadata"]["labels"]:
            yield CONTROLLER_REVISIONS, named[0], revision["metadata"]["name"]


def _in_play(cache: Cache, key: Key) -> set[str]:
    """The revisions that the Rollout's status or one of its Services names; empty where nothing is known."""
    status = (cache.get(ROLLOUTS, *key) or {}).get("status") or {}
    roles = ("stable", "candidate", "next", "previous", "rejected")
    named = {(status.get(role) or {}).get("revision") for role in roles}
    for service in service_names(key[1]):
        spec = (cache.get(SERVICES, key[0], service) or {}).get("spec") or {}
        named.add((spec.get("selector") or {}).get(REVISION_LABEL))
    return {revision for revision in named if revision and revision != names.NO_REVISION}


def _is_history(child: Object, in_play: set[str]) -> bool:
    labels = child["metadata"]["labels"]
    revision = labels.get(REVISION_LABEL)
    return names.PLAN_LABEL in labels or bool(in_play and revision and revision not in in_play)


def _promotions(cache: Cache, key: Key, finished: bool) -> Iterable[str]:
    for promotion in cache.of_rollout(PROMOTIONS, *key):
        if finished or (promotion.get("status") or {}).get("phase") not in FINAL:
            yield promotion["metadata"]["name"]


def _unseen(cache: Cache, key: Key) -> set[str]:
    """Promotions that the mark of a revision in flight or of a migration names, and the cache does not know."""
    known = {promotion["metadata"]["uid"] for promotion in cache.of_rollout(PROMOTIONS, *key)}
    marks = [
        Marks.read(revision["metadata"].get("annotations") or {})
        for revision in cache.of_rollout(CONTROLLER_REVISIONS, *key)
    ]
    moving = {
        mark.approved.promotion
        for mark in marks
        if mark.in_flight and mark.approved and mark.approved.promotion and mark.approved.promotion_uid not in known
    }
    # What contract did stays noted for ever; of all else the Promotion is asked whether it is still there.
    runs = (run for mark in marks for run in mark.migrations if run.running or run.step is not Step.CONTRACT)
    return moving | {run.promotion for run in runs if run.promotion and run.promotion_uid not in known}


def _own_services(cache: Cache, key: Key, candidates: bool) -> Iterable[str]:
    """Live and preview; the candidate's if wanted, where there is one, or where routes ask for it."""
    live, preview, candidate = service_names(key[1])
    yield from (live, preview)
    if candidates or _listed(cache, key) or cache.get(SERVICES, key[0], candidate) is not None:
        yield candidate


def _spec(cache: Cache, key: Key) -> Object:
    return (cache.get(ROLLOUTS, *key) or {}).get("spec") or {}


def _listed(cache: Cache, key: Key) -> list[str]:
    routes = (_spec(cache, key).get("traffic") or {}).get("httpRoutes") or []
    return [route["name"] for route in routes]


def _route_names(cache: Cache, key: Key) -> list[Key]:
    namespace, name = key
    found = {
        (route["metadata"]["namespace"], route["metadata"]["name"])
        for service in service_names(name)
        for route in cache.routes_to(namespace, service)
    }
    return sorted(found | {(namespace, route) for route in _listed(cache, key)})


def _routes(cache: Cache, key: Key) -> Iterable[Object]:
    for namespace, name in _route_names(cache, key):
        if (route := cache.get(HTTP_ROUTES, namespace, name)) is not None:
            yield route
