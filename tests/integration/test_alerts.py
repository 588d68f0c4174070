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
    assert "20 rules found" in promtool("check", "rules", "--lint-fatal", "rules.yaml", folder=folder)


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


def test_the_share_of_changes_that_fail_is_that_of_all_versions_that_users_met(tmp_path: Path) -> None:
    """One that succeeded and was taken back in its watch is one version, and one without any launch has no share."""
    panels = json.loads((RULES.parent / "dashboard-fleet.json").read_text())["panels"]
    [panel] = [panel for panel in panels if panel["title"] == "Changes that fail"]
    [query] = [target["expr"] for target in panel["targets"]]
    # Deployments, failures, share of failures.
    watched, well, midway, idle = (1, 1, 1.0), (2, 0, 0.0), (0, 1, 1.0), (0, 0, None)
    names = ("deployments", "failures", "change_failure_ratio")

    def case(rollouts: list[tuple[float | None, ...]], share: float | None) -> dict[str, object]:
        series = [
            {"series": f'slipway_dora_{name}{{rollout="r{number}"}}', "values": f"{value}x5"}
            for number, figures in enumerate(rollouts)
            for name, value in zip(names, figures, strict=True)
            if value is not None
        ]
        found = [] if share is None else [{"labels": "{}", "value": share}]
        asked = {"expr": query, "eval_time": "2m", "exp_samples": found}
        return {"interval": "1m", "input_series": series, "promql_expr_test": [asked]}

    cases = [case([watched], 1.0), case([watched, well, midway, idle], 0.5), case([well], 0.0), case([idle], None)]
    (tmp_path / "asked.yaml").write_text(yaml.safe_dump({"rule_files": [], "tests": cases}))
    assert "SUCCESS" in promtool("test", "rules", "asked.yaml", folder=tmp_path)
