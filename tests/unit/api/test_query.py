"""Which names a query may refer to: the models and the schema's expression agree."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from slipway.api.query import NAMES, PATTERN, check_query

PIECES = st.lists(st.sampled_from(["$", "$$", "$(", ")", "(", "a", "\n", "pod", *NAMES, *(f"$({n})" for n in NAMES)]))


def taken(query: str) -> bool:
    try:
        return check_query(query) == query
    except PydanticCustomError:
        return False


@given(PIECES.map("".join))
@example("$$$(pod)")
@example("$$(pod)")
@example("$(name$(namespace)")
def test_the_schema_takes_what_the_models_take(query: str) -> None:
    assert taken(query) == bool(re.fullmatch(PATTERN, query))


@pytest.mark.parametrize("query", ["$(pod)", "$()", "$(", "$(namespace", "$( namespace)", "$$$(pod)", "$(NAMESPACE)"])
def test_what_would_be_replaced_by_nothing_is_refused(query: str) -> None:
    assert not taken(query)


@pytest.mark.parametrize("query", ["up", "$$(pod)", "a$", "$1", '=~"^a$"', "$(window)$(service)", "$$$(service)"])
def test_everything_else_is_the_sources_business(query: str) -> None:
    assert taken(query)
