"""Reads one object of a tenant's namespace for a check, with no more rights than an administrator gave for it."""

from __future__ import annotations

from datetime import UTC, datetime

from slipway.cluster.api import Api, Object
from slipway.cluster.errors import APIError, Forbidden, NotFound
from slipway.cluster.resources import Resource
from slipway.core.decision import ObjectProbe
from slipway.core.snapshot import Probed, Unverified
from slipway.probing.expression import holds
from slipway.runtime.observations import NoResult

AGGREGATE_LABEL = "slipway.dev/aggregate-to-operator-checks"
"""On a ClusterRole, with the value "true": its rights to read are those of `object` checks."""


async def look(api: Api, namespace: str, probe: ObjectProbe) -> Probed | Unverified:
    """Whether the object is there and the expression holds. Raises NoResult when that could not be asked."""
    what = f"{probe.kind} {probe.name}"
    group, _, version = probe.api_version.rpartition("/")
    try:
        kind = _resource(group, version, probe.kind, await api.kinds(group, version))
    except APIError as error:
        raise NoResult(error.message) from error
    if isinstance(kind, str):
        return Probed(at=_now(), passed=False, message=kind)
    try:
        found = await api.get(kind, namespace, probe.name)
    except NotFound:
        return Probed(at=_now(), passed=False, message=f"there is no {what} in namespace {namespace}")
    except Forbidden:
        granted = f'{{apiGroups: ["{group}"], resources: [{kind.plural}], verbs: [get]}}'
        message = (
            f"Slipway may not read {what}: an administrator allows it with a ClusterRole that has the label "
            f'{AGGREGATE_LABEL}: "true" and the rule {granted}'
        )
        return Unverified(at=_now(), message=message)
    except APIError as error:
        raise NoResult(error.message) from error
    found["metadata"].pop("managedFields", None)
    try:
        result = await holds(probe.expression, found)
    except TimeoutError as error:
        raise NoResult(f"no time to evaluate the expression on {what}") from error
    return Probed(at=_now(), passed=result.passed, message=f"{what}: {result.message}")


def _resource(group: str, version: str, kind: str, served: list[Object]) -> Resource | str:
    """The kind as it is served, or why it cannot be asked for."""
    entry = next((one for one in served if one["kind"] == kind and "/" not in one["name"]), None)
    head = f"{group}/{version}" if group else version
    if entry is None:
        return f"the cluster has no kind {kind} in {head}"
    if not entry.get("namespaced"):
        return f"{kind} is not in a namespace: only objects of the Promotion's own namespace can be asked for"
    if not group and entry["name"] == "secrets":
        return "Slipway reads no Secrets"
    return Resource(group, version, entry["name"], kind)


def _now() -> datetime:
    return datetime.now(UTC)
