"""Slipway as a user installs it: CRDs, roles and admission policies, and the operator as its own ServiceAccount.

Everything of manifests/install.yaml is applied but the Deployment (and its disruption budget): the operator runs as a
process in the cluster's network, with the token of the ServiceAccount and its shipped role, never as an admin.
"""

import json
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.cluster.cluster import Cluster
from tests.cluster.kubectl import until_established
from tests.cluster.paths import REPOSITORY
from tests.cluster.process import Program, start, wait_until

OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT = "slipway-system", "slipway"  # as manifests/ have it
METRICS_PORT, PROBE_PORT = 19_091, 18_081  # Prometheus has 9090
FAULTY_METRICS_PORT = 19_290
FAULTY_SOURCE = "faulty"
RECEIVER_PORT = 19_391
CHANNELS = {"team": f"json://127.0.0.1:{RECEIVER_PORT}", "nobody": "json://127.0.0.1:1/secret-of-the-channel"}
"""Channels that Promotions may name: one that works, and one where nobody listens."""

# Traefik follows within its throttle of 2 s plus what the EndpointSlices take; see `make bench`.
GATEWAY_SETTLE = "2500ms"
DRAIN_DELAY = "3s"

_LEFT_OUT = {"Deployment", "PodDisruptionBudget"}


def install(cluster: Cluster) -> None:
    """CRDs and manifests/install.yaml, and wait until the policies answer."""
    cluster.kubectl("apply", "--server-side", f"--filename={REPOSITORY / 'crds'}")
    until_established(cluster.kubectl)
    shipped = yaml.safe_load_all((REPOSITORY / "manifests" / "install.yaml").read_text())
    documents = [each for each in shipped if each["kind"] not in _LEFT_OUT]
    cluster.kubectl("apply", "--server-side", "--filename=-", stdin=_list(documents))
    # The admin is who brings objects back from a backup, as far as the policies go.
    restore = json.dumps({"data": {"restore": "admin"}})
    at = f"--namespace={OPERATOR_NAMESPACE}"
    cluster.kubectl("patch", "configmap", "slipway-admission", at, "--type=merge", f"--patch={restore}")
    _await_policies(cluster)


def guard(cluster: Cluster) -> list[dict[str, object]]:
    """The bindings of the guard of children and workloads, for tests of what happens without them."""
    found = json.loads(cluster.kubectl("get", "validatingadmissionpolicybindings", "--output=json"))["items"]
    return [each for each in found if each["metadata"]["name"].startswith("slipway-guard")]


def _list(documents: list[dict[str, object]]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})


def _await_policies(cluster: Cluster) -> None:
    """Until the API server enforces the guard: it compiles new policies some seconds after it took them."""
    probe = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "probe", "namespace": "default"},
        "spec": {"selector": {"slipway.dev/rollout": "probe"}, "ports": [{"port": 80}]},
    }
    arguments = ("create", "--dry-run=server", "--filename=-")

    def refused() -> bool:
        return "Slipway" in cluster.try_kubectl(*arguments, stdin=json.dumps(probe)).stderr

    if not wait_until(refused, 30, every=0.2):
        raise RuntimeError("the admission policies do not answer 30 s after they were applied")


