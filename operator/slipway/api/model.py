"""What all models of the API share: one configuration, one way to refuse, one way to write."""

from typing import Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError


class Model(BaseModel):
    """A part of a resource: immutable, camelCase on the wire, unknown fields refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


M = TypeVar("M", bound=Model)


class StatusModel(Model):
    """A part of a status. What is unset or empty is left out on writing, as in Kubernetes' own types."""

    @model_serializer(mode="wrap")
    def _omit_empty(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value not in (None, "", [], {})}


def dump(model: Model) -> dict[str, Any]:
    """The model as JSON-ready data with the names of the API; what is None is left out."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def read_lenient(kind: type[M], data: object) -> M:
    """`data` as a `kind`, or an empty `kind` where it does not parse.

    Status is a cache of the world that anyone with the right may wipe or edit: what cannot be read is
    rebuilt, it never stops a reconcile. Unknown fields are those of a newer operator and are passed over.
    """
    try:
        return kind.model_validate(data, extra="ignore")
    except ValidationError:
        return kind()


def invalid(wrong: str, right: str, at: str = "") -> PydanticCustomError:
    """The error for a rule across fields: what is wrong, what would be right, and where.

    `at` is the path below the model or value that raises, in Kubernetes style: `analysis.gates[1].name`.
    """
    return PydanticCustomError("rule", "{wrong}: {right}", {"wrong": wrong, "right": right, "at": at})


def unique(attribute: str) -> AfterValidator:
    """Refuses a list in which two items have the same `attribute`."""

    def check(items: list[Any]) -> list[Any]:
        seen: set[object] = set()
        for index, item in enumerate(items):
            key = getattr(item, attribute)
            if key in seen:
                raise invalid(f"{key!r} is there twice", "each one has its own", f"[{index}].{attribute}")
            seen.add(key)
        return items

    return AfterValidator(check)
