"""Where a cluster's programs run: beside us on loopback, or in Linux namespaces of their own.

In namespaces, all of a cluster hangs on one first process. The kernel ends every program, mount and network
device of the cluster together with it, so a crash can leave nothing behind but files and empty cgroups.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from .packages import missing
from .process import Identity, ProcessError, Program, start, wait_until
from .toolchain import program

NODE_ADDRESS = "10.88.0.1"
NODE_BRIDGE = "node0"
POD_NETWORK = "10.244.0.0/16"


class Placement(Protocol):
    """How to start a program of the cluster, and the address under which the programs reach each other."""

    @property
    def address(self) -> str: ...

    def start(self, name: str, argv: Sequence[str], log: Path) -> Program: ...

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command that runs `argv` where the cluster's network is."""
        ...


class Loopback:
    """Plain processes of this user on 127.0.0.1; works everywhere, has no pods."""

    address = "127.0.0.1"

    def __init__(self, *, die_with_parent: bool) -> None:
        self._die_with_parent = die_with_parent

    def start(self, name: str, argv: Sequence[str], log: Path) -> Program:
        return start(name, argv, log, die_with_parent=self._die_with_parent)

    def inside(self, argv: Sequence[str]) -> list[str]:
        return list(argv)


class Namespaces:
    """Network, mount and process namespaces, held by one process (Linux, root)."""

    address = NODE_ADDRESS

    def __init__(self, first: Identity) -> None:
        self.first = first

    @classmethod
    def create(cls, log: Path, *, die_with_parent: bool) -> "tuple[Namespaces, Program]":
        """Make the namespaces and their network. The returned program is the one to end with them."""
        argv = ["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--mount-proc"]
        argv += ["--fork", "--kill-child=SIGKILL", str(program("support", "pause"))]
        holder = start("namespaces", argv, log, die_with_parent=die_with_parent)
        first = _only_child(holder)
        created = cls(first)
        wait_until(lambda: _namespace_of(first.pid, "pid") != _namespace_of(os.getpid(), "pid"), 5)
        wait_until(lambda: Path(f"/proc/{first.pid}/comm").read_text().strip() == "pause", 5)
        created._prepare()
        return created, holder

    @property
    def network(self) -> Path:
        """For `nsenter --net=…`, as long as the cluster lives; nothing pins it, nothing has to unpin it."""
        return Path(f"/proc/{self.first.pid}/ns/net")

    def start(self, name: str, argv: Sequence[str], log: Path) -> Program:
        entered = start(name, self._entering(argv), log, die_with_parent=False)
        return Program(name, log, entered.popen, _only_child(entered))

    def inside(self, argv: Sequence[str]) -> list[str]:
        return ["nsenter", f"--net={self.network}", "--", *argv]

    def run(self, *argv: str, stdin: str | None = None) -> str:
        done = subprocess.run(self._entering(argv), input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ProcessError(f"{' '.join(argv)} failed in the cluster's namespaces: {done.stderr}")
        return done.stdout

    def _entering(self, argv: Sequence[str]) -> list[str]:
        return ["nsenter", f"--target={self.first.pid}", "--net", "--mount", "--pid", "--", *argv]

    def _prepare(self) -> None:
        # Containers ask for shared mounts; they are shared only within these namespaces.
        self.run("mount", "--make-rshared", "/")
        # What containerd, runc, the kubelet and CNI plugins keep in fixed places stays in here with them.
        for folder in ("/run", "/var/log", "/var/lib"):
            self.run("mount", "-t", "tmpfs", "-o", "mode=755", "slipway", folder)
        for command in (
            "ip link set lo up",
            f"ip link add {NODE_BRIDGE} type bridge",
            f"ip address add {NODE_ADDRESS}/24 dev {NODE_BRIDGE}",
            f"ip link set {NODE_BRIDGE} up",
            # The kubelet and kube-proxy look for the node's address on the interface of the default route.
            f"ip route add default via 10.88.0.254 dev {NODE_BRIDGE}",
            "sysctl -q -w net.ipv4.ip_forward=1",
        ):
            self.run(*command.split())


def can_have_namespaces() -> str | None:
    """None when this machine can run a real node; else the reason why not."""
    if sys.platform != "linux":
        return "a real node needs Linux"
    if os.getuid() != 0:
        return "a real node needs root"
    if lacking := missing():
        return f"a real node needs {', '.join(lacking)}"
    probe = subprocess.run(
        ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "true"],
        capture_output=True,
        check=False,
    )
    return None if probe.returncode == 0 else f"no namespaces here: {probe.stderr.decode().strip()}"


def free_ports(count: int) -> list[int]:
    """Ports that are free right now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _only_child(parent: Program) -> Identity:
    found: list[Identity] = []

    def appeared() -> bool:
        if not parent.alive:
            raise ProcessError(parent.failure())
        pid = parent.identity.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        found.extend(child for child in (Identity.of(int(one)) for one in children) if child)
        return bool(found)

    if not wait_until(appeared, 5, every=0.005):
        raise ProcessError(f"{parent.name} started nothing; log: {parent.log}")
    return found[0]


def _namespace_of(pid: int, kind: str) -> str:
    return str(Path(f"/proc/{pid}/ns/{kind}").readlink())
