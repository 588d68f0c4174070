"""Start and stop programs so that none is left behind: by pid and start time, never by name."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

# Seconds for a program to become ready. Long, because a machine may be busy; one that ended is noticed at once.
PATIENCE = 180.0


class ProcessError(RuntimeError):
    """A program ended, or did not become ready; the message carries the end of its log."""


@dataclass(frozen=True)
class Identity:
    """A process that cannot be confused with a later one that got the same pid."""

    pid: int
    started: str

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        started = _start_time(pid)
        return cls(pid, started) if started else None

    @property
    def alive(self) -> bool:
        return _start_time(self.pid) == self.started

    def kill(self, signal_number: int = signal.SIGKILL) -> None:
        if self.alive:
            try:
                os.kill(self.pid, signal_number)
            except ProcessLookupError:
                return

    def end(self, patience: float = 5) -> None:
        """SIGTERM, then SIGKILL for what does not listen; returns when it is gone."""
        self.kill(signal.SIGTERM)
        if not wait_until(lambda: not self.alive, patience):
            self.kill()
            if not wait_until(lambda: not self.alive, 10):
                raise ProcessError(f"process {self.pid} survives SIGKILL")

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def _start_time(pid: int) -> str | None:
    """The kernel's start time of a process that runs (zombies count as gone)."""
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] in {"Z", "X"} else fields[19]
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True)
    state, _, started = answer.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.02) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def dying_with_parent(argv: Sequence[str]) -> list[str]:
    """Let the kernel end the program when our thread ends (where it cannot, the next start sweeps)."""
    if sys.platform == "linux" and (setpriv := shutil.which("setpriv")):
        return [setpriv, "--pdeathsig", "KILL", "--", *argv]
    return list(argv)


@dataclass
class Program:
    """A started program, its log, and how to see and end it."""

    name: str
    log: Path
    popen: "subprocess.Popen[bytes] | None"
    identity: Identity

    @property
    def alive(self) -> bool:
        if self.popen is not None:
            self.popen.poll()  # reap it, or it stays a zombie of ours
        return self.identity.alive

    def stop(self, patience: float = 5) -> None:
        self.identity.end(patience)
        if self.popen is not None:
            self.popen.wait(timeout=10)

    def kill(self) -> None:
        self.stop_with(signal.SIGKILL)

    def stop_with(self, signal_number: int) -> None:
        self.identity.kill(signal_number)
        wait_until(lambda: not self.alive, 10)

    def failure(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-12:] if self.log.exists() else []
        return f"{self.name} is not running; the end of {self.log}:\n" + "\n".join(lines)

    def wait_ready(self, condition: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait for a condition of this program; fail at once when the program is gone."""

        def settled() -> bool:
            if not self.alive:
                raise ProcessError(self.failure())
            return condition()

        if not wait_until(settled, seconds, every=0.05):
            raise ProcessError(f"{self.name}: {what} not seen within {seconds:.0f} s; log: {self.log}")


def start(
    name: str,
    argv: Sequence[str],
    log: Path,
    *,
    die_with_parent: bool,
    env: Mapping[str, str] | None = None,
) -> Program:
    """Start a program in a session of its own, with its output in `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        popen = subprocess.Popen(
            dying_with_parent(argv) if die_with_parent else list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=None if env is None else dict(env),
        )
    identity = Identity.of(popen.pid)
    if identity is None:
        raise ProcessError(f"{name} ended at once: {log.read_text(errors='replace')[-2000:]}")
    return Program(name, log, popen, identity)


def write_json(path: Path, content: object) -> None:
    """Replace a file in one step, so that a reader or a crash never sees half of it."""
    scratch = path.with_name(path.name + ".new")
    scratch.write_text(json.dumps(content, indent=1))
    scratch.replace(path)
