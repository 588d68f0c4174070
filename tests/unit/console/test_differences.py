"""`slipway diff`: what the report has, as a table and as data, with an exit code for scripts."""

import json
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from slipway.api.report import Answer, Change, Configuration, Report, WayBack
from slipway.cli import app
from slipway.console import differences, looking

RUNNER = CliRunner()
IMAGE = Change(what="web: image", before="web:1", after="web:2")
GONE = Change(what="web: variable DEBUG", before="template")


def report(serving: str = "aaa", revision: str = "bbb", *changes: Change) -> str:
    made = Report(
        promotion="web-2",
        namespace="shop",
        environment="production",
        rollout="web",
        revision=revision,
        serving=serving,
        plan_hash="sha256:0",
        answer=Answer(go=True),
        configuration=Configuration(ports=["http 80"]),
        changes=list(changes),
        way_back=WayBack(to=serving or "-"),
    )
    return json.dumps(made.model_dump(mode="json", by_alias=True) | {"ofANewerOperator": 1})


def diff(monkeypatch: pytest.MonkeyPatch, text: str, *arguments: str) -> Any:
    monkeypatch.setattr(looking, "with_session", lambda where, ask: differences.read(text))
    return RUNNER.invoke(app, ["diff", "web", *arguments])


def test_a_table_of_what_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    done = diff(monkeypatch, report("aaa", "bbb", IMAGE, GONE))
    assert done.exit_code == 1
    assert done.stdout, done.exception
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["web-2:", "revision", "aaa", "of", "web", "→", "bbb"],
        ["WHAT", "NOW", "THEN"],
        ["web:", "image", "web:1", "web:2"],
        ["web:", "variable", "DEBUG", "template", "-"],
    ]


def test_the_same_for_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(diff(monkeypatch, report("aaa", "bbb", IMAGE), "-o", "json").stdout)
    assert (found["now"], found["then"]) == ("aaa", "bbb")
    assert found["changes"] == [{"what": "web: image", "before": "web:1", "after": "web:2"}]


@pytest.mark.parametrize(
    ("serving", "code", "says"),
    [("", 1, "is the first of web"), ("bbb", 0, "serves already"), ("aaa", 1, "aaa of web")],
)
def test_the_exit_code_says_whether_anything_differs(
    monkeypatch: pytest.MonkeyPatch, serving: str, code: int, says: str
) -> None:
    done = diff(monkeypatch, report(serving))
    assert (done.exit_code, says in done.stdout) == (code, True)


def test_yaml_is_the_same_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [diff(monkeypatch, report("aaa", "bbb", IMAGE), "-o", form).stdout for form in ("json", "yaml")]
    assert json.loads(made[0]) == yaml.safe_load(made[1])


def test_a_form_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert diff(monkeypatch, report(), "-o", "pictures").exit_code == 2
