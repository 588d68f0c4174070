"""`slipway confirm` and `slipway accept-no-data`: the words of people that are neither an approval nor a hold."""

import asyncio
import json
from typing import Any

import pytest
from tests.sim.patches import merge_patch
from tests.unit.core.cluster import Cluster as Simulated
from tests.unit.core.cluster import revision_of, serving
from tests.unit.core.objects import blue_green, template
from tests.unit.core.test_after_switch import ASK, BASKET, launched, proposed, tick
from typer.testing import CliRunner

from slipway.cli import app
from slipway.cluster.errors import NotFound
from slipway.cluster.resources import PROMOTIONS, Resource
from slipway.console import commands, completion, decisions
from slipway.console.decisions import CannotSay
from slipway.console.explain import explain
from slipway.console.session import Session

RUNNER = CliRunner()
BEFORE = {"name": "banner", "category": "Quality", "manual": {"ask": "Is the banner up?"}}
CONFIRM = "once somebody has looked: slipway confirm web-2 basket -n shop"


class Client:
    """The API server of one simulated namespace, as ada knows it."""

    def __init__(self, cluster: Simulated) -> None:
        self.cluster = cluster
        self.said: list[dict[str, Any]] = []

    async def get(self, kind: Resource, namespace: str, name: str) -> dict[str, Any]:
        if (kind.kind, name) not in self.cluster.objects:
            raise NotFound(f"{kind.plural} {name} not found")
        return self.cluster.get(kind.kind, name)

    async def create(self, kind: Resource, obj: Any) -> dict[str, Any]:
        return {"status": {"userInfo": {"username": "ada"}}}

    async def merge_patch(self, kind: Resource, namespace: str, name: str, patch: Any) -> dict[str, Any]:
        assert (kind, patch["metadata"]) == (
            PROMOTIONS,
            {"uid": self.cluster.get("Promotion", name)["metadata"]["uid"]},
        )
        self.said.append(patch["spec"])
        self.cluster.say(name, **merge_patch(self.cluster.get("Promotion", name)["spec"], patch["spec"]))
        return {}


def say(monkeypatch: pytest.MonkeyPatch, cluster: Simulated, *arguments: str) -> tuple[int, str, list[dict[str, Any]]]:
    client = Client(cluster)
    session = Session(client, "shop")  # type: ignore[arg-type]
    monkeypatch.setattr(commands, "with_session", lambda where, ask: asyncio.run(ask(session)))
    done = RUNNER.invoke(app, [*arguments, "-n", "shop"])
    return done.exit_code, done.output, client.said


def last(cluster: Simulated) -> str:
    return list(explain(cluster.get("Rollout"), cluster.all("Promotion")))[-1]


def test_whoever_has_looked_confirms_under_the_own_name_and_the_launch_succeeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = launched()
    assert last(cluster) == f"  next: {CONFIRM}"
    plan = cluster.get("Promotion", "web-2")["status"]["planHash"]
    assert say(monkeypatch, cluster, "confirm", "web", "basket") == (
        0,
        f"web-2: basket is confirmed by ada: {ASK}\n",
        [{"confirmed": {"basket": {"by": "ada", "plan": plan}}}],
    )
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")


def test_what_is_looked_at_before_an_approval_is_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = proposed(BEFORE, {**BEFORE, "name": "prices"})
    assert cluster.phase("web-2") == "Checking"
    commands = "slipway confirm web-2 banner -n shop; slipway confirm web-2 prices -n shop"
    assert last(cluster) == f"  next: once somebody has looked: {commands}"
    for name in ("banner", "prices"):
        assert say(monkeypatch, cluster, "confirm", "web-2", name)[0] == 0
        cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"


def without_plan() -> dict[str, Any]:
    cluster = proposed(BEFORE)
    return cluster.change("Promotion", "web-2", "status", planHash=None)


def confirmed() -> dict[str, Any]:
    cluster = launched(BASKET, {**BASKET, "name": "search"})
    tick(cluster)
    return cluster.get("Promotion", "web-2")


def succeeded() -> dict[str, Any]:
    cluster = launched()
    tick(cluster)
    cluster.run(60)
    return cluster.get("Promotion", "web-2")


