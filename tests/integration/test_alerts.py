"""The alert rules, and what dashboards ask, judged by Prometheus' own promtool."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from tests.cluster.toolchain import program

REPOSITORY = Path(__file__).parents[2]
RULES = REPOSITORY / "manifests" / "monitoring" / "rules.yaml"


def promtool(*arguments: str, folder: Path) -> str:
    argv = [str(program("prometheus", "promtool")), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(RULES, tmp_path / "rules.yaml")
    shutil.copy(Path(__file__).parent / "alerts.yaml", tmp_path / "alerts.yaml")
    return tmp_path


def test_prometheus_takes_the_rules(folder: Path) -> None:
    assert "17 rules found" in promtool("check", "rules", "--lint-fatal", "rules.yaml", folder=folder)


def test_they_fire_when_they_should_and_only_then(folder: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts.yaml", folder=folder)


@pytest.mark.parametrize("dashboard", ["dashboard-fleet", "dashboard-rollout"])
def test_prometheus_understands_what_a_dashboard_asks(dashboard: str, tmp_path: Path) -> None:
    panels = json.loads((RULES.parent / f"{dashboard}.json").read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    # Variables stand within strings, where any word will do.
    rules = [
        {"record": f"asked:{number}", "expr": re.sub(r"\$(\w+)", r"\1", query)} for number, query in enumerate(asked)
    ]
    file = tmp_path / "asked.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "asked", "rules": rules}]}))
    assert f"{len(asked)} rules found" in promtool("check", "rules", "asked.yaml", folder=tmp_path)
