"""Which Rollouts have to be looked at again when an object has changed."""

from __future__ import annotations

from collections.abc import Iterable

from slipway.cluster.api import Object
from slipway.cluster.cache import Cache, Change, backend_services
from slipway.cluster.resources import (
    CONTROLLER_REVISIONS,
    HTTP_ROUTES,
    NAMESPACES,
    PROMOTION_POLICIES,
    PROMOTIONS,
    ROLLOUT_LABEL,
    ROLLOUTS,
    SERVICES,
)
from slipway.core import names

Key = tuple[str, str]
"""Namespace and name of a Rollout."""


def affected(cache: Cache, change: Change) -> set[Key]:
    """The Rollouts whose snapshot holds the object, before or after the change. They need not exist."""
    states = [state for state in (change.before, change.after) if state is not None]
    if change.kind == ROLLOUTS:
        keys = set(_keys(states))
        if _identity(change.before) != _identity(change.after):
            keys |= {key for named in set(keys) for key in _promoted_from(cache, *named)}
        return keys
    if change.kind == PROMOTIONS:
        return {
            (state["metadata"]["namespace"], state["spec"]["rollout"])
            for state in states
            if (state.get("spec") or {}).get("rollout")
        }
    if change.kind == HTTP_ROUTES:
        return {key for state in states for key in _route(cache, state)}
    if change.kind == PROMOTION_POLICIES:
        before, after = ((state or {}).get("spec") for state in (change.before, change.after))
        return set() if before == after else set(_keys(cache.all(ROLLOUTS)))
    if change.kind == NAMESPACES:
        return _namespace(cache, change)
    keys = {key for state in states for key in _labelled(state)}
    if change.kind == SERVICES:
        keys |= _service(cache, change)
    if change.kind == CONTROLLER_REVISIONS:
        # Its marks say what is stable: that is what a later environment waits for.
        keys |= {key for named in set(keys) for key in _promoted_from(cache, *named)}
    return keys


def _promoted_from(cache: Cache, namespace: str, rollout: str = "") -> Iterable[Key]:
    """The Rollouts of which a Promotion names this one, or any of this namespace, in `from`."""
    for promotion in cache.promoted_from(namespace, rollout):
        yield promotion["metadata"]["namespace"], promotion["spec"]["rollout"]


def _identity(rollout: Object | None) -> tuple[str, bool]:
    """What of a Rollout bears on others: which one it is, and that it goes."""
    metadata = (rollout or {}).get("metadata") or {}
    return str(metadata.get("uid") or ""), bool(metadata.get("deletionTimestamp"))


def _route(cache: Cache, route: Object) -> Iterable[Key]:
    metadata = route["metadata"]
    yield from _keys(cache.rollouts_listing(metadata["namespace"], metadata["name"]))
    for namespace, service in backend_services(route):
        yield from _owners(cache, namespace, service)


def _namespace(cache: Cache, change: Change) -> set[Key]:
    name = (change.after or change.before or {})["metadata"]["name"]
    before, after = (_labels(state) for state in (change.before, change.after))
    keys = set(_keys(cache.in_namespace(ROLLOUTS, name))) if before != after else set()
    allowed, allows = (_promote_to(state) for state in (change.before, change.after))
    return keys | set(_promoted_from(cache, name)) if allowed != allows else keys


def _service(cache: Cache, change: Change) -> set[Key]:
    """A Service concerns the Rollout that it is named after; what it selects, all of the namespace."""
    metadata = (change.after or change.before or {})["metadata"]
    keys = set(_owners(cache, metadata["namespace"], metadata["name"]))
    if any(_labels(state).get(ROLLOUT_LABEL) for state in (change.before, change.after)):
        return keys
    before, after = (((state or {}).get("spec") or {}).get("selector") for state in (change.before, change.after))
    if before != after:
        keys |= set(_keys(cache.in_namespace(ROLLOUTS, metadata["namespace"])))
    return keys


def _owners(cache: Cache, namespace: str, service: str) -> Iterable[Key]:
    """The existing Rollouts that have a Service of this name."""
    for name in (service, service.removesuffix("-preview"), service.removesuffix("-candidate")):
        if service in service_names(name) and cache.get(ROLLOUTS, namespace, name) is not None:
            yield namespace, name


def _labelled(obj: Object) -> Iterable[Key]:
    rollout = _labels(obj).get(ROLLOUT_LABEL)
    if rollout:
        yield obj["metadata"]["namespace"], rollout


def _labels(obj: Object | None) -> dict[str, str]:
    return ((obj or {}).get("metadata") or {}).get("labels") or {}


def _promote_to(namespace: Object | None) -> str:
    annotations = ((namespace or {}).get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(names.PROMOTE_TO_ANNOTATION) or "")


def _keys(rollouts: Iterable[Object]) -> Iterable[Key]:
    return [(rollout["metadata"]["namespace"], rollout["metadata"]["name"]) for rollout in rollouts]


def service_names(rollout: str) -> tuple[str, str, str]:
    """The Services that a Rollout can have."""
    return rollout, names.preview_service(rollout), names.candidate_service(rollout)
