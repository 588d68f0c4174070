import re
from dataclasses import fields
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from slipway.api.query import NAMES, check_query
from slipway.metrics.dialects import DIALECTS, PODS, QueryVariables, UnknownPlaceholder, render

WEB = QueryVariables(
    namespace="shop",
    rollout="web",
    environment="production",
    revision="3f2a9c01de",
    deployment="web-3f2a9c01de",
    service="web-candidate",
    window=timedelta(minutes=1, seconds=30),
)


def test_every_placeholder_stands_for_its_name() -> None:
    query = "$(namespace) $(rollout) $(environment) $(revision) $(deployment) $(service) [$(window)]"
    assert render(query, WEB) == "shop web production 3f2a9c01de web-3f2a9c01de web-candidate [1m30s]"


def test_every_name_that_a_query_may_have_stands_for_something() -> None:
    assert set(NAMES) == {field.name for field in fields(QueryVariables)}


UNKNOWN = ["$(pod)", "$( window)", "$()", "$(Window)", "$(__class__)", "$(window"]


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_an_unknown_placeholder_is_refused_by_name(unknown: str) -> None:
    with pytest.raises(UnknownPlaceholder, match=re.escape(f"nothing stands for {unknown} in the query")):
        render(f"sum(x) + {unknown}", WEB)


@pytest.mark.parametrize(
    ("query", "rendered"),
    [
        ("$$(window)", "$(window)"),
        ("$$(anything)", "$(anything)"),
        ("$$$(service)", "$web-candidate"),
        ('x{path=~"/a$$"}', 'x{path=~"/a$"}'),
        ('x{path=~"/a$"}', 'x{path=~"/a$"}'),
        ('x{path=~"(a|b)$|c"}', 'x{path=~"(a|b)$|c"}'),
        ("sum(x)", "sum(x)"),
    ],
)
def test_what_is_no_placeholder_stays_as_in_the_args_of_a_container(query: str, rendered: str) -> None:
    assert render(query, WEB) == rendered


@given(st.text("$()window x", max_size=14))
def test_exactly_what_is_accepted_can_be_rendered(query: str) -> None:
    try:
        check_query(query)
    except PydanticCustomError:
        with pytest.raises(UnknownPlaceholder):
            render(query, WEB)
    else:
        render(query, WEB)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_has_every_preset(dialect: str) -> None:
    presets = DIALECTS[dialect]  # type: ignore[index]
    assert set(presets) == {"error-rate", "latency-p95", "requests", "cpu", "memory"}
    for query in presets.values():
        assert "$(" not in render(check_query(query), WEB)


def pod_names(deployment: str, replica_set: str = "7d9f8b6c54", own: str = "x2k4z") -> str:
    """A pod's name as the API server makes it: the generated base is cut after 58 characters."""
    return f"{deployment}-{replica_set}-"[:58] + own


@pytest.mark.parametrize("rollout", ["w", "web", "web-api", *("a" * n for n in range(33, 47))])
@pytest.mark.parametrize("replica_set", ["5bcd", "7d9f8b6c5", "7d9f8b6c54"])
def test_the_pods_of_a_deployment_match_however_long_its_name_is(rollout: str, replica_set: str) -> None:
    deployment = f"{rollout}-3f2a9c01de"
    pattern = PODS.replace("$(deployment)", deployment)
    assert re.fullmatch(pattern, pod_names(deployment, replica_set))


@pytest.mark.parametrize(
    "other",
    [
        "web-3f2a9c01de-canary",  # a longer name with this one in front
        "web-3f2a9c01de-1234567890",  # a Rollout that is called like this revision's Deployment
        "web-3f2a9c01df",
        "my-web-3f2a9c01de",
    ],
)
def test_semantics_17_the_pods_of_other_deployments_do_not_match(other: str) -> None:
    assert not re.fullmatch(PODS.replace("$(deployment)", "web-3f2a9c01de"), pod_names(other))
