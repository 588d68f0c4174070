"""kubectl for the harness itself, as admin."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .parts import Parts
from .process import PATIENCE, wait_until
from .programs import kubectl


class KubectlError(RuntimeError):
    """kubectl refused; the message is what it printed."""


def until_established(kubectl: Callable[..., str], *crds: str) -> None:
    """Until the API server has taken in these CustomResourceDefinitions, or all; `kubectl` returns what it prints.

    `kubectl wait` ends with an error where one is so new that it has no conditions yet.
    """

    def established() -> bool:
        found = json.loads(kubectl("get", "customresourcedefinitions", *crds, "--output=json"))
        return all(map(_is_established, found.get("items", [found])))

    if not wait_until(established, PATIENCE, every=0.2):
        raise KubectlError(
            f"not established within {PATIENCE:g} s: {', '.join(crds) or 'some CustomResourceDefinition'}"
        )


def _is_established(crd: dict[str, Any]) -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or []
    return any((each["type"], each["status"]) == ("Established", "True") for each in conditions)


def run_kubectl(parts: Parts, *arguments: str, stdin: str | None = None) -> str:
    argv = [str(kubectl()), f"--kubeconfig={parts.kubeconfig('admin')}", *arguments]
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise KubectlError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def apply_files(parts: Parts, *files: Path) -> None:
    run_kubectl(parts, "apply", "--server-side", *(f"--filename={file}" for file in files))


def apply_objects(parts: Parts, *objects: dict[str, object]) -> None:
    """Apply one after another: later objects may be of kinds or in namespaces that earlier ones make."""
    bundle = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    run_kubectl(parts, "apply", "--server-side", "--filename=-", stdin=json.dumps(bundle))
