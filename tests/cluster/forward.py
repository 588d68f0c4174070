"""Carry connections from a port of this machine to the same port inside a cluster's network namespace.

The listening socket is made first and stays where it was made; the process then enters the namespace and
dials from there. So one kubeconfig with https://127.0.0.1:PORT is right on both sides.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys

from .network import enter_network


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def _carry(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.transport.abort()
        return
    try:
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
    finally:
        writer.transport.abort()
        far_writer.transport.abort()


async def serve(listening: socket.socket, port: int, first: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_reader(first, ended.set)  # the namespace's first process ended
    server = await asyncio.start_server(lambda r, w: _carry(port, r, w), sock=listening)
    async with server:
        await ended.wait()
        # Not a polite close: connections of watches never end by themselves.
        os._exit(0)


def main() -> None:
    port, pid = int(sys.argv[1]), int(sys.argv[2])
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(256)
    first = os.pidfd_open(pid)
    enter_network(pid)
    asyncio.run(serve(listening, port, first))


if __name__ == "__main__":
    main()
