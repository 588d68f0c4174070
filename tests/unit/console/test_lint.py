"""`slipway lint`: every problem with its line, nothing passed over, no cluster."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.docs.blocks import BLOCKS
from tests.unit.api.objects import ACCEPTED, REFUSED, REFUSED_NAMES, Refused
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


@pytest.mark.parametrize(("group", "kind"), [("argoproj.io", "Rollout"), ("kargo.akuity.io", "Promotion")])
def test_a_kind_of_others_that_has_the_same_name_is_one_of_the_other_kinds(
    tmp_path: Path, group: str, kind: str
) -> None:
    assert found(tmp_path, f"apiVersion: {group}/v1alpha1\nkind: {kind}\nmetadata: {{name: a}}\n", "") == []


def test_a_file_without_anything_of_slipways_says_so(tmp_path: Path) -> None:
    file = tmp_path / "values.yaml"
    file.write_text("image: {tag: v1}\n")
    done = CliRunner().invoke(app, ["lint", str(file)])
    assert done.exit_code == 0
    assert done.output.startswith("0 objects of Slipway's in 1 file: nothing was checked")


def test_a_persons_word_in_a_manifest_is_warned_about(tmp_path: Path) -> None:
    (warning,) = found(tmp_path, PROMOTION + "  approved: true\n")
    assert warning.startswith("7: warning: spec.approved")


WORDS = [
    ("approvals: {ada: 'sha256:%s'}" % ("0" * 64), "creating it so is refused"),
    ("hold: lunch", "every apply would hold again"),
    ("rollbackPlanNeeded: true", "every apply would ask again"),
    ("abort: broken", "ends its launch"),
    ("breakGlass: {reason: an outage}", "also after the emergency"),
    ("saidBy: {hold: {by: ada, said: lunch}}", "stamped with the name"),
    ("confirmed: {basket: {by: ada, plan: 'sha256:%s'}}" % ("0" * 64), "a person confirms"),
    ("learnings: {wentWell: all}", "after the end"),
]


@pytest.mark.parametrize(("given", "why"), WORDS, ids=[given.partition(":")[0] for given, _ in WORDS])
def test_what_people_say_does_not_belong_in_a_file(tmp_path: Path, given: str, why: str) -> None:
    (warning,) = found(tmp_path, PROMOTION + f"  {given}\n")
    assert warning.startswith(f"7: warning: spec.{given.partition(':')[0]}: ")
    assert why in warning


def test_a_critical_launch_may_begin_under_a_hold(tmp_path: Path) -> None:
    assert found(tmp_path, PROMOTION + "  hold: until nine\n  assessment: {risk: Critical}\n") == []


def test_what_admission_refuses_in_every_new_promotion_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(PROMOTION + "  acceptNoData: {weight: 10, reason: night}\n")
    done = CliRunner().invoke(app, ["lint", str(file)])
    assert done.exit_code == 1
    assert f"{file}:7: spec.acceptNoData: a Promotion cannot be created with it" in done.stderr


SMOKE = "  smokeTests: [{name: home, http: {port: http}}]\n"
BUSINESS = "  analysis: {gates: [{name: orders, query: sum(orders), above: 1}]}\n"
CAREFUL = CANARY.replace("{weight: 50}", "{weight: 5}\n      - {weight: 50, approval: Required}") + SMOKE + BUSINESS


@pytest.mark.parametrize(
    ("risk", "rollout", "warned"),
    [
        ("High", ROLLOUT, ["spec.strategy", "spec.analysis.gates", "spec.smokeTests"]),
        ("High", ROLLOUT + SMOKE + BUSINESS, ["spec.strategy"]),
        ("High", ROLLOUT + CAREFUL, []),
        ("High", ROLLOUT + CAREFUL.replace("weight: 5}", "weight: 10}"), ["spec.strategy.canary.steps[0].weight"]),
        ("High", ROLLOUT + CAREFUL.replace(", approval: Required", ""), ["spec.strategy.canary.steps"]),
        ("High", ROLLOUT + CAREFUL.replace(BUSINESS, "  analysis: {gates: []}\n"), ["spec.analysis.gates"]),
        ("Critical", ROLLOUT + CAREFUL, ["spec.hold"]),
        ("Medium", ROLLOUT + SMOKE, []),
        ("Medium", ROLLOUT + CANARY, ["spec.strategy.canary.steps[0].weight", "spec.smokeTests"]),
        ("Low", ROLLOUT + CANARY, []),
    ],
)
def test_a_risk_and_a_strategy_that_do_not_fit(tmp_path: Path, risk: str, rollout: str, warned: list[str]) -> None:
    warnings = found(tmp_path, rollout, PROMOTION + f"  assessment: {{risk: {risk}}}\n")
    assert sorted(line.split(": ")[2] for line in warnings) == sorted(warned)
    assert all(": warning: " in line for line in warnings)


def test_two_environments_are_said(tmp_path: Path) -> None:
    (warning,) = found(tmp_path, ROLLOUT, PROMOTION.replace("production", "staging"))
    assert warning == "14: warning: spec.environment: staging, but Rollout web is of production"


CASES = [*REFUSED_NAMES, *REFUSED]


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_what_the_server_refuses_is_wrong(tmp_path: Path, case: Refused) -> None:
    problems = found(tmp_path, yaml.safe_dump(case.made))
    assert any(": warning: " not in line for line in problems)


@pytest.mark.parametrize("made", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_the_server_takes_is_right(tmp_path: Path, made: dict[str, Any]) -> None:
    wrong = [line for line in found(tmp_path, yaml.safe_dump(made)) if ": warning: " not in line]
    # Admission refuses more than the schema: a word that needs a plan cannot be there from the start.
    assert [line for line in wrong if "cannot be created with it" not in line] == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ('replicas: "3"', "8: spec.replicas: '3' has the wrong type (a whole number)"),
        ("analysis: {gates: [{name: a, preset: cpu, below: '1'}]}", "8: spec.analysis.gates[0].below: '1' has"),
        ("strategy: {blueGreen: {verify: 5}}", "8: spec.strategy.blueGreen.verify: "),
    ],
)
def test_a_string_is_no_number_for_the_server_either(tmp_path: Path, given: str, problem: str) -> None:
    (line,) = found(tmp_path, ROLLOUT + f"  {given}\n")
    assert line.startswith(problem)


def test_a_date_is_a_string_and_null_is_absent_as_for_kubectl(tmp_path: Path) -> None:
    assert found(tmp_path, PROMOTION + "  commit: 2026-01-01\n  hold: null\n  approvals:\n") == []


def test_metadata_is_looked_at_too(tmp_path: Path) -> None:
    assert found(tmp_path, PROMOTION.replace("{name: web-1, ", "{"))[0] == "3: metadata.name: missing (it is required)"
    assert found(tmp_path, PROMOTION.replace("{name: web-1, ", "{generateName: web-, ")) == []
    assert "3: metadata.lables: unknown field" in found(tmp_path, PROMOTION.replace("}", ", lables: {}}"))[0]
    assert "Web_1" in found(tmp_path, PROMOTION.replace("web-1", "Web_1"))[0]


def test_the_objects_of_a_list_are_looked_at(tmp_path: Path) -> None:
    one, other = (yaml.safe_load(text) for text in (ROLLOUT, PROMOTION + "  hodl: later\n"))
    (problem,) = found(tmp_path, yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": [one, other]}))
    assert "spec.hodl: unknown field" in problem


def test_standard_input_is_a_file() -> None:
    done = CliRunner().invoke(app, ["lint", "-"], input=ROLLOUT + "---\n" + PROMOTION + "  hodl: later\n")
    assert done.exit_code == 1
    assert done.stderr == "<stdin>:15: spec.hodl: unknown field (did you mean hold?)\n"
    assert done.stdout == "2 objects of Slipway's in 1 file: 1 wrong\n"


def test_a_file_that_is_not_there_is_no_finding() -> None:
    done = CliRunner().invoke(app, ["lint", "nothing.yaml"])
    assert done.exit_code == 2
    assert "nothing.yaml: No such file or directory" in done.output


def test_the_exit_code_tells(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(PROMOTION)
    good = CliRunner().invoke(app, ["lint", str(file)])
    assert (good.exit_code, good.output) == (0, "1 object of Slipway's in 1 file: nothing wrong\n")
    file.write_text(PROMOTION + "  hodl: later\n")
    bad = CliRunner().invoke(app, ["lint", str(file)])
    assert bad.exit_code == 1
    assert f"{file}:7: spec.hodl" in bad.output


def test_the_braces_of_a_template_are_a_finding_and_the_rest_is_checked(tmp_path: Path) -> None:
    braces = PROMOTION.replace("production", "{{ .Values.env }}")
    problems = found(tmp_path, braces, PROMOTION + "  hodl: later\n")
    assert problems == [
        "6: not YAML: a key is no word; a template is rendered before it is checked",
        "14: spec.hodl: unknown field (did you mean hold?)",
    ]


def test_numbers_are_those_of_the_server(tmp_path: Path) -> None:
    gate = "  analysis: {gates: [{name: errors, query: up, below: 1e-3}]}\n"
    assert found(tmp_path, ROLLOUT + gate + "  replicas: 1e0\n") == []
    (problem,) = found(tmp_path, ROLLOUT.replace("production", "1e3"))
    assert problem == "5: spec.environment: 1000 has the wrong type (a string)"


SHOWN = """\
apiVersion: slipway.dev/v1alpha1
kind: Rollout
metadata: {name: web, namespace: shop}
spec:
  environment: production
  strategey: {}
  strategy:
    canary:
      steps:
      - {weight: 50}
      - {weight: 10}
  traffic: {httpRoutes: [{name: web}]}
  template: {spec: {containers: [{name: web, image: "web:1"}]}}
  service: {ports: [{name: http, port: 80}]}
---
apiVersion: slipway.dev/v1alpha1
kind: Promotion
metadata: {name: web-1, namespace: shop}
spec: {rollout: web, environment: production, approved: true}
"""


def test_the_documentation_shows_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shown,) = (block.text for block in BLOCKS if block.text.startswith("$ slipway lint web.yaml\n"))
    (tmp_path / "web.yaml").write_text(SHOWN)
    monkeypatch.chdir(tmp_path)
    printed = CliRunner().invoke(app, ["lint", "web.yaml"])
    assert printed.exit_code == 1
    assert printed.output == shown.partition("\n")[2]
