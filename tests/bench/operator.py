"""The operator as one process, with its default configuration, and what it costs."""

import contextlib
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.cluster.cluster import OPERATOR_NAMESPACE, Cluster
from tests.cluster.process import Program, start

METRICS_PORT, PROBE_PORT = 19_391, 18_381


class Operator:
    """`slipway run` as the installed ServiceAccount. `settings` are its whole configuration file."""

    def __init__(self, cluster: Cluster, **settings: object) -> None:
        self._cluster = cluster
        self._kubeconfig = cluster.service_account_kubeconfig()
        self._config = cluster.folder / "operator.yaml"
        self._config.write_text(json.dumps(settings))
        self._program: Program | None = None

    def start(self) -> None:
        """Start it and wait until it leads."""
        argv = [
            *(sys.executable, "-m", "slipway.cli", "run"),
            *(f"--kubeconfig={self._kubeconfig}", f"--config={self._config}"),
            *(f"--lease-namespace={OPERATOR_NAMESPACE}", "--host=127.0.0.1", "--log-format=text"),
            *(f"--metrics-port={METRICS_PORT}", f"--probe-port={PROBE_PORT}"),
        ]
        log = self._cluster.logs / "operator.log"
        self._program = start("operator", self._cluster.inside_command(argv), log, die_with_parent=True)
        self.wait(lambda: self.metric("slipway_leader") == 1, "the lease")

    def stop(self) -> None:
        """SIGTERM, as Kubernetes ends a pod; the lease is released."""
        if self._program is not None:
            self._program.stop(patience=15)
            self._program = None

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 300) -> None:
        """Wait for a condition; fail at once when the operator has ended."""
        assert self._program is not None, "the operator was not started"
        self._program.wait_ready(condition, seconds, what)

    def metric(self, name: str) -> float:
        """The sum of one of its own metrics over all labels; 0 where the operator does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{METRICS_PORT}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
        except (urllib.error.URLError, OSError):
            return 0.0
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    @property
    def memory(self) -> float:
        """Resident memory in MiB."""
        pages = (self._process / "statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE") / 2**20

    @property
    def cpu(self) -> float:
        """Seconds of CPU used so far, user and system."""
        fields = (self._process / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def _process(self) -> Path:
        assert self._program is not None, "the operator was not started"
        return Path(f"/proc/{self._program.identity.pid}")


@contextlib.contextmanager
def running(cluster: Cluster, **settings: object) -> Iterator[Operator]:
    """An operator that leads, and is gone at the end of the block."""
    operator = Operator(cluster, **settings)
    operator.start()
    try:
        yield operator
    finally:
        operator.stop()
