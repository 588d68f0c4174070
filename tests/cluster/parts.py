"""The running parts of one cluster: started, recorded, restarted and stopped by name."""

import threading
from collections.abc import Sequence
from pathlib import Path

from .placement import Placement
from .process import Program
from .registry import Record


class Parts:
    """Programs of a cluster, on its placement, written into its record."""

    def __init__(self, record: Record, placement: Placement) -> None:
        self._record = record
        self._started = {
            name: Program(name, self._log(name), None, identity) for name, identity in record.programs.items()
        }
        self._recording = threading.Lock()  # parts that do not need each other start in parallel
        self.placement = placement

    @property
    def folder(self) -> Path:
        return self._record.folder

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def ports(self) -> dict[str, int]:
        return self._record.ports

    def kubeconfig(self, user: str) -> Path:
        return self.folder / "kubeconfig" / user

    def start(self, name: str, argv: Sequence[str]) -> Program:
        program = self.placement.start(name, argv, self._log(name))
        self._record.commands[name] = list(argv)
        self.add(program)
        return program

    def add(self, program: Program) -> None:
        """Record a program that something else started."""
        self._started[program.name] = program
        with self._recording:
            self._record.programs[program.name] = program.identity
            self._record.save()

    def __getitem__(self, name: str) -> Program:
        """A part by name: stop it, kill it, see whether it runs."""
        return self._started[name]

    def names(self) -> list[str]:
        return list(self._started)

    def restart(self, name: str) -> Program:
        """Start a stopped (or running) part again with the arguments that it had."""
        self._started[name].stop()
        return self.start(name, self._record.commands[name])

    def reap(self) -> None:
        """Collect the ended children of this process."""
        for program in self._started.values():
            if program.popen is not None:
                program.popen.wait(timeout=10)

    def _log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"
