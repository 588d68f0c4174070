import asyncio
from datetime import UTC, datetime

import pytest

from slipway.metrics.observed import ObservedSource
from slipway.metrics.reading import Error, Measured, NoData, Reading, Value
from slipway.metrics.source import measure

AT = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)


class Answers:
    """A source that knows the answers to some queries."""

    def __init__(self, **answers: Reading) -> None:
        self.answers = answers
        self.asked: list[tuple[str, datetime]] = []

    async def query(self, promql: str, at: datetime) -> Reading:
        self.asked.append((promql, at))
        return self.answers[promql]

    async def close(self) -> None: ...


@pytest.mark.parametrize(
    ("reading", "requests", "measured"),
    [
        (Value(0.1), Value(50.0), Measured(Value(0.1), 50.0)),
        (Value(0.1), Value(49.6), Measured(Value(0.1), 49.6)),
        (Value(0.1), Value(12.2), Measured(NoData("12 requests in the window, 50 needed"), 12.2)),
        (Value(0.0), Value(0.0), Measured(NoData("no requests in the window, 50 needed"), 0.0)),
        (Value(1.0), NoData("no data"), Measured(NoData("no requests in the window, 50 needed"))),
        (Value(0.0), Error("HTTP 500"), Measured(Error("requests cannot be counted: HTTP 500"))),
        (NoData("NaN"), Value(50.0), Measured(NoData("NaN"), 50.0)),
        (NoData("NaN"), Value(1.0), Measured(NoData("1 requests in the window, 50 needed"), 1.0)),
        (Error("HTTP 500"), Value(50.0), Measured(Error("HTTP 500"), 50.0)),
        (Error("HTTP 500"), NoData("no data"), Measured(Error("HTTP 500"))),
    ],
)
async def test_a_number_counts_when_enough_requests_are_behind_it(
    reading: Reading, requests: Reading, measured: Measured
) -> None:
    source = Answers(rate=reading, count=requests)
    assert await measure(source, "rate", "count", 50, AT) == measured
    assert source.asked == [("rate", AT), ("count", AT)]


@pytest.mark.parametrize(("requests_query", "needed"), [(None, 50), ("count", 0)])
async def test_requests_that_nobody_asks_for_are_not_counted(requests_query: str | None, needed: int) -> None:
    source = Answers(rate=Value(0.1))
    assert await measure(source, "rate", requests_query, needed, AT) == Measured(Value(0.1))
    assert source.asked == [("rate", AT)]


async def test_both_queries_are_under_way_at_the_same_time() -> None:
    both = asyncio.Barrier(2)

    class Waits(Answers):
        async def query(self, promql: str, at: datetime) -> Reading:
            await both.wait()
            return await super().query(promql, at)

    source = Waits(rate=Value(0.1), count=Value(9.0))
    async with asyncio.timeout(10):
        assert await measure(source, "rate", "count", 1, AT) == Measured(Value(0.1), 9.0)


async def test_what_becomes_of_queries_is_counted_and_nothing_of_them_is_changed() -> None:
    counted: list[str] = []
    answers: dict[str, Reading] = {"a": Value(1.0), "b": NoData("NaN"), "c": Error("HTTP 500")}
    source = ObservedSource(Answers(**answers), lambda result, seconds: counted.append(result))  # type: ignore[arg-type]
    assert [await source.query(name, AT) for name in answers] == [*answers.values()]
    assert counted == ["value", "no-data", "error"]
