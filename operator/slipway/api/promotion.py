"""The Promotion: the case for putting one revision in front of users, and a person's word on it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool

from slipway.api.argument import (
    Assessment,
    Communication,
    Idea,
    Migrations,
    Operations,
    Readiness,
    RollbackPlan,
)
from slipway.api.check import Check
from slipway.api.conditions import Condition
from slipway.api.extensions import LIST_ATOMIC, MAP_GRANULAR, list_map, rule, rules
from slipway.api.generation import Generation
from slipway.api.instant import Instant
from slipway.api.model import Model, StatusModel, read_lenient, unique
from slipway.api.names import ImageReference, Label, Percent, PlanHash, Reason, RevisionName, RolloutName

UserName = Annotated[str, Field(min_length=1, max_length=256)]

_ENTRIES_BY_USER = rules(
    rule("self.all(user, size(user) > 0 && size(user) <= 256)", "user names have 1 to 256 characters")
)


class ImageRef(Model):
    """A container and the image that it must have."""

    name: Label
    """Name of the container."""
    image: ImageReference
    """Its image, best with a digest."""


class WeightApproval(Model):
    """Up to which share a person lets the candidate go, and under which plan."""

    weight: Percent
    """Percent of the traffic."""
    plan: PlanHash
    """The plan that they saw."""


class Confirmation(Model):
    """Who has looked at what a manual check asks for, and under which plan."""

    by: UserName
    """The own user name, as `kubectl auth whoami` shows it."""
    plan: PlanHash
    """The plan in status at that time."""


class AcceptNoData(Model):
    """A person's decision to go on without data where there is little traffic. Never over a failed gate."""

    weight: Percent
    """Covers the steps up to this percentage; 100 covers verify too."""
    reason: Reason
    """Why this is acceptable."""


CASE = (
    "images",
    "version",
    "commit",
    "idea",
    "readiness",
    "assessment",
    "checks",
    "rollbackPlan",
    "migrations",
    "operations",
    "communication",
)
"""The fields that make the case: part of the plan, and frozen while it is approved."""

_IMMUTABLE = "is immutable: another one is another Promotion"


def _same(field: str) -> str:
    new, old = f"self.{field}", f"oldSelf.{field}"
    return f"has({new}) == has({old}) && (!has({new}) || {new} == {old})"


def _frozen(field: str) -> dict[str, Any]:
    return rule(
        "!((has(self.approved) && self.approved) || (has(self.approvals) && size(self.approvals) > 0))"
        f" || ({_same(field)})",
        "frozen while the Promotion is approved: withdraw first"
        """ (kubectl patch … --type merge -p '{"spec":{"approved":false,"approvals":null}}')""",
        f".{field}",
    )


class PromotionSpec(Model):
    """Which revision, the case for it, and the decision of people."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(_same("revision"), f"revision {_IMMUTABLE}", ".revision"),
                *(_frozen(field) for field in CASE),
            ]
        }
    )

    rollout: Annotated[RolloutName, rules(rule("self == oldSelf", f"rollout {_IMMUTABLE}"))]
    """Name of the Rollout in this namespace. Immutable."""
    environment: Annotated[Label, rules(rule("self == oldSelf", f"environment {_IMMUTABLE}"))]
    """The environment of the Rollout, named again so that nothing goes to the wrong one. Immutable."""
    revision: RevisionName | None = None
    """The revision, as status of the Rollout names it. Immutable. Absent: follows the Rollout's candidate
    until traffic first moves."""
    images: Annotated[list[ImageRef], Field(max_length=50), unique("name"), list_map("name")] = Field(
        default_factory=list
    )
    """Asserts: the candidate must have exactly these images, else the Promotion is blocked."""
    version: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """The version as people call it."""
    commit: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """The commit that it was built from."""
    idea: Idea | None = None
    """What is launched, and why."""
    readiness: Readiness | None = None
    """How ready its authors judge it."""
    assessment: Assessment | None = None
    """What could go wrong, and what is advised."""
    checks: Annotated[list[Check], Field(max_length=50), unique("name"), list_map("name")] = Field(default_factory=list)
    """The checklist: all of it must pass before anybody can approve."""
    rollback_plan: RollbackPlan | None = None
    """How people go back, beyond what Slipway does by itself."""
    migrations: Migrations | None = None
    """Changes of stored data that belong to the launch."""
    operations: Operations | None = None
    """Where those on call find what they need."""
    communication: Communication | None = None
    """Who is told, and what."""
    approved: StrictBool | None = None
    """true: puts it before users under the plan in status. false: withdraws. Never part of a manifest."""
    approvals: Annotated[dict[UserName, PlanHash], Field(max_length=20), MAP_GRANULAR, _ENTRIES_BY_USER] = Field(
        default_factory=dict
    )
    """Who approved which plan. Stamped from `approved: true`, or written by a further approver as their own
    entry."""
    approved_weight: Percent | None = None
    """Lets the candidate enter canary steps that ask again, up to this percentage."""
    weight_approvals: Annotated[
        dict[UserName, WeightApproval], Field(max_length=20), MAP_GRANULAR, _ENTRIES_BY_USER
    ] = Field(default_factory=dict)
    """Who approved which weight under which plan. Stamped from `approvedWeight`, as `approvals` are."""
    accept_no_data: AcceptNoData | None = None
    """Goes on without data where there is little traffic. Recorded as an override."""
    hold: Reason | None = None
    """While set, nothing advances. Any editor may set it, an approver lifts it."""
    rollback_plan_needed: StrictBool | None = None
    """true: 'I am not confident in the rollback'. Like hold."""
    abort: Reason | None = None
    """Ends it; traffic goes back if it had moved. Any editor may."""
    rerun: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Any change runs the checks again."""
    confirmed: Annotated[dict[str, Confirmation], Field(max_length=50), MAP_GRANULAR] = Field(default_factory=dict)
    """By name of the manual check: who confirms it, under which plan. An entry only under the own name."""


