"""Where notices, records, CDEvents and traces arrive: an HTTP server on loopback that keeps what it is sent."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Message = dict[str, Any]


class Receiver:
    """Listens on loopback from `start` to `stop`."""

    def __init__(self, port: int) -> None:
        self.messages: list[Message] = []
        """The notices that were posted to /, as JSON, in their order."""
        self.others: dict[str, list[tuple[dict[str, str], bytes]]] = {}
        """Headers and bodies of what was posted elsewhere, by path."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if self.path == "/":
                    outer.messages.append(json.loads(body))
                else:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    outer.others.setdefault(self.path, []).append((headers, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def about(self, namespace: str) -> list[Message]:
        """The messages whose title names a namespace."""
        return [message for message in self.messages if namespace in message["title"].split()]

    def cd_events(self, namespace: str) -> list[tuple[str, str]]:
        """Type and environment of the CDEvents about a namespace."""
        events = [json.loads(body) for _, body in self.others.get("/cdevents", [])]
        mine = [event for event in events if event["subject"]["id"].startswith(f"{namespace}/")]
        return [
            (event["context"]["type"], event["subject"]["content"].get("environment", {}).get("id", ""))
            for event in mine
        ]

    def spans(self, namespace: str) -> list[Span]:
        """The spans about a namespace, in the order in which they came."""
        requests = (ExportTraceServiceRequest.FromString(body) for _, body in self.others.get("/v1/traces", []))
        found = (
            span for request in requests for of in request.resource_spans for s in of.scope_spans for span in s.spans
        )
        return [span for span in found if namespace in {entry.value.string_value for entry in span.attributes}]

    def records(self, namespace: str) -> dict[str, tuple[str, bytes]]:
        """Key and body of the launch records of a namespace, by name."""
        found = ((*headers["slipway-record"].split("/"), headers, body) for headers, body in self.others["/records"])
        return {name: (headers["idempotency-key"], body) for space, name, headers, body in found if space == namespace}
