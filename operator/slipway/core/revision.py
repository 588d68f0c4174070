"""A revision: pod template and Service ports, stored once in an immutable ControllerRevision.

The ControllerRevision (apps/v1: `data` cannot change) is the truth for rebuild and drift; the marks in its annotations
(marks.py) are the truth about what was approved and what has served.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slipway.core import names
from slipway.core.containers import containers
from slipway.core.marks import Marks
from slipway.core.snapshot import Object


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces: the same value gives the same bytes with every version of Slipway."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data: bytes) -> str:
    """`sha256:<64 hex digits>`, as image references and plan hashes are written."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest_of(template: Mapping[str, Any], ports: Sequence[Any]) -> str:
    """SHA-256, 64 hex digits, of template and ports together."""
    return hashlib.sha256(canonical({"service": {"ports": ports}, "template": template})).hexdigest()


@dataclass(frozen=True)
class Revision:
    """A stored revision, or one that is about to be stored (`resource_version` None)."""

    name: str
    digest: str
    template: Mapping[str, Any]
    ports: Sequence[Mapping[str, Any]]
    marks: Marks
    number: int
    resource_version: str | None
    uid: str | None
    owned: bool

    @property
    def images(self) -> tuple[str, ...]:
        """The images of the containers, init containers last, in their order."""
        return tuple(str(container.get("image", "")) for _, _, container in containers(self.template))

    def marked(self, marks: Marks) -> Revision:
        """The same revision with other marks."""
        return replace(self, marks=marks)


def of_spec(spec: Mapping[str, Any]) -> Revision | None:
    """The revision that a Rollout's raw spec asks for, not yet stored; None when the spec holds no such thing."""
    template, ports = spec.get("template"), _ports(spec)
    if not isinstance(template, Mapping) or ports is None:
        return None
    digest = digest_of(template, ports)
    return Revision(digest[:10], digest, template, ports, Marks(), 0, None, None, True)


def _ports(holder: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    service = holder.get("service")
    ports = service.get("ports") if isinstance(service, Mapping) else None
    return ports if isinstance(ports, list) and all(isinstance(port, Mapping) for port in ports) else None


def stored(objects: Iterable[Object], rollout: str, uid: str) -> dict[str, Revision]:
    """The revisions among ControllerRevisions, by name. What does not hold together is left out.

    A ControllerRevision whose digest is not that of its data was not written by Slipway.
    """
    found: dict[str, Revision] = {}
    for obj in objects:
        meta, data = obj["metadata"], obj.get("data")
        name = (meta.get("labels") or {}).get(names.REVISION_LABEL)
        if not name or not isinstance(data, Mapping) or meta["name"] != f"{rollout}-{name}":
            continue
        template, ports = data.get("template"), _ports(data)
        if not isinstance(template, Mapping) or ports is None:
            continue
        digest = digest_of(template, ports)
        if digest != data.get("digest") or digest[:10] != name:
            continue
        found[name] = Revision(
            name,
            digest,
            template,
            ports,
            Marks.read(meta.get("annotations") or {}),
            int(obj.get("revision") or 0),
            meta.get("resourceVersion"),
            meta.get("uid"),
            is_owned(obj, uid),
        )
    return found


def is_owned(obj: Object, uid: str) -> bool:
    """Whether the controller owner of an object is the Rollout with this uid."""
    return any(o.get("controller") and o.get("uid") == uid for o in obj["metadata"].get("ownerReferences") or [])


def owner_of(rollout: Object) -> dict[str, Any]:
    """The ownerReference of a child: deleting the Rollout deletes it, as with a Deployment."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": "Rollout",
        "name": rollout["metadata"]["name"],
        "uid": rollout["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def to_object(revision: Revision, rollout: Object, number: int) -> dict[str, Any]:
    """The ControllerRevision to create for a revision."""
    meta = rollout["metadata"]
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": names.deployment_name(meta["name"], revision.name),
            "namespace": meta["namespace"],
            "labels": names.child_labels(meta["name"]) | {names.REVISION_LABEL: revision.name},
            "ownerReferences": [owner_of(rollout)],
        },
        "data": {
            "digest": revision.digest,
            "template": revision.template,
            "service": {"ports": list(revision.ports)},
        },
        "revision": number,
    }
