"""Which clusters run on this machine, and what each of them would leave behind if it crashed.

Each cluster has a folder under the run root with a `cluster.json` that is written before anything is started
and after each step. Whoever starts a cluster first clears away those whose owner is gone.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .cgroups import remove_cgroups
from .paths import run_root
from .process import Identity, wait_until, write_json
from .progress import say

RECORD = "cluster.json"


@dataclass
class Record:
    """What is known of one cluster. `owner` is None when the cluster is meant to outlive who started it."""

    name: str
    folder: Path
    level: str = "starting"
    owner: Identity | None = None
    first: Identity | None = None  # of the namespaces
    ports: dict[str, int] = field(default_factory=dict)
    programs: dict[str, Identity] = field(default_factory=dict)
    commands: dict[str, list[str]] = field(default_factory=dict)

    @property
    def containers(self) -> list[str]:
        """Identifiers of the containers that exist, from containerd's own state."""
        kept = self.folder / "node" / "containerd" / "state" / "io.containerd.runtime.v2.task" / "k8s.io"
        return [one.name for one in kept.iterdir()] if kept.is_dir() else []

    def save(self) -> None:
        write_json(
            self.folder / RECORD,
            {
                "name": self.name,
                "level": self.level,
                "owner": self.owner and self.owner.to_json(),
                "first": self.first and self.first.to_json(),
                "ports": self.ports,
                "programs": {name: identity.to_json() for name, identity in self.programs.items()},
                "commands": self.commands,
            },
        )

    @classmethod
    def load(cls, folder: Path) -> "Record":
        kept = json.loads((folder / RECORD).read_text())
        return cls(
            name=kept["name"],
            folder=folder,
            level=kept["level"],
            owner=_identity(kept["owner"]),
            first=_identity(kept["first"]),
            ports=kept["ports"],
            programs={name: Identity(**identity) for name, identity in kept["programs"].items()},
            commands=kept["commands"],
        )

    @property
    def abandoned(self) -> bool:
        """Its owner is gone, or it had none and nothing of it runs any more (the machine was restarted)."""
        if self.owner is not None:
            return not self.owner.alive
        return not any(identity.alive for identity in self.programs.values())

    def destroy(self) -> None:
        """End every process of the cluster, then remove its cgroups and its folder."""
        if self.first is not None:
            # The kernel ends all that is inside; what stands outside notices and ends after it.
            self.first.kill()
            wait_until(lambda: not self._alive(), 5)
        for identity in self.programs.values():
            identity.kill()
        if not wait_until(lambda: not self._alive(), 20):
            raise RuntimeError(f"processes of the cluster {self.name} survive SIGKILL: {self._alive()}")
        others = any(record.first for record in all_records() if record.name != self.name)
        remove_cgroups(self.containers, parents_too=bool(self.first) and not others)
        shutil.rmtree(self.folder)

    def _alive(self) -> list[Identity]:
        return [one for one in (self.first, *self.programs.values()) if one and one.alive]


def create(name: str | None) -> Record:
    """Reserve a name and its folder."""
    name = name or f"c{os.getpid()}-{secrets.token_hex(2)}"
    folder = run_root() / name
    folder.mkdir(mode=0o700)
    record = Record(name, folder, owner=Identity.of(os.getpid()))
    record.save()
    return record


def find(name: str) -> Record | None:
    folder = run_root() / name
    return Record.load(folder) if (folder / RECORD).exists() else None


def all_records() -> Iterator[Record]:
    for file in sorted(run_root().glob(f"*/{RECORD}")):
        with contextlib.suppress(FileNotFoundError):  # it was stopped meanwhile
            yield Record.load(file.parent)


def clear_abandoned() -> None:
    """Clear away what crashed runs left. Clusters whose owner lives are not touched."""
    with _one_at_a_time():
        for record in all_records():
            if record.abandoned:
                say(f"clearing away the cluster {record.name}, which an earlier run left behind")
                record.destroy()
        for folder in run_root().iterdir():
            # Whoever made it died before it could write the record, and so before it started anything.
            if not (folder / RECORD).exists() and time.time() - folder.stat().st_mtime > 60:
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two runs that start together must not clear away the same cluster."""
    folder = os.open(run_root(), os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _identity(kept: dict[str, object] | None) -> Identity | None:
    return Identity(**kept) if kept else None  # type: ignore[arg-type]
