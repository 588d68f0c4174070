"""Sends spans by OTLP over HTTP, in a thread of its own: nothing waits for a collector, and what it refuses is lost."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import requests
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags

from slipway import __version__
from slipway.config import Tracing
from slipway.core.trace import Span
from slipway.notifying.channel import NotSent
from slipway.notifying.webhook import headers_in

EVERY_MILLISECONDS = 1000
"""How long spans are gathered: what a crash can lose is told again by the next leader."""
SCOPE = "slipway.dev/launch"


class SpanSender:
    """Hands spans to OpenTelemetry with ids and times of ours. For one thread at a time."""

    def __init__(self, *processors: SpanProcessor) -> None:
        self._ids = _GivenIds()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource.create({"service.name": "slipway", "service.version": __version__}),
            shutdown_on_exit=False,
            id_generator=self._ids,
        )
        for processor in processors:
            self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(SCOPE, __version__)

    def send(self, spans: Sequence[Span]) -> None:
        """Queue them; returns at once."""
        for span in spans:
            self._ids.trace, self._ids.span = span.trace, span.id
            context = trace.set_span_in_context(trace.INVALID_SPAN)
            if span.parent is not None:
                of = SpanContext(span.trace, span.parent, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
                context = trace.set_span_in_context(NonRecordingSpan(of))
            made = self._tracer.start_span(
                span.name, context, attributes=span.attributes, start_time=_nanoseconds(span.start)
            )
            if span.failed:
                made.set_status(Status(StatusCode.ERROR))
            made.end(_nanoseconds(span.end))

    def close(self, seconds: float) -> None:
        """Send what is queued, for at most `seconds`, and end. Blocks."""
        # A collector that does not answer would be waited for as long as its timeouts allow, and tried again.
        ending = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(seconds)


def sender(tracing: Tracing) -> SpanSender:
    """One that sends to the collector of the configuration. Nothing is dialled yet."""
    session = requests.Session()
    session.trust_env = False  # no proxies and no .netrc from the environment
    if tracing.headers_file is not None:
        session.auth = _Headers(tracing.headers_file)
    exporter = OTLPSpanExporter(
        f"{tracing.endpoint}/v1/traces",
        certificate_file=str(tracing.ca) if tracing.ca else None,
        timeout=tracing.timeout.total_seconds(),
        session=session,
    )
    return SpanSender(BatchSpanProcessor(exporter, schedule_delay_millis=EVERY_MILLISECONDS))


class _GivenIds(IdGenerator):
    trace = 1
    span = 1

    def generate_span_id(self) -> int:
        return self.span

    def generate_trace_id(self) -> int:
        return self.trace


class _Headers(requests.auth.AuthBase):
    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        try:
            request.headers.update(headers_in(self._path))
        except NotSent as error:
            raise requests.RequestException(str(error)) from None
        return request


def _nanoseconds(at: datetime) -> int:
    # Whole microseconds: a float has not enough digits for them.
    return (int(at.timestamp()) * 1_000_000 + at.microsecond) * 1000