class Target(StatusModel):
    """The revision that this Promotion is about."""

    rollout: str
    """Name of the Rollout."""
    uid: str
    """metadata.uid of the Rollout: another one of the same name is another target."""
    revision: str
    """First ten digits of the digest."""
    digest: str
    """SHA-256 of template and ports."""
    images: list[str] = Field(default_factory=list)
    """The images of its containers, in their order."""


class CheckStatus(StatusModel):
    """One check and its result."""

    name: str
    """Name of the check."""
    category: str = ""
    """What it is about."""
    result: str
    """Passed, Failed, NotApplicable, Unverifiable or Pending."""
    message: str = ""
    """The result in words."""
    evidence: str = ""
    """Where to see it."""
    at: Instant | None = None
    """When the result was found."""


class ApprovalStatus(StatusModel):
    """An approval that counts, or counted."""

    by: str
    """Who gave it."""
    at: Instant
    """When it was first seen."""
    plan_hash: str
    """The plan that they saw."""
    report_digest: str = ""
    """Digest of the report that they saw."""
    identity: str
    """verified, delegated or unverified."""


class PromotionStatus(StatusModel):
    """What is seen and decided."""

    observed_generation: Generation = -1
    """The metadata.generation that this status is about; -1 before the operator has seen the object."""
    phase: str = ""
    """Checking, Blocked, AwaitingApproval, Held, Approved, Shifting, Watching, Succeeded, RolledBack, Failed,
    Aborted or Superseded."""
    message: str = ""
    """What it waits for, with the next command to run."""
    target: Target | None = None
    """The revision that this Promotion is about."""
    plan_hash: str = ""
    """Hash of all that an approval is about; a change voids it before traffic."""
    checks: Annotated[list[CheckStatus], list_map("name")] = Field(default_factory=list)
    """The checks and their results."""
    approvals: Annotated[list[ApprovalStatus], LIST_ATOMIC] = Field(default_factory=list)
    """Who approved, when and which plan."""
    rerun: str | None = None
    """The last `rerun` of the spec that was acted on."""
    links: dict[str, str] = Field(default_factory=dict)
    """Where to see more."""
    started_at: Instant | None = None
    """When the checks began."""
    approved_at: Instant | None = None
    """When enough people had approved."""
    shifted_at: Instant | None = None
    """When all traffic had moved."""
    finished_at: Instant | None = None
    """When it reached its final phase."""
    conditions: Annotated[list[Condition], list_map("type")] = Field(default_factory=list)
    """Succeeded, ChecksPassed, Approved, Watched, Stalled."""


class Promotion(Model):
    """The case for putting one revision in front of users, and a person's word on it."""

    api_version: Literal["slipway.dev/v1alpha1"] = "slipway.dev/v1alpha1"
    kind: Literal["Promotion"] = "Promotion"
    metadata: dict[str, Any]
    spec: PromotionSpec
    """Which revision, the case for it, and the decision of people."""
    status: PromotionStatus = PromotionStatus()
    """What is seen and decided."""


def read_status(obj: Mapping[str, Any]) -> PromotionStatus:
    """The status of a Promotion as the API server has it; an empty one where it is absent or malformed."""
    return read_lenient(PromotionStatus, obj.get("status"))


def read_promotion(obj: Mapping[str, Any]) -> Promotion:
    """A Promotion as the API server has it; ValidationError where its spec is malformed."""
    spec = PromotionSpec.model_validate(obj.get("spec", {}))
    return Promotion(metadata=dict(obj["metadata"]), spec=spec, status=read_status(obj))
