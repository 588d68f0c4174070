"""Who keeps the containers of a Rollout's template as they are: whatever is written there, they would undo it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from slipway.core import names
from slipway.core.snapshot import Object

APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""What a client-side apply last said."""

# Tools that write what their source says again and again, also where they do not use server-side apply.
_TOOLS = ("argocd", "argo-cd", "kustomize-controller", "helm", "flux", "terraform", "pulumi", "kapp", "fleet")


def keeper(rollout: Object) -> str:
    """The field manager that keeps the containers, '' if none does.

    Server-side apply claims what it says. A client-side apply does so where it is not a person's kubectl. A create,
    an edit or a patch says something once.
    """
    annotated = APPLIED in (rollout["metadata"].get("annotations") or {})
    for manager, operation in _managers(rollout):
        tool = manager.lower().startswith(_TOOLS)
        if operation == "Apply" or tool or (annotated and not manager.startswith("kubectl")):
            return manager
    return ""


def applied_template(rollout: Object) -> Mapping[str, Any] | None:
    """The pod template that a client-side apply last said; None where there was none."""
    text = (rollout["metadata"].get("annotations") or {}).get(APPLIED)
    try:
        found = json.loads(text)["spec"]["template"] if text else None
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, Mapping) else None


def _managers(rollout: Object) -> Iterator[tuple[str, str]]:
    entries = rollout["metadata"].get("managedFields")
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, Mapping) or entry.get("subresource") or entry.get("manager") == names.OPERATOR:
            continue
        if _reaches(entry.get("fieldsV1"), ("f:spec", "f:template", "f:spec")):
            yield str(entry.get("manager") or ""), str(entry.get("operation") or "")


def _reaches(fields: Any, path: tuple[str, ...]) -> bool:
    """Whether a set of fields has containers in it, or anything that they are a part of."""
    if not isinstance(fields, Mapping):
        return False
    if not path:
        return not fields or any(key in fields for key in ("f:containers", "f:initContainers"))
    if path[0] not in fields:
        return False
    below = fields[path[0]]
    return _reaches(below, path[1:]) or below == {}
