"""Spans as OpenTelemetry has them: with our ids, our times, and whole."""

from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from slipway.core.trace import Span
from slipway.tracing.otlp import SpanSender

START = datetime(2026, 1, 1, 12, 0, 0, 123_000, UTC)
MINUTE = timedelta(minutes=1)
ROOT = Span("launch", 7, 8, None, START, START + 2 * MINUTE, True, {"slipway.outcome": "RolledBack"})
PART = Span("shifting", 7, 9, 8, START, START + MINUTE, False, {"slipway.weight": 10})


def test_spans_have_the_ids_and_times_that_they_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    # Whatever the environment says of sampling: a launch is told whole.
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    exporter = InMemorySpanExporter()
    sender = SpanSender(SimpleSpanProcessor(exporter))
    sender.send([PART, ROOT])
    sender.close(5)
    part, root = exporter.get_finished_spans()
    assert (root.name, root.context.trace_id, root.context.span_id, root.parent) == ("launch", 7, 8, None)
    assert (part.context.trace_id, part.context.span_id) == (7, 9)
    assert part.parent is not None
    assert (part.parent.trace_id, part.parent.span_id) == (7, 8)
    assert part.start_time == int(START.timestamp()) * 10**9 + 123 * 10**6
    assert part.end_time is not None
    assert part.end_time - part.start_time == 60 * 10**9
    assert dict(part.attributes or {}) == {"slipway.weight": 10}
    assert root.status.status_code is StatusCode.ERROR
    assert part.status.status_code is StatusCode.UNSET
    assert root.resource.attributes["service.name"] == "slipway"
