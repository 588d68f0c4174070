"""One test cluster: start, use from tests and by hand, stop without a trace."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

from . import gateway, prometheus, registry
from .access import OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT, Access
from .capabilities import Capabilities, Level
from .control_plane import start_control_plane
from .gateway import start_gateway
from .kubectl import KubectlError
from .kwok import start_kwok
from .network import inside_network
from .node import import_images, start_containerd, start_node
from .packages import install_missing_packages
from .parts import Parts
from .paths import REPOSITORY
from .placement import Loopback, Namespaces, can_have_namespaces, free_ports
from .process import Identity, Program, start
from .progress import step
from .prometheus import start_prometheus
from .registry import Record
from .toolchain import build_node
from .users import PEOPLE

__all__ = [
    "OPERATOR_NAMESPACE",
    "OPERATOR_SERVICE_ACCOUNT",
    "Cluster",
    "KubectlError",
    "best_level",
]


class Cluster(Access):
    """A cluster of our own, built from Go modules or from KUBEBUILDER_ASSETS.

    `with Cluster.start(Level.NODE) as cluster:` ends it at the end of the block, and the kernel ends it when
    this process dies. `Cluster.start(…, detached=True)` lives until `stop()`, from whatever process.
    """

    def __init__(self, record: Record, parts: Parts) -> None:
        self._record = record
        self.parts = parts

    # Life

    @classmethod
    def start(cls, level: Level = Level.CONTROL_PLANE, *, name: str | None = None, detached: bool = False) -> "Cluster":
        """Start a cluster. A level that this machine cannot run is an error; see `best_level`."""
        if level is Level.NODE and (reason := can_have_namespaces()):
            raise RuntimeError(reason)
        registry.clear_abandoned()
        record = registry.create(name)
        try:
            cluster = cls._started(record, level, die_with_parent=not detached)
        except BaseException:
            record.destroy()
            raise
        record.level = level
        record.owner = None if detached else Identity.of(os.getpid())
        record.save()
        return cluster

    @classmethod
    def _started(cls, record: Record, level: Level, *, die_with_parent: bool) -> "Cluster":
        api, etcd, peer = free_ports(3)
        record.ports = {"api": api, "etcd": etcd, "etcd-peer": peer}
        if level is not Level.NODE:
            parts = Parts(record, Loopback(die_with_parent=die_with_parent))
            with step("starting etcd, kube-apiserver, kube-controller-manager"):
                start_control_plane(parts)
            if level is Level.KWOK:
                start_kwok(parts)
            return cls(record, parts)

        build_node()
        with step("making namespaces and their network"):
            namespaces, holder = Namespaces.create(
                record.folder / "logs" / "namespaces.log", die_with_parent=die_with_parent
            )
            record.first = namespaces.first
            parts = Parts(record, namespaces)
            parts.add(holder)
            parts.add(_forward(record, namespaces, die_with_parent=die_with_parent))
        with ThreadPoolExecutor() as pool:
            with step("starting containerd, etcd, kube-apiserver, kube-controller-manager"):
                runtime = pool.submit(start_containerd, parts, namespaces)
                start_control_plane(parts)
                runtime.result()
            with step("starting kubelet, kube-scheduler, kube-proxy, Prometheus, Traefik"):
                served = pool.submit(start_gateway, parts)
                start_node(parts)
                start_prometheus(parts, namespaces)
                served.result()
        return cls(record, parts)

    @classmethod
    def attach(cls, name: str) -> "Cluster":
        """A cluster that another process started on this machine."""
        record = registry.find(name)
        if record is None:
            raise LookupError(f"no cluster {name} runs here; see: python -m tests.cluster status")
        placement = Namespaces(record.first) if record.first else Loopback(die_with_parent=False)
        return cls(record, Parts(record, placement))

    def stop(self) -> None:
        """End everything of this cluster and remove its folder."""
        self._record.destroy()
        self.parts.reap()

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Facts

    @property
    def name(self) -> str:
        return self._record.name

    @property
    def level(self) -> Level:
        return Level(self._record.level)

    @property
    def folder(self) -> Path:
        return self._record.folder

    @property
    def logs(self) -> Path:
        return self.parts.logs

    @property
    def audit_log(self) -> Path:
        """Every write that the API server answered, one JSON event a line; up to 0.5 s late."""
        return self.folder / "audit.log"

    @property
    def capabilities(self) -> Capabilities:
        real = self.level is Level.NODE
        reason = "" if real else (can_have_namespaces() or f"this cluster was started as {self.level}")
        return Capabilities(has_real_nodes=real, has_pod_network=real, is_own=True, reason=reason)

    @property
    def network(self) -> Path | None:
        """The network namespace as a path for `nsenter --net=…`; None when the cluster is on loopback."""
        placement = self.parts.placement
        return placement.network if isinstance(placement, Namespaces) else None

    @property
    def gateway_url(self) -> str:
        """Traefik, for requests from inside the cluster's network; routes name gateway-system/public."""
        return gateway.URL

    @property
    def prometheus_url(self) -> str:
        """Prometheus, for requests from inside the cluster's network."""
        return prometheus.URL

    def kubeconfig(self, user: str = "admin") -> Path:
        """The kubeconfig of a person: admin, developer, approver, second-approver."""
        if user not in PEOPLE:
            raise LookupError(f"no user {user}; there are {', '.join(PEOPLE)}")
        return self.parts.kubeconfig(user)

    def import_images(self, layout: Path) -> None:
        """Give the node more images, from an OCI layout as `images.archive` writes it."""
        placement = self.parts.placement
        if not isinstance(placement, Namespaces):
            raise RuntimeError("a cluster without a node runs no images")
        import_images(self.parts, placement, layout)

    # The cluster's network

    def inside_command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs `argv` where pods and services can be dialled."""
        return self.parts.placement.inside(argv)

    def run_inside(self, argv: Sequence[str], **options: object) -> "subprocess.CompletedProcess[str]":
        """`subprocess.run` in the cluster's network, text mode, output captured."""
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            self.inside_command(argv), **{"capture_output": True, "text": True, "check": False, **options}
        )

    def popen_inside(self, argv: Sequence[str], **options: object) -> "subprocess.Popen[str]":
        """`subprocess.Popen` in the cluster's network; the pid is the program's own, so signals reach it."""
        return subprocess.Popen(self.inside_command(argv), **{"text": True, **options})  # type: ignore[call-overload, no-any-return]

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Move this thread, and what it starts meanwhile, into the cluster's network, and back after."""
        if self._record.first is None:
            yield
            return
        with inside_network(self._record.first.pid):
            yield

    def listens(self, port: int) -> bool:
        """Whether a program takes connections at this port of the loopback in the cluster's network."""
        with self.inside(), contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False


def best_level() -> tuple[Level, str]:
    """The fullest level that this machine can run, and why it is not a node if it is not."""
    install_missing_packages()
    reason = can_have_namespaces()
    return (Level.KWOK, reason) if reason else (Level.NODE, "")


def _forward(record: Record, namespaces: Namespaces, *, die_with_parent: bool) -> Program:
    argv = [
        sys.executable,
        "-m",
        "tests.cluster.forward",
        str(record.ports["api"]),
        str(namespaces.first.pid),
    ]
    return start(
        "forward",
        argv,
        record.folder / "logs" / "forward.log",
        die_with_parent=die_with_parent,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
