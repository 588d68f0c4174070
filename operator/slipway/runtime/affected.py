"""Which Rollouts have to be looked at again when an object has changed."""

from __future__ import annotations

from collections.abc import Iterable

from slipway.cluster.api import Object
from slipway.cluster.cache import Cache, Change, backend_services
from slipway.cluster.resources import (
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
        return set(_keys(states))
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
    return keys


def _route(cache: Cache, route: Object) -> Iterable[Key]:
    metadata = route["metadata"]
    yield from _keys(cache.rollouts_listing(metadata["namespace"], metadata["name"]))
    for namespace, service in backend_services(route):
        yield from _owners(cache, namespace, service)


def _namespace(cache: Cache, change: Change) -> set[Key]:
    before, after = (_labels(state) for state in (change.before, change.after))
    if before == after:
        return set()
    name = (change.after or change.before or {})["metadata"]["name"]
    return set(_keys(cache.in_namespace(ROLLOUTS, name)))


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


def _keys(rollouts: Iterable[Object]) -> Iterable[Key]:
    return [(rollout["metadata"]["namespace"], rollout["metadata"]["name"]) for rollout in rollouts]


def service_names(rollout: str) -> tuple[str, str, str]:
    """The Services that a Rollout can have."""
    return rollout, names.preview_service(rollout), names.candidate_service(rollout)
