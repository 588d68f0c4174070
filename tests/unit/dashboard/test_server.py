"""How the page is served to proxies."""

import asyncio
import socket

import uvicorn
from starlette.responses import PlainTextResponse

from slipway.dashboard.server import configured

GROUPS = ",".join(f"{number:036}" for number in range(500))
COOKIE = "c" * 60_000
ENVOY_KEEPS = 3600


async def test_headers_of_a_person_in_many_groups_are_read_however_the_network_cuts_them() -> None:
    with socket.socket() as listening:
        # So little at a time that they come in pieces.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(configured(PlainTextResponse("in\n")))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        said = ("GET / HTTP/1.1", "Host: x", f"X-Forwarded-Groups: {GROUPS}", f"Cookie: {COOKIE}", "Connection: close")
        writer.write("\r\n".join((*said, "", "")).encode())
        answer = await reader.read()
        writer.close()
        server.should_exit = True
        await serving
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    assert answer.endswith(b"\r\n\r\nin\n")


def test_a_proxy_and_not_the_page_ends_an_idle_connection() -> None:
    """Or else what a proxy sends at that moment is lost, and it does not send a decision twice."""
    assert configured(PlainTextResponse("")).timeout_keep_alive > ENVOY_KEEPS
