"""Instants as Kubernetes writes them: RFC 3339 in UTC."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, PlainSerializer, WithJsonSchema


def format_instant(instant: datetime) -> str:
    """Write an instant in UTC with Z; milliseconds only where there are some: metav1.Time has none."""
    utc = instant.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds" if utc.microsecond >= 1000 else "seconds") + "Z"


Instant = Annotated[
    AwareDatetime,
    PlainSerializer(format_instant, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment: RFC 3339 on the wire, a datetime with a time zone here."""
