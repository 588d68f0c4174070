"""The case for a launch as its authors state it: part of the plan that people approve, frozen while it is approved."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StrictBool, model_validator

from slipway.api.duration import Duration
from slipway.api.extensions import LIST_ATOMIC, list_map, rule
from slipway.api.migration_job import MigrationJobs
from slipway.api.model import Model, invalid, unique

Text = Annotated[str, Field(max_length=4096)]
Line = Annotated[str, Field(min_length=1, max_length=1024)]
Lines = Annotated[list[Line], Field(max_length=50), LIST_ATOMIC]
URL = Annotated[str, Field(max_length=2048, pattern=r"^https?://[^\s]+$")]

DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2}))?$"

DataClassification = Literal["PUBLIC", "INTERNAL", "CONFIDENTIAL", "RESTRICTED"]
"""How sensitive the data is that the workload handles, from least to most."""

Risk = Literal["Low", "Medium", "High", "Critical"]
"""How much a failed launch would hurt, from least to most."""

Recommendation = Literal["Proceed", "Proceed with Caution", "Do Not Proceed"]
"""What those who assessed it advise."""


class JourneyStage(Model):
    """A stage that the idea went through."""

    stage: Annotated[str, Field(min_length=1, max_length=64)]
    """Name of the stage, as the organisation calls it."""
    at: Annotated[str, Field(max_length=40, pattern=DATE)] | None = None
    """When it was reached: a date, or a moment in RFC 3339."""
    iterations: Annotated[int, Field(ge=0, le=10000)] | None = None
    """How many rounds it took."""
    note: Annotated[str, Field(max_length=1024)] | None = None
    """What happened there."""


class Artifact(Model):
    """A document or a build product that belongs to the launch."""

    kind: Annotated[str, Field(min_length=1, max_length=64)]
    """What it is, for example `design` or `sbom`."""
    url: URL
    """Where it is."""
    sha256: Annotated[str, Field(max_length=64, pattern=r"^[0-9a-f]{64}$")] | None = None
    """Digest of its content in hexadecimal digits."""


class Idea(Model):
    """What is launched, and why."""

    id: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")]
    """Its identifier, valid as a label value: reports and records of all environments are found by it."""
    summary: Text | None = None
    """What it is, in plain words."""
    problem: Text | None = None
    """Which problem of whom it solves."""
    evidence: Text | None = None
    """What shows that it does."""
    lessons: Lines = Field(default_factory=list)
    """What was learned on the way."""
    journey: Annotated[list[JourneyStage], Field(max_length=20), LIST_ATOMIC] = Field(default_factory=list)
    """The stages so far, in their order."""
    artifacts: Annotated[list[Artifact], Field(max_length=50), LIST_ATOMIC] = Field(default_factory=list)
    """Documents and build products."""


class CriticalIssue(Model):
    """Something that must be solved before users see it."""

    id: Annotated[str, Field(min_length=1, max_length=256)]
    """Its number or address in the tracker."""
    resolved: StrictBool | None = None
    """Whether it is solved."""


class Readiness(Model):
    """How ready its authors judge it."""

    stage: Annotated[str, Field(min_length=1, max_length=64)]
    """The stage that it has passed. A launch is SCALE: IDEA, SPARK, CONCEPT and PROTOTYPE are too early for it, REFINE
    comes before it. Other names are the organisation's own, and are not judged."""
    status: Annotated[str, Field(min_length=1, max_length=64)]
    """The state of that stage. A launch wants `approved`."""
    score: Annotated[float, Field(ge=0, le=10)]
    """From 0 to 10. At least 7, or what a policy asks for, unless `override` says why less is enough."""
    override: Annotated[str, Field(max_length=1024)] | None = None
    """Why a lower score is accepted. Shown to approvers."""
    critical_issues: Annotated[list[CriticalIssue], Field(max_length=50), unique("id"), list_map("id")] = Field(
        default_factory=list
    )
    """All of them must be resolved."""


class Assessment(Model):
    """What could go wrong, and what is advised."""

    data_classification: DataClassification | None = None
    """The most sensitive data that the workload handles."""
    threats: Lines = Field(default_factory=list)
    """What could go wrong."""
    mitigations: Lines = Field(default_factory=list)
    """What is done against it."""
    risk: Risk | None = None
    """What remains."""
    recommendation: Recommendation | None = None
    """What is advised. `Do Not Proceed` blocks, `Proceed with Caution` wants a reason."""
    reason: Annotated[str, Field(max_length=1024)] | None = None
    """Why."""


class RollbackPlan(Model):
    """How people go back, beyond what Slipway does by itself."""

    triggers: Lines = Field(default_factory=list)
    """When to go back."""
    steps: Lines = Field(default_factory=list)
    """What to run: commands, not intentions."""
    verification: Lines = Field(default_factory=list)
    """How to see that it worked: a command, or a number to compare with."""
    communication: Lines = Field(default_factory=list)
    """Whom to tell, and what."""


_EXPANDS = "an expansion runs while the version that serves still serves: backwardCompatible must be true"


class Migrations(Model):
    """Changes of stored data that belong to the launch."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.jobs) || !has(self.jobs.expand)"
                    " || (has(self.backwardCompatible) && self.backwardCompatible)",
                    _EXPANDS,
                    ".backwardCompatible",
                )
            ]
        }
    )

    scripts: Lines = Field(default_factory=list)
    """The scripts in the order in which they run; their names sort in that order."""
    backward_compatible: StrictBool | None = None
    """Whether the version that serves now works with the migrated data. Going back rests on it."""
    backfill: Text | None = None
    """What is filled in afterwards, and how."""
    estimated_duration: Duration | None = None
    """How long they are expected to take."""
    rollback: Lines = Field(default_factory=list)
    """The scripts that undo them, one for each."""
    jobs: MigrationJobs | None = None
    """Jobs that Slipway runs as steps of the launch."""

    @model_validator(mode="after")
    def _bears_the_expansion(self) -> Self:
        if self.jobs is not None and self.jobs.expand is not None and self.backward_compatible is not True:
            raise invalid("backwardCompatible is not true", _EXPANDS, "backwardCompatible")
        return self


class Operations(Model):
    """Where those on call find what they need."""

    ci: Text | None = None
    """What builds and tests it."""
    secrets: Text | None = None
    """How its secrets are managed. Never a secret itself."""
    logging: Text | None = None
    """Where its logs are."""
    alerts: Text | None = None
    """Which alerts watch it."""
    url: URL | None = None
    """Where users reach it. Absent: host and path of the HTTPRoutes that lead to it."""
    provider: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """Who runs what it runs on. Absent: as the nodes of its pods say."""
    region: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """Where that is. Absent: as the nodes of its pods say."""
    links: Annotated[dict[Annotated[str, Field(max_length=63)], URL], Field(max_length=20)] = Field(
        default_factory=dict
    )
    """Names and addresses, for example of dashboards and the runbook."""


class Communication(Model):
    """Who is told, and what."""

    changelog: Annotated[str, Field(max_length=16384)] | None = None
    """What has changed, for those who operate it."""
    release_notes: Annotated[str, Field(max_length=16384)] | None = None
    """What has changed, for users."""
    notify: Lines = Field(default_factory=list)
    """Whom it concerns, stakeholders and those on call: names of channels that the administrator opened to Promotions.
    The first ten count."""
    issues: Lines = Field(default_factory=list)
    """Issues that it closes or belongs to."""
