"""`-o json` and `-o yaml` of the commands that answer in words."""

import asyncio
import copy
import json
from typing import Any

import pytest
import yaml
from tests.unit.console.test_tree import PROMOTION, ROLLOUT
from tests.unit.core.record_chains import records as chained
from tests.unit.core.record_chains import statement
from typer.testing import CliRunner, Result

from slipway.archive import commands as records
from slipway.archive import listing
from slipway.archive.reading import Chain
from slipway.cli import app
from slipway.console import looking
from slipway.core.record.sealing import seal

ENTRY = {
    "revision": "aaa",
    "images": ["web:1"],
    "promotion": "web-1",
    "at": "2026-01-01T00:00:00Z",
    "outcome": "Launched",
}


class Cluster:
    """One Rollout with a history, and its Promotion."""

    async def rollout(self, name: str) -> Any:
        made = copy.deepcopy(ROLLOUT)
        made["status"]["history"] = [ENTRY]
        return made

    async def promotions(self, name: str) -> Any:
        return [await self.promotion(name)]

    async def promotion(self, name: str) -> Any:
        made = copy.deepcopy(PROMOTION)
        made["metadata"]["uid"] = "p"
        return made


def asked(monkeypatch: pytest.MonkeyPatch, command: str, form: str) -> tuple[Result, Any]:
    monkeypatch.setattr(looking, "with_session", lambda where, ask: asyncio.run(ask(Cluster())))
    done = RUNNER.invoke(app, [*command.split(), "-n", "shop", f"-o={form}"])
    assert done.stdout, done.exception
    return done, (json.loads if form == "json" else yaml.safe_load)(done.stdout)


RUNNER = CliRunner()
both = pytest.mark.parametrize("form", ["json", "yaml"])


@both
def test_history(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    _, (entry,) = asked(monkeypatch, "history web", form)
    assert (entry["revision"], entry["outcome"], entry["images"]) == ("aaa", "Launched", ["web:1"])


@both
def test_explain(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    _, found = asked(monkeypatch, "explain web", form)
    assert (found["namespace"], found["rollout"]) == ("shop", "web")
    assert found["lines"][-1] == "  next: slipway resume web-2 -n shop"


@both
def test_status_with_its_exit_code(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    done, found = asked(monkeypatch, "status web-2", form)
    assert done.exit_code == 3
    assert (found["promotion"], found["phase"], found["succeeded"]) == ("web-2", "Held", False)


@pytest.mark.parametrize("command", ["history web", "explain web", "status web-2", "records list"])
def test_another_form_is_refused(command: str) -> None:
    assert RUNNER.invoke(app, [*command.split(), "-o", "pictures"]).exit_code == 2


def test_a_rollout_without_a_history(monkeypatch: pytest.MonkeyPatch) -> None:
    async def young(self: Cluster, name: str) -> Any:
        return ROLLOUT

    monkeypatch.setattr(Cluster, "rollout", young)
    monkeypatch.setattr(looking, "with_session", lambda where, ask: asyncio.run(ask(Cluster())))
    done = RUNNER.invoke(app, ["history", "web", "-n", "shop"])
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "nothing was tried on Rollout web yet\n"


@pytest.mark.parametrize("command", ["records", "records list"])
def test_records_alone_are_listed(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(records, "_chains", lambda where, rollout: [Chain("shop", "web", chained(1))])
    done = RUNNER.invoke(app, command.split())
    assert done.exit_code == 0, done.exception
    head, line = done.stdout.splitlines()
    assert head.startswith("NAMESPACE  ROLLOUT  NUMBER")
    assert line.split()[:4] == ["shop", "web", "1", "launch"]


@pytest.mark.parametrize("command", ["records", "records list"])
def test_where_there_are_no_records_that_is_said(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(records, "_chains", lambda where, rollout: [])
    done = RUNNER.invoke(app, command.split())
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "there are no launch records\n")


@both
def test_records_for_programs(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    told = statement(1)
    alone = told.model_copy(update={"predicate": told.predicate.model_copy(update={"promotion": None})})
    one = seal(alone, 1, None, None)
    found: list[Chain] = []
    monkeypatch.setattr(records, "_chains", lambda where, rollout: found)
    assert yaml.safe_load(RUNNER.invoke(app, ["records", "list", "-o", form]).stdout) == []
    found.append(Chain("shop", "web", [one]))
    done = RUNNER.invoke(app, ["records", "list", "-o", form])
    (entry,) = (json.loads if form == "json" else yaml.safe_load)(done.stdout)
    assert tuple(entry) == listing.COLUMNS
    assert (entry["number"], entry["promotion"]) == (1, None)
    assert entry["at"] == "2026-01-02T12:00:00Z"
    assert entry["record"] == one["metadata"]["name"]