class Operator:
    """The operator's process. It can be killed like any other, and comes back as a Deployment would bring it."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self.log = folder / "operator.log"
        self._config = folder / "config.yaml"
        self._kubeconfig = cluster.service_account_kubeconfig(OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT)
        (folder / "records").write_text(f"http://127.0.0.1:{RECEIVER_PORT}/records")
        (folder / "cdevents").write_text(f"http://127.0.0.1:{RECEIVER_PORT}/cdevents")
        for name, url in CHANNELS.items():
            (folder / name).write_text(url)
        self._config.write_text(
            json.dumps(
                {
                    "sources": [
                        {"name": "default", "url": cluster.prometheus_url, "dialect": "http"},
                        {
                            "name": FAULTY_SOURCE,
                            "url": f"http://127.0.0.1:{FAULTY_METRICS_PORT}",
                            "timeout": "2s",
                            "maxConcurrency": 32,  # one that hangs does not take the slots of the tests beside it
                        },
                    ],
                    "drainDelay": DRAIN_DELAY,
                    "gatewaySettle": GATEWAY_SETTLE,
                    "notifications": {
                        "channels": [
                            {"name": name, "urlFile": str(folder / name), "open": True, "timeout": "5s"}
                            for name in CHANNELS
                        ],
                        "templates": {
                            event: {"title": "$namespace $promotion $event"}
                            for event in (
                                "Planned",
                                "AwaitingApproval",
                                "Approved",
                                "Shifting",
                                "RolledBack",
                                "Launched",
                            )
                        },
                    },
                    "records": {"webhook": {"urlFile": str(folder / "records"), "timeout": "5s"}},
                    "cdevents": {"urlFile": str(folder / "cdevents"), "timeout": "5s"},
                    "tracing": {"endpoint": f"http://127.0.0.1:{RECEIVER_PORT}", "timeout": "5s"},
                    # Shorter than by default: a test that kills the leader need not wait for its ghost for so long.
                    "leaderElection": {"leaseDuration": "8s", "renewDeadline": "6s", "retryPeriod": "1s"},
                }
            )
        )
        self._program: Program | None = None
        self._wanted = threading.Event()
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._asked = False
        self.ended_alone = 0
        """How often it ended without being asked; then it is started again, as a Deployment would do."""
        self._nurse = threading.Thread(target=self._look_after, name="operator", daemon=True)
        self._nurse.start()

    @property
    def alive(self) -> bool:
        return self._program is not None and self._program.alive

    def start(self) -> None:
        """Start it; does not wait until it is ready."""
        self._asked = True
        self._wanted.set()
        if not wait_until(lambda: self.alive, 10):
            raise RuntimeError("the operator did not start")

    def _look_after(self) -> None:
        """In a thread as long-lived as the operator: the kernel ends it with the thread that started it."""
        while not self._closed.wait(0.05):
            with self._lock:
                if self._wanted.is_set() and not self.alive:
                    self.ended_alone += not self._asked
                    self._asked = False
                    self._start()

    def _start(self) -> None:
        argv = [
            *(sys.executable, "-m", "slipway.cli", "run"),
            *("--kubeconfig", str(self._kubeconfig), "--config", str(self._config)),
            *("--lease-namespace", OPERATOR_NAMESPACE, "--host", "127.0.0.1", "--log-format", "json"),
            *("--metrics-port", str(METRICS_PORT), "--probe-port", str(PROBE_PORT)),
        ]
        self._program = start("operator", self._cluster.inside_command(argv), self.log, die_with_parent=True)

    def wait_ready(self, seconds: float = 60) -> None:
        assert self._program is not None
        self._program.wait_ready(_ready, seconds, "/readyz")

    def kill(self) -> None:
        """SIGKILL: it gets no chance to finish anything. It stays away until `start`."""
        with self._lock:
            self._wanted.clear()
            assert self._program is not None
            self._program.stop_with(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, as Kubernetes ends a pod."""
        with self._lock:
            self._wanted.clear()
            self._closed.set()
            if self._program is not None:
                self._program.stop(patience=10)

    def exposition(self) -> str:
        """All its metrics, as Prometheus reads them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{METRICS_PORT}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
        return text

    def sample(self, name: str, **labels: str) -> float:
        """The sum of a metric over all series with these labels."""
        families = text_string_to_metric_families(self.exposition())
        samples = (sample for family in families for sample in family.samples if sample.name == name)
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def lines(self, word: str = "", last: int = 60) -> Iterator[str]:
        """The last lines of its log that contain `word`."""
        if self.log.exists():
            found = [line for line in self.log.read_text(errors="replace").splitlines() if word in line]
            yield from found[-last:]

    def said(self) -> list[dict[str, str]]:
        """Its whole log, as collectors read it."""
        whole = self.log.read_text().rpartition("\n")[0]  # what is being written is no line yet
        return [json.loads(line) for line in whole.splitlines()]


def _ready() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PROBE_PORT}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
