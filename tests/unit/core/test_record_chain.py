"""A chain of records: whatever single thing is changed in it is found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.record_chains import DAY, T, follow, promotions, records, statement

from slipway.core import names
from slipway.core.record import chain
from slipway.core.record.sealing import LONGEST_REPORT, digest_of, seal
from slipway.core.revision import canonical


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Everything in a JSON value that can be changed."""
    if isinstance(value, dict):
        return [path for key, part in value.items() for path in paths(part, (*at, key))]
    if isinstance(value, list):
        return [path for index, part in enumerate(value) for path in paths(part, (*at, index))]
    return [at]


def changed(value: Any, path: tuple[Any, ...], new: Callable[[Any], Any]) -> Any:
    out = copy.deepcopy(value)
    inner = out
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new(inner[path[-1]])
    return out


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else f"{value}x"


def test_a_chain_that_nobody_touched_holds() -> None:
    found = records(4)
    assert chain.verify(found, promotions(found)) == chain.Found(4)
    assert chain.verify(list(reversed(found))) == chain.Found(4)
    assert chain.verify([]) == chain.Found(0)


@given(st.data(), st.integers(1, 4))
def test_any_single_change_of_what_a_record_holds_is_found(data: st.DataObject, count: int) -> None:
    found = records(count)
    index = data.draw(st.integers(0, count - 1))
    guarded = {key: found[index][key] for key in ("data", "immutable")}
    meta = found[index]["metadata"]
    guarded["metadata"] = {key: meta[key] for key in ("name", "namespace", "labels", "annotations")}
    path = data.draw(st.sampled_from(paths(guarded)))
    found[index] = changed(found[index], path, other)
    assert chain.verify(found).problems, path


@given(st.data(), st.integers(1, 4))
def test_any_single_change_within_a_statement_is_found(data: st.DataObject, count: int) -> None:
    """Written anew with all that follows from it, its name included, but for the records after it."""
    found = records(count)
    known = promotions(found)
    index = data.draw(st.integers(0, count - 1))
    content = json.loads(found[index]["data"]["statement.json"])
    path = data.draw(st.sampled_from(paths(content)))
    text = canonical(changed(content, path, other)).decode()
    obj = copy.deepcopy(found[index])
    obj["data"]["statement.json"] = text
    name = obj["metadata"]["name"].rpartition("-")[0]
    obj["metadata"]["name"] = f"{name}-{digest_of(text).removeprefix('sha256:')[:10]}"
    found[index] = obj
    assert chain.verify(found, known).problems, path
    if index < count - 1:
        assert chain.verify(found).problems, path


@given(st.data(), st.integers(2, 5))
def test_a_record_that_was_taken_out_is_missed(data: st.DataObject, count: int) -> None:
    found = records(count)
    known = promotions(found)
    index = data.draw(st.integers(1, count - 1))
    del found[index]
    assert chain.verify(found, known).problems


def test_a_pruned_beginning_is_said_and_accepted() -> None:
    found = records(4)
    result = chain.verify(found[2:], promotions(found))
    assert result.problems == []
    assert (
        result.notes[0] == f"the records before number 3 are gone: the chain begins at {found[2]['metadata']['name']}"
    )
    assert len(result.notes) == 3


def test_an_added_record_is_found() -> None:
    found = records(3)
    forged = follow(found[:1], statement(9))
    assert chain.verify([*found, forged]).problems
    twice = follow(found, statement(3, reason="again"))
    assert any("records the same as" in problem for problem in chain.verify([*found, twice]).problems)


def test_what_a_promotion_forgot_with_its_status_is_a_note_and_what_it_never_named_a_problem() -> None:
    found = [follow([], statement(1))]
    for number in (2, 3):
        found.append(follow(found, statement(number, promotion="web-1")))
    known = promotions(found)
    first, second, third = (obj["metadata"]["name"] for obj in found)
    result = chain.verify(found, known[1:])
    assert (result.problems, result.notes) == (
        [],
        [f"{first}: Promotion web-1 names only later ones, as after a loss of its status"],
    )
    assert chain.verify(found, known[:2]).problems == [f"{third}: Promotion web-1 does not name it"]
    assert chain.verify(found, [known[0], known[2]]).problems == [f"{second}: Promotion web-1 does not name it"]


def test_a_changed_report_or_page_is_named() -> None:
    [obj] = records(1)
    name = obj["metadata"]["name"]
    obj["data"]["report.md"] += "and all was well\n"
    obj["data"]["more.md"] = "x"
    assert chain.verify([obj]).problems == [f"{name}: more.md was not part of it", f"{name}: report.md has changed"]


def test_a_report_that_is_too_long_is_left_out() -> None:
    [obj] = records(1, "x" * (LONGEST_REPORT + 1))
    assert obj["data"].keys() == {"statement.json", "record.md"}
    told = json.loads(obj["data"]["statement.json"])["predicate"]
    assert told["leftOut"] == {"report.md": digest_of("x" * (LONGEST_REPORT + 1))}
    assert "`report.md` was too long to be kept with this record" in obj["data"]["record.md"]
    assert "leftOut" not in json.loads(records(1)[0]["data"]["statement.json"])["predicate"]


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"_type": "other"}', "[" * 5000])
def test_what_is_no_record_is_said(text: str | None) -> None:
    [obj] = records(1)
    obj["data"]["statement.json"] = text
    [problem] = chain.verify([obj]).problems
    assert "is missing, or no launch record" in problem


def test_an_owner_would_take_it_along() -> None:
    [obj] = records(1)
    obj["metadata"]["ownerReferences"] = [{"kind": "Rollout", "name": "web"}]
    assert "it has an owner" in chain.verify([obj]).problems[0]


@given(st.integers(1, 6), st.none() | st.integers(1, 7), st.none() | st.integers(0, 8))
def test_retention_takes_the_oldest_and_never_the_newest(count: int, keep: int | None, days: int | None) -> None:
    found = records(count)
    age = None if days is None else days * DAY
    gone = chain.surplus(reversed(found), keep, age, T + 7 * DAY)
    assert gone == found[: len(gone)]
    assert len(gone) < count
    left = found[len(gone) :]
    assert chain.verify(left, promotions(found)).problems == []
    if keep is not None:
        assert len(left) <= keep
    if keep is None and age is None:
        assert not gone


@given(st.text(min_size=1, max_size=300))
def test_any_text_becomes_a_label_that_says_which_text_it_was(text: str) -> None:
    value = names.label_value(text)
    assert names.label_value(value) == value
    assert 0 < len(value) <= 63


def test_a_long_promotion_name_is_cut_to_what_a_name_may_be() -> None:
    obj = seal(statement(1, promotion="p" * 253), 1, None, None)
    assert len(obj["metadata"]["name"]) == 253
    assert chain.verify([obj]).problems == []
