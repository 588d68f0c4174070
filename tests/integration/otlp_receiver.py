"""A collector for OTLP over HTTP that keeps the spans it is sent."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Where it listens, and what it was sent: spans in their order, and the Authorization of each request."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[Span] = []
        self.authorizations: list[str | None] = []


@contextlib.contextmanager
def collector() -> Iterator[Collector]:
    """One on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.authorizations.append(self.headers["Authorization"])
            request = ExportTraceServiceRequest.FromString(body) if self.path == "/v1/traces" else None
            for resource in request.resource_spans if request else ():
                for scope in resource.scope_spans:
                    found.spans.extend(scope.spans)
            self.send_response(200 if request else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, name="collector", daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
