"""The report of a Promotion as data: `report.json` in the ConfigMap `<promotion>-report`, next to `report.md`."""

from typing import Literal

from pydantic import Field

from slipway.api.argument import (
    Assessment,
    Communication,
    Idea,
    Migrations,
    Operations,
    Readiness,
    RollbackPlan,
)
from slipway.api.instant import Instant
from slipway.api.learnings import EarlierLaunch
from slipway.api.model import StatusModel
from slipway.api.overrides import BrokenGlass
from slipway.api.said_by import DecisionStatus

SCHEMA: Literal["slipway.dev/report/v1"] = "slipway.dev/report/v1"

CONFIRMATIONS = (
    "I have reviewed the checklist.",
    "I accept responsibility for this launch.",
    "I have a monitoring plan for the first 24 hours.",
)
"""What whoever approves confirms by it."""


class Answer(StatusModel):
    """Whether it can be approved."""

    go: bool
    """Nothing stands in the way but the approval itself."""
    blockers: list[str] = Field(default_factory=list)
    """What stands in the way."""


class Author(StatusModel):
    """Who created the Promotion."""

    name: str
    """The user name."""
    identity: str
    """verified, delegated or unverified."""


class ApprovalsNeeded(StatusModel):
    """Whose word it takes."""

    count: int = 1
    """So many different people have to approve."""
    four_eyes: bool = False
    """Whoever created the Promotion cannot approve it."""
    author: str = ""
    """Who that is, where four eyes are demanded; absent where nobody knows."""
    policies: list[str] = Field(default_factory=list)
    """PromotionPolicies that demand it."""
    further: str = ""
    """What everybody after the first runs, where more than one is needed."""


class CheckLine(StatusModel):
    """One line of the checklist."""

    name: str
    """Name of the check."""
    category: str
    """What it is about."""
    result: str
    """Passed, Failed, NotApplicable, Unverifiable or Pending."""
    message: str = ""
    """The result in words."""
    evidence: str = ""
    """Where to see it."""
    attested: bool = False
    """Somebody states it under `attest`, with evidence or without."""
    vouched_by: str = ""
    """Who stands behind the result: `author NAME`, `person NAME`, `CI evidence, given by author NAME`, `Slipway`, or
    `nobody yet`."""
    at: Instant | None = None
    """When the result was found."""


class Variable(StatusModel):
    """An environment variable of the candidate. Never its value."""

    container: str
    """Name of the container."""
    name: str
    """Name of the variable, or of the ConfigMap or Secret of which all keys become variables."""
    source: str
    """Where its value comes from."""
    sensitive: bool = False
    """It comes from a Secret, or is a literal with the name or the look of a secret."""


class Configuration(StatusModel):
    """What the cluster says about the workload."""

    urls: list[str] = Field(default_factory=list)
    """Host and path by which users reach it, by the HTTPRoutes; `*` is any host."""
    providers: list[str] = Field(default_factory=list)
    """Who runs the nodes that its pods are on, by their providerID."""
    regions: list[str] = Field(default_factory=list)
    """Where these nodes are, by their labels."""
    ports: list[str] = Field(default_factory=list)
    """Ports of its Service."""
    service_account: str = ""
    """Identity of its pods."""
    probes: list[str] = Field(default_factory=list)
    """How the kubelet asks whether its containers are well: where, how often, and what follows."""
    resources: list[str] = Field(default_factory=list)
    """What its containers ask for, and their limits."""
    variables: list[Variable] = Field(default_factory=list)
    """Environment variables by name."""
    given: list[str] = Field(default_factory=list)
    """Which of addresses, provider and region the case says, whatever the cluster does."""
    missing: list[str] = Field(default_factory=list)
    """What is not known, and why."""


class Change(StatusModel):
    """One difference to what serves now."""

    what: str
    """Where it is."""
    before: str = ""
    """What serves now; absent where there was nothing."""
    after: str = ""
    """What would serve; absent where it goes."""


