"""Alerting rules are about a workload only when they say so, and those of others stay unknown to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.metrics.raw_server import http, raw_server, says

from slipway.core.decision import RulesProbe
from slipway.core.snapshot import Probed, Unverified
from slipway.metrics.prometheus import PrometheusSource
from slipway.metrics.reading import Error
from slipway.metrics.rules import AlertingRule, Workload, about, read_rules
from slipway.metrics.source import MetricsSource
from slipway.metrics.sources import ConfiguredSource
from slipway.runtime import alerting

WEB = Workload("shop", "web", ("web-3f2a9c01de", "web-0000000000"))


def rule(query: str, **labels: str) -> AlertingRule:
    return AlertingRule("R", query, labels)


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ('up{namespace="shop",service="web"} == 0', {}),
        ('rate(http_requests_total{namespace="shop", pod=~"web-.+"}[5m]) > 1', {}),
        ('x{deployment=~"web-[0-9a-f]{10}",namespace="shop"}', {}),
        ('x{namespace="shop",job="web-candidate"}', {}),
        ("x{namespace='shop',app='web'}", {}),
        ("x{namespace=`shop`,app=~`(api|web)`}", {}),
        ('absent(up{namespace="shop"})', {"service": "web"}),
        ('probe_success{service="web"}', {"namespace": "shop"}),
        ('sum(a{namespace="shop"}) / sum(b{namespace="shop",workload="web-3f2a9c01de"})', {"namespace": "shop"}),
    ],
)
def test_rules_that_are_about_it(query: str, labels: dict[str, str]) -> None:
    assert about([rule(query, **labels)], WEB)


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ('up{service="web"}', {}),
        ('up{namespace="shop"}', {}),
        ('up{namespace="other",service="web"}', {}),
        ('up{namespace="shop",service="webshop"}', {}),
        ('up{namespace="shop",service!="web"}', {}),
        ('up{namespace!="shop",service="web"}', {}),
        ('up{namespace=~"shop|other",service="web"}', {}),
        ('up{namespace="shop",service="web"} and on() up{namespace="other"}', {}),
        ('up{namespace="shop",pod=~".+"}', {}),
        ('up{namespace="shop",pod=~"webshop-.+"}', {}),
        ('up{namespace="shop",pod=~"my-web-.+"}', {}),
        ('up{namespace="shop",pod=~"web("}', {}),
        ('up{namespace="shop",service="web"}', {"namespace": "other"}),
        ("vector(1)", {"namespace": "shop"}),
        ("vector(1)", {"service": "web"}),
        ('up{exported_namespace="shop",service="web"}', {}),
    ],
)
def test_rules_that_are_not(query: str, labels: dict[str, str]) -> None:
    assert not about([rule(query, **labels)], WEB)


def test_a_namespace_that_is_called_like_the_workload_names_no_workload() -> None:
    assert not about([rule("vector(1)", namespace="web")], Workload("web", "web", ()))
    assert not about([rule('up{namespace="web"}')], Workload("web", "web", ()))


@given(st.text(max_size=200), st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=3))
def test_any_rule_is_about_it_or_not(query: str, labels: dict[str, str]) -> None:
    about([AlertingRule("R", query, labels)], WEB)


def listed(*rules: dict[str, Any], **envelope: Any) -> bytes:
    data = {"groups": [{"name": "g", "rules": list(rules)}]}
    return json.dumps({"status": "success", "data": data, **envelope}).encode()


UP = {"type": "alerting", "name": "WebDown", "query": 'up{namespace="shop",service="web"} == 0', "health": "ok"}
OTHERS = {"type": "alerting", "name": "TheirSecret", "query": 'up{namespace="theirs"} == 0', "health": "ok"}


def test_alerting_rules_are_read_and_others_left_out() -> None:
    read = read_rules(200, listed(UP, {**UP, "health": "err"}, {**UP, "type": "recording"}, {"type": "alerting"}))
    assert not isinstance(read, Error)
    assert [(one.name, one.works) for one in read] == [("WebDown", True), ("WebDown", False)]


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["groups", "rules", "type", "name", "query", "labels", "alerting"]), inner
            )
        ),
        max_leaves=20,
    )
)
def test_any_answer_is_rules_or_an_error(data: Any) -> None:
    for body in (json.dumps({"status": "success", "data": data}), json.dumps(data)):
        read = read_rules(200, body.encode())
        assert isinstance(read, tuple | Error)


async def looked(source: PrometheusSource | None) -> Probed | Unverified:
    known = {"default": ConfiguredSource(cast(MetricsSource, source), {})} if source else {}
    probe = RulesProbe(
        key="k",
        due=datetime(2026, 3, 1, tzinfo=UTC),
        source="default",
        namespace=WEB.namespace,
        rollout=WEB.rollout,
        deployments=WEB.deployments,
    )
    return await alerting.look(known, probe)


async def answered(body: bytes, status: int = 200) -> Probed | Unverified:
    async with raw_server(says(http(status, body))) as server:
        source = PrometheusSource(server.url)
        try:
            found = await looked(source)
        finally:
            await source.close()
        assert [(one.path, one.params["type"]) for one in server.requests] == [("/api/v1/rules", "alert")]
    return found


async def test_only_the_names_of_its_own_rules_are_told() -> None:
    many = [{**UP, "name": f"Web{n}"} for n in range(7)]
    found = await answered(listed(*many, OTHERS))
    assert isinstance(found, Probed)
    assert found.passed
    assert found.message == "7 alerting rules are about web: Web0, Web1, Web2, Web3, Web4 and 2 more"


@pytest.mark.parametrize("serving", WEB.deployments)
async def test_a_rule_about_one_revision_alone_says_nothing_before_or_after_the_switch(serving: str) -> None:
    (other,) = set(WEB.deployments) - {serving}
    query = f'up{{namespace="shop", deployment="{serving}"}} == 0'
    found = await answered(listed({**UP, "query": query}))
    assert isinstance(found, Probed)
    assert not found.passed
    assert f"not about {other}" in found.message
    both = await answered(listed({**UP, "query": query}, {**UP, "query": query.replace(serving, other)}))
    assert isinstance(both, Probed)
    assert both.passed


@pytest.mark.parametrize("rules", [[], [OTHERS], [{**UP, "health": "err"}]])
async def test_without_a_rule_that_works_it_is_not_so(rules: list[dict[str, Any]]) -> None:
    found = await answered(listed(*rules))
    assert isinstance(found, Probed)
    assert not found.passed
    assert "TheirSecret" not in found.message


@pytest.mark.parametrize(
    ("body", "status", "says_"),
    [
        (b"not found", 404, "it has no rules API"),
        (b"x", 500, "HTTP 500"),
        (b"x", 200, "not JSON"),
        (listed(UP, warnings=["partial"]), 200, "partial"),
        (b'{"status":"success","data":{}}', 200, "no rules"),
    ],
)
async def test_what_the_source_does_not_tell_is_never_a_pass(body: bytes, status: int, says_: str) -> None:
    found = await answered(body, status)
    assert isinstance(found, Unverified)
    assert says_ in found.message


async def test_a_source_that_is_not_there_cannot_say() -> None:
    assert isinstance(await looked(None), Unverified)
