"""CEL over an object: what holds, what does not, what is no expression, and what never ends. No value is ever shown."""

import pytest

from slipway.probing.expression import holds

EVERY = "object.status.list.all("
OBJECT = {"metadata": {"name": "db"}, "status": {"ready": 2, "phase": "hunter2", "list": list(range(300))}}


@pytest.mark.parametrize(
    ("expression", "passed", "words"),
    [
        ("object.status.ready >= 2", True, "the expression holds"),
        ("has(object.status.nothing) || object.status.phase == 'hunter2'", True, "the expression holds"),
        ("object.status.ready > 2", False, "the expression does not hold"),
        ("object.status.nothing > 2", False, "a field that it names may be missing"),
        ("object.status.phase + 1 > 2", False, "two types do not go together"),
        ("object.status.phase", False, "does not yield true or false"),
        ("1", False, "does not yield true or false"),
        ("object.status.", False, "not valid CEL"),
        ("(" * 2000 + "1", False, "not valid CEL"),
        (f"{EVERY}a, {EVERY}b, {EVERY}c, {EVERY}d, true))))", False, "more time or memory"),
    ],
)
async def test_what_an_expression_says(expression: str, passed: bool, words: str) -> None:
    result = await holds(expression, OBJECT)
    assert (result.passed, words in result.message) == (passed, True), result.message
    assert "hunter2" not in result.message
