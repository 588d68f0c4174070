"""The checks that a Promotion lists: facts that somebody states with evidence, and questions that Slipway asks."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StrictBool, model_validator

from slipway.api.analysis import BOUND_RULES, Query, check_bounds
from slipway.api.duration import SecondsUp
from slipway.api.extensions import MAP_ATOMIC, rule, rules
from slipway.api.model import Model, invalid
from slipway.api.names import Label
from slipway.api.smoke_test import HTTPSmokeTest, TCPSmokeTest

Category = Literal["Security", "Quality", "Operations", "Documentation", "Compliance"]
"""What a check is about."""

BUILT_IN = (
    "template-accepted",
    "health-probe",
    "references-exist",
    "images-set",
    "images",
    "staging",
    "gates-answer",
    "rollback-rehearsed",
    "readiness-score",
    "idea-approved",
    "critical-issues",
    "assessment",
    "rollback-plan-concrete",
    "migrations-complete",
)
"""The checks that every Promotion has; none of a user's may have their name."""

_RESERVED = "is the name of a check that every Promotion has"


class Attestation(Model):
    """A fact that somebody states, a pipeline for example; Slipway shows it and who could look at the evidence."""

    passed: StrictBool
    """Whether it is so. false blocks, and says so."""
    summary: Annotated[str, Field(min_length=1, max_length=512)]
    """The result in a few words, for example `185 of 185`."""
    evidence: Annotated[str, Field(max_length=2048, pattern=r"^https?://[^\s]+$")] | None = None
    """Address of what proves it."""


class PrometheusCheck(Model):
    """A number of the Rollout's metrics source that must keep a bound before any traffic moves."""

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-validations": [*BOUND_RULES]})

    query: Query
    """PromQL that yields one number. The names in it are replaced as in a gate's query."""
    below: float | None = None
    """The number must be less than this."""
    above: float | None = None
    """The number must be more than this."""
    window: SecondsUp = timedelta(minutes=1)
    """What `$(window)` stands for."""

    @model_validator(mode="after")
    def _a_bound(self) -> Self:
        check_bounds(self.below, self.above)
        return self


class HTTPCheck(HTTPSmokeTest):
    """A GET request that every pod behind a Service must answer as expected. Redirects are not followed."""

    service: Label
    """A Service of this namespace."""


_KINDS = ("attest", "prometheus", "http", "tcp")
_ONE = f"exactly one of {', '.join(_KINDS)} must be set"


class Check(Model):
    """One point of the checklist. It must pass before anybody can approve."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(f"[{', '.join(f'has(self.{kind})' for kind in _KINDS)}].filter(set, set).size() == 1", _ONE)
            ]
        }
    )

    name: Annotated[Label, rules(rule(f"!(self in {list(BUILT_IN)})", _RESERVED))]
    """Name of the check, unique within the Promotion."""
    category: Category
    """What it is about."""
    attest: Attestation | None = None
    """A fact that somebody states."""
    prometheus: PrometheusCheck | None = None
    """A number that is asked for."""
    http: Annotated[HTTPCheck, MAP_ATOMIC] | None = None
    """A GET request to a Service of this namespace."""
    tcp: Annotated[TCPSmokeTest, MAP_ATOMIC] | None = None
    """A connection to a Service of this namespace."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.name in BUILT_IN:
            raise invalid(f"{self.name!r} {_RESERVED}", "another name", "name")
        kinds = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            wrong = f"{' and '.join(kinds)} are set" if kinds else "it asks for nothing"
            raise invalid(wrong, f"exactly one of {', '.join(_KINDS)}")
        return self
