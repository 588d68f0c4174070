"""YAML and JSON mean what they mean to kubectl, which reads them by sigs.k8s.io/yaml."""

import json
from typing import Any

import pytest

from slipway.console.yaml_lines import compose, line, read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # Numbers that are text to YAML 1.1 as PyYAML has it.
        ("1e3", 1000),
        ("1e-3", 0.001),
        ("1E+2", 100),
        ("+.5", 0.5),
        ("-.5e1", -5),
        ("0o14", 12),
        # Text that is a number to it.
        ("22:00", "22:00"),
        ("190:20:30.15", "190:20:30.15"),
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("1.2.3", "1.2.3"),
        ("1e400", "1e400"),
        ("=", "="),
        # The same for both.
        ("0", 0),
        ("-7", -7),
        ("014", 12),
        ("0x1F", 31),
        ("0b101", 5),
        ("1_000", 1000),
        ("0.25", 0.25),
        ("1.0", 1),
        ("08", 8),
        ("0x", "0x"),
        ("v1", "v1"),
        ("-", [None]),
        ('"1e3"', "1e3"),
        ("!!str 1e3", "1e3"),
        ("~", None),
        ("", None),
    ],
)
def test_scalars(text: str, value: Any) -> None:
    (found,) = read(f"a: {text}" if text != "-" else "a:\n-")
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


@pytest.mark.parametrize("word", ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"])
def test_words_that_are_true(word: str) -> None:
    assert read(word) == [True]


@pytest.mark.parametrize("word", ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"])
def test_words_that_are_false(word: str) -> None:
    assert read(word) == [False]


def test_a_float_that_json_has_no_word_for_stays_one() -> None:
    (found,) = read(".inf")
    with pytest.raises(ValueError, match="Out of range"):
        json.dumps(found, allow_nan=False)


def test_json_may_be_indented_with_tabs() -> None:
    text = json.dumps({"a": [{"b": "x\ty"}], "c": 1e-3}, indent="\t")
    assert read(text) == [json.loads(text)]
    (node,) = compose(text)
    assert [line(node, path) for path in ("a", "a[0].b", "c")] == [2, 4, 7]
