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


async def read(api: Api, namespace: str, probe: ObjectProbe) -> Object | Probed | Unverified:
    """The object; or the result, where it is not there or could not be read."""
    what = _what(probe)
    group, _, version = probe.api_version.rpartition("/")
    try:
        kind = _resource(group, version, probe.kind, await api.kinds(group, version))
    except APIError as error:
        return _unread(what, error)
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
        return _unread(what, error)
    found["metadata"].pop("managedFields", None)
    return found


async def judge(probe: ObjectProbe, found: Object) -> Probed:
    """Whether the expression holds for the object. Raises NoResult when the machine had no time to say so."""
    try:
        result = await holds(probe.expression, found)
    except TimeoutError as error:
        raise NoResult(f"no time to evaluate the expression on {_what(probe)}") from error
    return Probed(at=_now(), passed=result.passed, message=f"{_what(probe)}: {result.message}")


def _unread(what: str, error: APIError) -> Unverified:
    """Whoever serves the kind may be down for days, an aggregated API or a conversion webhook: people must see it."""
    return Unverified(at=_now(), message=f"{what} could not be read: {error.message}")


def _what(probe: ObjectProbe) -> str:
    return f"{probe.kind} {probe.name}"


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
