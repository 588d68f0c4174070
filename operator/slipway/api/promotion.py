"""The Promotion: the case for putting one revision in front of users, and a person's word on it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, StrictBool, model_validator

from slipway.api.after_rollback import AfterRollback
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
from slipway.api.extensions import LIST_ATOMIC, MAP_ATOMIC, MAP_GRANULAR, list_map, rule, rules
from slipway.api.generation import Generation
from slipway.api.instant import Instant
from slipway.api.learnings import Learnings
from slipway.api.model import Model, StatusModel, invalid, read_lenient, unique
from slipway.api.names import ImageReference, Label, Percent, PlanHash, Reason, RevisionName, RolloutName, UserName
from slipway.api.notice import NoticeStatus
from slipway.api.origin import Origin
from slipway.api.retry import Retry
from slipway.api.said_by import DecisionStatus, SaidBy
from slipway.api.watch import Watch, default_watch

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


class BreakGlass(Model):
    """Somebody takes it on themselves that this cannot wait for what policies demand."""

    reason: Reason
    """Why it cannot wait."""
    by: UserName | None = None
    """Who says so: stamped from Kubernetes 1.36 on, else one's own name or nothing."""


CASE = (
    "images",
    "setImages",
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
    "watch",
    "retry",
    "afterRollback",
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


_SETS = "has(self.setImages) && self.setImages"
_DRY = "has(self.dryRun) && self.dryRun"
_UNSAID = (
    "!(has(self.approved) && self.approved) && !has(self.approvedWeight) && !has(self.acceptNoData)"
    " && !(has(self.approvals) && size(self.approvals) > 0)"
    " && !(has(self.weightApprovals) && size(self.weightApprovals) > 0)"
)
_NO_WORDS = "a dry run moves nothing, so there is nothing to approve: leave it out"
_WRITES_NOTHING = "a dry run writes nothing: leave setImages out"
_FROM_WHERE = "needs images, or from to take them from"
_ANY_REVISION = "makes a new revision: leave revision out"
_OWN_ROLLOUT = "names the Rollout itself: name the one of the environment before this one"


class PromotionSpec(Model):
    """Which revision, the case for it, and the decision of people."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(_same("revision"), f"revision {_IMMUTABLE}", ".revision"),
                rule(_same("requestedBy"), "requestedBy is stamped at creation and never changes", ".requestedBy"),
                rule(_same("from"), f"from {_IMMUTABLE}", ".from"),
                rule(_same("dryRun"), f"dryRun {_IMMUTABLE}", ".dryRun"),
                *(_frozen(field) for field in CASE),
                rule(
                    "!has(self.from) || has(self.from.__namespace__) || self.from.rollout != self.rollout",
                    _OWN_ROLLOUT,
                    ".from",
                ),
                rule(
                    f"!({_SETS}) || has(self.from) || (has(self.images) && size(self.images) > 0)",
                    _FROM_WHERE,
                    ".setImages",
                ),
                rule(f"!({_SETS}) || !has(self.revision)", _ANY_REVISION, ".setImages"),
                rule(f"!({_SETS}) || !({_DRY})", _WRITES_NOTHING, ".setImages"),
                rule(f"!({_DRY}) || ({_UNSAID})", _NO_WORDS, ".approved"),
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
    from_: Annotated[Origin, MAP_ATOMIC] | None = Field(default=None, alias="from")
    """The Rollout of the environment before this one, in which exactly these images must be stable and verified.
    Immutable."""
    dry_run: StrictBool | None = None
    """true: runs every check on the candidate, moves nothing, and ends as DryRunComplete. Immutable."""
    images: Annotated[list[ImageRef], Field(max_length=50), unique("name"), list_map("name")] = Field(
        default_factory=list
    )
    """Asserts: the candidate must have exactly these images, else the Promotion is blocked."""
    set_images: StrictBool | None = None
    """true: writes `images`, or those that are stable in `from`, to the Rollout's template first. Needs the right to
    update the Rollout."""
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
    """The checklist: all of it must pass before anybody can approve, but for what is looked at after the switch."""
    rollback_plan: RollbackPlan | None = None
    """How people go back, beyond what Slipway does by itself."""
    migrations: Migrations | None = None
    """Changes of stored data that belong to the launch."""
    operations: Operations | None = None
    """Where those on call find what they need."""
    communication: Communication | None = None
    """Who is told, and what."""
    requested_by: UserName | None = None
    """Who created it: stamped from Kubernetes 1.36 on, else one's own name or nothing. Immutable. Policies that demand
    four eyes do not count this person's approval."""
    watch: Watch = Field(default_factory=default_watch)
    """How long and how often gates and smoke tests go on after verify has passed. Absent: the first hour every 30
    seconds, then up to 24 hours every 5 minutes. An empty list: no watch."""
    retry: Retry | None = None
    """Says why a revision that was sent back is tried again. Asked for then, and only then."""
    after_rollback: AfterRollback = Field(default_factory=list)
    """What is asked once when traffic has gone back. Nothing waits for the answers, which are in status."""
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
    break_glass: BreakGlass | None = None
    """Lifts what policies that allow it demand: windows, the number of approvals, four eyes, required checks. Needs the
    verb break-glass on the Rollout."""
    abort: Reason | None = None
    """Ends it; traffic goes back if it had moved. Any editor may."""
    said_by: SaidBy | None = None
    """Who said `hold`, `rollbackPlanNeeded` and `abort`: stamped from Kubernetes 1.36 on, else the own name, in the
    same write as the word. Never part of a manifest."""
    rerun: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Any change runs the checks again."""
    learnings: Learnings | None = None
    """What people learned, written after the end. Each text becomes a record of its own."""
    confirmed: Annotated[dict[str, Confirmation], Field(max_length=50), MAP_GRANULAR] = Field(default_factory=dict)
    """By name of the manual check: who confirms it, under which plan. An entry only under the own name. Of one that is
    looked at after the switch: once `status.shiftedAt` is there."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.from_ is not None and self.from_.namespace is None and self.from_.rollout == self.rollout:
            raise invalid("from", _OWN_ROLLOUT, "from")
        if self.set_images and self.from_ is None and not self.images:
            raise invalid("setImages", _FROM_WHERE, "setImages")
        if self.set_images and self.revision is not None:
            raise invalid("setImages", _ANY_REVISION, "setImages")
        if self.set_images and self.dry_run:
            raise invalid("setImages", _WRITES_NOTHING, "setImages")
        said = self.approved or self.approvals or self.approved_weight or self.weight_approvals or self.accept_no_data
        if self.dry_run and said:
            raise invalid("approved", _NO_WORDS, "approved")
        return self


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
    confirmed: Annotated[list[str], LIST_ATOMIC] = Field(default_factory=list)
    """What they confirmed by it, as the report says."""
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
    checks: str
    """How many of the checks passed."""
    durations: dict[str, str] = Field(default_factory=dict)
    """How long the phases took: waiting (until the approval), shifting, verifying, total."""
    verification: Annotated[list[str], LIST_ATOMIC] = Field(default_factory=list)
    """Last values of the gates against their bounds, and results of the smoke tests."""
    rollback: str = ""
    """How to go back from here."""


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
    """Who approved, when and which plan."""
    decisions: Annotated[list[DecisionStatus], LIST_ATOMIC] = Field(default_factory=list)
    """Who held it, doubted the way back or ended it, when, and who lifted that; the last 20, oldest first."""
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
    """Where to see more."""
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
