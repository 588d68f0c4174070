"""`slipway get -o json` and `-o yaml`: the Rollout as kubectl prints it, and beside that the tree that people see."""

import asyncio
import copy
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from tests.unit.console.test_tree import DEPLOYMENT, JSON, PODS, PROMOTION, ROLLOUT
from typer.testing import CliRunner

from slipway.cli import app
from slipway.cluster.errors import Forbidden, Unavailable
from slipway.console import following, looking, whole
from slipway.console.session import Workload

RUNNER = CliRunner()
MANAGED = {"managedFields": [{"manager": "slipway"}]}


class Cluster:
    """One Rollout, or two, each with its pods; `refused` cannot be read."""

    namespace = "shop"

    def __init__(self, refused: str = "", names: tuple[str, ...] = ("web",)) -> None:
        self._refused = refused
        self._names = names
        self.looks = 0
        self.silent = 0
        """So many answers about pods are missing first."""

    async def rollout(self, name: str) -> Any:
        made = copy.deepcopy(ROLLOUT)
        made["metadata"] |= {"name": name, "uid": name, "resourceVersion": "1"} | MANAGED
        return made

    async def rollouts(self) -> Any:
        self.looks += 1
        if self.looks > 4:
            raise KeyboardInterrupt
        return [await self.rollout(name) for name in self._names]

    async def promotions(self, name: str | None = None) -> Any:
        if self._refused == "promotions":
            raise Forbidden("promotions is forbidden")
        ended = copy.deepcopy(PROMOTION)
        ended["metadata"]["name"] = "web-1"
        ended["status"] = {"phase": "Succeeded", "finishedAt": "2026-01-01T00:00:00Z"}
        other = copy.deepcopy(PROMOTION)
        other["spec"]["rollout"] = "api"
        return [ended, PROMOTION, *([] if name else [other])]

    async def workload(self, namespace: str, rollout: str) -> Workload:
        if self.silent:
            self.silent -= 1
            raise Unavailable("no route")
        if self._refused == "pods":
            return Workload([], [], ("Deployments and pods: pods is forbidden",))
        pods = copy.deepcopy(PODS)
        pods[0]["metadata"] |= MANAGED
        return Workload([DEPLOYMENT], pods)


def got(monkeypatch: pytest.MonkeyPatch, cluster: Cluster, *command: str) -> Any:
    monkeypatch.setattr(looking, "with_session", lambda where, ask: asyncio.run(ask(cluster)))
    monkeypatch.setattr(following, "POLL", 0)
    done = RUNNER.invoke(app, ["get", *command])
    assert done.exit_code == 0, done.exception
    return done.stdout


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_the_rollout_is_where_it_was_and_its_tree_beside_it(
    monkeypatch: pytest.MonkeyPatch, form: str, read: Any
) -> None:
    found = read(got(monkeypatch, Cluster(), "web", "-o", form))
    tree = found.pop("tree")
    rollout = asyncio.run(Cluster().rollout("web"))
    del rollout["metadata"]["managedFields"]
    assert found == rollout, "as kubectl prints it"
    stable, candidate = tree["revisions"]
    assert stable == {"role": "stable", "revision": "aaa", "weight": 90, "pods": []}
    assert (candidate["role"], candidate["revision"], candidate["weight"]) == ("candidate", "bbb", 10)
    assert candidate["deployment"]["status"]["readyReplicas"] == 1
    assert [pod["metadata"]["name"] for pod in candidate["pods"]] == ["web-bbb-1", "web-bbb-2"]
    assert not any("managedFields" in pod["metadata"] for pod in candidate["pods"])
    assert (tree["gates"][0]["name"], tree["gates"][0]["verdict"]) == ("error-rate", "NoData")
    assert tree["smokeTests"][0]["message"] == "HTTP 200"
    assert tree["promotions"] == [PROMOTION], "the one in charge, and no other"
    assert tree["unread"] == []


def test_of_several_each_has_the_tree_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    found = json.loads(got(monkeypatch, Cluster(names=("api", "web")), "-o", "json"))
    assert (found["apiVersion"], found["kind"]) == ("v1", "List")
    assert [[one["spec"]["rollout"] for one in item["tree"]["promotions"]] for item in found["items"]] == [
        ["api"],
        ["web"],
    ]
    assert json.loads(got(monkeypatch, Cluster(names=()), "-o", "json"))["items"] == []


@pytest.mark.parametrize(
    ("refused", "words"), [("promotions", "Promotions: promotions is"), ("pods", "Deployments and pods: pods is")]
)
def test_what_may_not_be_read_is_not_taken_for_what_is_not_there(
    monkeypatch: pytest.MonkeyPatch, refused: str, words: str
) -> None:
    tree = json.loads(got(monkeypatch, Cluster(refused), "web", "-o", "json"))["tree"]
    assert tree["unread"] == [f"{words} forbidden"]
    assert len(tree["gates"]) == 1


def test_a_watch_prints_the_tree_too_once_it_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(names=("api",))
    (first,) = yaml.safe_load_all(got(monkeypatch, cluster, "-w", "-o", "yaml"))
    assert first["tree"]["revisions"][1]["weight"] == 10
    seen, cluster = Cluster.rollouts, Cluster(names=("api",))

    async def then_another(self: Cluster) -> Any:
        found = await seen(self)
        if self.looks == 2:
            self.silent = 1
        for one in found:
            one["metadata"]["resourceVersion"] = str(min(self.looks, 2))
        return found

    monkeypatch.setattr(Cluster, "rollouts", then_another)
    printed = list(yaml.safe_load_all(got(monkeypatch, cluster, "-w", "-o", "yaml")))
    assert [one["metadata"]["resourceVersion"] for one in printed] == ["1", "2"]
    assert all(one["tree"]["revisions"] for one in printed)


@given(rollout=JSON, promotion=JSON)
def test_any_status_can_be_printed(rollout: Any, promotion: Any) -> None:
    odd, other = copy.deepcopy(ROLLOUT), copy.deepcopy(PROMOTION)
    odd["status"], other["status"] = rollout, promotion
    json.dumps(whole.as_data(odd, whole.promotions(odd, [other]), [DEPLOYMENT], PODS, []))
