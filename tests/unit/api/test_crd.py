"""The generated CRDs: up to date, structural, and of one mind with the models."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from tests.unit.api import objects

from slipway.api import crd
from slipway.api.model import dump
from slipway.api.promotion import PromotionSpec
from slipway.api.rollout import Analysis, BlueGreen, Canary, CanaryStep, Gate, HTTPSmokeTest, RolloutSpec

CRDS = Path(__file__).parents[3] / "crds"

# What apiextensions/v1 takes in a structural schema, as far as we use it.
KEYWORDS = {
    "additionalProperties",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
}


def schema(definition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, each in node.get("properties", {}).items():
        yield from nodes(each, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in node:
            yield from nodes(node[key], path + mark)


ALL = [
    pytest.param(path, node, id=f"{definition['spec']['names']['kind']}{path}")
    for definition in (crd.rollouts(), crd.promotions(), crd.promotion_policies())
    for path, node in nodes(schema(definition))
]


def test_the_files_are_those_of_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert crd.main(["--check"]) == 0, capsys.readouterr().out


def test_drift_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(crd, "FOLDER", tmp_path)
    assert crd.main([]) == 0
    assert crd.main(["--check"]) == 0
    (tmp_path / "slipway.dev_rollouts.yaml").write_text("kind: Nothing\n")
    capsys.readouterr()
    assert crd.main(["--check"]) == 1
    assert capsys.readouterr().out == "crds/slipway.dev_rollouts.yaml differs from the models\n"
    assert (tmp_path / "slipway.dev_rollouts.yaml").read_text() == "kind: Nothing\n"


def test_the_files_are_one_definition_each() -> None:
    for path in CRDS.glob("*.yaml"):
        definition = yaml.safe_load(path.read_text())
        assert definition["metadata"]["name"] == f"{definition['spec']['names']['plural']}.slipway.dev"


@pytest.mark.parametrize(("path", "node"), ALL)
def test_schemas_are_structural(path: str, node: dict[str, Any]) -> None:
    assert node.keys() <= KEYWORDS
    assert "type" in node or node.get("x-kubernetes-int-or-string")
    assert not ({"properties", "additionalProperties"} <= node.keys())
    if node.get("type") == "array":
        assert "items" in node
    if node.get("x-kubernetes-list-type") == "map":
        required = node["items"]["required"]
        assert set(node["x-kubernetes-list-map-keys"]) <= set(required)


@pytest.mark.parametrize(("path", "node"), [case for case in ALL if str(case.values[0]).startswith(".spec")])
def test_everything_that_users_write_is_bounded(path: str, node: dict[str, Any]) -> None:
    if path.startswith((".spec.template", ".spec.template.metadata")) and not path.endswith("labels"):
        return
    if node.get("type") == "array":
        assert "maxItems" in node
    if "additionalProperties" in node:
        assert "maxProperties" in node
    if node.get("type") == "string" and "enum" not in node:
        assert "maxLength" in node
    if node.get("type") in ("integer", "number") and not path.endswith((".below", ".above")):
        assert {"minimum", "maximum"} <= node.keys()


@pytest.mark.parametrize(
    ("path", "node"), [case for case in ALL if str(case.values[0]).startswith((".spec", ".status"))]
)
def test_everything_is_described(path: str, node: dict[str, Any]) -> None:
    last = path.rsplit(".")[-1]
    if last.endswith(("[]", "{}")) and node.get("type") == "string":
        return
    assert node.get("description", "").endswith(".")


@pytest.mark.parametrize(
    ("path", "model"),
    [
        (".spec", RolloutSpec.model_validate(objects.rollout()["spec"])),
        (".spec.analysis", Analysis()),
        (".spec.analysis.gates[]", Gate(name="x", query="up", below=1)),
        (".spec.strategy.blueGreen", BlueGreen()),
        (".spec.strategy.canary", Canary(steps=[CanaryStep(weight=1)])),
        (".spec.strategy.canary.steps[]", CanaryStep(weight=1)),
        (".spec.smokeTests[].http", HTTPSmokeTest(port=80)),
    ],
)
def test_the_schema_and_the_models_have_the_same_defaults(path: str, model: BaseModel) -> None:
    node = dict(nodes(schema(crd.rollouts())))[path]
    for name, field in type(model).model_fields.items():
        in_schema = node["properties"][field.alias].get("default")
        if name in ("gates", "strategy", "smoke_tests", "template", "service") or field.is_required():
            assert in_schema is None
        elif isinstance(field.default, Analysis):
            assert in_schema == {}
        elif isinstance(field.default, timedelta):
            assert in_schema == dump(model)[str(field.alias)]  # type: ignore[arg-type]
        else:
            assert in_schema == field.default


@pytest.mark.parametrize("path", [".spec.template", ".spec.service"])
def test_what_is_hashed_has_no_defaults_in_the_schema(path: str) -> None:
    below = [node for at, node in nodes(schema(crd.rollouts())) if at.startswith(path)]
    assert below
    assert not any("default" in node for node in below)


def test_nothing_that_a_person_says_has_a_default() -> None:
    spec = [(at, node) for at, node in nodes(schema(crd.promotions())) if at.startswith(".spec")]
    # How a listed check asks, and how long a Job may take, is the plan's business, no person's word.
    plan = (".spec.checks", ".spec.afterRollback", ".spec.migrations.jobs")
    assert not any("default" in node for at, node in spec if not at.startswith(plan))
    assert PromotionSpec.model_fields["approved"].default is None


@pytest.mark.parametrize("make", [crd.rollouts, crd.promotions])
def test_a_status_has_no_default_but_one(make: Any) -> None:
    defaults = {
        at: node["default"] for at, node in nodes(schema(make())) if at.startswith(".status") and "default" in node
    }
    assert defaults == {".status": {"observedGeneration": -1}}


def test_what_is_not_built_is_absent() -> None:
    strategies = schema(crd.rollouts())["properties"]["spec"]["properties"]["strategy"]["properties"]
    assert set(strategies) == {"blueGreen", "canary"}


STANDING_RULES = [
    pytest.param(each["message"], id=f"{case.id}: {each['message']}")
    for case in ALL
    for each in case.values[1].get("x-kubernetes-validations", [])  # type: ignore[union-attr]
    if "oldSelf" not in each["rule"]
]


@pytest.mark.parametrize("message", STANDING_RULES)
def test_every_rule_has_a_case_that_it_refuses(message: str) -> None:
    said = [case.says.rsplit("Invalid value: ")[-1] for case in [*objects.REFUSED_NAMES, *objects.REFUSED]]
    assert [words for words in said if words in message or message in words]
