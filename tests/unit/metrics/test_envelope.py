"""SEMANTICS: never Pass, and never a failure, on anything that is not one finite, current number."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.metrics.envelope import read_answer
from slipway.metrics.reading import Error, NoData, Value

AT = datetime(2026, 3, 15, 12, 0, 0, 250_000, UTC)
NOW = AT.timestamp()


def answer(kind: object = "vector", result: object = (), **more: object) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": kind, "result": result}, **more}).encode()


def series(value: object, at: object = NOW) -> dict[str, Any]:
    return {"metric": {"pod": "web-1"}, "value": [at, value]}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (answer(result=[series("0.25")]), 0.25),
        (answer(result=[series("0")]), 0.0),
        (answer(result=[series("1")]), 1.0),
        (answer(result=[series("1e-3", int(NOW))]), 0.001),
        (answer("scalar", [NOW, "3"]), 3.0),
        (answer(result=[series("2")], infos=["metric might not be a counter"]), 2.0),
        (answer(result=[series("2")], warnings=[]), 2.0),
    ],
)
def test_one_finite_number_is_a_value(body: bytes, value: float) -> None:
    assert read_answer(200, body, AT) == Value(value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (answer(result=[]), "no data: the query yields nothing"),
        (answer(result=[series("NaN")]), "NaN: nothing to divide by, or nothing measured"),
        (answer(result=[series("+Inf")]), "the value is infinite"),
        (answer(result=[series("-Inf")]), "the value is infinite"),
        (answer(result=[series("1e999")]), "the value is infinite"),
        (answer("scalar", [NOW, "NaN"]), "NaN: nothing to divide by, or nothing measured"),
        (answer(result=[series("1", NOW - 30)]), "stale: the sample is 30 s older than asked for"),
        (answer(result=[series("1", NOW + 30)]), "stale: the sample is -30 s older than asked for"),
        (answer(result=[series("1", math.nan)]), "stale: the sample is nan s older than asked for"),
    ],
)
def test_an_answer_without_a_number_is_no_data(body: bytes, reason: str) -> None:
    assert read_answer(200, body, AT) == NoData(reason)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, answer(result=[series("1"), series("1")]), "the query yields 2 series where one is needed"),
        (
            200,
            answer(result=[series("0")], warnings=["store unreachable"]),
            "the source warns that its answer may be partial",
        ),
        (
            200,
            answer("matrix", [{"metric": {}, "values": [[NOW, "1"]]}]),
            "the query yields a matrix where one number is needed",
        ),
        (200, answer("string", [NOW, "1"]), "the query yields a string where one number is needed"),
        (200, answer(None, []), "the query yields a unknown type where one number is needed"),
        (
            200,
            answer(result=[{"metric": {}, "histogram": [NOW, {"count": "1"}]}]),
            "the query yields a histogram where one number is needed",
        ),
        (200, answer(result=[series(0.5)]), "the answer has no readable sample"),
        (200, answer(result=[series("0x10")]), "the answer has no readable sample"),
        (200, answer(result=[series("1", 10**400)]), "the answer has no readable sample"),
        (200, answer(result=[series("1", "now")]), "the answer has no readable sample"),
        (200, answer(result=None), "the answer has no result"),
        (200, b"", "the answer is not JSON as Prometheus' API has it"),
        (200, b"<html>welcome", "the answer is not JSON as Prometheus' API has it"),
        (200, b"[]", "the answer is not JSON as Prometheus' API has it"),
        (200, b"[" * 200_000, "the answer is not JSON as Prometheus' API has it"),
        (200, b"\xff\xfe\x00", "the answer is not JSON as Prometheus' API has it"),
        (200, b'{"status": "success"}', "the answer has no data"),
        (200, b'{"status": "error", "errorType": "timeout"}', "the source reports an error"),
        (200, b'{"data": {"resultType": "vector", "result": []}}', "the source reports an error"),
        (204, b"", "HTTP 204"),
        (302, b"", "HTTP 302: redirects are not followed"),
        (401, b"token s3cret is wrong", "HTTP 401"),
        (422, b'{"status": "error", "errorType": "execution", "error": "s3cret"}', "HTTP 422 (execution)"),
        (400, b'{"status": "error", "errorType": "s3cret"}', "HTTP 400"),
        (500, b'{"status": "error", "errorType": ["x"]}', "HTTP 500"),
        (503, answer(result=[series("0")]), "HTTP 503"),
    ],
)
def test_an_answer_that_cannot_be_trusted_is_an_error(status: int, body: bytes, reason: str) -> None:
    assert read_answer(status, body, AT) == Error(reason)


def refused(error: object, kind: str = "bad_data") -> bytes:
    return json.dumps({"status": "error", "errorType": kind, "error": error}).encode()


CANNOT = "the source cannot read this query"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            refused('invalid parameter "query": 1:17: parse error: unclosed left parenthesis: s3cret'),
            f"{CANNOT}: line 1, character 17, with its variables filled in (HTTP 400)",
        ),
        (
            refused("2:5: parse error: s3cret"),
            f"{CANNOT}: line 2, character 5, with its variables filled in (HTTP 400)",
        ),
        (refused("invalid parameter 'query': s3cret"), f"{CANNOT} (HTTP 400)"),
        (refused('invalid parameter "query": unknown function s3cret'), f"{CANNOT} (HTTP 400)"),
        (refused("1234567:1: parse error: s3cret"), f"{CANNOT} (HTTP 400)"),
        (refused('invalid parameter "time": cannot parse "s3cret"'), "HTTP 400 (bad_data)"),
        (refused("s3cret"), "HTTP 400 (bad_data)"),
        (refused(["1:2: parse error"]), "HTTP 400 (bad_data)"),
        (refused("1:2: parse error", "execution"), "HTTP 400 (execution)"),
    ],
)
def test_a_query_that_cannot_be_read_is_told_from_a_source_that_is_unwell(body: bytes, reason: str) -> None:
    assert read_answer(400, body, AT) == Error(reason)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(NOW) | st.just("1"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "data", "resultType", "result", "value", "warnings", "errorType"]),
            inner,
        )
    ),
    max_leaves=12,
)


@given(status=st.integers(100, 599), kind=json_values, result=json_values, more=json_values)
def test_no_json_at_all_raises_or_yields_a_number_that_is_none(
    status: int, kind: object, result: object, more: object
) -> None:
    well_formed = {"status": "success", "data": {"resultType": kind, "result": result}, "warnings": more}
    for body in (more, {"status": "success", "data": more}, well_formed, answer_like(result)):
        reading = read_answer(status, json.dumps(body).encode(), AT)
        if isinstance(reading, Value):
            assert status == 200
            assert math.isfinite(reading.value)


def answer_like(result: object) -> dict[str, object]:
    return {"status": "success", "data": {"resultType": "vector", "result": [{"value": result}]}}
