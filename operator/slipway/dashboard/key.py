"""By what the dashboard tells objects of one kind apart."""

from __future__ import annotations

from slipway.cluster.api import Object

Key = tuple[str, str]
"""Namespace and name."""


def key_of(found: Object) -> Key:
    """That of an object in a namespace."""
    return str(found["metadata"]["namespace"]), str(found["metadata"]["name"])
