"""What is wrong with a resource, in the words of its user."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from reprlib import repr
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from slipway.api.promotion import Promotion, PromotionSpec
from slipway.api.promotion_policy import PromotionPolicy, PromotionPolicySpec
from slipway.api.rollout import Rollout, RolloutSpec

_ROOTS: dict[str, tuple[str, type[BaseModel]]] = {
    "RolloutSpec": ("spec", RolloutSpec),
    "PromotionSpec": ("spec", PromotionSpec),
    "Rollout": ("", Rollout),
    "Promotion": ("", Promotion),
    "PromotionPolicySpec": ("spec", PromotionPolicySpec),
    "PromotionPolicy": ("", PromotionPolicy),
}
_MAPS = ("approvals", "weightApprovals")
_TYPES = {
    "bool_type": "true or false",
    "dict_type": "an object",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "an object",
    "string_type": "a string",
}


@dataclass(frozen=True)
class FieldProblem:
    """One thing that is wrong with a resource."""

    path: str
    """The field in Kubernetes' style: `spec.strategy.canary.steps[1].weight`."""
    wrong: str
    """What is wrong."""
    right: str
    """What would be right."""

    def __str__(self) -> str:
        return f"{self.path}: {self.wrong} ({self.right})"


def problems(error: ValidationError) -> list[FieldProblem]:
    """All that is wrong, one entry for each field, in the order of the fields.

    Takes the errors of Rollout, Promotion, PromotionPolicy and of their specs; paths begin at the resource.
    """
    root, model = _ROOTS[error.title]
    return [_problem(details, root, model) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails, root: str, model: type[BaseModel]) -> FieldProblem:
    where, context, given = details["loc"], details.get("ctx", {}), repr(details.get("input"))
    path = root
    for before, part in zip((None, *where), where, strict=False):
        if isinstance(part, int) or (before in _MAPS and model in (Promotion, PromotionSpec)):
            path += f"[{part}]"
        elif part != "[key]":
            path += f".{part}" if path else part
    match details["type"]:
        case "rule":
            at = context["at"]
            path += at if at.startswith(("[", ".")) or not at else f".{at}" if path else at
            return FieldProblem(path, context["wrong"], context["right"])
        case "missing":
            return FieldProblem(path, "missing", "it is required")
        case "extra_forbidden":
            return FieldProblem(path, "unknown field", _known(model, where))
        case "literal_error":
            return FieldProblem(path, f"{given} is not known", context["expected"])
        case "string_pattern_mismatch":
            return FieldProblem(path, f"{given} has not the right form", f"must match {context['pattern']}")
        case "greater_than_equal":
            return FieldProblem(path, f"{given} is too small", f"at least {context['ge']}")
        case "less_than_equal":
            return FieldProblem(path, f"{given} is too large", f"at most {context['le']}")
        case "string_too_short" | "too_short":
            return FieldProblem(path, "too short", f"at least {context['min_length']} long")
        case "string_too_long" | "too_long":
            return FieldProblem(path, "too long", f"at most {context['max_length']} long")
        case kind if kind in _TYPES:
            return FieldProblem(path, f"{given} has the wrong type", _TYPES[kind])
        case _:
            return FieldProblem(path, "invalid", details["msg"])


def _known(model: type[BaseModel], where: Sequence[int | str]) -> str:
    """The field that was meant if one looks like it, else all that there are beside it."""
    *parents, unknown = where
    for part in parents:
        field = next((f for f in model.model_fields.values() if f.alias == part), None)
        if field is not None:
            model = _model_in(field.annotation) or model
    names = [field.alias or name for name, field in model.model_fields.items()]
    close = get_close_matches(str(unknown), names, n=1)
    return f"did you mean {close[0]}?" if close else f"one of {', '.join(names)}"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation speaks of, through lists, maps and optionals."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)
