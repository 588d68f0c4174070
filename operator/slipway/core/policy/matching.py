"""Which policies apply to a Rollout. One that cannot be read still applies, and demands that somebody mends it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from slipway.api.problems import problems
from slipway.api.promotion_policy import LabelRequirement, Match, NamespaceSelector, PromotionPolicySpec
from slipway.core.snapshot import Object


@dataclass(frozen=True)
class Policy:
    """A PromotionPolicy. `spec` is None when it does not parse; `problem` says why, with paths.

    `match` is None when not even that can be read.
    """

    name: str
    spec: PromotionPolicySpec | None
    problem: str
    match: Match | None


def matching(objects: Iterable[Object], environment: str, labels: Mapping[str, str]) -> tuple[Policy, ...]:
    """The policies for Rollouts of an environment in a namespace with these labels, by name."""
    found = (read(obj) for obj in objects)
    return tuple(sorted((p for p in found if applies(p, environment, labels)), key=lambda policy: policy.name))


def read(obj: Object) -> Policy:
    """A PromotionPolicy as the API server has it."""
    return _read(str(obj["metadata"]["name"]), _text(obj.get("spec")))


def _text(spec: Any) -> str:
    return json.dumps(spec, sort_keys=True, separators=(",", ":"))


@lru_cache(maxsize=512)
def _read(name: str, text: str) -> Policy:
    """Parsed once for each content: thousands of Rollouts ask for the same few policies."""
    raw = json.loads(text)
    try:
        spec = PromotionPolicySpec.model_validate(raw)
    except ValidationError as error:
        return Policy(name, None, "; ".join(str(problem) for problem in problems(error)), _match(raw))
    return Policy(name, spec, "", spec.match)


def _match(raw: Any) -> Match | None:
    try:
        return Match.model_validate(raw["match"])
    except (ValidationError, TypeError, KeyError):
        return None


def applies(policy: Policy, environment: str, labels: Mapping[str, str]) -> bool:
    """Whether a policy is about Rollouts of an environment, in a namespace with these labels."""
    match = policy.match
    if match is None:
        return True
    if match.environments and environment not in match.environments:
        return False
    # Every namespace has a label with its name: without any, it has not been seen yet, and might be one of these.
    return match.namespace_selector is None or not labels or _selects(match.namespace_selector, labels)


def _selects(selector: NamespaceSelector, labels: Mapping[str, str]) -> bool:
    return all(labels.get(key) == value for key, value in selector.match_labels.items()) and all(
        _holds(requirement, labels) for requirement in selector.match_expressions
    )


def _holds(requirement: LabelRequirement, labels: Mapping[str, str]) -> bool:
    match requirement.operator:
        case "In":
            return labels.get(requirement.key) in requirement.values
        case "NotIn":
            return labels.get(requirement.key) not in requirement.values
        case "Exists":
            return requirement.key in labels
        case "DoesNotExist":
            return requirement.key not in labels
