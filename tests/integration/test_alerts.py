"""The alert rules, judged by Prometheus' own promtool."""

import shutil
import subprocess
from pathlib import Path

import pytest
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
    assert "8 rules found" in promtool("check", "rules", "--lint-fatal", "rules.yaml", folder=folder)


def test_they_fire_when_they_should_and_only_then(folder: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts.yaml", folder=folder)
