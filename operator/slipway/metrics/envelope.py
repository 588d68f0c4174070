"""Reads the answer to an instant query (`/api/v1/query` of Prometheus' HTTP API). Pure.

Whatever is not exactly one finite, current number from a complete answer is no number: a gate must never
pass on it, and never count it as a failure.
"""

import json
import math
import re
from datetime import datetime, timedelta
from typing import Any

from slipway.metrics.reading import Error, NoData, Reading, Value

STALE_AFTER = timedelta(seconds=1)
"""How far a sample's time may be from the time asked for.

Prometheus stamps an instant vector with exactly that time; some backends round it to seconds. The samples
behind it may be older all the same: up to its lookback (5 minutes) for a bare series, until its target is
known to be gone; within the window for rate() and its like."""

# The error types of Prometheus' HTTP API. Only these words are repeated from an answer.
ERROR_TYPES = frozenset(
    {"timeout", "canceled", "execution", "bad_data", "internal", "unavailable", "not_found", "not_acceptable"}
)

_OF_QUERY = re.compile(r"""invalid parameter ["']query["']|\d+:\d+: parse error""", re.ASCII)
_PLACE = re.compile(r"""(?:invalid parameter ["']query["']: )?(\d{1,6}):(\d{1,6}): parse error""", re.ASCII)


def read_answer(status: int, body: bytes, at: datetime) -> Reading:
    """The reading in an answer with HTTP `status` and `body` to a query evaluated at `at`."""
    data = read_data(status, body)
    if isinstance(data, Error):
        return _of_query(status, body) or data
    return _result(data.get("resultType"), data.get("result"), at)


def _of_query(status: int, body: bytes) -> Error | None:
    """The error where the source is well and the query is not; None where that cannot be told.

    Of what the source says only the place is repeated, as numbers: the rest quotes the query.
    """
    envelope = _envelope(body) if status == 400 else None
    said = envelope.get("error") if envelope and envelope.get("errorType") == "bad_data" else None
    if not isinstance(said, str) or not _OF_QUERY.match(said):
        return None
    place = _PLACE.match(said)
    where = f": line {place[1]}, character {place[2]}, with its variables filled in" if place else ""
    return Error(f"the source cannot read this query{where} (HTTP {status})")


def read_data(status: int, body: bytes) -> dict[str, Any] | Error:
    """What a whole and successful answer says."""
    if 300 <= status < 400:
        return Error(f"HTTP {status}: redirects are not followed")
    envelope = _envelope(body)
    if status != 200:
        kind = envelope.get("errorType") if envelope else None
        known = isinstance(kind, str) and kind in ERROR_TYPES
        return Error(f"HTTP {status} ({kind})" if known else f"HTTP {status}")
    if envelope is None:
        return Error("the answer is not JSON as Prometheus' API has it")
    if envelope.get("status") != "success":
        return Error("the source reports an error")
    if envelope.get("warnings"):
        return Error("the source warns that its answer may be partial")
    data = envelope.get("data")
    if not isinstance(data, dict):
        return Error("the answer has no data")
    return data


def _envelope(body: bytes) -> dict[str, Any] | None:
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return envelope if isinstance(envelope, dict) else None


def _result(kind: object, result: object, at: datetime) -> Reading:
    if kind == "scalar":
        return _sample(result, at)
    if kind != "vector":
        known = kind if kind in ("matrix", "string") else "unknown type"
        return Error(f"the query yields a {known} where one number is needed")
    if not isinstance(result, list):
        return Error("the answer has no result")
    if not result:
        return NoData("no data: the query yields nothing")
    if len(result) > 1:
        return Error(f"the query yields {len(result)} series where one is needed")
    series = result[0]
    if not isinstance(series, dict) or "value" not in series:
        return Error("the query yields a histogram where one number is needed")
    return _sample(series["value"], at)


def _sample(sample: object, at: datetime) -> Reading:
    match sample:
        case [int() | float() as timestamp, str() as text]:
            pass
        case _:
            return Error("the answer has no readable sample")
    try:
        value = float(text)
        age = at.timestamp() - timestamp
    except (ValueError, OverflowError):
        return Error("the answer has no readable sample")
    if not abs(age) <= STALE_AFTER.total_seconds():
        return NoData(f"stale: the sample is {age:.0f} s older than asked for")
    if math.isnan(value):
        return NoData("NaN: nothing to divide by, or nothing measured")
    if math.isinf(value):
        return NoData("the value is infinite")
    return Value(value)
