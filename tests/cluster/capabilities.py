"""What a cluster can do, so that a test which needs more can say why it did not run."""

import enum
from dataclasses import dataclass


class Level(enum.StrEnum):
    """How much of a cluster is started; each level of an own cluster has another cost."""

    CONTROL_PLANE = "control-plane"  # API server, controllers: objects, no pods
    KWOK = "kwok"  # and fake nodes, whose pods become ready without running
    NODE = "node"  # a real node with pods, gateway and Prometheus


@dataclass(frozen=True)
class Capabilities:
    """`reason` says in words why pods or their network are missing; empty when nothing is."""

    has_real_nodes: bool
    has_pod_network: bool  # a process can dial pods and services from inside `Cluster.inside`
    is_own: bool  # started by the harness, so that a test may stop and restart its parts
    reason: str = ""
