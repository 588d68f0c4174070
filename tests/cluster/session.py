"""The clusters of one test run: chosen and started when first asked for, shared by all, stopped at the end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import schemas
from .access import Access
from .capabilities import Level
from .cluster import Cluster, best_level
from .foreign import kind_cluster, kind_is_usable, named_cluster
from .operator_image import operator_images
from .packages import BESIDE, install_missing_packages
from .programs import control_plane_programs
from .progress import say
from .toolchain import build_neighbours, build_node, program, programs

# The clusters that this process started, and whether each is as full as it can be here.
_running: list[tuple[Access, bool]] = []


@contextmanager
def shared_cluster(*, full: bool) -> Iterator[Access]:
    """A running cluster that is full enough, or a new one.

    SLIPWAY_CLUSTER names one that `python -m tests.cluster up` started; it is used and left running.
    """
    if named := os.environ.get("SLIPWAY_CLUSTER"):
        yield Cluster.attach(named)
        return
    for one, is_full in _running:
        if is_full or not full:
            yield one
            return
    cluster = _start(full)
    _running.append((cluster, full))
    try:
        yield cluster
    finally:
        _running.remove((cluster, full))
        cluster.stop()


def prepare() -> None:
    """Install and build what a test run needs here, which takes minutes once: no test's time limit is for that."""
    if not makes_own_clusters():
        return
    programs("helm")
    programs("chart")
    schemas.fetch()
    level, reason = best_level()
    if level is Level.NODE:
        build_node()
        build_neighbours()
        operator_images()
        install_missing_packages(BESIDE)
        return
    say(f"tests that need real pods are left out: {reason}")
    control_plane_programs()
    for family, name in (
        ("kubernetes", "kube-scheduler"),
        ("kwok", "kwok"),
        ("prometheus", "prometheus"),
        ("lua", "lua"),
        ("velero", "modify"),
    ):
        program(family, name)


def makes_own_clusters() -> bool:
    """Whether processes that ask at the same time get a cluster each. One that somebody else made is shared."""
    return not (os.environ.get("SLIPWAY_CLUSTER") or os.environ.get("SLIPWAY_KUBECONFIG")) and _wanted() == "own"


def _wanted() -> str:
    wanted = os.environ.get("CLUSTER") or ("kind" if kind_is_usable() else "own")
    if wanted not in ("kind", "own"):
        raise RuntimeError(f"CLUSTER={wanted}: there are kind and own")
    return wanted


def _start(full: bool) -> Access:
    """In this order: a named cluster, kind where it can run, one of our own (from KUBEBUILDER_ASSETS or built)."""
    if path := os.environ.get("SLIPWAY_KUBECONFIG"):
        return named_cluster(Path(path))
    if _wanted() == "kind":
        if not kind_is_usable():
            raise RuntimeError("CLUSTER=kind needs a Docker engine that answers and the kind program on PATH")
        return kind_cluster(f"slipway-{os.getpid()}")
    return Cluster.start(best_level()[0] if full else Level.CONTROL_PLANE)
