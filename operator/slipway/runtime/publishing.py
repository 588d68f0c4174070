"""Writes a ConfigMap that is shown to people: made where there is none, changed where it is the same owner's."""

from __future__ import annotations

from slipway.cluster.api import Api, Object
from slipway.cluster.errors import NotFound
from slipway.cluster.resources import CONFIG_MAPS
from slipway.core.snapshot import Object as Wanted


class NotOurs(Exception):
    """There is a ConfigMap of this name that belongs to somebody else. It is never taken over."""


async def publish(api: Api, wanted: Wanted) -> str:
    """Bring the keys of `wanted` into the ConfigMap. Returns what was done; raises NotOurs and APIError.

    Other keys stay: what is added at the end does not take away what was read before.
    """
    meta = wanted["metadata"]
    namespace, name = meta["namespace"], meta["name"]
    try:
        current = await api.get(CONFIG_MAPS, namespace, name)
    except NotFound:
        await api.create(CONFIG_MAPS, dict(wanted))
        return f"ConfigMap {name} made"
    if _owners(current) != _owners(wanted):
        raise NotOurs(f"ConfigMap {name} exists and belongs to something else: rename or delete it")
    data = {key: text for key, text in wanted["data"].items() if (current.get("data") or {}).get(key) != text}
    if not data:
        return f"ConfigMap {name} says so already"
    version = current["metadata"]["resourceVersion"]
    patch: Object = {"metadata": {"resourceVersion": version, "labels": dict(meta["labels"])}, "data": data}
    await api.merge_patch(CONFIG_MAPS, namespace, name, patch)
    return f"ConfigMap {name} written"


def _owners(obj: Wanted) -> set[str]:
    return {owner["uid"] for owner in obj["metadata"].get("ownerReferences") or []}
