"""Fake nodes: kwok makes their pods Running and Ready without running anything."""

from .api import API
from .kubectl import apply_objects
from .parts import Parts
from .process import PATIENCE
from .progress import step
from .toolchain import module_folder, program, programs

NODES = 10
_STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/fast")


def start_kwok(parts: Parts) -> None:
    """Start the scheduler and kwok, and wait until all fake nodes are ready."""
    with step(f"starting kube-scheduler and kwok with {NODES} fake nodes"):
        parts.start(
            "kube-scheduler",
            [
                str(programs("kubernetes", "kube-scheduler")["kube-scheduler"]),
                f"--kubeconfig={parts.kubeconfig('kube-scheduler')}",
                "--leader-elect=false",
                "--secure-port=0",
                *("--kube-api-qps=300", "--kube-api-burst=600"),
            ],
        )
        apply_objects(parts, *(_node(f"kwok-{number}") for number in range(1, NODES + 1)))
        stages = module_folder("kwok", "sigs.k8s.io/kwok") / "kustomize" / "stage"
        kwok = parts.start(
            "kwok",
            [
                str(program("kwok", "kwok")),
                f"--kubeconfig={parts.kubeconfig('kwok')}",
                "--manage-all-nodes=true",
                "--cidr=10.244.0.0/16",
                "--node-lease-duration-seconds=40",
                *(
                    f"--config={file}"
                    for stage in _STAGES
                    for file in sorted((stages / stage).glob("*.yaml"))
                    if file.name != "kustomization.yaml"
                ),
            ],
        )
        api = API.of(parts)
        kwok.wait_ready(lambda: _ready_nodes(api) == NODES, PATIENCE, "all fake nodes Ready")


def _node(name: str) -> dict[str, object]:
    size = {"cpu": "1000", "memory": "1000Gi", "pods": "5000"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"type": "kwok", "kubernetes.io/hostname": name},
        },
        "status": {"allocatable": size, "capacity": size},
    }


def _ready_nodes(api: API) -> int:
    answer = api.try_get("/api/v1/nodes")
    conditions = [c for node in (answer or {}).get("items", []) for c in node["status"].get("conditions", [])]
    return sum(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
