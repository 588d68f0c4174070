"""What a shell proposes, for `slipway` and, in kubectl's words, for `kubectl slipway`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from slipway.cli import app
from slipway.console import completion

BIN = Path(sys.executable).parent


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """Of a cluster that does not answer."""
    file = tmp_path / "config"
    contexts = [{"name": name, "context": {"cluster": "c", "user": "u"}} for name in ("staging", "production")]
    clusters = [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}]
    made = {"apiVersion": "v1", "kind": "Config", "current-context": "staging", "contexts": contexts}
    file.write_text(yaml.safe_dump(made | {"clusters": clusters, "users": [{"name": "u", "user": {"token": "t"}}]}))
    return file


def proposed(kubeconfig: Path, *words: str) -> list[str]:
    argv = [str(BIN / "kubectl_complete-slipway"), *words]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_kubectl_is_told_commands_options_and_contexts(kubeconfig: Path) -> None:
    *commands, directive = proposed(kubeconfig, "re")
    assert {line.partition("\t")[0] for line in commands} == {"report", "resume", "retry", "records"}
    assert all("\t" in line for line in commands)
    assert directive == ":4"
    assert proposed(kubeconfig, "get", "--conte")[0].startswith("--context\t")
    assert proposed(kubeconfig, "get", "--context", "") == ["production", "staging", ":4"]
    assert proposed(kubeconfig, "records", "ver")[0].startswith("verify")


def test_where_no_cluster_answers_nothing_is_proposed_and_nothing_said(kubeconfig: Path) -> None:
    assert proposed(kubeconfig, "get", "we") == [":0"]


def test_names_are_those_of_the_namespace_that_is_being_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def names(ctx: Any, kind: Any) -> list[str]:
        asked.append((ctx.params.get("namespace"), kind.kind))
        return {"Rollout": ["web", "api"], "Promotion": ["web-2"], "Namespace": ["shop"]}[kind.kind]

    monkeypatch.setattr(completion, "_names", names)

    def shell(line: str) -> list[str]:
        environment = {
            "_SLIPWAY_COMPLETE": "complete_fish",
            "_TYPER_COMPLETE_ARGS": f"slipway {line}",
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        }
        return CliRunner().invoke(app, [], env=environment, prog_name="slipway").stdout.split()

    assert shell("approve -n shop we") == ["web", "web-2"]
    assert asked == [("shop", "Promotion"), ("shop", "Rollout")]
    assert shell("history ") == ["api", "web"]
    assert shell("get --namespace s") == ["shop"]
    assert shell("records verify --rollout a") == ["api"]
