"""A live Service that was there before its Rollout and is taken over, without its users noticing.

The annotation `slipway.dev/adopt: <rollout>` on the Service asks for it. Nothing of the Service is touched until the
first approved switch. What it selected until then is kept in an annotation, and comes back when traffic goes back,
until the first revision has been verified.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway.core import names
from slipway.core.decision import Replace
from slipway.core.snapshot import Object


@dataclass(frozen=True)
class Adoption:
    """`selector` and `ports` are the Service's own. `taken`: the switch was made, and they are in the annotation."""

    selector: Mapping[str, str]
    ports: Sequence[Mapping[str, Any]]
    taken: bool

    def note(self) -> dict[str, str]:
        """The annotation that keeps them."""
        kept = {"selector": dict(self.selector), "ports": [dict(port) for port in self.ports]}
        return {names.ADOPTED_ANNOTATION: json.dumps(kept, sort_keys=True)}


def adoption(service: Object | None, rollout: str) -> Adoption | None:
    """How the live Service is adopted; None when it is not there, is made by Slipway, or nobody asks for it.

    One that belongs to a controller is not taken from it; to one without a selector there is no way back, as nobody
    would clean up the endpoints that it gets from ours.
    """
    if service is None:
        return None
    meta = service["metadata"]
    annotations = meta.get("annotations") or {}
    if (meta.get("labels") or {}).get(names.ROLLOUT_LABEL) == rollout:
        return _kept(annotations.get(names.ADOPTED_ANNOTATION))
    if annotations.get(names.ADOPT_ANNOTATION) != rollout:
        return None
    if any(owner.get("controller") for owner in meta.get("ownerReferences") or []):
        return None
    spec = service.get("spec") or {}
    if not spec.get("selector"):
        return None
    return Adoption(dict(spec["selector"]), list(spec.get("ports") or []), taken=False)


def _kept(text: str | None) -> Adoption | None:
    try:
        kept = json.loads(text or "null")
        found = Adoption(dict(kept["selector"]), [dict(port) for port in kept["ports"]], taken=True)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    strings = all(isinstance(part, str) for pair in found.selector.items() for part in pair)
    numbered = all(isinstance(port.get("port"), int) for port in found.ports)
    return found if found.selector and found.ports and strings and numbered else None


def take_over(wanted: Object, current: Object, found: Adoption) -> Replace:
    """The write that makes the Service the Rollout's. What it said is noted; everything else on it stays."""
    ports = [_with_node_port(port, current) for port in wanted["spec"]["ports"]]
    spec = {"selector": wanted["spec"]["selector"], "ports": ports}
    owners = [*(current["metadata"].get("ownerReferences") or []), *wanted["metadata"]["ownerReferences"]]
    return _replace(current, spec, labels=wanted["metadata"]["labels"], note=found.note(), owners=owners)


def give_back(current: Object, found: Adoption, uid: str) -> Replace:
    """The write that brings its own selector back. It is nobody's child any more: deleting the Rollout leaves it.

    It keeps our labels until the gateway was seen to follow (by its EndpointSlices, which have them too).
    """
    spec = {"selector": dict(found.selector), "ports": [dict(port) for port in found.ports]}
    return _replace(current, spec, note=found.note(), owners=_others(current, uid))


def release(current: Object, uid: str) -> Replace:
    """The write that leaves nothing of ours on a Service that was given back."""
    spec = {"selector": current["spec"]["selector"], "ports": current["spec"]["ports"]}
    return _replace(current, spec, without=names.CHILD_LABELS, owners=_others(current, uid))


def forget(current: Object) -> Replace:
    """The write that drops the note: the first revision is verified, and there is no way back to before."""
    spec = {"selector": current["spec"]["selector"], "ports": current["spec"]["ports"]}
    return _replace(current, spec, owners=current["metadata"].get("ownerReferences") or [])


def _replace(
    current: Object,
    spec: Object,
    *,
    owners: Sequence[Object],
    labels: Mapping[str, str] | None = None,
    without: frozenset[str] = frozenset(),
    note: Mapping[str, str] | None = None,
) -> Replace:
    meta = current["metadata"]
    kept = {key: value for key, value in (meta.get("annotations") or {}).items() if key != names.ADOPTED_ANNOTATION}
    made = {
        "name": meta["name"],
        "namespace": meta.get("namespace"),
        "labels": {k: v for k, v in {**(meta.get("labels") or {}), **(labels or {})}.items() if k not in without},
        "annotations": {**kept, **(note or {})},
        "ownerReferences": list(owners),
    }
    wanted = {"apiVersion": "v1", "kind": "Service", "metadata": made, "spec": spec}
    return Replace(kind="Service", resource_version=meta["resourceVersion"], object=wanted)


def _others(service: Object, uid: str) -> list[Object]:
    return [owner for owner in service["metadata"].get("ownerReferences") or [] if owner.get("uid") != uid]


def _with_node_port(port: Mapping[str, Any], current: Object) -> dict[str, Any]:
    """A port that is reached from outside by a number keeps it, whatever its name is."""
    for own in current["spec"].get("ports") or []:
        same = (own.get("port"), own.get("protocol") or "TCP") == (port.get("port"), port.get("protocol") or "TCP")
        if same and own.get("nodePort"):
            return {**port, "nodePort": own["nodePort"]}
    return dict(port)