@pytest.mark.parametrize(
    ("made", "check", "why"),
    [
        (succeeded, "basket", "web-2 has ended: Succeeded"),
        (without_plan, "banner", "web-2 has no plan yet: "),
        (
            lambda: proposed(BEFORE).get("Promotion", "web-2"),
            "baner",
            "web-2 does not ask anybody to confirm baner; it asks for banner now",
        ),
        (
            lambda: proposed().get("Promotion", "web-2"),
            "baner",
            "web-2 does not ask anybody to confirm baner; it asks for nothing now",
        ),
        (
            lambda: proposed(BEFORE).get("Promotion", "web-2"),
            "health-probe",
            "web-2 does not ask anybody to confirm health-probe; it asks for banner now",
        ),
        (lambda: proposed().get("Promotion", "web-2"), "basket", "basket is looked at after the switch, which has not"),
        (confirmed, "basket", "ada has confirmed basket of web-2 already"),
    ],
    ids=["ended", "no plan", "unknown", "nothing", "not manual", "early", "already"],
)
def test_a_confirmation_that_makes_no_sense_is_refused(made: Any, check: str, why: str) -> None:
    with pytest.raises(CannotSay) as refused:
        decisions.confirmation(made(), check, "bob")
    assert str(refused.value).startswith(why)


def test_the_command_says_why_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output, said = say(monkeypatch, proposed(BEFORE), "confirm", "web-2", "baner")
    assert (code, output, said) == (1, "web-2 does not ask anybody to confirm baner; it asks for banner now\n", [])


def silent() -> Simulated:
    """A revision with all traffic that nobody can measure."""
    cluster = serving(blue_green())
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.live == revision_of(blue_green(2)))
    cluster.measure = lambda probe: {"value": None}
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Held"), cluster.status
    return cluster


def test_who_may_approve_goes_on_without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = silent()
    assert last(cluster) == (
        "  next: mend what measures; or, who may approve, with your own reason: "
        "slipway accept-no-data web-2 --weight 100 --reason WHY -n shop"
    )
    wanted = ("accept-no-data", "web-2", "--weight", "100", "--reason", "night, three users")
    assert say(monkeypatch, cluster, *wanted) == (
        0,
        "web-2: goes on without data up to 100 % of the traffic\n",
        [{"acceptNoData": {"weight": 100, "reason": "night, three users", "by": "ada"}}],
    )
    code, output, said = say(monkeypatch, cluster, *wanted)
    assert (code, said) == (1, [])
    assert output == "web-2 goes on without data up to 100 % of the traffic already: night, three users\n"
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded")
    code, output, _ = say(monkeypatch, cluster, *wanted)
    assert (code, output) == (1, "web-2 has ended: Succeeded\n")


@pytest.mark.parametrize(
    ("spec", "status", "why"),
    [
        ({"dryRun": True}, {}, "web-2 is a dry run: it moves nothing, and waits for no data"),
        ({}, {"planHash": None}, "web-2 has no plan yet"),
        ({}, {"phase": "Watching"}, "web-2 has ended: Watching"),
        ({}, {"phase": "AwaitingApproval"}, "web-2 waits for an approval: approve it first"),
    ],
)
def test_missing_data_is_accepted_only_where_some_can_be_waited_for(spec: Any, status: Any, why: str) -> None:
    cluster = proposed(BEFORE)
    cluster.say("web-2", **spec)
    with pytest.raises(CannotSay, match=why):
        decisions.accept_no_data(cluster.change("Promotion", "web-2", "status", **status), 10, "night", "bob")


@pytest.mark.parametrize("weight", ["0", "101", "ten"])
def test_a_share_is_one_to_a_hundred_percent(weight: str) -> None:
    done = RUNNER.invoke(app, ["accept-no-data", "web-2", "--weight", weight, "--reason", "night"])
    assert done.exit_code == 2
    assert "--weight" in done.output


@pytest.mark.parametrize("left_out", ["--weight", "--reason"])
def test_missing_data_is_never_accepted_by_default(left_out: str) -> None:
    given = {"--weight": "10", "--reason": "night"}
    options = [word for option, value in given.items() if option != left_out for word in (option, value)]
    assert RUNNER.invoke(app, ["accept-no-data", "web-2", *options]).exit_code == 2


def test_the_checks_that_wait_are_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = launched(BASKET, {**BASKET, "name": "search"})
    monkeypatch.setattr(completion, "_listed", lambda ctx, kind: json.loads(json.dumps(cluster.all(kind.kind))))

    def shell(line: str) -> list[str]:
        environment = {
            "_SLIPWAY_COMPLETE": "complete_fish",
            "_TYPER_COMPLETE_ARGS": f"slipway {line}",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        }
        return RUNNER.invoke(app, [], env=environment, prog_name="slipway").stdout.split()

    assert shell("confirm web-2 ") == ["basket", "search"]
    assert shell("confirm web b") == ["basket"], "a Rollout stands for the Promotion in charge"
    assert shell("confirm web-9 ") == []
    assert shell("confirm -n shop we") == ["web", "web-1", "web-2"]