class PlanStep(StatusModel):
    """One step of the launch."""

    what: str
    """What happens."""
    lasts: str = ""
    """How long, at least."""
    until: str = ""
    """What must hold before the next."""


class WayBack(StatusModel):
    """How it goes back."""

    to: str = ""
    """The revision that traffic goes back to."""
    triggers: list[str] = Field(default_factory=list)
    """What sends traffic back without anybody's word."""
    commands: list[str] = Field(default_factory=list)
    """What a person runs."""
    rehearsed: str = ""
    """Result of the rehearsal."""
    asks_after: list[str] = Field(default_factory=list)
    """What is asked once traffic is back."""


class Report(StatusModel):
    """Everything that an approver should know about one Promotion."""

    schema_version: str = Field(default=SCHEMA, alias="schema")
    """Version of this format."""
    promotion: str
    """Name of the Promotion."""
    namespace: str
    """Its namespace."""
    environment: str
    """Where it would launch."""
    stage: str = "SCALE"
    """The stage of the idea that a launch is."""
    rollout: str
    """Name of the Rollout."""
    revision: str
    """What would serve."""
    serving: str = ""
    """What serves now; absent before the first launch."""
    plan_hash: str
    """What an approval is bound to."""
    version: str = ""
    """The version as people call it."""
    commit: str = ""
    """The commit that it was built from."""
    requested_by: Author | None = None
    """Who created the Promotion; absent where nobody is named."""
    images: list[str] = Field(default_factory=list)
    """Images of its containers."""
    delivers: str = ""
    """What users get by it, in one line, with its version."""
    answer: Answer
    """GO or NO-GO."""
    break_glass: BrokenGlass | None = None
    """Who has lifted what policies demand, and why; absent where nobody has."""
    approvals: ApprovalsNeeded | None = None
    """Whose word it takes; absent where nobody approves."""
    closed: str = ""
    """Why windows let nothing go forward now, and until when; absent while it is open."""
    idea: Idea | None = None
    """What is launched, and why."""
    readiness: Readiness | None = None
    """How ready its authors judge it."""
    assessment: Assessment | None = None
    """What could go wrong, and what is advised."""
    checks: list[CheckLine] = Field(default_factory=list)
    """The checklist."""
    configuration: Configuration
    """What the cluster says about the workload."""
    changes: list[Change] = Field(default_factory=list)
    """What differs from what serves now."""
    plan: list[PlanStep] = Field(default_factory=list)
    """The launch, step by step."""
    watch: list[str] = Field(default_factory=list)
    """How it is watched after it was verified."""
    first_day: list[str] = Field(default_factory=list)
    """What is looked at in the first 24 hours, and what sends traffic back in them."""
    follow_ups: list[str] = Field(default_factory=list)
    """What is known to be left to do after the launch."""
    policies: list[str] = Field(default_factory=list)
    """PromotionPolicies whose demands it meets or has to meet."""
    gates: list[str] = Field(default_factory=list)
    """What is measured, with its bounds."""
    smoke_tests: list[str] = Field(default_factory=list)
    """What the candidate is asked."""
    way_back: WayBack
    """How it goes back."""
    rollback_plan: RollbackPlan | None = None
    """What people do besides."""
    migrations: Migrations | None = None
    """Changes of stored data."""
    operations: Operations | None = None
    """Where those on call find what they need."""
    communication: Communication | None = None
    """Who is told, and what."""
    earlier: list[EarlierLaunch] = Field(default_factory=list)
    """What was learned from earlier launches of this Rollout, those of the same idea first."""
    missing: list[str] = Field(default_factory=list)
    """Parts of the case that were not given."""
    decisions: list[DecisionStatus] = Field(default_factory=list)
    """Who held it or asked for a rollback plan so far, and who lifted that."""
    commands: list[str] = Field(default_factory=list)
    """How to decide."""
    confirmations: list[str] = Field(default_factory=list)
    """What approving confirms."""
