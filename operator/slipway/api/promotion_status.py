"""What is seen and decided of a Promotion."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from slipway.api.check_status import CheckStatus
from slipway.api.conditions import Condition
from slipway.api.extensions import LIST_ATOMIC, list_map
from slipway.api.generation import Generation
from slipway.api.image_ref import ImageRef
from slipway.api.instant import Instant
from slipway.api.model import StatusModel, read_lenient
from slipway.api.notice import NoticeStatus
from slipway.api.overrides import BrokenGlass
from slipway.api.said_by import DecisionStatus


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
    confirmed: Annotated[list[str], LIST_ATOMIC] = Field(default_factory=list)
    """What they confirmed by it, as the report says."""
    identity: str
    """verified, delegated or unverified."""


class WeightApprovalStatus(StatusModel):
    """A word for a share that asks, which counts or counted."""

    by: str
    """Who gave it."""
    weight: int
    """Percent of the traffic that they agreed to."""
    at: Instant
    """When it was first seen."""
    plan_hash: str
    """The plan that they saw."""
    identity: str
    """verified, delegated or unverified."""


class ReportStatus(StatusModel):
    """Where the report is."""

    config_map: str
    """Name of the ConfigMap, with keys report.md and report.json."""
    digest: str
    """SHA-256 of report.json in canonical form. Frozen from the approval on."""
    summary_digest: str = ""
    """SHA-256 of summary.md, which is added at the end."""


class Summary(StatusModel):
    """What came of it."""

    outcome: str
    """The phase in which it ended."""
    delivered: str = ""
    """What was delivered, with its version: the idea's summary, else the first line of the release notes, else the
    images. What was to be delivered, where it was taken back."""
    environment: str
    """Where."""
    strategy: str
    """How."""
    revision: str
    """What."""
    version: str = ""
    """The version as people call it."""
    commit: str = ""
    """The commit that it was built from."""
    urls: Annotated[list[str], LIST_ATOMIC] = Field(default_factory=list)
    """Where users reach it."""
    provider: str = ""
    """Who runs what it runs on, where the case says it."""
    region: str = ""
    """Where that is, where the case says it."""
    given: Annotated[list[str], LIST_ATOMIC] = Field(default_factory=list)
    """Which of addresses, provider and region the case says."""
    checks: str
    """How many of the checks passed."""
    durations: dict[str, str] = Field(default_factory=dict)
    """How long the phases took: waiting (until the approval), held (from then to the first traffic, where something
    held it up), shifting, verifying, total."""
    verification: Annotated[list[str], LIST_ATOMIC] = Field(default_factory=list)
    """Last values of the gates against their bounds, and results of the smoke tests."""
    rollback: str = ""
    """How to go back from here."""
    went_back: str = ""
    """Why traffic was taken back; absent where it was not."""
    root_cause: str = ""
    """The command by which people answer what the root cause was, once traffic was taken back."""


class RecordStatus(StatusModel):
    """A launch record that was kept."""

    config_map: str
    """Its ConfigMap."""
    digest: str
    """`sha256:` and the digest of its `statement.json`."""
    kind: str = ""
    """launch, watch, rollback or learnings."""
    id: str = ""
    """What is recorded; there is one record for each."""


class MigrationStatus(StatusModel):
    """A step of the migrations."""

    step: str
    """expand, contract or rollback."""
    result: str
    """Pending, Running, Succeeded, Failed or Skipped."""
    message: str = ""
    """The result in words."""
    job: str = ""
    """Its Job; there is none before it runs."""
    at: Instant | None = None
    """When it ended; while it runs, when it was begun."""


class PromotionStatus(StatusModel):
    """What is seen and decided."""

    observed_generation: Generation = -1
    """The metadata.generation that this status is about; -1 before the operator has seen the object."""
    phase: str = ""
    """Checking, Blocked, AwaitingApproval, Held, Approved, Shifting, Watching, Succeeded, RolledBack, Failed,
    Aborted, Superseded or DryRunComplete."""
    message: str = ""
    """What it waits for, with the next command to run."""
    target: Target | None = None
    """The revision that this Promotion is about."""
    images_set: Annotated[list[ImageRef], LIST_ATOMIC] = Field(default_factory=list)
    """The images that `setImages` has brought into the Rollout's template. They are not written again when somebody
    changes them there."""
    plan_hash: str = ""
    """Hash of all that an approval is about; a change voids it before traffic."""
    checks: Annotated[list[CheckStatus], list_map("name")] = Field(default_factory=list)
    """The checks and their results."""
    after_rollback: Annotated[list[CheckStatus], list_map("name")] = Field(default_factory=list)
    """What `afterRollback` asks, and the answers, once traffic has gone back."""
    approvals: Annotated[list[ApprovalStatus], LIST_ATOMIC] = Field(default_factory=list)
    """Who approved, when and which plan. Once traffic moves none of them goes: a plan that is approved anew adds its
    own."""
    weight_approvals: Annotated[list[WeightApprovalStatus], LIST_ATOMIC] = Field(default_factory=list)
    """Who agreed to which share of the canary steps that ask; the last 50, oldest first."""
    decisions: Annotated[list[DecisionStatus], LIST_ATOMIC] = Field(default_factory=list)
    """Who held it, doubted the way back or ended it, when, and who lifted that; the last 20, oldest first."""
    break_glass: BrokenGlass | None = None
    """Glass that is broken, or was when traffic moved: who lifted what policies demand, and why."""
    report: ReportStatus | None = None
    """The report for those who decide."""
    summary: Summary | None = None
    """What came of it."""
    migrations: Annotated[list[MigrationStatus], LIST_ATOMIC] = Field(default_factory=list)
    """The Jobs of `spec.migrations.jobs`: those that ran, oldest first, and what is still to come."""
    rerun: str | None = None
    """The last `rerun` of the spec that was acted on."""
    records: Annotated[list[RecordStatus], list_map("configMap")] = Field(default_factory=list)
    """The launch records, oldest first. They outlive this Promotion."""
    links: dict[str, str] = Field(default_factory=dict)
    """Where to see more: `operations.links` of the case."""
    started_at: Instant | None = None
    """When the checks began."""
    approved_at: Instant | None = None
    """When enough people had approved."""
    shifted_at: Instant | None = None
    """When all traffic had moved."""
    finished_at: Instant | None = None
    """When it reached its final phase."""
    learnings_due: Instant | None = None
    """When people are asked what they learned, unless `spec.learnings` says it by then."""
    notices: Annotated[list[NoticeStatus], LIST_ATOMIC] = Field(default_factory=list)
    """The last notices, oldest first, and who got them."""
    conditions: Annotated[list[Condition], list_map("type")] = Field(default_factory=list)
    """Succeeded, ChecksPassed, Approved, Watched, Stalled, GlassBroken, Restored after going back, Migrated where
    Jobs migrate data, and LearningsDue two days after the launch."""


def read_status(obj: Mapping[str, Any]) -> PromotionStatus:
    """The status of a Promotion as the API server has it; an empty one where it is absent or malformed."""
    return read_lenient(PromotionStatus, obj.get("status"))
