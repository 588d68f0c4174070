"""A metrics server that misbehaves on request, as the operator's second source.

It is healthy until told otherwise. What it does is told per namespace, which every preset's query names, so that
several tests can use it at the same time.
"""

import asyncio
import json
import re
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HEALTHY = "healthy"
BAD = "bad numbers"
"""Answers well, with numbers that no gate passes."""
FAULTS = ("NaN", "no data", "several series", "slow", "503 with Retry-After")

SLOW = 30.0


class FaultyMetrics:
    """Listens on loopback from `start` to `stop`."""

    def __init__(self, port: int) -> None:
        self._faults: dict[str, str] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        """Queries answered, by namespace and fault."""
        self._closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._answer(self, urlsplit(self.path).query)

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                outer._answer(self, self.rfile.read(length).decode() or urlsplit(self.path).query)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="faulty metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def misbehave(self, namespace: str, fault: str) -> None:
        self._faults[namespace] = fault

    async def asked_again(self, namespace: str, fault: str, times: int = 2) -> None:
        """Await that a fault has been met so many times."""
        deadline = time.monotonic() + 60
        before = self.asked[namespace, fault]
        while self.asked[namespace, fault] < before + times:
            assert time.monotonic() < deadline, f"the operator did not ask {namespace} again"
            await asyncio.sleep(0.05)

    def _answer(self, handler: BaseHTTPRequestHandler, query: str) -> None:
        expression = parse_qs(query).get("query", [""])[0]
        found = re.search(r'namespace="([^"]+)"', expression)
        namespace = found.group(1) if found else ""
        fault = self._faults.get(namespace, HEALTHY)
        self.asked[namespace, fault] += 1
        at = time.time()
        status, result = 200, [(at, _healthy_value(expression))]
        headers = {}
        if "increase(" in expression and fault not in ("slow", "503 with Retry-After"):
            # How many requests there were is answered well, so that the verdict is about the gate's own answer.
            fault = HEALTHY
        if fault == BAD:
            result = [(at, "1")]
        elif fault == "NaN":
            result = [(at, "NaN")]
        elif fault == "no data":
            result = []
        elif fault == "several series":
            result = [(at, "0"), (at, "0.001")]
        elif fault == "503 with Retry-After":
            status, headers = 503, {"Retry-After": "30"}
        elif fault == "slow":
            self._closing.wait(SLOW)
        _send(handler, status, headers, result)


def _healthy_value(expression: str) -> str:
    """Many requests, no errors, and quick answers, whatever is asked for."""
    return "100" if "increase(" in expression else "0"


def _send(
    handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], result: list[tuple[float, str]]
) -> None:
    series = [{"metric": {"number": str(n)} if len(result) > 1 else {}, "value": list(v)} for n, v in enumerate(result)]
    body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": series}}).encode()
    try:
        handler.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(body))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
    except OSError:
        return  # the operator has hung up, as it should
