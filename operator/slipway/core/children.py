"""The Services and Deployments of a Rollout: what they should be, and the write that makes them so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from slipway.core import names
from slipway.core.decision import Apply, Replace
from slipway.core.revision import Revision, is_owned, owner_of
from slipway.core.snapshot import Object


def service(
    rollout: Object, name: str, selected: Mapping[str, str], ports: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A Service that selects exactly one revision (or none)."""
    meta = rollout["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": names.child_labels(meta["name"]),
            "ownerReferences": [owner_of(rollout)],
        },
        "spec": {"selector": dict(selected), "ports": [dict(port) for port in ports]},
    }


def deployment(
    rollout: Object, revision: Revision, replicas: int, min_ready_seconds: int, deadline: timedelta
) -> dict[str, Any]:
    """The Deployment of a revision: its stored template, with nothing but our two labels added."""
    meta = rollout["metadata"]
    selected = names.selector(meta["name"], revision.name)
    template = {key: value for key, value in revision.template.items() if key != "metadata"}
    inner = {
        key: value
        for key, value in (revision.template.get("metadata") or {}).items()
        if key in {"labels", "annotations", "finalizers"} and value
    }
    inner["labels"] = dict(inner.get("labels") or {}) | selected
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": names.deployment_name(meta["name"], revision.name),
            "namespace": meta["namespace"],
            "labels": names.child_labels(meta["name"]) | {names.REVISION_LABEL: revision.name},
            "ownerReferences": [owner_of(rollout)],
        },
        "spec": {
            "replicas": replicas,
            "minReadySeconds": min_ready_seconds,
            "progressDeadlineSeconds": max(int(deadline.total_seconds()), min_ready_seconds + 1),
            "selector": {"matchLabels": selected},
            "template": {"metadata": inner, **template},
        },
    }


def service_write(wanted: Object, current: Object | None, uid: str) -> Apply | Replace | None:
    """The write that makes a Service as wanted; None when it is."""
    if current is None:
        return Apply(kind="Service", resource_version=None, object=wanted)
    same = (
        (current.get("spec") or {}).get("selector") == wanted["spec"]["selector"]
        and _ports(current["spec"].get("ports")) == _ports(wanted["spec"]["ports"])
        and _labelled(wanted, current)
        and is_owned(current, uid)
    )
    if same:
        return None
    version = current["metadata"]["resourceVersion"]
    if _numbers(current["spec"].get("ports")) - _numbers(wanted["spec"]["ports"]):
        labels = {**(current["metadata"].get("labels") or {}), **wanted["metadata"]["labels"]}
        whole = {**wanted, "metadata": {**wanted["metadata"], "labels": labels}}
        return Replace(kind="Service", resource_version=version, object=whole)
    return Apply(kind="Service", resource_version=version, object=wanted)


def deployment_write(wanted: Object, current: Object | None, uid: str) -> Apply | Replace | None:
    """The write that makes a Deployment as wanted; None when it is.

    Only replicas are ever changed by intent. A template that others have touched is put back whole: the pods of an
    edited template would run under the name of an approved revision.
    """
    if current is None:
        return Apply(kind="Deployment", resource_version=None, object=wanted)
    version = current["metadata"]["resourceVersion"]
    if template_touched(wanted, current):
        return Replace(kind="Deployment", resource_version=version, object=wanted)
    same = (
        (current["spec"] or {}).get("replicas", 1) == wanted["spec"]["replicas"]
        and int(current["spec"].get("minReadySeconds") or 0) == wanted["spec"]["minReadySeconds"]
        and _labelled(wanted, current)
        and is_owned(current, uid)
    )
    return None if same else Apply(kind="Deployment", resource_version=version, object=wanted)


def template_touched(wanted: Object, current: Object) -> bool:
    """Whether somebody else wrote to a Deployment's pod template or selector.

    The API server fills in defaults, so equality says nothing: it must contain what we wrote, and
    no other field manager (status and Kubernetes' own bookkeeping aside) may own a field of the template.
    """
    if not _contains(current["spec"].get("template"), wanted["spec"]["template"]):
        return True
    for entry in current["metadata"].get("managedFields") or []:
        if entry.get("manager") == names.OPERATOR or entry.get("subresource"):
            continue
        fields = ((entry.get("fieldsV1") or {}).get("f:spec") or {}).get("f:template") or {}
        if fields:
            return True
    return False


def _contains(have: Any, want: Any) -> bool:
    """Whether `have` holds everything of `want`; what the API server added beside it is no difference.

    Quantities and other strings that the API server writes in another form compare as they were written.
    """
    if isinstance(want, Mapping):
        return (isinstance(have, Mapping) or not want) and all(
            _contains((have or {}).get(key), value) for key, value in want.items()
        )
    if isinstance(want, list):
        if not want:
            return not have
        return (
            isinstance(have, list)
            and len(have) == len(want)
            and all(_contains(h, w) for h, w in zip(have, want, strict=True))
        )
    if want is False:
        return have in (None, False)
    if want in (None, "", 0):
        # Where empty means "the default" the API server fills it in; what a person set there shows in managedFields.
        return True
    if isinstance(want, str) and isinstance(have, str) and have != want:
        return _quantity(have) is not None and _quantity(have) == _quantity(want)
    if isinstance(want, int | float) and isinstance(have, str):
        return _quantity(have) == _quantity(str(want))
    return bool(have == want)


_SUFFIX = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip


def _quantity(text: str) -> float | None:
    """A Kubernetes quantity as a number: the API server writes `1000m` as `1`."""
    digits = text.rstrip("".join({c for suffix in _SUFFIX for c in suffix}))
    suffix = text[len(digits) :]
    try:
        return round(float(digits) * _SUFFIX[suffix], 9)
    except (KeyError, ValueError):
        return None


def _labelled(wanted: Object, current: Object) -> bool:
    labels = current["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in wanted["metadata"]["labels"].items())


def _numbers(ports: Sequence[Mapping[str, Any]] | None) -> set[tuple[Any, Any]]:
    """What tells ports apart: the keys by which server-side apply merges them."""
    return {(port.get("port"), port.get("protocol") or "TCP") for port in ports or []}


def _ports(ports: Sequence[Mapping[str, Any]] | None) -> list[tuple[Any, ...]]:
    return sorted(
        (
            str(port.get("name") or ""),
            port.get("port"),
            port.get("targetPort", port.get("port")),
            port.get("protocol") or "TCP",
            port.get("appProtocol") or "",
        )
        for port in ports or []
    )
