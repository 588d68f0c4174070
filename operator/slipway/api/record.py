"""Launch records: in-toto Statements about what was put in front of users, and what came of it."""

from typing import Any

from pydantic import Field

from slipway.api.check_status import CheckStatus
from slipway.api.instant import Instant
from slipway.api.learnings import Learnings
from slipway.api.model import StatusModel
from slipway.api.overrides import AcceptedNoData, BrokenGlass
from slipway.api.promotion_status import ApprovalStatus, MigrationStatus, WeightApprovalStatus
from slipway.api.said_by import DecisionStatus

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slipway.dev/launch/v1"


class Subject(StatusModel):
    """What a record is about: a revision, or an image that it runs."""

    name: str
    """`<namespace>/rollouts/<rollout>/<revision>`, or the image's name without tag and digest."""
    digest: dict[str, str]
    """Algorithm → hexadecimal digits."""


class RecordLink(StatusModel):
    """Another record."""

    config_map: str
    """Its ConfigMap."""
    digest: str
    """`sha256:` and the digest of its `statement.json`."""


class RecordedObject(StatusModel):
    """A Rollout or a Promotion."""

    name: str
    """metadata.name."""
    uid: str = ""
    """metadata.uid."""


class RecordedImage(StatusModel):
    """An image of the revision."""

    container: str
    """Name of the container."""
    image: str
    """As the pod template names it."""
    digest: str = ""
    """Of the reference, or what the kubelet reported that it runs; absent where neither said so."""


class RecordedRevision(StatusModel):
    """The revision."""

    name: str
    """First ten digits of the digest."""
    digest: str
    """SHA-256 of template and ports."""
    images: list[RecordedImage] = Field(default_factory=list)
    """Its images, init containers last."""
    health: list[str] = Field(default_factory=list)
    """How the kubelet asks whether its containers are well: where, how often, and what follows."""


class RecordedPlan(StatusModel):
    """The plan that was approved."""

    hash: str
    """As the approvals name it."""
    inputs: dict[str, Any] = Field(default_factory=dict)
    """What the hash is of; pod templates in it are named by their digest and the names of their variables."""


class RecordedGate(StatusModel):
    """The last measurement of a gate."""

    name: str
    """Name of the gate."""
    verdict: str
    """Pass, Fail, NoData or Error."""
    value: float | None = None
    """What was measured."""
    bound: str = ""
    """What it must keep."""
    at: Instant | None = None
    """When it was measured."""


class RecordedSmokeTest(StatusModel):
    """The last run of a smoke test."""

    name: str
    """Name of the test."""
    verdict: str
    """Pass, Fail or Error."""
    at: Instant | None = None
    """When it ran."""


class RecordedTimes(StatusModel):
    """When what happened; absent where it did not, or where nobody knows any more."""

    started_at: Instant | None = None
    """The checks began."""
    approved_at: Instant | None = None
    """Enough people had approved."""
    traffic_at: Instant | None = None
    """The first traffic moved."""
    promoted_at: Instant | None = None
    """All traffic began to move."""
    shifted_at: Instant | None = None
    """All traffic had moved."""
    verified_at: Instant | None = None
    """Verification had passed, and the watch began."""
    ended_at: Instant | None = None
    """The outcome was decided."""
    back_at: Instant | None = None
    """Traffic was back."""


class Predicate(StatusModel):
    """What happened."""

    id: str
    """What is recorded; there is one record for each."""
    kind: str
    """launch, watch, rollback or learnings."""
    number: int = 0
    """Place in the chain of the Rollout's records, from 1."""
    previous: RecordLink | None = None
    """The record before it; absent in the first one."""
    namespace: str
    """Of the Rollout."""
    rollout: RecordedObject
    """The Rollout."""
    environment: str = ""
    """Its environment."""
    strategy: str = ""
    """BlueGreen or Canary."""
    revision: RecordedRevision
    """What was put in front of users."""
    promotion: RecordedObject | None = None
    """The Promotion; absent under `approval: Automatic` where there was none."""
    idea: str = ""
    """The idea that it comes from."""
    version: str = ""
    """The version as people call it."""
    commit: str = ""
    """The commit that it was built from."""
    outcome: str = ""
    """Succeeded, Failed, RolledBack or Aborted; of a watch also Completed, Replaced, PlanLost or PromotionDeleted."""
    reason: str = ""
    """Why it did not succeed, or why the watch has ended."""
    plan: RecordedPlan | None = None
    """The plan under which traffic moved."""
    checks: list[CheckStatus] = Field(default_factory=list)
    """The checks and their results."""
    after_rollback: list[CheckStatus] = Field(default_factory=list)
    """What was asked once traffic had gone back, and the answers."""
    gates: list[RecordedGate] = Field(default_factory=list)
    """The gates as they were when the outcome was decided, or at the end of the watch."""
    smoke_tests: list[RecordedSmokeTest] = Field(default_factory=list)
    """The smoke tests as they were then."""
    migrations: list[MigrationStatus] = Field(default_factory=list)
    """The Jobs that had migrated data by then."""
    approvals: list[ApprovalStatus] = Field(default_factory=list)
    """Who approved which plan."""
    weight_approvals: list[WeightApprovalStatus] = Field(default_factory=list)
    """Who agreed to which share of the steps that asked."""
    decisions: list[DecisionStatus] = Field(default_factory=list)
    """Who held it, doubted the way back or aborted it, and who lifted that."""
    break_glass: BrokenGlass | None = None
    """Who lifted what policies demand, and why; absent where nobody did."""
    accept_no_data: AcceptedNoData | None = None
    """What was accepted without data, and where it was used; absent where nobody accepted any."""
    times: RecordedTimes = RecordedTimes()
    """When what happened."""
    durations: dict[str, str] = Field(default_factory=dict)
    """How long each phase took."""
    learnings: Learnings | None = None
    """What people wrote afterwards."""
    attachments: dict[str, str] = Field(default_factory=dict)
    """The other texts of the record, each with its digest."""
    left_out: dict[str, str] = Field(default_factory=dict)
    """Texts that were too long to be kept with it, each with its digest."""


class Statement(StatusModel):
    """An in-toto Statement v1."""

    type_: str = Field(default=STATEMENT, alias="_type")
    """The kind of document."""
    subject: list[Subject]
    """What it is about."""
    predicate_type: str = PREDICATE
    """The kind of predicate, and its version."""
    predicate: Predicate
    """What happened."""
