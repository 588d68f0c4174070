"""Prometheus in the cluster's network; it scrapes every pod with a container port named `http`, each second.

Series carry the labels `namespace` and `pod`. Choosing by the port's name needs nothing in a pod that a user would
not write anyway, where the usual annotations are a convention of some charts only.
"""

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from .parts import Parts
from .paths import build_cache
from .placement import NODE_ADDRESS
from .progress import say

PORT = 9090
URL = f"http://{NODE_ADDRESS}:{PORT}"


def start_prometheus(parts: Parts) -> None:
    """Start it and wait until it answers."""
    folder = parts.folder / "prometheus"
    folder.mkdir()
    config = folder / "prometheus.json"  # JSON is YAML
    config.write_text(json.dumps(_configuration(parts)))
    parts.start(
        "prometheus",
        [
            str(prometheus()),
            f"--config.file={config}",
            f"--storage.tsdb.path={folder / 'data'}",
            "--storage.tsdb.retention.time=6h",
            f"--web.listen-address={NODE_ADDRESS}:{PORT}",
            "--web.enable-lifecycle",
            "--log.level=warn",
        ],
    )


def prometheus() -> Path:
    """The program: from PATH, or from the Debian package, unpacked into the cache and not installed.

    Installing it would start a service on this machine that nobody asked for.
    """
    if found := shutil.which("prometheus"):
        return Path(found)
    home = build_cache() / "prometheus"
    binary = home / "usr" / "bin" / "prometheus"
    if not binary.exists():
        say("unpacking the Debian package of Prometheus into the cache")
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "prometheus"], cwd=home, check=True, capture_output=True)
        package = next(home.glob("prometheus_*.deb"))
        subprocess.run(["dpkg-deb", "--extract", str(package), str(home)], check=True)
        package.unlink()
    return binary


def _configuration(parts: Parts) -> dict[str, object]:
    pod = "__meta_kubernetes_pod"
    return {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [
            {
                "job_name": "pods",
                "kubernetes_sd_configs": [
                    {"role": "pod", "kubeconfig_file": str(parts.kubeconfig("prometheus"))}
                ],
                "relabel_configs": [
                    {"source_labels": [f"{pod}_container_port_name"], "regex": "http", "action": "keep"},
                    {"source_labels": [f"{pod}_phase"], "regex": "Running", "action": "keep"},
                    {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
                    {"source_labels": [f"{pod}_name"], "target_label": "pod"},
                ],
            }
        ],
    }


def answers() -> bool:
    """Whether Prometheus is ready; to be asked from inside the cluster's network."""
    try:
        with urllib.request.urlopen(f"{URL}/-/ready", timeout=1) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
