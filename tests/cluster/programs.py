"""Where each program comes from: the folder that KUBEBUILDER_ASSETS names, or the build cache."""

import os
from pathlib import Path

from .toolchain import programs

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")


def assets() -> Path | None:
    """The folder of ready-made binaries, if one is named and has at least an API server and etcd."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    if named and all((Path(named) / name).exists() for name in ("etcd", "kube-apiserver")):
        return Path(named)
    return None


def control_plane_programs() -> dict[str, Path]:
    """Paths by name. envtest ships no kube-controller-manager: what the folder lacks is built."""
    folder = assets()
    found = {name: folder / name for name in CONTROL_PLANE if (folder / name).exists()} if folder else {}
    missing = [name for name in CONTROL_PLANE if name not in found]
    return {**found, **(programs("kubernetes", *missing) if missing else {})}


def kubectl() -> Path:
    return control_plane_programs()["kubectl"]
