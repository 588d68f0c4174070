"""`-o json` and `-o yaml` of the commands that answer in words."""

import asyncio
import copy
import json
from typing import Any

import pytest
import yaml
from tests.unit.console.test_tree import PROMOTION, ROLLOUT
from typer.testing import CliRunner, Result

from slipway.archive import commands as records
from slipway.cli import app
from slipway.console import looking

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


@pytest.mark.parametrize("command", ["records", "records list"])
def test_records_alone_are_listed(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(records, "_chains", lambda where, rollout: [])
    done = RUNNER.invoke(app, command.split())
    assert done.exit_code == 0, done.exception
    assert done.stdout.startswith("NAMESPACE  ROLLOUT  NUMBER")


@both
def test_records_for_programs(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(records, "_chains", lambda where, rollout: [])
    done = RUNNER.invoke(app, ["records", "list", "-o", form])
    assert yaml.safe_load(done.stdout) == []
