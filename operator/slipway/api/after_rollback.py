"""What a Promotion has Slipway look at once traffic has gone back."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_snake

from slipway.api.check import HTTPCheck, PrometheusCheck
from slipway.api.extensions import MAP_ATOMIC, list_map, rule
from slipway.api.job_check import JobCheck
from slipway.api.model import Model, invalid, unique
from slipway.api.names import Label
from slipway.api.object_check import ObjectCheck
from slipway.api.smoke_test import TCPSmokeTest

_KINDS = ("prometheus", "http", "tcp", "object", "job")
_ONE = f"exactly one of {', '.join(_KINDS)} must be set"


class AfterRollbackCheck(Model):
    """One question that is asked once, when traffic is back. Nothing waits for its answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(f"[{', '.join(f'has(self.{kind})' for kind in _KINDS)}].filter(set, set).size() == 1", _ONE)
            ]
        }
    )

    name: Label
    """Name of the check, unique within the list."""
    prometheus: PrometheusCheck | None = None
    """A number that is asked for when its window has passed since traffic was back."""
    http: Annotated[HTTPCheck, MAP_ATOMIC] | None = None
    """A GET request to a Service of this namespace."""
    tcp: Annotated[TCPSmokeTest, MAP_ATOMIC] | None = None
    """A connection to a Service of this namespace."""
    object: Annotated[ObjectCheck, MAP_ATOMIC] | None = None
    """An object of this namespace, and what must hold for it."""
    job: JobCheck | None = None
    """A pod that runs once in this namespace."""

    @property
    def about(self) -> str:
        """A category it has none."""
        return ""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [kind for kind in _KINDS if getattr(self, to_snake(kind)) is not None]
        if len(kinds) != 1:
            raise invalid(f"{' and '.join(kinds)} are set" if kinds else "it asks for nothing", _ONE)
        return self


AfterRollback = Annotated[list[AfterRollbackCheck], Field(max_length=20), unique("name"), list_map("name")]
"""Up to twenty of them."""
