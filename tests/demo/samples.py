"""The manifests of the demo: those under manifests/samples, with another image and shorter times."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from tests.cluster.paths import REPOSITORY

SAMPLES = REPOSITORY / "manifests" / "samples"
HOLD = "8s"
VERIFY = "8s"
KEEP_PREVIOUS = "1m"
WINDOW = "5s"
INTERVAL = "1s"

_GATES: list[dict[str, Any]] = [
    {"name": "error-rate", "preset": "error-rate", "below": 0.01},
    {"name": "latency-p95", "preset": "latency-p95", "below": 0.5},
]


def read(name: str) -> dict[str, Any]:
    """The only document of a sample."""
    document: dict[str, Any] = yaml.safe_load((SAMPLES / f"{name}.yaml").read_text())
    return document


def rollout(sample: str, image: str) -> dict[str, Any]:
    """The Rollout of a sample with this image, and with times for people who watch."""
    return _for_people(read(sample), image)


def staging(image: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The namespace of staging with what the administrator allows it, and the Rollout there with this image."""
    namespace, document = yaml.safe_load_all((SAMPLES / "staging-automatic.yaml").read_text())
    return namespace, _for_people(document, image)


def _for_people(document: dict[str, Any], image: str) -> dict[str, Any]:
    spec = document["spec"]
    spec["template"]["spec"]["containers"][0]["image"] = image
    for strategy in spec["strategy"].values():
        strategy["verify"], strategy["keepPrevious"] = VERIFY, KEEP_PREVIOUS
        for step in strategy.get("steps", []):
            step["hold"] = HOLD
    analysis = spec.setdefault("analysis", {})
    analysis["interval"] = INTERVAL
    analysis["gates"] = [{**gate, "window": WINDOW} for gate in analysis.get("gates", _GATES)]
    return document


def promotion(version: str, proven_in: str = "") -> dict[str, Any]:
    """The Promotion of the samples for this version; `proven_in`: the namespace that has to have proven it first."""
    document = read("promotion")
    document["metadata"]["name"] = f"web-{version}"
    document["spec"]["version"] = version
    if proven_in:
        document["spec"]["from"] = {"namespace": proven_in, "rollout": document["spec"]["rollout"]}
    return document


def route(gateway: tuple[str, str]) -> dict[str, Any]:
    """The route of the samples on a Gateway, given as namespace and name."""
    document = read("route")
    namespace, name = gateway
    document["spec"]["parentRefs"] = [{"name": name, "namespace": namespace}]
    return document


def staging_route(gateway: tuple[str, str], namespace: str, host: str) -> dict[str, Any]:
    """A route to the live Service alone, as blue/green needs no more."""
    document = route(gateway)
    document["metadata"]["namespace"] = namespace
    document["spec"]["hostnames"] = [host]
    document["spec"]["rules"] = [{"backendRefs": [{"name": "web", "port": 80}]}]
    return document


def write(path: Path, *documents: Mapping[str, Any]) -> Path:
    """The documents as YAML in a file, as a person would have them."""
    path.write_text(yaml.safe_dump_all(documents, sort_keys=False, default_flow_style=None, width=110))
    return path
