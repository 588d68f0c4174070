"""`slipway status`: exit codes for scripts, also where the cluster does not answer for a while."""

from typing import Any

import pytest
from typer.testing import CliRunner, Result

from slipway.cli import app
from slipway.cluster.errors import Forbidden, NotFound, Unavailable
from slipway.console import following, session

RUNNER = CliRunner()
GONE = Unavailable("no route")


def at(phase: str, uid: str = "p") -> dict[str, Any]:
    """A Promotion in a phase."""
    succeeded = {"Watching": "True", "RolledBack": "False"}.get(phase, "Unknown")
    condition = {
        "type": "Succeeded",
        "status": succeeded,
        "reason": phase,
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    status = {"phase": phase, "message": "words", "conditions": [condition]}
    return {"metadata": {"name": "web-2", "namespace": "shop", "uid": uid}, "spec": {}, "status": status}


def status(monkeypatch: pytest.MonkeyPatch, *answers: Any, options: str = "--wait") -> Result:
    """What is said and the exit code, where the cluster answers in this order; the last one again and again."""
    left = list(answers)

    class Cluster:
        async def promotion(self, name: str) -> Any:
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

    class Client:
        def __init__(self, *given: Any, **named: Any) -> None:
            pass

        async def close(self) -> None:
            pass

    monkeypatch.setattr("slipway.cluster.client.Client", Client)
    monkeypatch.setattr(session, "Session", lambda client, namespace: Cluster())
    monkeypatch.setattr(following, "POLL", 0)
    return RUNNER.invoke(app, ["status", "web-2", "-n", "shop", *options.split()])


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([at("Shifting"), at("Watching")], 0),
        ([at("Shifting"), at("RolledBack")], 1),
        ([at("Shifting"), GONE, GONE, at("Watching")], 0),
        ([at("Shifting"), GONE, at("Shifting"), GONE, at("RolledBack")], 1),
        ([at("Shifting"), NotFound("promotions web-2")], 1),
        ([at("Shifting"), at("Watching", uid="another")], 1),
        ([at("Shifting"), Forbidden("not you any more")], 2),
        ([GONE], 2),
        ([NotFound("promotions web-2")], 2),
    ],
)
def test_waiting_ends_with_what_came_of_it(monkeypatch: pytest.MonkeyPatch, answers: list[Any], code: int) -> None:
    assert status(monkeypatch, *answers).exit_code == code


def test_what_is_not_answered_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    done = status(monkeypatch, at("Shifting"), GONE, GONE, at("Shifting"), GONE, at("Watching"))
    assert done.stderr == "not answered: no route; trying again\n" * 2
    assert done.stdout == "web-2: Shifting: words\nweb-2: Watching: words\n"


@pytest.mark.parametrize("last", [NotFound("promotions web-2"), at("Watching", uid="another")])
def test_a_promotion_that_was_deleted_has_not_succeeded(monkeypatch: pytest.MonkeyPatch, last: Any) -> None:
    done = status(monkeypatch, at("Shifting"), last)
    assert done.exit_code == 1
    assert "web-2: it was deleted meanwhile" in done.stderr


def test_the_time_ends_also_where_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert status(monkeypatch, at("Shifting"), GONE, options="--wait --timeout 0.01").exit_code == 3


def test_without_waiting_it_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert status(monkeypatch, at("Shifting"), GONE, options="").exit_code == 3
