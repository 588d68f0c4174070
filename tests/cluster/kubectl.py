"""kubectl for the harness itself, as admin."""

import json
import subprocess
from pathlib import Path

from .parts import Parts
from .programs import kubectl

ESTABLISHED = '--for=jsonpath={.status.conditions[?(@.type=="Established")].status}=True'
"""For `kubectl wait` on CRDs. `--for=condition=…` fails on one that is so new that it has no conditions yet."""


class KubectlError(RuntimeError):
    """kubectl refused; the message is what it printed."""


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
