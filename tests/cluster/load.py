"""Constant load on one URL; records of every request its time, latency, status and the pod that served it.

Open loop: requests start at their times whether earlier ones have been answered or not, so that a slow server is
seen as slow and does not quietly get fewer requests.

In a test: `async with load(URL, host="web.example.test", rate=50) as running: …; report = running.report()`.
By hand: `python -m tests.cluster exec -- python -m tests.cluster.load --url … --rate 50 --seconds 30 --out file`.
"""

import asyncio
import contextlib
import json
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated

import aiohttp
import typer

MAX_REQUESTS = 200_000
MAX_IN_FLIGHT = 512


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `at` is Unix time in seconds when it started, `latency` is in seconds.

    `status` is 0 when there was no whole answer; `error` then says why. `pod` is empty when unknown. `fresh` says
    whether it had a connection of its own.
    """

    at: float
    latency: float
    status: int
    pod: str = ""
    version: str = ""
    error: str = ""
    fresh: bool = False

    @property
    def failed(self) -> bool:
        return not 200 <= self.status < 400

    @property
    def revision(self) -> str:
        """The Deployment's name of the pod that served: the pod's name without the two parts of its ReplicaSet."""
        return self.pod.rsplit("-", 2)[0] if self.pod else ""


@dataclass
class Report:
    """All requests of a load, in the order in which they ended."""

    requests: list[Request] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.requests)

    @property
    def failures(self) -> list[Request]:
        return [one for one in self.requests if one.failed]

    def by_revision(self) -> Counter[str]:
        """How many requests each revision answered, well or badly; "" counts those that nobody answered."""
        return Counter(one.revision for one in self.requests)

    def by_version(self) -> Counter[str]:
        return Counter(one.version for one in self.requests)

    def served_by(self, revision: str) -> list[Request]:
        return [one for one in self.requests if one.revision == revision]

    def between(self, start: float, end: float = float("inf")) -> "Report":
        """The requests that started in [start, end) in Unix time."""
        return Report([one for one in self.requests if start <= one.at < end])

    def share(self, revision: str) -> float:
        """The share (0 to 1) of the answered requests that a revision answered."""
        answered = [one for one in self.requests if one.pod]
        return sum(one.revision == revision for one in answered) / len(answered) if answered else 0.0

    def windows(self, seconds: float) -> Iterator[tuple[float, "Report"]]:
        """The requests in windows of equal length, by the time at which each window starts."""
        if not self.requests:
            return
        first = min(one.at for one in self.requests)
        sorted_by: dict[int, list[Request]] = {}
        for one in self.requests:
            sorted_by.setdefault(int((one.at - first) / seconds), []).append(one)
        for number in range(max(sorted_by) + 1):
            yield first + number * seconds, Report(sorted_by.get(number, []))

    def latency(self, quantile: float) -> float:
        """A latency in seconds, of all requests that were answered."""
        ordered = sorted(one.latency for one in self.requests if one.status)
        return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))] if ordered else float("nan")

    def summary(self) -> str:
        answered = ", ".join(f"{name or 'nobody'} {count}" for name, count in self.by_revision().most_common())
        kinds = Counter(one.error or f"status {one.status}" for one in self.failures)
        failed = ", ".join(f"{kind} ×{count}" for kind, count in kinds.most_common(5))
        return (
            f"{len(self)} requests, {len(self.failures)} failed{f' ({failed})' if failed else ''}; "
            f"p50 {self.latency(0.5) * 1000:.1f} ms, p99 {self.latency(0.99) * 1000:.1f} ms; by {answered}"
        )

    def write(self, path: Path) -> None:
        with path.open("w") as file:
            file.writelines(json.dumps(asdict(one)) + "\n" for one in self.requests)

    @classmethod
    def read(cls, path: Path) -> "Report":
        with path.open() as file:
            return cls([Request(**json.loads(line)) for line in file])


class Load:
    """A load that runs until its time or count is over, or until it is stopped."""

    def __init__(
        self,
        url: str,
        *,
        host: str | None = None,
        rate: float = 50,
        seconds: float = 600,
        count: int = MAX_REQUESTS,
        fresh_share: float = 0.5,
        timeout: float = 10,
    ) -> None:
        """`rate` is in requests per second; `fresh_share` of them open a connection of their own, which meets
        listeners and endpoints that a kept connection does not see, and the others keep theirs."""
        self._url = url
        self._headers = {"User-Agent": "slipway-load", **({"Host": host} if host else {})}
        self._interval = 1 / rate
        self._seconds = seconds
        self._count = min(count, MAX_REQUESTS)
        self._fresh_share = fresh_share
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._stopping = asyncio.Event()
        self._done: list[Request] = []

    def report(self) -> Report:
        """What is known so far; requests still under way are not in it."""
        return Report(list(self._done))

    def stop(self) -> None:
        """Start no more requests; `run` returns when those under way have ended."""
        self._stopping.set()

    async def run(self) -> Report:
        kept = aiohttp.TCPConnector(limit=MAX_IN_FLIGHT)
        fresh = aiohttp.TCPConnector(limit=MAX_IN_FLIGHT, force_close=True)
        async with (
            aiohttp.ClientSession(connector=kept, timeout=self._timeout) as keeping,
            aiohttp.ClientSession(connector=fresh, timeout=self._timeout) as opening,
            asyncio.TaskGroup() as group,
        ):
            await self._start_requests(group, keeping, opening)
        return self.report()

    async def _start_requests(
        self, group: asyncio.TaskGroup, keeping: aiohttp.ClientSession, opening: aiohttp.ClientSession
    ) -> None:
        began = time.monotonic()
        in_flight: set[asyncio.Task[None]] = set()
        due_fresh = 0.0
        for number in range(self._count):
            due = began + number * self._interval
            if due - began >= self._seconds or await self._stopped_before(due):
                return
            if len(in_flight) >= MAX_IN_FLIGHT:
                self._done.append(Request(time.time(), 0, 0, error="not sent: too many under way"))
                continue
            due_fresh += self._fresh_share
            is_fresh = due_fresh >= 1
            due_fresh -= is_fresh
            task = group.create_task(self._request(opening if is_fresh else keeping, is_fresh))
            in_flight.add(task)
            task.add_done_callback(in_flight.discard)

    async def _stopped_before(self, due: float) -> bool:
        wait = due - time.monotonic()
        if wait <= 0:
            await asyncio.sleep(0)
            return self._stopping.is_set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), wait)
        return self._stopping.is_set()

    async def _request(self, session: aiohttp.ClientSession, fresh: bool) -> None:
        at, began = time.time(), time.monotonic()
        status, body, pod, error = 0, b"", "", ""
        try:
            async with session.get(self._url, headers=self._headers, allow_redirects=False) as answer:
                body = await answer.read()
                status, pod = answer.status, answer.headers.get("X-Served-By", "")
        except (aiohttp.ClientError, TimeoutError, OSError) as failure:
            error = f"{type(failure).__name__}: {failure}".rstrip(": ")
        latency = time.monotonic() - began
        said = _decoded(body)
        self._done.append(
            Request(at, latency, status, pod or said.get("hostname", ""), said.get("message", ""), error, fresh)
        )


@contextlib.asynccontextmanager
async def load(url: str, **options: object) -> AsyncIterator[Load]:
    """Run a `Load` beside the block; ends it, and waits for what is under way, at the end of the block."""
    running = Load(url, **options)  # type: ignore[arg-type]
    task = asyncio.create_task(running.run())
    try:
        yield running
    finally:
        running.stop()
        await task


def _decoded(body: bytes) -> dict[str, str]:
    """What podinfo says of itself, or nothing."""
    try:
        decoded = json.loads(body)
    except ValueError:
        return {}
    return decoded if isinstance(decoded, dict) else {}


def main(
    url: Annotated[str, typer.Option()],
    host: Annotated[str | None, typer.Option(help="Host header.")] = None,
    rate: Annotated[float, typer.Option(help="Requests per second.")] = 50,
    seconds: Annotated[float, typer.Option()] = 30,
    count: Annotated[int, typer.Option(help="At most so many requests.")] = MAX_REQUESTS,
    fresh_share: Annotated[float, typer.Option(help="Share of requests with a connection of their own.")] = 0.5,
    out: Annotated[Path | None, typer.Option(help="JSON lines, one a request.")] = None,
) -> None:
    """Send constant load and say what became of it. Ctrl-C and SIGTERM end it early, with the report."""
    report = asyncio.run(_until_signalled(url, host, rate, seconds, count, fresh_share))
    if out:
        report.write(out)
    print(report.summary())


async def _until_signalled(
    url: str, host: str | None, rate: float, seconds: float, count: int, fresh_share: float
) -> Report:
    running = Load(url, host=host, rate=rate, seconds=seconds, count=count, fresh_share=fresh_share)
    loop = asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, running.stop)
    return await running.run()


if __name__ == "__main__":
    typer.run(main)
