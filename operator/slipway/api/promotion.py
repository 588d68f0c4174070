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
from slipway.api.extensions import MAP_ATOMIC, MAP_GRANULAR, list_map, rule, rules
from slipway.api.image_ref import ImageRef
from slipway.api.learnings import Learnings
from slipway.api.model import Model, invalid, unique
from slipway.api.names import Label, Percent, PlanHash, Reason, RevisionName, RolloutName, UserName
from slipway.api.origin import Origin
from slipway.api.promotion_status import PromotionStatus, read_status
from slipway.api.retry import Retry
from slipway.api.said_by import SaidBy
from slipway.api.watch import Watch, default_watch

_ENTRIES_BY_USER = rules(
    rule("self.all(user, size(user) > 0 && size(user) <= 256)", "user names have 1 to 256 characters")
)


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
    by: UserName | None = None
    """Who says so: stamped from Kubernetes 1.36 on, else one's own name or nothing."""


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


class Promotion(Model):
    """The case for putting one revision in front of users, and a person's word on it."""

    api_version: Literal["slipway.dev/v1alpha1"] = "slipway.dev/v1alpha1"
    kind: Literal["Promotion"] = "Promotion"
    metadata: dict[str, Any]
    spec: PromotionSpec
    """Which revision, the case for it, and the decision of people."""
    status: PromotionStatus = PromotionStatus()
    """What is seen and decided."""


def read_promotion(obj: Mapping[str, Any]) -> Promotion:
    """A Promotion as the API server has it; ValidationError where its spec is malformed."""
    spec = PromotionSpec.model_validate(obj.get("spec", {}))
    return Promotion(metadata=dict(obj["metadata"]), spec=spec, status=read_status(obj))
