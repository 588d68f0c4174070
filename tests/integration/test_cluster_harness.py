"""The harness keeps its word: clusters do not meet, and nothing of them is left, whichever way they end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cluster import registry
from tests.cluster.capabilities import Level
from tests.cluster.cgroups import container_cgroups
from tests.cluster.cluster import Cluster
from tests.cluster.images import PODINFO
from tests.cluster.paths import REPOSITORY
from tests.cluster.placement import can_have_namespaces
from tests.cluster.process import wait_until

LEVELS = [
    pytest.param(Level.CONTROL_PLANE, id="control-plane"),
    pytest.param(
        Level.NODE,
        id="node",
        marks=pytest.mark.skipif(can_have_namespaces() is not None, reason=str(can_have_namespaces())),
    ),
]

OWNER = """
import sys, time
from tests.cluster.capabilities import Level
from tests.cluster.cluster import Cluster
cluster = Cluster.start(Level(sys.argv[1]), name=sys.argv[2])
print("started", flush=True)
time.sleep(600)
"""

# Fixed places in which a node's programs keep things unless they are prevented.
FIXED_PLACES = ("/run/containerd", "/run/netns", "/var/lib/cni", "/var/lib/kubelet", "/var/log/pods")


@dataclass(frozen=True)
class Traces:
    """What can be seen of a cluster from outside it."""

    folder: Path
    network: str
    containers: tuple[str, ...]
    fixed_places: frozenset[str]

    @classmethod
    def of(cls, name: str) -> "Traces":
        record = registry.find(name)
        assert record is not None
        network = str(Path(f"/proc/{record.first.pid}/ns/net").readlink()) if record.first else "none"
        places = frozenset(place for place in FIXED_PLACES if Path(place).exists())
        return cls(record.folder, network, tuple(record.containers), places)

    def processes(self) -> list[str]:
        return [line for pid in _pids() if self._concerns(line := _command(pid), pid)]

    def _concerns(self, command: str, pid: int) -> bool:
        if str(self.folder) in command:
            return True
        try:
            return str(Path(f"/proc/{pid}/ns/net").readlink()) == self.network
        except OSError:
            return False

    def mounts(self) -> list[str]:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        return [line for line in lines if str(self.folder) in line]

    def remaining(self) -> dict[str, object]:
        """Everything that is still there; empty when nothing is."""
        found = {
            "processes": self.processes(),
            "mounts": self.mounts(),
            "folder": [self.folder] if self.folder.exists() else [],
            "cgroups": container_cgroups(self.containers),
            "fixed places": [
                place for place in FIXED_PLACES if Path(place).exists() and place not in self.fixed_places
            ],
        }
        return {kind: things for kind, things in found.items() if things}


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def _run_pods(cluster: Cluster) -> None:
    cluster.kubectl("create", "deployment", "web", f"--image={PODINFO}:v1", "--replicas=2")
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=180s")


def test_a_namespace_of_the_tests_own_is_there(control_plane: Cluster, namespace: str) -> None:
    assert f"namespace/{namespace}" in control_plane.kubectl("get", "namespaces", "--output=name").split()


def test_people_are_who_their_kubeconfigs_say(control_plane: Cluster) -> None:
    template = "--output=jsonpath={.status.userInfo.username} {.status.userInfo.groups}"
    said = {user: control_plane.kubectl("auth", "whoami", template, user=user) for user in ("developer", "approver")}
    assert said == {
        "developer": 'developer ["developers","system:authenticated"]',
        "approver": 'approver ["approvers","system:authenticated"]',
    }


def test_two_clusters_side_by_side_do_not_meet() -> None:
    with Cluster.start() as one, Cluster.start() as other:
        one.kubectl("create", "namespace", "only-here")
        assert "only-here" in one.kubectl("get", "namespaces", "--output=name")
        assert "only-here" not in other.kubectl("get", "namespaces", "--output=name")


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_is_left_after_a_stop(level: Level) -> None:
    with Cluster.start(level) as cluster:
        if level is Level.NODE:
            _run_pods(cluster)
        traces = Traces.of(cluster.name)
        assert traces.processes()
        assert bool(container_cgroups(traces.containers)) == (level is Level.NODE)
    assert traces.remaining() == {}


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_is_left_after_its_owner_was_killed_and_another_cluster_started(level: Level) -> None:
    name = f"crash-{os.getpid()}-{level}"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, level, name],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == "started\n"
    if level is Level.NODE:
        _run_pods(Cluster.attach(name))
    traces = Traces.of(name)
    assert traces.processes()

    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    if sys.platform == "linux":
        assert wait_until(lambda: not traces.processes(), 10), f"outlive their owner: {traces.processes()}"
    with Cluster.start():
        assert traces.remaining() == {}


def test_a_running_cluster_of_another_owner_is_not_cleared_away(control_plane: Cluster) -> None:
    registry.clear_abandoned()
    assert control_plane.kubectl("get", "--raw=/readyz") == "ok"
