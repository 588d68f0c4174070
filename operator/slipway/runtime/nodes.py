"""Where a node is. The right to read nodes is one of its own, that an administrator may leave out."""

from __future__ import annotations

from datetime import UTC, datetime

from slipway.cluster.api import Api
from slipway.cluster.errors import APIError, Forbidden, NotFound, Unavailable
from slipway.cluster.resources import NODES
from slipway.core.snapshot import Located, Unverified
from slipway.runtime.observations import NoResult

REGION_LABELS = (
    "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/region",
    "topology.kubernetes.io/zone",
)
"""The first one that a node has says where it is."""


async def locate(api: Api, name: str) -> Located | Unverified:
    """Provider and region of a node. Raises NoResult when it could not be asked."""
    at = datetime.now(UTC)
    try:
        node = await api.get(NODES, None, name)
    except Forbidden:
        why = "not readable: ClusterRole slipway-operator-nodes is not bound to the operator"
        return Unverified(at=at, message=why)
    except NotFound:
        return Located(at=at)
    except Unavailable as error:
        raise NoResult(error.message) from error
    except APIError as error:
        return Unverified(at=at, message=f"not readable: {error.message}")
    labels = node["metadata"].get("labels") or {}
    provider, separator, _ = str((node.get("spec") or {}).get("providerID") or "").partition("://")
    region = next((str(labels[label]) for label in REGION_LABELS if labels.get(label)), "")
    return Located(at=at, provider=provider if separator else "", region=region)
