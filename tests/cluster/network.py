"""Enter a cluster's network namespace with a thread of this process."""

import contextlib
import ctypes
import os
from collections.abc import Iterator

CLONE_NEWNET = 0x40000000


def enter_network(pid: int) -> None:
    """Move this thread, and the threads and processes that it starts later, into the network of a process."""
    descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    try:
        _move(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def inside_network(pid: int) -> Iterator[None]:
    """Enter the network of a process for a while, and come back.

    Sockets and threads that were made meanwhile stay where they were made.
    """
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        enter_network(pid)
        try:
            yield
        finally:
            _move(before)
    finally:
        os.close(before)


def _move(descriptor: int) -> None:
    # os.setns exists from Python 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns: a cluster's network namespace cannot be entered")
