"""A metrics source whose answers are counted."""

import time
from collections.abc import Callable
from datetime import datetime

from slipway.metrics.reading import Error, NoData, Reading
from slipway.metrics.rules import AlertingRule
from slipway.metrics.source import MetricsSource

Observer = Callable[[str, float], None]
"""Told what became of a query (value, no-data or error) and how many seconds it took, waiting for its turn included."""


class ObservedSource:
    """Implements `slipway.metrics.source.MetricsSource` by another one."""

    def __init__(self, source: MetricsSource, observe: Observer) -> None:
        self._source = source
        self._observe = observe

    async def query(self, promql: str, at: datetime) -> Reading:
        """As of the other one."""
        started = time.monotonic()
        reading = await self._source.query(promql, at)
        result = "error" if isinstance(reading, Error) else "no-data" if isinstance(reading, NoData) else "value"
        self._observe(result, time.monotonic() - started)
        return reading

    async def alerting_rules(self) -> tuple[AlertingRule, ...] | Error:
        """As of the other one. Not counted: launches wait for numbers."""
        return await self._source.alerting_rules()

    async def close(self) -> None:
        """Close the other one."""
        await self._source.close()
