"""Probes of a candidate."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from slipway.api.duration import SecondsUp
from slipway.api.extensions import MAP_ATOMIC, rule
from slipway.api.job_check import JobCheck
from slipway.api.model import Model, invalid
from slipway.api.names import Label
from slipway.api.port import PortNumber, PortReference


class HTTPSmokeTest(Model):
    """A GET request that must be answered as expected. Redirects are not followed."""

    path: Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^/")] = "/"
    """Path, with a query if there is one."""
    port: PortReference
    """A port of the Service, by number or by name."""
    expect_status: Annotated[int, Field(ge=100, le=599)] = 200
    """The status code of the answer."""
    expect_body: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """A string that the body must contain."""
    timeout: SecondsUp = timedelta(seconds=5)
    """The whole answer must be there within this time."""


class TCPSmokeTest(Model):
    """A connection that must be accepted."""

    service: Label
    """A Service of this namespace."""
    port: PortNumber
    """A port of that Service."""


_KINDS = ("http", "tcp", "job")
_ONE = f"exactly one of {', '.join(_KINDS)} must be set"


class SmokeTest(Model):
    """A probe of the candidate before any traffic, after the switch, and again while it is verified."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(f"[{', '.join(f'has(self.{kind})' for kind in _KINDS)}].filter(set, set).size() == 1", _ONE)
            ]
        }
    )

    name: Label
    """Name of the test, unique within the Rollout."""
    http: Annotated[HTTPSmokeTest, MAP_ATOMIC] | None = None
    """A GET request through the Service of the candidate."""
    tcp: Annotated[TCPSmokeTest, MAP_ATOMIC] | None = None
    """A connection to a Service that the candidate needs."""
    job: JobCheck | None = None
    """A pod that runs once each time, with the environment variables, the labels and the service account of the
    candidate, and passes when it exits with 0. Who writes one needs the right to create Jobs here."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        kinds = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            raise invalid(f"{' and '.join(kinds)} are set" if kinds else "it tests nothing", _ONE)
        return self
