"""The cgroup of a cluster's pods: one named subtree in each hierarchy (cgroup v1) or in the only one (v2)."""

import contextlib
from pathlib import Path

from .process import wait_until

ROOT = Path("/sys/fs/cgroup")


def remove_cgroup(name: str) -> None:
    """Remove the subtree wherever it exists; its processes have to be gone or going."""
    for hierarchy in [ROOT, *(folder for folder in _folders(ROOT) if not folder.is_symlink())]:
        top = hierarchy / name
        if top.is_dir() and not wait_until(lambda top=top: _remove(top), 10):  # type: ignore[misc]
            raise RuntimeError(f"the cgroup {top} could not be removed: a process is still in it")


def leftovers(name: str) -> list[Path]:
    return [top for top in (ROOT / name, *ROOT.glob(f"*/{name}")) if top.is_dir()]


def _remove(top: Path) -> bool:
    for folder in sorted(top.rglob("*"), key=lambda path: -len(path.parts)):
        if folder.is_dir():
            with contextlib.suppress(OSError):
                folder.rmdir()
    with contextlib.suppress(OSError):
        top.rmdir()
    return not top.exists()


def _folders(path: Path) -> list[Path]:
    return [one for one in path.iterdir() if one.is_dir()] if path.is_dir() else []
