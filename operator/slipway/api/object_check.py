"""A check on a Kubernetes object of the Promotion's namespace."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from slipway.api.extensions import rule
from slipway.api.model import Model, invalid

_NO_SECRETS = "Slipway reads no Secrets"


class ObjectCheck(Model):
    """An object of this namespace must exist, and an expression over it must hold. Its content is never shown."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule("!(self.apiVersion == 'v1' && self.kind == 'Secret')", f"kind: {_NO_SECRETS}", ".kind")
            ]
        }
    )

    api_version: Annotated[
        str, Field(min_length=2, max_length=253, pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?v[0-9][a-z0-9]*$")
    ]
    """Group and version, as in the object's manifest."""
    kind: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Z][A-Za-z0-9]*$")]
    """Kind of the object. An administrator says which kinds Slipway may read; never Secret."""
    name: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.:]*[A-Za-z0-9])?$")]
    """Name of the object."""
    expression: Annotated[str, Field(min_length=1, max_length=4096)]
    """CEL over the variable `object` that yields true or false, for example `object.status.readyReplicas >= 2`."""

    @model_validator(mode="after")
    def _no_secret(self) -> Self:
        if (self.api_version, self.kind) == ("v1", "Secret"):
            raise invalid(_NO_SECRETS, "another kind", "kind")
        return self
