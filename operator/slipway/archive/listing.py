"""Launch records in a list: which columns it has, wherever it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from slipway.api.record import Statement
from slipway.core import instants


@dataclass(frozen=True)
class Entry:
    """A record in the list. Its fields are the columns, in their order; '' or None is nothing."""

    namespace: str
    rollout: str
    number: int
    kind: str
    outcome: str
    version: str
    promotion: str
    at: datetime | None
    """When what it tells of ended."""
    environment: str
    record: str

    def cells(self) -> Sequence[str]:
        """As text; `-` where there is nothing."""
        return [_text(getattr(self, column)) for column in COLUMNS]

    def as_data(self) -> dict[str, str | int | None]:
        """For programs: numbers as numbers, instants as RFC 3339 has them, None where there is nothing."""
        return {column: _datum(getattr(self, column)) for column in COLUMNS}


def _text(value: str | int | datetime | None) -> str:
    if isinstance(value, datetime):
        return instants.render(value)
    return "-" if value in ("", None) else str(value)


def _datum(value: str | int | datetime | None) -> str | int | None:
    return instants.render(value) if isinstance(value, datetime) else None if value == "" else value


COLUMNS = tuple(field.name for field in fields(Entry))


def entry(namespace: str, name: str, statement: Statement) -> Entry:
    """A record of a namespace, by its name and what it states."""
    told = statement.predicate
    return Entry(
        namespace=namespace,
        rollout=told.rollout.name,
        number=told.number,
        kind=told.kind,
        outcome=told.outcome,
        version=told.version or told.revision.name,
        promotion=told.promotion.name if told.promotion else "",
        at=told.times.ended_at,
        environment=told.environment,
        record=name,
    )
