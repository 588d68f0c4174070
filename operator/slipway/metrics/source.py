"""The interface to a metrics source, and a gate's measurement on top of it."""

import asyncio
from datetime import datetime
from typing import Protocol

from slipway.metrics.reading import Error, Measured, NoData, Reading, Value
from slipway.metrics.rules import AlertingRule


class MetricsSource(Protocol):
    """Anything that answers a PromQL query with one number. A new kind of source is one more of these."""

    async def query(self, promql: str, at: datetime) -> Reading:
        """What `promql` yields when evaluated at `at`.

        Ends within the source's timeout, and never raises for what the source does.
        """
        ...

    async def alerting_rules(self) -> tuple[AlertingRule, ...] | Error:
        """All alerting rules of the source, of whatever they are."""
        ...

    async def close(self) -> None:
        """Give back connections and threads; running queries end as errors."""
        ...


async def measure(
    source: MetricsSource, query: str, requests_query: str | None, min_requests: int, at: datetime
) -> Measured:
    """A gate's measurement: what `query` yields, provided that it rests on at least `min_requests` requests.

    Both queries are rendered PromQL and are evaluated at the same instant. Without `requests_query` or with
    `min_requests` 0 requests are not counted. Comparing with the bounds is not done here.
    """
    if requests_query is None or min_requests <= 0:
        return Measured(await source.query(query, at))
    reading, counted = await asyncio.gather(source.query(query, at), source.query(requests_query, at))
    requests = _count(counted)
    if isinstance(reading, Error):
        return Measured(reading, requests)
    if isinstance(counted, Error):
        return Measured(Error(f"requests cannot be counted: {counted.reason}"))
    # increase() extrapolates to the window's edges, so that a count is seldom a whole number.
    if requests is None or round(requests) < min_requests:
        seen = "no requests" if not requests else f"{round(requests)} requests"
        return Measured(NoData(f"{seen} in the window, {min_requests} needed"), requests)
    return Measured(reading, requests)


def _count(counted: Reading) -> float | None:
    return counted.value if isinstance(counted, Value) else None
