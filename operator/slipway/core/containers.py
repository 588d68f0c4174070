"""The containers of a pod template, which may be anything that somebody wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

GROUPS = ("containers", "initContainers")
AS_STARTED = ("initContainers", "containers")


def containers(
    template: Mapping[str, Any], groups: Sequence[str] = GROUPS
) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """The list that each one is in, its place there, and the container; what is none is passed over."""
    spec = template.get("spec")
    for group in groups:
        listed = spec.get(group) if isinstance(spec, Mapping) else None
        for index, container in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(container, Mapping):
                yield group, index, container
