"""Clusters that the harness did not build: one that SLIPWAY_KUBECONFIG names, or kind in Docker.

A process here cannot dial their pods, and stopping their parts is not ours to do; `capabilities` says so.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .access import Access
from .capabilities import Capabilities
from .programs import kubectl
from .progress import step
from .users import PEOPLE, kubeconfig

KIND_CONFIGURATION = Path(__file__).with_name("kind.yaml")


class ForeignCluster(Access):
    """A cluster behind a kubeconfig whose user may impersonate; people are made by impersonation."""

    def __init__(self, admin: Path, reason: str, end: Callable[[], None] = lambda: None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="slipway-foreign-"))
        self._reason = reason
        self._end = end
        (self._folder / "kubeconfig").mkdir()
        known = _flattened(admin)
        cluster, user = known["clusters"][0]["cluster"], known["users"][0]["user"]
        for name, person in PEOPLE.items():
            path = self._folder / "kubeconfig" / name
            acting = {} if name == "admin" else {"as": person.name, "as-groups": list(person.groups)}
            path.write_text(kubeconfig(cluster["server"], cluster["certificate-authority-data"], {**user, **acting}))
            path.chmod(0o600)

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(has_real_nodes=True, has_pod_network=False, is_own=False, reason=self._reason)

    def kubeconfig(self, user: str = "admin") -> Path:
        """The kubeconfig of a person: admin, developer, approver, second-approver."""
        if user not in PEOPLE:
            raise LookupError(f"no user {user}; there are {', '.join(PEOPLE)}")
        return self._folder / "kubeconfig" / user

    def stop(self) -> None:
        self._end()
        shutil.rmtree(self._folder)


def named_cluster(path: Path) -> ForeignCluster:
    """The cluster of a kubeconfig's current context. It is left as it is found, but for what tests create."""
    return ForeignCluster(path, "the pods of the cluster that SLIPWAY_KUBECONFIG names cannot be dialled from here")


def kind_cluster(name: str) -> ForeignCluster:
    """A new kind cluster; needs Docker and the `kind` program."""
    from pytest_kind import KindCluster  # type: ignore[import-untyped]  # slow to import, rarely needed

    with step(f"creating the kind cluster {name}"):
        kind = KindCluster(name, kind_path=Path(str(shutil.which("kind"))), kubectl_path=kubectl())
        kind.create(KIND_CONFIGURATION)
    return ForeignCluster(
        kind.kubeconfig_path,
        "the pods of a kind cluster cannot be dialled from here (as root on Linux, CLUSTER=own runs real pods)",
        kind.delete,
    )


def kind_is_usable() -> bool:
    """Whether a Docker engine answers and `kind` is installed."""
    if not (shutil.which("docker") and shutil.which("kind")):
        return False
    try:
        answered = subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False)
    except subprocess.TimeoutExpired:
        return False
    return answered.returncode == 0


def _flattened(path: Path) -> dict[str, Any]:
    argv = [str(kubectl()), f"--kubeconfig={path}", "config", "view", "--raw", "--minify", "--flatten"]
    answer = subprocess.run([*argv, "--output=json"], capture_output=True, text=True, check=True)
    return dict(json.loads(answer.stdout))
