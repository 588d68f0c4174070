"""`slipway get --watch` where there is no terminal, and what the options of all commands have in common."""

import asyncio
import copy
import re
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text
from typer.testing import CliRunner

from slipway.cli import app
from slipway.cluster.errors import Forbidden, Unavailable
from slipway.console import following, looking, session, showing
from slipway.console.following import Lines

RUNNER = CliRunner()
ROLLOUT: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "1", "generation": 1},
    "spec": {},
    "status": {
        "phase": "Shifting",
        "message": "candidate bbb at 10 % for 1m of 5m",
        "candidate": {"revision": "bbb", "weight": 10},
        "gates": [{"name": "error-rate", "verdict": "Pass", "value": 0.002, "bound": "< 0.01"}],
    },
}


def at(version: str, **status: Any) -> dict[str, Any]:
    made = copy.deepcopy(ROLLOUT)
    made["metadata"]["resourceVersion"] = version
    made["status"] |= status
    return made


class Cluster:
    """Answers in order; the last one ends the watch as Ctrl-C does."""

    namespace = "shop"

    def __init__(self, *answers: Any) -> None:
        self._answers = iter(answers)

    async def rollouts(self) -> list[dict[str, Any]]:
        answer = next(self._answers, KeyboardInterrupt())
        if isinstance(answer, BaseException):
            raise answer
        return [answer] if answer is not None else []

    async def promotions(self, name: str | None = None) -> list[dict[str, Any]]:
        return []

    async def workload(self, namespace: str, name: str) -> session.Workload:
        return session.Workload([], [])

    async def workloads(self, name: str | None = None) -> tuple[dict[tuple[str, str], session.Workload], bool]:
        return {}, True


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Lets the commands ask what answers in order."""

    def answering(*answers: Any) -> None:
        def asked(where: Any, ask: Any) -> Any:
            return asyncio.run(ask(Cluster(*answers)))

        monkeypatch.setattr(looking, "with_session", asked)
        monkeypatch.setattr(following, "POLL", 0)

    return answering


def test_a_line_is_said_once() -> None:
    lines = Lines()
    first = lines.of(ROLLOUT)
    assert first == "shop/web Shifting 10%: candidate bbb at 10 % for 1m of 5m [error-rate 0.002 < 0.01 Pass]"
    assert lines.of(ROLLOUT) == ""
    assert lines.of(at("2", phase="Verifying")).startswith("shop/web Verifying 10%")


def test_without_a_terminal_each_change_is_a_line(served: Any) -> None:
    served(at("1"), at("1"), Unavailable("no route"), Unavailable("no route"), at("2", phase="Healthy"))
    done = RUNNER.invoke(app, ["get", "--watch"])
    assert done.exit_code == 0
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["Shifting", "Healthy"]
    assert done.stderr == "not answered: no route; trying again\n"


def test_a_namespace_that_is_empty_yet_is_watched_like_any_other(served: Any) -> None:
    served(None, Unavailable("no route"), at("1"))
    done = RUNNER.invoke(app, ["get", "--watch"])
    assert (done.exit_code, done.exception) == (0, None)
    assert done.stdout.startswith("shop/web Shifting")
    served(Unavailable("no route"), at("1"))
    assert isinstance(RUNNER.invoke(app, ["get", "--watch"]).exception, Unavailable), "it never answered"


def test_on_a_terminal_the_tree_is_redrawn_and_stays_while_nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "POLL", 0)
    answers = [at(str(n), gates=[gate(n)]) for n in (1, 2, 3)]
    cluster = Cluster(answers[0], answers[1], Unavailable("no route"), answers[2])
    console = Console(force_terminal=True, width=100, file=(shown := StringIO()))
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(following.redraw(cluster, None, console))  # type: ignore[arg-type]
    text = shown.getvalue()
    assert text.count("Rollout shop/web") >= 4
    assert "not answered: no route; trying again" in text
    assert "▃▆█" in text, "the bars of what was measured meanwhile"


def gate(number: int) -> dict[str, Any]:
    at = f"2026-01-01T00:00:0{number}Z"
    return {"name": "error-rate", "verdict": "Pass", "value": float(number), "bound": "< 9", "measuredAt": at}


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        ("name", ["rollout.slipway.dev/web"] * 2),
        ("wide", ["NAMESPACE  NAME  STRATEGY  PHASE     WEIGHT  STABLE  CANDIDATE  MESSAGE"]),
        ("json", ["{"]),
        ("yaml", ["---", "metadata:"]),
    ],
)
def test_a_watch_prints_in_every_form(served: Any, output: str, shown: list[str]) -> None:
    served(at("1"), at("2"))
    done = RUNNER.invoke(app, ["get", "-w", "-o", output])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[: len(shown)] == shown


def test_the_columns_of_a_watch_stand_below_each_other(served: Any) -> None:
    served(None, at("1"), at("2", phase="Up"), at("3", phase="AwaitingApproval"))
    done = RUNNER.invoke(app, ["get", "-w", "-o", "wide"])
    assert [line.partition("candidate bbb")[0].rstrip() for line in done.stdout.splitlines()] == [
        "NAMESPACE  NAME  STRATEGY  PHASE     WEIGHT  STABLE  CANDIDATE  MESSAGE",
        "shop       web   -         Shifting  10%     -       bbb",
        "shop       web   -         Up        10%     -       bbb",
        "shop       web   -         AwaitingApproval  10%     -       bbb",
    ]


def test_a_right_that_is_missing_ends_a_watch(served: Any) -> None:
    served(at("1"), Forbidden("not you"))
    assert isinstance(RUNNER.invoke(app, ["get", "-w"]).exception, Forbidden)


def test_names_are_those_that_kubectl_prints(served: Any) -> None:
    served(at("1"))
    assert RUNNER.invoke(app, ["get", "-o=name"]).stdout == "rollout.slipway.dev/web\n"
    assert RUNNER.invoke(app, ["explain", "deployment/web"]).exit_code == 2


def test_lines_are_never_cut_where_nobody_looks_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert showing.console().width == showing.WIDE


@pytest.mark.parametrize(("no_color", "coloured"), [(None, True), ("", True), ("1", False)])
def test_colours_go_with_no_color(monkeypatch: pytest.MonkeyPatch, no_color: str | None, coloured: bool) -> None:
    # A terminal, as far as the program's own console can tell.
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    console = showing.console()
    assert console.is_terminal
    with console.capture() as captured:
        console.print(Text("Pass", style="green"))
    assert ("\x1b[32m" in captured.get()) is coloured
    assert "Pass" in captured.get()


COMMANDS = [
    "get",
    "explain",
    "status",
    "report",
    "diff",
    "history",
    "approve",
    "withdraw",
    "hold",
    "resume",
    "abort",
    "retry",
    "confirm",
    "accept-no-data",
    "init",
]
RECORDS = ["records list", "records verify", "records export"]


@pytest.mark.parametrize("command", [*COMMANDS, *RECORDS])
def test_every_command_that_asks_a_cluster_can_be_told_which(command: str) -> None:
    told = re.sub(r"\x1b\[[0-9;]*m", "", RUNNER.invoke(app, [*command.split(), "--help"]).output)
    for option in ("--namespace", "-n", "--context", "--kubeconfig"):
        assert option in told


def test_all_namespaces_go_before_one() -> None:
    assert session.scope(None, None, "shop", everywhere=True).namespace is None
    assert session.scope(None, None, "shop").namespace == "shop"
