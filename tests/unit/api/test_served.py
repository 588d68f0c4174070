"""Definitions in a cluster that are older than the operator."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from tests.cluster.paths import REPOSITORY

from slipway.api.crd import structural
from slipway.api.promotion import Promotion
from slipway.api.promotion_policy import PromotionPolicy
from slipway.api.rollout import Rollout
from slipway.api.served import lacking, schema_of

MODELS = {"rollouts": Rollout, "promotions": Promotion, "promotionpolicies": PromotionPolicy}


def schema(plural: str) -> dict[str, Any]:
    crd = yaml.safe_load((REPOSITORY / "crds" / f"slipway.dev_{plural}.yaml").read_text())
    found: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def ours(plural: str) -> dict[str, Any]:
    properties = structural(MODELS[plural])["properties"]
    return {"properties": {part: properties[part] for part in ("spec", "status") if part in properties}}


@pytest.mark.parametrize("plural", MODELS)
def test_the_definitions_of_this_version_lack_nothing(plural: str) -> None:
    assert list(lacking(ours(plural), schema(plural))) == []


def test_what_an_older_one_lacks_is_named_by_its_path() -> None:
    older = schema("rollouts")
    status = older["properties"]["status"]["properties"]
    del status["candidate"]["properties"]["planHash"]
    del status["gates"]["items"]["properties"]["recent"]
    del status["watch"]
    del older["properties"]["spec"]["properties"]["analysis"]["properties"]["gates"]["items"]["properties"]["window"]
    assert set(lacking(ours("rollouts"), older)) == {
        "spec.analysis.gates[].window",
        "status.candidate.planHash",
        "status.gates[].recent",
        "status.watch",
    }


def test_one_that_is_newer_lacks_nothing() -> None:
    newer = copy.deepcopy(schema("promotions"))
    newer["properties"]["status"]["properties"]["later"] = {"type": "string"}
    assert list(lacking(ours("promotions"), newer)) == []


def test_what_keeps_every_field_lacks_none() -> None:
    anything = {"properties": {"spec": {"x-kubernetes-preserve-unknown-fields": True}}}
    assert list(lacking({"properties": {"spec": ours("rollouts")["properties"]["spec"]}}, anything)) == []


def test_the_schema_is_found_by_the_name_that_kubernetes_gives_it() -> None:
    there = {"components": {"schemas": {"dev.slipway.v1alpha1.Rollout": {"type": "object"}}}}
    assert schema_of("Rollout", there) == {"type": "object"}
    assert schema_of("Promotion", there) == {}
    assert schema_of("Rollout", {}) == {}
