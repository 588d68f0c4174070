"""JSON schemas by which kubeconform judges manifests: of Kubernetes' own kinds by version, and of custom resources.

The former come in a Python package that is made from what each version of Kubernetes publishes of its API; of it only
the strict ones are kept, of a few versions. The latter are made from CRDs.
"""

import copy
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from .paths import REPOSITORY, build_cache
from .progress import step
from .toolchain import ToolchainError, locked, module_folder

PACKAGE = "kubernetes-validate==1.37.0"
VERSIONS = ("1.30.0", "1.33.0", "1.36.0", "1.37.0")
"""The oldest that Slipway runs on, one between, the first with MutatingAdmissionPolicy in v1, and the newest."""

KUBERNETES = "{folder}/{{{{.NormalizedKubernetesVersion}}}}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
CUSTOM = "{folder}/{{{{.Group}}}}-{{{{.ResourceAPIVersion}}}}-{{{{.ResourceKind}}}}.json"

Schema = dict[str, Any]


def kubernetes_schemas() -> str:
    """Where kubeconform finds schemas of Kubernetes' own kinds; they are fetched when they are not in the cache yet."""
    folder = build_cache() / f"schemas-{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]}"
    with locked(folder):
        missing = [version for version in VERSIONS if not (folder / f"v{version}").exists()]
        if missing:
            with step(f"fetching schemas of Kubernetes {', '.join(missing)}"):
                _fetch(missing, folder)
    return KUBERNETES.format(folder=folder)


def fetch() -> None:
    """All that the schemas are made from: in the network of a cluster, where tests run, nothing can be fetched."""
    kubernetes_schemas()
    with step("fetching CRDs of the Gateway API and of the Prometheus Operator"):
        _modules()


def _modules() -> tuple[Path, Path]:
    """The folders of the Gateway API and of the Prometheus Operator."""
    return (
        module_folder("gateway-api", "sigs.k8s.io/gateway-api"),
        module_folder("prometheus-operator", "github.com/prometheus-operator/prometheus-operator"),
    )


def custom_schemas(folder: Path) -> str:
    """Where kubeconform finds schemas of Slipway's resources, and of others that manifests/ and the chart have."""
    gateway, monitoring = _modules()
    gateway /= "config/crd/standard"
    write_custom(
        [
            *sorted((REPOSITORY / "crds").glob("*.yaml")),
            gateway / "gateway.networking.k8s.io_httproutes.yaml",
            *(
                monitoring / f"example/prometheus-operator-crd/monitoring.coreos.com_{plural}.yaml"
                for plural in ("podmonitors", "prometheusrules", "servicemonitors")
            ),
        ],
        folder,
    )
    return CUSTOM.format(folder=folder)


def write_custom(definitions: Iterable[Path], folder: Path) -> None:
    """A schema for each version of each CRD."""
    for path in definitions:
        spec = yaml.safe_load(path.read_text())["spec"]
        for version in spec["versions"]:
            name = f"{spec['group']}-{version['name']}-{spec['names']['kind'].lower()}.json"
            schema = strict(version["schema"]["openAPIV3Schema"])
            # The API server knows these of every object, whatever the CRD says.
            schema["properties"].update({"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}})
            (folder / name).write_text(json.dumps(schema))


def strict(schema: Schema) -> Schema:
    """A structural schema as JSON Schema, in which an unknown field is an error, as it is with `kubectl apply`.

    CEL rules and defaults are not for JSON Schema, and `integer or string` has a word of its own in CRDs.
    """
    found = {k: v for k, v in schema.items() if not k.startswith("x-kubernetes-") and k != "default"}
    if schema.get("x-kubernetes-int-or-string"):
        found["type"] = ["integer", "string"]
    if "properties" in schema:
        found["properties"] = {name: strict(each) for name, each in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            found.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            found[key] = strict(schema[key])
    if schema.get("nullable") and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    return found


def _fetch(versions: Iterable[str], folder: Path) -> None:
    uv = os.environ.get("UV") or shutil.which("uv")
    installer = [uv, "pip"] if uv else [sys.executable, "-m", "pip"]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        argv = [*installer, "install", "--quiet", "--no-deps", "--no-cache", f"--target={scratch}/package", PACKAGE]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ToolchainError(f"{PACKAGE} could not be installed: {done.stderr.strip()}")
        shipped = Path(scratch) / "package/kubernetes_validate/kubernetes-json-schema"
        for version in versions:
            ready = Path(scratch) / version
            ready.mkdir()
            _write_kinds(shipped / f"v{version}-local-strict", ready)
            ready.rename(folder / f"v{version}")


def _write_kinds(shipped: Path, folder: Path) -> None:
    """A file for each kind with what it refers to and no more: kubeconform reads the whole file for each kind."""
    definitions = _without_descriptions(json.loads((shipped / "_definitions.json").read_text())["$defs"])
    for path in shipped.glob("*.json"):
        schema = _without_descriptions(json.loads(path.read_text()))
        if {"apiVersion", "kind"} <= schema.get("properties", {}).keys():
            needed: Schema = {}
            schema.pop("$id", None)
            _gather(schema, definitions, needed)
            (folder / path.name).write_text(json.dumps({**schema, "$defs": needed}))


def _gather(node: Any, definitions: Schema, needed: Schema) -> None:
    """Put what a schema refers to into `needed`, and make the references point there."""
    for each in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _gather(each, definitions, needed)
    if isinstance(node, dict) and isinstance(node.get("$ref"), str):
        name = node["$ref"].rpartition("/")[2]
        node["$ref"] = f"#/$defs/{name}"
        if name not in needed:
            needed[name] = copy.deepcopy(definitions[name])
            _gather(needed[name], definitions, needed)


def _without_descriptions(node: Any) -> Any:
    if isinstance(node, list):
        return [_without_descriptions(each) for each in node]
    if not isinstance(node, dict):
        return node
    # A field may be called so too; its schema is no text.
    return {k: _without_descriptions(v) for k, v in node.items() if not (k == "description" and isinstance(v, str))}
