"""The clusters of one test run: started when first asked for, shared by all, stopped at the end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from .capabilities import Level
from .cluster import Cluster, best_level

_running: list[Cluster] = []


@contextmanager
def shared_cluster(*, full: bool) -> Iterator[Cluster]:
    """A running cluster that is full enough, or a new one.

    SLIPWAY_CLUSTER names one that `python -m tests.cluster up` started; it is used and left running.
    """
    if named := os.environ.get("SLIPWAY_CLUSTER"):
        yield Cluster.attach(named)
        return
    for one in _running:
        if one.capabilities.has_pod_network or not full:
            yield one
            return
    cluster = Cluster.start(best_level()[0] if full else Level.CONTROL_PLANE)
    _running.append(cluster)
    try:
        yield cluster
    finally:
        _running.remove(cluster)
        cluster.stop()
