"""Names as kubectl prints them and as the chart's notes tell them."""

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from slipway.cli import app
from slipway.cluster.errors import NotFound
from slipway.cluster.resources import ROLLOUTS
from slipway.console import commands, names

NOTES = Path(__file__).parents[3] / "charts" / "slipway" / "templates" / "NOTES.txt"


@pytest.mark.parametrize("given", ["web", "deployment/web", "deploy/web", "deployments/web", "deployment.apps/web"])
def test_a_deployment_is_named_with_its_kind_or_without(given: str) -> None:
    assert names.deployment(given) == "web"


@pytest.mark.parametrize("given", ["service/web", "rollout/web", "deployment/", "/web", "a/b/c"])
def test_another_kind_is_no_deployment(given: str) -> None:
    with pytest.raises(typer.BadParameter):
        names.deployment(given)


@pytest.mark.parametrize(
    "command",
    [
        *("get", "explain", "status", "report", "diff", "history", "approve", "withdraw", "resume", "retry", "init"),
        *("records list --rollout", "records verify --rollout", "records export there --rollout"),
    ],
)
def test_a_name_may_not_be_empty(command: str) -> None:
    done = CliRunner().invoke(app, [*command.split(), "", "-n", "shop"])
    assert done.exit_code == 2
    assert "is empty" in done.output


@pytest.mark.parametrize("command", ["hold", "abort"])
def test_nor_with_a_reason(command: str) -> None:
    assert CliRunner().invoke(app, [command, "", "broken", "-n", "shop"]).exit_code == 2


def test_no_name_is_never_the_collection() -> None:
    assert ROLLOUTS.path("shop") == "/apis/slipway.dev/v1alpha1/namespaces/shop/rollouts"
    with pytest.raises(NotFound):
        ROLLOUTS.path("shop", "")


def test_nothing_given_is_nothing() -> None:
    assert names.deployment(None) is None


def test_the_command_of_the_charts_notes_is_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def begun(where: Any, *given: Any) -> str:
        asked.append((where.namespace, *given))
        return "kind: Rollout\n"

    monkeypatch.setattr(commands, "_begun", begun)
    (line,) = [found for found in NOTES.read_text().splitlines() if "slipway init" in found]
    done = CliRunner().invoke(app, line.split()[2:])
    assert done.exit_code == 0, done.output
    assert asked == [("shop", "web", None, "staging", False)]
