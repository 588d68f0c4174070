"""A real node in the cluster's namespaces: containerd, kubelet, kube-scheduler, kube-proxy."""

import json
from pathlib import Path

from .api import API
from .images import PAUSE, archive, test_images
from .parts import Parts
from .placement import NODE_ADDRESS, POD_NETWORK, Namespaces
from .process import PATIENCE, ProcessError
from .progress import step
from .toolchain import programs

NODE = "node-1"

_CONTAINERD = """\
version = 3
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"
[grpc]
  address = "{socket}"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{pause}"
[plugins.'io.containerd.cri.v1.runtime']
  # Virtual machines without CAP_SYS_RESOURCE refuse to lower a score: every sandbox would fail.
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["{plugins}"]
  conf_dir = "{folder}/cni"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
    SystemdCgroup = false
"""

_NETWORK = {
    "cniVersion": "1.0.0",
    "name": "pods",
    "plugins": [
        {
            # Not a bridge: between pods of one, answers go past the node and miss kube-proxy's translation of
            # service addresses, unless the kernel has br_netfilter.
            "type": "ptp",
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": POD_NETWORK}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
    ],
}


def start_node(parts: Parts) -> None:
    """Start the node's programs, but containerd, which runs already; returns when the node is Ready."""
    kubernetes = programs("kubernetes", "kubelet", "kube-scheduler", "kube-proxy")
    with step("starting kubelet, kube-scheduler, kube-proxy"):
        parts.start("kubelet", _kubelet(parts, kubernetes["kubelet"]))
        parts.start(
            "kube-scheduler",
            [
                str(kubernetes["kube-scheduler"]),
                f"--kubeconfig={parts.kubeconfig('kube-scheduler')}",
                "--leader-elect=false",
                "--secure-port=0",
            ],
        )
        parts.start(
            "kube-proxy",
            [
                str(kubernetes["kube-proxy"]),
                f"--kubeconfig={parts.kubeconfig('kube-proxy')}",
                f"--hostname-override={NODE}",
                "--proxy-mode=nftables",
                f"--cluster-cidr={POD_NETWORK}",
                # The conntrack limits are the machine's, and not ours to set.
                *("--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0"),
                "--conntrack-tcp-timeout-close-wait=0",
                *("--healthz-bind-address=127.0.0.1:10256", "--metrics-bind-address=127.0.0.1:10249"),
            ],
        )
        api = API.of(parts)
        parts["kubelet"].wait_ready(lambda: _node_ready(api), PATIENCE, "a Ready node")


def start_containerd(parts: Parts, namespaces: Namespaces) -> None:
    """Start containerd and import the test images; needs no API server."""
    folder = parts.folder / "node"
    (folder / "cni").mkdir(parents=True)
    (folder / "cni" / "10-pods.conflist").write_text(json.dumps(_NETWORK))
    containerd = programs("containerd")
    plugins = programs("cni")["ptp"].parent
    socket = _socket(parts)
    config = folder / "containerd.toml"
    config.write_text(_CONTAINERD.format(folder=folder, socket=socket, pause=PAUSE, plugins=plugins))
    images = archive(test_images())
    # It finds its shim beside itself.
    started = parts.start("containerd", [str(containerd["containerd"]), f"--config={config}"])
    ctr = [str(containerd["ctr"]), f"--address={socket}", "--namespace=k8s.io"]

    def answers() -> bool:
        try:
            namespaces.run(*ctr, "version")
        except ProcessError:
            return False
        return True

    started.wait_ready(answers, PATIENCE, "an answer")
    namespaces.run(*ctr, "images", "import", str(images))


def import_images(parts: Parts, namespaces: Namespaces, layout: Path) -> None:
    """Give a running node more images, from an OCI layout."""
    ctr = [str(programs("containerd")["ctr"]), f"--address={_socket(parts)}", "--namespace=k8s.io"]
    namespaces.run(*ctr, "images", "import", str(layout))


def _socket(parts: Parts) -> Path:
    return parts.folder / "node" / "containerd.sock"


def _kubelet(parts: Parts, program: Path) -> list[str]:
    folder = parts.folder / "node"
    config = folder / "kubelet.json"
    config.write_text(
        json.dumps(
            {
                "apiVersion": "kubelet.config.k8s.io/v1beta1",
                "kind": "KubeletConfiguration",
                "containerRuntimeEndpoint": f"unix://{_socket(parts)}",
                "failCgroupV1": False,
                "failSwapOn": False,
                "cgroupDriver": "cgroupfs",
                "cgroupsPerQOS": False,
                "enforceNodeAllocatable": [],
                "localStorageCapacityIsolation": False,
                "evictionHard": {
                    "imagefs.available": "0%",
                    "nodefs.available": "0%",
                    "nodefs.inodesFree": "0%",
                },
                "imageGCHighThresholdPercent": 100,
                "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
                "authorization": {"mode": "AlwaysAllow"},
                "podLogsDir": str(folder / "pod-logs"),
                "resolvConf": "",
                "maxPods": 250,
                # Tests wait for restarts and status changes; the defaults are made for large clusters.
                "nodeStatusUpdateFrequency": "4s",
                "crashLoopBackOff": {"maxContainerRestartPeriod": "5s"},
                "featureGates": {"KubeletCrashLoopBackOffMax": True},
                "serializeImagePulls": False,
                "kubeAPIQPS": 100,
                "kubeAPIBurst": 200,
            }
        )
    )
    return [
        str(program),
        f"--config={config}",
        f"--kubeconfig={parts.kubeconfig('kubelet')}",
        f"--hostname-override={NODE}",
        f"--node-ip={NODE_ADDRESS}",
        f"--root-dir={folder / 'kubelet'}",
        f"--cert-dir={folder / 'kubelet-pki'}",
    ]


def _node_ready(api: API) -> bool:
    answer = api.try_get(f"/api/v1/nodes/{NODE}")
    conditions = answer.get("status", {}).get("conditions", []) if answer else []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
