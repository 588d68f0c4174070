"""Fragments of manifests in the documentation: where each belongs, and the whole that it is a part of."""

from collections.abc import Callable
from typing import Any

import yaml
from tests.docs.blocks import REPOSITORY

from slipway.api.promotion import PromotionSpec, read_promotion
from slipway.api.promotion_policy import PromotionPolicySpec, read_policy
from slipway.api.promotion_status import PromotionStatus
from slipway.api.rollout import RolloutSpec, read_rollout
from slipway.config import Config, parse_config

Object = dict[str, Any]
ROLLOUT: Object = {
    "environment": "demo",
    "template": {"spec": {"containers": [{"name": "web", "image": "registry.example/web:1.4.0"}]}},
    "service": {"ports": [{"name": "http", "port": 80}]},
}
PROMOTION: Object = {"rollout": "web", "environment": "demo"}
READERS: dict[str, Callable[[Object], Any]] = {
    "Rollout": read_rollout,
    "Promotion": read_promotion,
    "PromotionPolicy": read_policy,
}
VALUES = yaml.safe_load((REPOSITORY / "charts" / "slipway" / "values.yaml").read_text())


class BelongsNowhere(ValueError):
    """No kind, and no file of configuration, has these fields."""


def whole(kind: str, spec: Object) -> Object:
    return {"apiVersion": "slipway.dev/v1alpha1", "kind": kind, "metadata": {"name": "fragment"}, "spec": spec}


def completed(fragment: Any) -> Object | None:
    """A manifest with this fragment in the place where it belongs; None where that is no manifest's.

    What is part of the operator's configuration, or of a status, is read here and now.
    """
    if isinstance(fragment, list):
        return whole("Rollout", {**ROLLOUT, "analysis": {"gates": fragment}})
    if not isinstance(fragment, dict):
        raise BelongsNowhere(str(fragment))
    if fragment.keys() == {"spec"}:
        return completed(fragment["spec"])
    if fragment.keys() == {"status"}:
        PromotionStatus.model_validate(fragment["status"], extra="forbid")
        return None
    keys = set(fragment)
    if keys <= names(Config):
        parse_config(yaml.safe_dump(fragment))
        return None
    if keys <= names(RolloutSpec):
        return whole("Rollout", ROLLOUT | fragment)
    if keys <= names(PromotionSpec):
        return whole("Promotion", PROMOTION | fragment)
    if keys <= names(PromotionPolicySpec):
        return whole("PromotionPolicy", {"match": {"environments": ["demo"]}} | fragment)
    if is_values(fragment):
        if config := fragment.get("config"):
            parse_config(yaml.safe_dump(config))
        return None
    raise BelongsNowhere(", ".join(sorted(keys)))


def is_values(fragment: Any) -> bool:
    """Whether this is a values file of the chart, or a part of one."""
    return isinstance(fragment, dict) and "apiVersion" not in fragment and not fragment.keys() - VALUES.keys()


def names(model: type) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}  # type: ignore[attr-defined]
