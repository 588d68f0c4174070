"""Prometheus in the cluster's network; it scrapes every pod with a container port named `http`, each second.

Series carry the labels `namespace` and `pod`. Choosing by the port's name needs nothing in a pod that a user
would not write anyway, where the usual annotations are a convention of some charts only.
"""

import json
import urllib.error
import urllib.request

from .network import inside_network
from .parts import Parts
from .placement import NODE_ADDRESS, Namespaces
from .process import PATIENCE
from .toolchain import program

PORT = 9090
URL = f"http://{NODE_ADDRESS}:{PORT}"


def start_prometheus(parts: Parts, namespaces: Namespaces) -> None:
    """Start it and wait until it answers."""
    folder = parts.folder / "prometheus"
    folder.mkdir()
    config = folder / "prometheus.json"  # JSON is YAML
    config.write_text(json.dumps(_configuration(parts)))
    started = parts.start(
        "prometheus",
        [
            str(program("prometheus", "prometheus")),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=6h",
            f"--web.listen-address={NODE_ADDRESS}:{PORT}",
            "--web.enable-lifecycle",
            "--log.level=warn",
        ],
    )
    with inside_network(namespaces.first.pid):
        started.wait_ready(_ready, PATIENCE, "/-/ready")


def _configuration(parts: Parts) -> dict[str, object]:
    pod = "__meta_kubernetes_pod"
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [
            {
                "job_name": "pods",
                "kubernetes_sd_configs": [{"role": "pod", "kubeconfig_file": str(parts.kubeconfig("prometheus"))}],
                "relabel_configs": [
                    {"source_labels": [f"{pod}_container_port_name"], "regex": "http", "action": "keep"},
                    {"source_labels": [f"{pod}_phase"], "regex": "Running", "action": "keep"},
                    {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
                    {"source_labels": [f"{pod}_name"], "target_label": "pod"},
                ],
            }
        ],
    }


def _ready() -> bool:
    try:
        with urllib.request.urlopen(f"{URL}/-/ready", timeout=1) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
