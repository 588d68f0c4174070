"""What the tests of the shell share: the operator's own identity, its processes, and objects to feed it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import until_established
from tests.cluster.users import kubeconfig

REPOSITORY = Path(__file__).parents[2]
ACCESS = REPOSITORY / "manifests" / "access"
CRDS = REPOSITORY / "crds"

Object = dict[str, Any]

QUICK = {"leaseDuration": "6s", "renewDeadline": "4s", "retryPeriod": "1s"}
PATIENT = {"leaseDuration": "10m", "renewDeadline": "9m", "retryPeriod": "1s"}


def install(cluster: Cluster) -> None:
    """The CRDs and the operator's identity with the shipped roles, and nothing else."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", f"--filename={CRDS}")
    for name in ("namespace.yaml", "operator-identity.yaml", "operator-roles.yaml"):
        cluster.kubectl("apply", f"--filename={ACCESS / name}")
    kinds = [f"{plural}.slipway.dev" for plural in ("rollouts", "promotions", "promotionpolicies")]
    until_established(cluster.kubectl, *kinds)
    # Established is not yet served: the API server's cache of a new kind answers 429 until it is filled.
    served = ("get", ",".join(kinds), "--all-namespaces")
    wait_for("they are served", lambda: cluster.try_kubectl(*served).returncode == 0)


def credentials(cluster: Cluster, path: Path) -> Path:
    """A kubeconfig of the operator's ServiceAccount with a token of its own, as every replica has."""
    token = cluster.kubectl("--namespace=slipway-system", "create", "token", "slipway").strip()
    ca = base64.b64encode((cluster.folder / "pki" / "ca.crt").read_bytes()).decode()
    path.write_text(kubeconfig(cluster.api_server, ca, {"token": token}))
    return path


def token_id(config: Path) -> str:
    """The `jti` of the token in a kubeconfig: how the audit log names the replica that used it."""
    token = json.loads(config.read_text())["users"][0]["user"]["token"]
    payload = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"])


def wait_for(what: str, condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Poll until `condition` is truthy; its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:g} s: {what}")


class Replica:
    """One `slipway run` process."""

    def __init__(
        self,
        config: Path,
        folder: Path,
        name: str,
        *arguments: str,
        election: Object | None = None,
        settings: Object | None = None,
    ) -> None:
        self.kubeconfig = config
        self.log = folder / f"{name}.log"
        file = folder / f"{name}.yaml"
        election = election or PATIENT
        file.write_text(json.dumps({"leaderElection": election, "resyncInterval": "2s", **(settings or {})}))
        command = [sys.executable, "-m", "slipway.cli", "run", f"--config={file}", f"--kubeconfig={config}"]
        ports = ["--host=127.0.0.1", "--probe-port=0", "--metrics-port=0"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, *ports, *arguments],
                stderr=log,
                stdout=log,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY / "operator")},
            )

    def lines(self) -> list[Object]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def says(self, words: str) -> Object | None:
        return next((line for line in self.lines() if words in line["message"]), None)

    def port(self, name: str) -> int:
        line = wait_for("it listens", lambda: self.says(f"{name} on port "))
        return int(line["message"].rsplit(" ", 1)[1])

    def ask(self, path: str, server: str = "probes") -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port(server)}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name: str) -> float:
        _, text = self.ask("/metrics", "metrics")
        lines = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        assert lines, f"no metric {name}"
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def end(self, number: int = signal.SIGTERM, seconds: float = 30.0) -> int:
        self.process.send_signal(number)
        return self.process.wait(seconds)


@contextlib.contextmanager
def replicas(
    config: Path, folder: Path, *names: str, election: Object | None = None, settings: Object | None = None
) -> Iterator[list[Replica]]:
    """Processes that are gone afterwards, whatever happens. `settings` are added to their configuration."""
    running = [Replica(config, folder, name, election=election, settings=settings) for name in names]
    try:
        yield running
    finally:
        for replica in running:
            if replica.process.poll() is None:
                replica.process.send_signal(signal.SIGCONT)
                replica.process.kill()
                replica.process.wait(10)


def rollout(namespace: str, name: str = "web", **spec: Any) -> Object:
    """The smallest Rollout: blue/green, no gates."""
    container = {
        "name": "web",
        "image": "podinfo:v1",
        "ports": [{"name": "http", "containerPort": 9898}],
        "resources": {"limits": {"memory": "64Mi"}},
        "securityContext": {"runAsNonRoot": True},
    }
    return {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {
            "environment": "production",
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
            "service": {"ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
            "analysis": {"gates": []},
            **spec,
        },
    }
