"""Where the pods run: provider and region, as the nodes say that have pods of the candidate or of what serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from slipway.core import names
from slipway.core.decision import NodeProbe
from slipway.core.snapshot import Located, Object, Observation, Snapshot, Unverified

ASKED = 8
"""Nodes that are asked at most: those of one Rollout are seldom in several regions."""

_SUBJECT = "provider and region"


@dataclass(frozen=True)
class Placement:
    """What is known; `missing` says what is not, and why. `probes` are wanted as long as the report is."""

    providers: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    probes: tuple[NodeProbe, ...] = ()
    pending: bool = False


def place(snapshot: Snapshot, revisions: frozenset[str], now: datetime) -> Placement:
    """The placement of the pods of these revisions. `pending`: not all nodes have been asked yet."""
    nodes = sorted({node for pod in snapshot.pods if (node := _node(pod, revisions))})[:ASKED]
    if not nodes:
        return Placement(missing=(f"{_SUBJECT}: no pod is on a node yet",))
    probes = tuple(NodeProbe(key=f"node/{node}", due=now, node=node) for node in nodes)
    seen: list[Observation | None] = [snapshot.observations.get(probe.key) for probe in probes]
    found = [one for one in seen if isinstance(one, Located)]
    unknown = [one.message for one in seen if isinstance(one, Unverified)]
    providers = tuple(sorted({one.provider for one in found if one.provider}))
    regions = tuple(sorted({one.region for one in found if one.region}))
    missing = [f"{_SUBJECT}: {unknown[0]}"] if unknown else [] if found else [f"{_SUBJECT}: no node said so"]
    if found and not providers:
        missing.append("provider: no node has a providerID")
    if found and not regions:
        missing.append("region: no node has a label topology.kubernetes.io/region or topology.kubernetes.io/zone")
    return Placement(providers, regions, tuple(missing), probes, None in seen)


def _node(pod: Object, revisions: frozenset[str]) -> str:
    spec, labels = pod.get("spec"), pod["metadata"].get("labels") or {}
    if labels.get(names.REVISION_LABEL) not in revisions or not isinstance(spec, Mapping):
        return ""
    return str(spec.get("nodeName") or "")
