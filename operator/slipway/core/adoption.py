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
        return Adoption(dict(kept["selector"]), [dict(port) for port in kept["ports"]], taken=True)
    except (ValueError, KeyError, TypeError):
        return None
