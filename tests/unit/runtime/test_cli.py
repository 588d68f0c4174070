"""The command line: what it prints, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import yaml
from typer.testing import CliRunner

from slipway import __version__
from slipway.cli import app

RUNNER = CliRunner()


def test_version() -> None:
    assert RUNNER.invoke(app, ["--version"]).output == f"slipway {__version__}\n"


def test_crds_are_those_of_the_repository() -> None:
    printed = [found for found in yaml.safe_load_all(RUNNER.invoke(app, ["crds"]).output) if found]
    folder = Path(__file__).parents[3] / "crds"
    stored = [yaml.safe_load(file.read_text()) for file in folder.glob("*.yaml")]
    assert len(printed) == len(stored) == 3
    assert all(crd in printed for crd in stored)


def test_config_check(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("sources:\n- {name: default, url: http://prometheus:9090}\n")
    good = RUNNER.invoke(app, ["config", "check", str(file)])
    assert (good.exit_code, "metrics sources: default" in good.output) == (0, True)
    file.write_text("sorces: []\n")
    bad = RUNNER.invoke(app, ["config", "check", str(file)])
    assert bad.exit_code == 1
    assert "sorces: unknown field" in bad.output


def test_run_refuses_a_bad_configuration_before_anything_else(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("workers: many\n")
    refused = RUNNER.invoke(app, ["run", "--config", str(file)])
    assert refused.exit_code == 1
    assert "workers" in refused.output
