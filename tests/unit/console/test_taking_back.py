"""A launch that has succeeded is taken back where the reason is kept, or where one may, or one is told who may."""

import asyncio
from typing import Any

import pytest
from typer.testing import CliRunner

from slipway.cli import app
from slipway.cluster.errors import Forbidden
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS, Resource
from slipway.console import commands
from slipway.console.decisions import CannotSay
from slipway.console.session import Session

META = {"name": "web", "namespace": "shop", "uid": "r"}
SERVES = {"stable": {"revision": "3f2a9c01de"}}
BACK = {"abort": "3f2a9c01de"}


class Cluster:
    """One Rollout, and somebody who may or may not change it."""

    def __init__(self, *may_not: Resource, status: Any = SERVES) -> None:
        self.may_not = may_not
        self.status = status
        self.said: list[tuple[str, Any]] = []

    async def get(self, kind: Resource, namespace: str, name: str) -> dict[str, Any]:
        if kind is PROMOTIONS:
            return promotion("Succeeded")
        return {"metadata": META, "status": self.status}

    async def create(self, kind: Resource, obj: Any) -> dict[str, Any]:
        return {"status": {"userInfo": {"username": "ada"}}}

    async def merge_patch(self, kind: Resource, namespace: str, name: str, patch: Any) -> dict[str, Any]:
        if kind in self.may_not:
            raise Forbidden(f"{kind.plural} is forbidden", 403)
        self.said.append((kind.kind, patch["spec"]))
        return {}


def promotion(phase: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-2", "namespace": "shop", "uid": "p"},
        "spec": {"rollout": "web"},
        "status": {
            "phase": phase,
            "target": {"rollout": "web", "uid": "r", "revision": "3f2a9c01de", "digest": "d", "images": []},
        },
    }


WORD = {"abort": "broken", "saidBy": {"abort": {"by": "ada", "said": "broken"}}}


async def test_an_editor_names_the_revision_on_the_rollout_and_the_promotion_keeps_the_reason() -> None:
    cluster = Cluster()
    assert await Session(cluster, "shop").take_back(promotion("Watching"), BACK, "broken")  # type: ignore[arg-type]
    assert cluster.said == [("Rollout", BACK), ("Promotion", WORD)]


@pytest.mark.parametrize(("phase", "may_not"), [("Succeeded", ()), ("Watching", (PROMOTIONS,))])
async def test_that_it_goes_back_does_not_hang_on_the_reason(phase: str, may_not: tuple[Resource, ...]) -> None:
    cluster = Cluster(*may_not)
    assert await Session(cluster, "shop").take_back(promotion(phase), BACK, "broken")  # type: ignore[arg-type]
    assert cluster.said == [("Rollout", BACK)]


async def test_an_approver_says_it_on_the_promotion_that_is_watched() -> None:
    cluster = Cluster(ROLLOUTS)
    assert not await Session(cluster, "shop").take_back(promotion("Watching"), BACK, "broken")  # type: ignore[arg-type]
    assert cluster.said == [("Promotion", WORD)]


async def test_after_the_watch_an_approver_is_told_which_role_may() -> None:
    cluster = Cluster(ROLLOUTS)
    with pytest.raises(Forbidden, match=r"rollouts is forbidden.* -n shop .*--clusterrole=slipway-editor"):
        await Session(cluster, "shop").take_back(promotion("Succeeded"), BACK, "broken")  # type: ignore[arg-type]
    assert cluster.said == []


LATER = {"revision": "77aa88bb99"}


@pytest.mark.parametrize("phase", ["Watching", "Succeeded"])
@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"stable": LATER}, "revision 3f2a9c01de does not serve any more; 77aa88bb99 does"),
        ({"stable": LATER, "candidate": {"revision": "0011223344"}}, "77aa88bb99 does"),
        ({}, "revision 3f2a9c01de does not serve any more; none does"),
    ],
)
async def test_what_does_not_serve_any_more_is_not_named_for_later(phase: str, status: Any, words: str) -> None:
    cluster = Cluster(status=status)
    with pytest.raises(CannotSay, match=words):
        await Session(cluster, "shop").take_back(promotion(phase), BACK, "broken")  # type: ignore[arg-type]
    assert cluster.said == []


async def test_a_revision_that_is_the_candidate_again_goes_back() -> None:
    cluster = Cluster(status={"stable": LATER, "candidate": SERVES["stable"]})
    assert await Session(cluster, "shop").take_back(promotion("Succeeded"), BACK, "broken")  # type: ignore[arg-type]
    assert cluster.said == [("Rollout", BACK)]


def test_the_command_says_that_it_makes_no_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(Cluster(status={"stable": LATER}), "shop")  # type: ignore[arg-type]
    monkeypatch.setattr(commands, "with_session", lambda where, ask: asyncio.run(ask(session)))
    done = CliRunner().invoke(app, ["abort", "web-2", "broken", "-n", "shop"])
    words = "revision 3f2a9c01de does not serve any more; 77aa88bb99 does\n"
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", words)
