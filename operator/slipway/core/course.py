"""The course of one pass: what was decided about traffic, for everything that follows from it (pods, routes, words)."""

from __future__ import annotations

from dataclasses import dataclass, field

from slipway.api.rollout import StepStatus
from slipway.core import (
    baseline,
    charge,
    checks,
    retreat,
)
from slipway.core.accept import automatic_allowed
from slipway.core.after_switch import Looks
from slipway.core.approval import Consent
from slipway.core.case import Case
from slipway.core.ceiling import Ceiling
from slipway.core.charge import Claim
from slipway.core.lineage import Lineage
from slipway.core.marks import Marks
from slipway.core.migration.steps import Expansion
from slipway.core.plan import Plan
from slipway.core.policy.demands import Demands
from slipway.core.policy.windows import Hours
from slipway.core.progress import Progress
from slipway.core.revision import Revision


@dataclass(frozen=True)
class Course:
    """What this pass decided. `marks` are those that change, by revision."""

    lineage: Lineage
    candidate: Revision | None
    progress: Progress | None
    marks: dict[str, Marks] = field(default_factory=dict)
    step: StepStatus | None = None
    watched: Progress | None = None
    restored: Progress | None = None
    claim: Claim | None = None
    plan: Plan | None = None
    consent: Consent | None = None
    limit: Ceiling | None = None
    checked: checks.Checked | None = None
    looks: Looks = field(default_factory=Looks)
    demands: Demands | None = None
    hours: Hours | None = None
    taking: baseline.Taking | None = None
    back: retreat.Retreat | None = None
    entered: StepStatus | None = None
    store_plan: Plan | None = None
    verified: bool = False
    kept: str = ""
    overrides: tuple[str, ...] = ()
    expansion: Expansion | None = None
    migrates: bool = False
    """A rollback or a contraction begins in this pass."""

    @property
    def advances(self) -> bool:
        """Whether traffic goes forward: then the Promotion's status is committed first, as a fence."""
        return self.entered is not None or self.verified or self.store_plan is not None

    def is_led_by(self, claim: Claim) -> bool:
        """Whether this Promotion is the one in charge of the candidate."""
        return self.claim is not None and self.claim.uid == claim.uid

    @property
    def share(self) -> int:
        """Percent for the candidate that the committed stage asks for."""
        if self.candidate is None or not self.candidate.marks.in_flight or self.step is None:
            return 0
        return self.step.weight


def candidate_of(case: Case) -> Revision | None:
    """The revision that waits for traffic or is taking it."""
    lineage = case.lineage
    if lineage.shifting is not None:
        return lineage.shifting
    desired = lineage.desired
    if desired is None or case.spec is None:
        return None
    if lineage.stable is not None and desired.name == lineage.stable.name:
        return None
    if lineage.previous is not None and desired.name == lineage.previous.name:
        return None
    if desired.marks.rejected is not None and (
        case.world.exposure(desired.name) > 0 or not charge.asks_again(case.claims, case.environment, desired)
    ):
        return None
    return desired


def replicas_of(case: Case) -> int:
    """spec.replicas; of a spec that does not parse, what runs."""
    if case.spec is not None:
        return case.spec.replicas
    running = case.lineage.stable or case.lineage.shifting
    return case.world.size(running.name) if running else 0


def automatic(case: Case) -> bool:
    """Whether this Rollout needs no human: it says so and an administrator allowed it."""
    return case.spec is not None and case.spec.approval == "Automatic" and automatic_allowed(case)
