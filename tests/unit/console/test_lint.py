"""`slipway lint`: every problem with its line, nothing passed over, no cluster."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from slipway.cli import app
from slipway.console.lint import lint

SAMPLES = sorted((Path(__file__).parents[3] / "manifests" / "samples").glob("*.yaml"))
PROMOTION = """\
apiVersion: slipway.dev/v1alpha1
kind: Promotion
metadata: {name: web-1, namespace: shop}
spec:
  rollout: web
  environment: production
"""
ROLLOUT = """\
apiVersion: slipway.dev/v1alpha1
kind: Rollout
metadata: {name: web, namespace: shop}
spec:
  environment: production
  template: {spec: {containers: [{name: web, image: "web:1"}]}}
  service: {ports: [{name: http, port: 80}]}
"""
CANARY = """\
  traffic: {httpRoutes: [{name: web}]}
  strategy:
    canary:
      steps:
      - {weight: 50}
"""


def found(tmp_path: Path, *texts: str) -> list[str]:
    file = tmp_path / "web.yaml"
    file.write_text("---\n".join(texts))
    return [str(finding).removeprefix(f"{file}:") for finding in lint([file]).findings]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_every_sample_is_right(sample: Path) -> None:
    linted = lint([sample])
    ours = [one for one in yaml.safe_load_all(sample.read_text()) if one["apiVersion"].startswith("slipway.dev/")]
    assert (linted.documents, linted.findings) == (len(ours), [])


def test_each_problem_has_its_path_its_line_and_what_would_be_right(tmp_path: Path) -> None:
    text = PROMOTION + "  hodl: later\n  checks:\n  - name: tests\n    category: Qualty\n    attest: {passed: true}\n"
    problems = found(tmp_path, text)
    assert "7: spec.hodl: unknown field (did you mean hold?)" in problems
    assert any(line.startswith("10: spec.checks[0].category: 'Qualty' is not known") for line in problems)
    assert "11: spec.checks[0].attest.summary: missing (it is required)" in problems


def test_the_line_is_that_of_the_document_in_the_file(tmp_path: Path) -> None:
    problems = found(tmp_path, ROLLOUT, PROMOTION.replace("web-1", "web-2") + "  dryRun: maybe\n")
    assert problems == ["15: spec.dryRun: 'maybe' has the wrong type (true or false)"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind: [", "not YAML"),
        (PROMOTION + "  rollout: other\n", "7: rollout: is there twice"),
        (PROMOTION.replace("kind: Promotion", "kind: Promo"), "2: kind: Promo is not known"),
        (PROMOTION.replace("slipway.dev/v1alpha1", "v1"), "1: apiVersion: Promotion is of slipway.dev/v1alpha1"),
        ("apiVersion: slipway.dev/v1alpha1\nkind: Rollout\nmetadata: {name: a}\n", "1: spec: missing"),
        ("apiVersion: slipway.dev/v1alpha1\nkind: Rollout\nspec: 1\n", "spec"),
    ],
)
def test_what_is_not_a_manifest_is_said(tmp_path: Path, text: str, problem: str) -> None:
    assert any(problem in line for line in found(tmp_path, text)), found(tmp_path, text)


def test_other_kinds_are_passed_over(tmp_path: Path) -> None:
    assert found(tmp_path, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {b: c}\n", "") == []


def test_a_persons_word_in_a_manifest_is_warned_about(tmp_path: Path) -> None:
    (warning,) = found(tmp_path, PROMOTION + "  approved: true\n")
    assert warning.startswith("7: warning: spec.approved")


@pytest.mark.parametrize(
    ("rollout", "warned"),
    [
        (ROLLOUT, "4: warning: spec.strategy: blue/green"),
        (ROLLOUT + CANARY, "12: warning: spec.strategy.canary.steps[0].weight: 50 %"),
        (ROLLOUT + CANARY.replace("50", "10"), ""),
        (ROLLOUT + CANARY.replace("50", "10") + "  analysis: {gates: []}\n", "13: warning: spec.analysis.gates"),
    ],
)
def test_a_risky_version_and_a_strategy_that_do_not_fit(tmp_path: Path, rollout: str, warned: str) -> None:
    risky = PROMOTION + "  assessment: {risk: High}\n"
    warnings = found(tmp_path, rollout, risky)
    assert bool(warnings) == bool(warned)
    assert all(line.startswith(warned) for line in warnings)
    assert found(tmp_path, rollout, PROMOTION + "  assessment: {risk: Low}\n") == []


def test_the_exit_code_tells(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(PROMOTION)
    good = CliRunner().invoke(app, ["lint", str(file)])
    assert (good.exit_code, good.output) == (0, "1 objects of Slipway's in 1 files: nothing wrong\n")
    file.write_text(PROMOTION + "  hodl: later\n")
    bad = CliRunner().invoke(app, ["lint", str(file)])
    assert bad.exit_code == 1
    assert f"{file}:7: spec.hodl" in bad.output
