"""The PromotionPolicy: what an organisation demands before a version may go forward in an environment."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, StrictBool, model_validator

from slipway.api.argument import DataClassification, Recommendation, Risk
from slipway.api.conditions import Condition
from slipway.api.duration import SecondsUp
from slipway.api.extensions import LIST_ATOMIC, LIST_SET, MAP_ATOMIC, list_map, rule
from slipway.api.generation import Generation
from slipway.api.model import Model, StatusModel, invalid, read_lenient
from slipway.api.names import Label
from slipway.api.window import Window

Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=253)]], Field(max_length=100), LIST_SET]
"""Names of checks, as status.checks of a Promotion shows them."""

Count = Annotated[int, Field(ge=1, le=10)]
"""How many people have to approve."""


class LabelRequirement(Model):
    """A demand on one label, as in Kubernetes' own selectors."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
                    "values belong to the operators In and NotIn, and only to them",
                    ".values",
                )
            ]
        }
    )

    key: Annotated[str, Field(min_length=1, max_length=317)]
    """The label."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How it is compared."""
    values: Annotated[list[Annotated[str, Field(max_length=63)]], Field(max_length=50), LIST_SET] = Field(
        default_factory=list
    )
    """What it is compared with."""

    @model_validator(mode="after")
    def _values_where_they_belong(self) -> Self:
        if (self.operator in ("In", "NotIn")) != bool(self.values):
            raise invalid(
                f"operator {self.operator} with {len(self.values)} values", "In and NotIn have some", "values"
            )
        return self


class NamespaceSelector(Model):
    """Namespaces by their labels. All that is said must hold."""

    match_labels: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=50), MAP_ATOMIC] = Field(
        default_factory=dict
    )
    """Labels that the namespace must have."""
    match_expressions: Annotated[list[LabelRequirement], Field(max_length=50), LIST_ATOMIC] = Field(
        default_factory=list
    )
    """Demands on its labels."""


class Match(Model):
    """Where a policy applies. `{}` is everywhere."""

    environments: Annotated[list[Label], Field(max_length=50), LIST_SET] = Field(default_factory=list)
    """The environments of Rollouts. Absent or empty: all of them."""
    namespace_selector: Annotated[NamespaceSelector, MAP_ATOMIC] | None = None
    """The namespaces of Rollouts. Absent: all of them."""


class Staging(Model):
    """Whether, how recently and how long a version must have been in front of others."""

    required: StrictBool = False
    """true: a Promotion must name in spec.from where its images were promoted and verified before."""
    within: SecondsUp | None = None
    """They must have been verified there no longer ago than this."""
    soak: SecondsUp | None = None
    """They must have been stable there for at least this long."""


class Approvals(Model):
    """Whose word counts, how many are needed, and for how long."""

    count: Count = 1
    """How many different people have to approve, each with an own entry in spec.approvals. More than one: an entry
    whose name was not verified does not count."""
    four_eyes: StrictBool = False
    """true: whoever created the Promotion (spec.requestedBy) cannot approve it."""
    verified: StrictBool = False
    """true: an `unverified` entry does not count."""
    service_accounts: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=256)]], Field(max_length=50), LIST_SET] | None
    ) = None
    """The service accounts and other `system:` users whose approval counts, by user name. An empty list: none. Absent:
    all that may approve at all."""
    valid_for: SecondsUp | None = None
    """An approval under which no traffic has moved lapses after this time."""


_PARTS = ("dataClassification", "risk", "recommendation")
_A_PART = f"at least one of {', '.join(_PARTS)} must be set"


class Assessed(Model):
    """What a Promotion says in spec.assessment. Everything that is listed must fit; of a list one value is enough."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [rule(" || ".join(f"has(self.{p})" for p in _PARTS), _A_PART)]}
    )

    data_classification: Annotated[list[DataClassification], Field(min_length=1, max_length=4), LIST_SET] | None = None
    """The data that the workload handles."""
    risk: Annotated[list[Risk], Field(min_length=1, max_length=4), LIST_SET] | None = None
    """The risk that remains."""
    recommendation: Annotated[list[Recommendation], Field(min_length=1, max_length=3), LIST_SET] | None = None
    """What is advised."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.data_classification is None and self.risk is None and self.recommendation is None:
            raise invalid("it says nothing", _A_PART)
        return self


