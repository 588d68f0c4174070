"""The checks that a Promotion lists: facts that somebody states with evidence, and questions that Slipway asks."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StrictBool, model_validator
from pydantic.alias_generators import to_snake

from slipway.api.analysis import BOUND_RULES, Query, check_bounds
from slipway.api.catalogue import CATALOGUE, Category
from slipway.api.duration import SecondsUp
from slipway.api.extensions import MAP_ATOMIC, rule, rules
from slipway.api.job_check import JobCheck
from slipway.api.model import Model, invalid
from slipway.api.names import Label, Reason
from slipway.api.object_check import ObjectCheck
from slipway.api.smoke_test import HTTPSmokeTest, TCPSmokeTest

BUILT_IN = (
    "template-accepted",
    "health-probe",
    "references-exist",
    "images-set",
    "images",
    "staging",
    "gates-answer",
    "rollback-rehearsed",
    "fix-described",
    "readiness-score",
    "idea-approved",
    "critical-issues",
    "assessment",
    "rollback-plan-concrete",
    "migrations-complete",
    "stakeholders-configured",
)
"""The checks that every Promotion has, beside those of the template; none of a user's may have their name."""

OF_TEMPLATE: Mapping[str, Category] = {
    "image-pinned": "Security",
    "no-secret-literals": "Security",
    "resources-set": "Operations",
    "non-root": "Security",
}
"""The checks on the pod template that every Promotion has."""

MAY_NOT_APPLY: Mapping[str, Category] = {
    **OF_TEMPLATE,
    "gates-answer": "Operations",
    "rollback-rehearsed": "Operations",
}
"""The checks that every Promotion has and that, listed by name, can be said not to apply."""

_RESERVED = "is the name of a check that every Promotion has"
_RESERVED_NAMES = [name for name in BUILT_IN if name not in MAY_NOT_APPLY]
_WITHOUT_CATEGORY = sorted([*CATALOGUE, *MAY_NOT_APPLY])


class Attestation(Model):
    """A fact that somebody states, a pipeline for example; Slipway shows it and who could look at the evidence."""

    passed: StrictBool
    """Whether it is so. false blocks, and says so."""
    summary: Annotated[str, Field(min_length=1, max_length=512)]
    """The result in a few words, for example `185 of 185`."""
    evidence: Annotated[str, Field(max_length=2048, pattern=r"^https?://[^\s]+$")] | None = None
    """Address of what proves it. Without one nothing has passed: the check is Unverifiable."""


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


class ManualCheck(Model):
    """Something that a person looks at, and confirms under the own name."""

    ask: Annotated[str, Field(min_length=1, max_length=512)]
    """What to look at, and what should be seen."""
    when: Literal["before", "after"] = "before"
    """before: nobody can approve until it is confirmed. after: it is looked at once users have the new revision; the
    approval does not wait for it, the launch has not succeeded before it is confirmed, and going back never waits."""


class NotApplicable(Model):
    """A person's word that a check does not apply. It is part of what is approved."""

    reason: Reason
    """Why it does not apply."""


_KINDS = ("attest", "prometheus", "http", "tcp", "object", "job", "manual", "notApplicable")
_FIELDS = {kind: to_snake(kind) for kind in _KINDS}
_ONE = f"exactly one of {', '.join(_KINDS)} must be set"
_ONLY_NOT_APPLICABLE = "is checked by Slipway itself: here it can only be said why it does not apply (notApplicable)"
_NEEDS_CATEGORY = "only a check of the catalogue has a category of its own"


def _answers() -> str:
    return f"[{', '.join(f'has(self.{kind})' for kind in _KINDS)}].filter(set, set).size()"


class Check(Model):
    """One point of the checklist. It must pass before anybody can approve, unless it is looked at after the switch.

    A check of the catalogue (see docs/catalogue.md) may be listed by its name alone: Slipway answers it, or it
    waits for its answer.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(f"{_answers()} == 1 || ({_answers()} == 0 && self.name in {sorted(CATALOGUE)})", _ONE),
                rule(f"has(self.category) || self.name in {_WITHOUT_CATEGORY}", _NEEDS_CATEGORY, ".category"),
                rule(
                    f"!(self.name in {sorted(MAY_NOT_APPLY)}) || (has(self.notApplicable) && !has(self.category))",
                    _ONLY_NOT_APPLICABLE,
                    ".name",
                ),
            ]
        }
    )

    name: Annotated[Label, rules(rule(f"!(self in {_RESERVED_NAMES})", _RESERVED))]
    """Name of the check, unique within the Promotion."""
    category: Category | None = None
    """What it is about. A check of the catalogue has its own."""
    attest: Attestation | None = None
    """A fact that somebody states."""
    prometheus: PrometheusCheck | None = None
    """A number that is asked for."""
    http: Annotated[HTTPCheck, MAP_ATOMIC] | None = None
    """A GET request to a Service of this namespace."""
    tcp: Annotated[TCPSmokeTest, MAP_ATOMIC] | None = None
    """A connection to a Service of this namespace."""
    object: Annotated[ObjectCheck, MAP_ATOMIC] | None = None
    """An object of this namespace, and what must hold for it."""
    job: JobCheck | None = None
    """A pod that runs once in this namespace."""
    manual: ManualCheck | None = None
    """What a person looks at, and confirms in `spec.confirmed`."""
    not_applicable: NotApplicable | None = None
    """Why this does not apply here."""

    @property
    def about(self) -> str:
        """The category that it says, or that its name has."""
        entry = CATALOGUE.get(self.name)
        return self.category or MAY_NOT_APPLY.get(self.name) or (entry.category if entry else "")

    @property
    def is_alone(self) -> bool:
        """Whether it is listed by its name alone, without an answer or a question."""
        return all(getattr(self, to_snake(kind)) is None for kind in _KINDS)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.name in _RESERVED_NAMES:
            raise invalid(f"{self.name!r} {_RESERVED}", "another name", "name")
        kinds = [kind for kind, field in _FIELDS.items() if getattr(self, field) is not None]
        if self.name in MAY_NOT_APPLY and (kinds != ["notApplicable"] or self.category):
            raise invalid(f"{self.name!r} {_ONLY_NOT_APPLICABLE}", "name and notApplicable alone", "name")
        if not self.about:
            raise invalid("missing", f"what it is about; {_NEEDS_CATEGORY}", "category")
        if len(kinds) != 1 and (kinds or self.name not in CATALOGUE):
            wrong = f"{' and '.join(kinds)} are set" if kinds else "it asks for nothing"
            raise invalid(wrong, f"exactly one of {', '.join(_KINDS)}")
        return self
