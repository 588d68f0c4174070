"""A server on loopback that says exactly the bytes a test wants, also such as no HTTP library would send."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    reader: asyncio.StreamReader

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def params(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}


Answer = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    host: str
    port: int
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    open: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


@contextlib.asynccontextmanager
async def raw_server(
    answer: Answer, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[RawServer]:
    """Serve until the block ends. A connection stays open for further requests unless `answer` closes it."""
    seen = RawServer(host, 0, "https" if tls else "http")
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        seen.open += 1
        try:
            while not writer.is_closing() and (head := await reader.readuntil(b"\r\n\r\n")):
                lines = head.decode("latin-1").split("\r\n")
                method, target, _ = lines[0].split(" ", 2)
                headers = {n.lower(): v for n, v in (line.split(": ", 1) for line in lines[1:] if line)}
                request = Request(method, target, headers, reader)
                seen.requests.append(request)
                await answer(request, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the other side has left, as several tests want it to
        finally:
            seen.open -= 1
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def http(status: int, body: bytes, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def says(data: bytes) -> Answer:
    """Always the same bytes."""

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return answer


def envelope(*values: str, at: float, **more: object) -> bytes:
    """A vector with one series per value, as Prometheus sends it."""
    result = [{"metric": {"i": str(i)}, "value": [at, value]} for i, value in enumerate(values)]
    body = {"status": "success", "data": {"resultType": "vector", "result": result}, **more}
    return json.dumps(body).encode()


async def hang(request: Request, writer: asyncio.StreamWriter) -> None:
    """Never an answer; ends when the other side hangs up."""
    await request.reader.read()
    writer.close()


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for something that happens in another thread or task; TimeoutError where it does not."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 -- nothing tells
            await asyncio.sleep(0.01)


def trickles(start: bytes, drip: bytes, every: float = 0.02) -> Answer:
    """`start`, and then `drip` for ever: each byte comes long before any read timeout."""

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(drip)
            await writer.drain()
            await asyncio.sleep(every)

    return answer
