"""The cgroups of containers: k8s.io/<id>, in each hierarchy (cgroup v1) or in the only one (v2).

They outlive their processes when containerd is killed, and other clusters' containers have theirs beside
them: only those whose containers are known to be ours are removed.
"""

import contextlib
from collections.abc import Collection
from pathlib import Path

from .process import wait_until

ROOT = Path("/sys/fs/cgroup")
PARENT = "k8s.io"


def container_cgroups(containers: Collection[str]) -> list[Path]:
    """The cgroup folders of these containers that exist now."""
    parents = [parent for parent in (ROOT / PARENT, *ROOT.glob(f"*/{PARENT}")) if parent.is_dir()]
    return [parent / one for parent in parents for one in containers if (parent / one).is_dir()]


def remove_cgroups(containers: Collection[str], *, parents_too: bool) -> None:
    """Remove the containers' cgroups; their processes have to be gone or going."""
    for top in container_cgroups(containers):
        if not wait_until(lambda top=top: _remove(top), 10):  # type: ignore[misc]
            raise RuntimeError(f"the cgroup {top} could not be removed: a process is still in it")
    if parents_too:
        for parent in (ROOT / PARENT, *ROOT.glob(f"*/{PARENT}")):
            with contextlib.suppress(OSError):
                parent.rmdir()


def _remove(top: Path) -> bool:
    inner = (folder for folder in top.rglob("*") if folder.is_dir())
    for folder in [*sorted(inner, key=lambda path: -len(path.parts)), top]:
        with contextlib.suppress(OSError):
            folder.rmdir()
    return not top.exists()
