"""Ports: by number or by name."""

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from slipway.api.model import invalid

PORT_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"

PortNumber = Annotated[int, Field(ge=1, le=65535)]
PortName = Annotated[str, Field(min_length=1, max_length=15, pattern=PORT_NAME)]


def _number_or_name(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise invalid(f"{value!r} is no port", "a number or a name of at most 15 characters")
    if isinstance(value, int) and not 1 <= value <= 65535:
        raise invalid(f"{value} is no port", "a number from 1 to 65535, or a name")
    if isinstance(value, str) and not 1 <= len(value) <= 15:
        raise invalid(f"{value!r} is no port", "a name of at most 15 characters, or a number")
    return value


PortReference = Annotated[
    int | str,
    BeforeValidator(_number_or_name),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "maxLength": 15}),
]
"""A port by number, or by name."""