class CaseRule(Model):
    """More than usual is demanded of some cases. A Promotion that does not say what the rule asks about is blocked."""

    when: Assessed
    """The cases."""
    count: Count = 1
    """How many different people have to approve."""
    four_eyes: StrictBool = False
    """true: whoever created the Promotion cannot approve it."""
    reason: StrictBool = False
    """true: spec.assessment.reason must say why it is launched all the same."""


class PromotionPolicySpec(Model):
    """The demands. Several policies that match the same Rollout add up: the strictest of each demand wins."""

    match: Match
    """Where it applies."""
    min_readiness_score: Annotated[float, Field(ge=0, le=10)] | None = None
    """The least spec.readiness.score of a Promotion, unless spec.readiness.override says why less is enough."""
    required_checks: Names = Field(default_factory=list)
    """Checks that a Promotion must have, beside those that it lists by itself. They are never advisory."""
    advisory_checks: Names = Field(default_factory=list)
    """Checks that are shown and do not block. With several policies: those that all of them name."""
    max_age: SecondsUp | None = None
    """Checks that were asked for longer ago are run again before traffic first moves."""
    from_: Annotated[Staging | None, Field(alias="from")] = None
    """Where the version must have been before."""
    approvals: Approvals | None = None
    """Whose word counts, how many are needed, and for how long."""
    rules: Annotated[list[CaseRule], Field(max_length=20), LIST_ATOMIC] = Field(default_factory=list)
    """What is demanded beyond that where data, risk or advice call for it."""
    automatic: Literal["Allow", "Deny"] = "Allow"
    """Deny: Rollouts with approval: Automatic are not accepted."""
    break_glass: Literal["Allow", "Deny"] = "Deny"
    """Allow: spec.breakGlass of a Promotion lifts windows and what is demanded of the case and of the number of
    approvals. With several policies: all of them have to allow it."""
    min_watch: SecondsUp | None = None
    """How long a launch must be watched at least: until when spec.watch of a Promotion goes."""
    windows: Annotated[list[Window], Field(max_length=50), LIST_ATOMIC] = Field(default_factory=list)
    """When nothing goes forward, or when only. Going back is never a matter of windows."""


class PromotionPolicyStatus(StatusModel):
    """What is seen of a policy."""

    observed_generation: Generation = -1
    """The metadata.generation that this status is about; -1 before the operator has seen the object."""
    conditions: Annotated[list[Condition], list_map("type")] = Field(default_factory=list)
    """Accepted: whether it can be read; what cannot lets nothing go forward where it matches. Matching: whether there
    are Rollouts that it applies to."""


class PromotionPolicy(Model):
    """What is demanded before a version may go forward, in some environments. Cluster-scoped."""

    api_version: Literal["slipway.dev/v1alpha1"] = "slipway.dev/v1alpha1"
    kind: Literal["PromotionPolicy"] = "PromotionPolicy"
    metadata: dict[str, Any]
    spec: PromotionPolicySpec
    """The demands."""
    status: PromotionPolicyStatus = PromotionPolicyStatus()
    """What is seen of it."""


def read_policy_status(obj: Mapping[str, Any]) -> PromotionPolicyStatus:
    """The status of a PromotionPolicy as the API server has it; an empty one where it is absent or malformed."""
    return read_lenient(PromotionPolicyStatus, obj.get("status"))


def read_policy(obj: Mapping[str, Any]) -> PromotionPolicy:
    """A PromotionPolicy as the API server has it; ValidationError where its spec is malformed."""
    spec = PromotionPolicySpec.model_validate(obj.get("spec", {}))
    return PromotionPolicy(metadata=dict(obj["metadata"]), spec=spec, status=read_policy_status(obj))
