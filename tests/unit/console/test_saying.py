"""What people wrote into a cluster is shown as it is, and steers neither the table nor the terminal that shows it."""

import asyncio
import copy
import json
from io import StringIO
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from tests.unit.console.test_tree import DEPLOYMENT, PODS, PROMOTION, ROLLOUT
from typer.testing import CliRunner

from slipway.cli import app
from slipway.console import commands, following, looking, saying, showing
from slipway.console.decisions import CannotSay
from slipway.console.picture import Fitting, Picture
from slipway.console.session import Workload
from slipway.console.tree import Trace, tree

RUNNER = CliRunner()
BRACKETS = st.sampled_from(
    ["[urgent]", "[/wiki/db]", "labels[tier]", "[/]", "[red]", "[[", "]", "\\[", ":smile:", "[link=x]"]
)
STEERING = ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\r", "\x7f", "\u202e", "\u2066", "\u2028", "\ud800"]
EVIL = "lunch\x1b[2K\x1b[1Aapproved\u202e by all"


def shown(where: Console, *renderables: Any) -> str:
    with where.capture() as captured:
        for one in renderables:
            where.print(one)
    return captured.get()


@given(cells=st.lists(BRACKETS | st.text("ab[]/=:\\ ", min_size=1, max_size=9).map(str.strip), min_size=1, max_size=4))
def test_no_cell_of_a_table_is_markup(cells: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        said = StringIO()
        patch.setattr("sys.stdout", said)
        showing.table(["A"] * len(cells), [cells], header=False)
    assert said.getvalue().split() == " ".join(cells).split()


@given(words=BRACKETS)
@pytest.mark.parametrize("markup", [True, False])
def test_no_branch_of_a_tree_is_markup(markup: bool, words: str) -> None:
    rollout, promotion, deployment = (copy.deepcopy(one) for one in (ROLLOUT, PROMOTION, DEPLOYMENT))
    rollout["status"]["message"] = promotion["status"]["message"] = f"held: {words}"
    promotion["status"]["approvals"][0]["by"] = f"ada {words}"
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = f"web:{words}"
    where = Console(width=300, file=StringIO(), markup=markup, emoji=False)
    drawn = shown(where, tree(rollout, [promotion], [deployment], PODS))
    assert drawn.count(words) == 4


def test_what_is_said_on_the_way_of_a_watch_is_no_markup() -> None:
    nobody = Picture([], [], {}, Trace(), "no Rollouts")
    where = Console(width=300, file=StringIO(), markup=True)
    assert "[/dev]" in shown(where, Fitting(nobody, following.unanswered("[/dev]")))


@pytest.mark.parametrize("steering", STEERING)
def test_what_steers_a_terminal_is_shown_escaped(steering: str) -> None:
    for made in (saying.line(f"a{steering}b"), saying.text(f"a{steering}b")):
        assert made.startswith("a\\"), made
        assert steering[0] not in made
    assert steering[0] not in shown(showing.console(), f"a{steering}b"), "rich drops some of them itself"


@given(st.text())
def test_nothing_steers(words: str) -> None:
    assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in saying.line(words))
    assert saying.text(words).count("\n") == words.count("\n")
    assert saying.line(saying.line(words)) == saying.line(words)


def test_letters_of_all_scripts_stay() -> None:
    words = "Größe 東京 שלום 👩‍💻 → 50 % [x]"
    assert saying.line(words) == words


def test_a_line_cannot_pose_as_two() -> None:
    assert saying.line("lunch\nPromotion web is Approved") == "lunch\\nPromotion web is Approved"


class Cluster:
    """One Rollout, one Promotion, and words of a tenant in both."""

    namespace = "shop"

    async def rollouts(self) -> list[Any]:
        return [await self.rollout("web")]

    async def rollout(self, name: str) -> Any:
        made = copy.deepcopy(ROLLOUT)
        made["metadata"] |= {"uid": "u", "resourceVersion": "1"}
        made["status"]["message"] = EVIL
        made["status"]["history"] = [{"revision": "a", "at": "2026-01-01T00:00:00Z", "outcome": EVIL, "images": [EVIL]}]
        return made

    async def promotions(self, name: str | None = None) -> list[Any]:
        return [await self.promotion("web-2")]

    async def promotion(self, name: str) -> Any:
        made = copy.deepcopy(PROMOTION)
        made["metadata"]["uid"] = "p"
        made["spec"] |= {"hold": EVIL, "environment": "production"}
        made["spec"]["checks"] = [{"name": "seen", "category": "Quality", "manual": {"ask": EVIL}}]
        made["status"]["checks"].append({"name": "seen", "category": "Quality", "result": "Pending", "message": EVIL})
        made["status"] |= {"message": EVIL, "planHash": "sha256:1", "report": {"configMap": "r", "digest": EVIL}}
        return made

    async def workload(self, namespace: str, name: str) -> Any:
        return Workload([], [])

    async def workloads(self, name: str | None = None) -> Any:
        return {}, True

    async def text(self, namespace: str, name: str, key: str) -> str:
        return f"# Report\n{EVIL}\n"

    async def me(self) -> str:
        return "ada"

    async def my_name(self) -> str:
        return "ada"

    async def tell(self, promotion: Any, spec: Any) -> None:
        raise CannotSay(EVIL)


@pytest.mark.parametrize(
    "command",
    [
        "get",
        "get -o wide",
        "get -w -o wide",
        "get -w",
        "explain web",
        "status web-2",
        "history web",
        "report web-2",
        "approve web-2 -y",
        "hold web-2 x",
        "confirm web-2 seen",
        "accept-no-data web-2 --weight 1 --reason x",
    ],
)
def test_no_command_lets_a_tenant_steer_the_terminal(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    def asked(where: Any, ask: Any) -> Any:
        return asyncio.run(ask(Cluster()))

    async def once(seconds: float) -> None:
        raise KeyboardInterrupt

    for module in (looking, commands):
        monkeypatch.setattr(module, "with_session", asked)
    if "-w" in command:
        monkeypatch.setattr(asyncio, "sleep", once)
    done = RUNNER.invoke(app, command.split())
    assert "lunch\\u001b[2K" in done.output, done.exception
    assert "\x1b" not in done.output
    assert "\u202e" not in done.output


def test_data_for_programs_keeps_it_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    for output, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        showing.data({"hold": EVIL}, output)
        said = capsys.readouterr().out
        assert "\x1b" not in said
        assert read(said) == {"hold": EVIL}
