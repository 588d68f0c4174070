"""What is seen and decided about a Rollout."""

from typing import Annotated

from pydantic import Field

from slipway.api.check_status import CheckStatus
from slipway.api.conditions import Condition
from slipway.api.extensions import LIST_ATOMIC, Extension, list_map
from slipway.api.generation import Generation
from slipway.api.instant import Instant
from slipway.api.model import StatusModel

# Phases, verdicts and outcomes are plain strings, not enumerations: a word that only a newer operator knows
# must not make its status unwritable where the CRD is still the older one.


class RevisionStatus(StatusModel):
    """A revision that serves."""

    revision: str
    """First ten digits of its digest."""
    deployment: str = ""
    """Its Deployment."""
    images: list[str] = Field(default_factory=list)
    """The images of its containers, in their order."""


class StepStatus(StatusModel):
    """The canary step that the candidate is in."""

    index: int
    """Place in the approved list of steps, from 0."""
    weight: int
    """Percent of the traffic."""
    started_at: Instant
    """When the step was decided."""
    converged_at: Instant | None = None
    """When the gateway was first seen to follow; holds and gates count from here."""


class CandidateStatus(RevisionStatus):
    """The revision that waits for traffic, or is taking it."""

    ready_replicas: int = 0
    """Pods that are ready."""
    weight: int = 0
    """Percent of the traffic that it has."""
    step: StepStatus | None = None
    """The canary step that it is in."""
    plan_hash: str | None = None
    """The plan that `checks` are about."""
    checks: Annotated[list[CheckStatus], list_map("name")] = Field(default_factory=list)
    """Under Automatic without a Promotion: the checks and their results. Else they are in the Promotion's status."""


class NextStatus(StatusModel):
    """A newer template that waits for the shift to end."""

    revision: str
    """First ten digits of its digest."""


class PreviousStatus(StatusModel):
    """The revision that served before, kept up for an instant way back."""

    revision: str
    """First ten digits of its digest."""
    deployment: str = ""
    """Its Deployment."""
    until: Instant | None = None
    """When it is scaled down."""


class RejectedStatus(StatusModel):
    """The revision that was sent back. A changed template or a newer Promotion makes another attempt."""

    revision: str
    """First ten digits of its digest."""
    reason: str = ""
    """Why it was sent back."""
    at: Instant | None = None
    """When."""


RECENT = 12
"""So many measurements of a gate stay in status."""
_ROOM = Extension({"maxItems": 100})
"""More than are kept: a newer operator that keeps more must be able to write where the CRD is still this one."""


class GateMeasurement(StatusModel):
    """One measurement that gave a number."""

    at: Instant
    """When it was made."""
    value: float
    """What was measured."""
    verdict: str
    """Pass or Fail."""


class GateStatus(StatusModel):
    """The last measurement of a gate."""

    name: str
    """Name of the gate."""
    revision: str = ""
    """The revision that was measured."""
    since: Instant | None = None
    """From when on measurements count: the begin of the stage."""
    verdict: str
    """Pass, Fail, NoData or Error."""
    value: float | None = None
    """What was measured, if it was a number."""
    bound: str = ""
    """What it must keep, for example `< 0.01`."""
    measured_at: Instant | None = None
    """When it was measured last."""
    data_at: Instant | None = None
    """When it last passed or failed; noDataTimeout counts from here."""
    passes: int = 0
    """Passing measurements in a row."""
    failures: int = 0
    """Failing measurements in a row; errors and missing data neither count nor reset."""
    message: str = ""
    """The verdict in words."""
    recent: Annotated[list[GateMeasurement], LIST_ATOMIC, _ROOM] = Field(default_factory=list)
    """The last measurements of this stage that gave a number, the oldest first, for people to see a course: nothing is
    decided by them. They are written with the newest one, never for themselves."""

    @property
    def course(self) -> list[GateMeasurement]:
        """`recent`; of an operator that keeps none, the newest alone."""
        if self.recent or self.value is None or self.measured_at is None:
            return self.recent
        return [GateMeasurement(at=self.measured_at, value=self.value, verdict=self.verdict)]


class SmokeTestStatus(StatusModel):
    """The last run of a smoke test."""

    name: str
    """Name of the test."""
    revision: str = ""
    """The revision that was tested."""
    edition: str = ""
    """Tells the test as it was then from what it is after an edit."""
    verdict: str
    """Pass, Fail or Error."""
    at: Instant | None = None
    """When it ran."""
    failures: int = 0
    """Failures in a row."""
    message: str = ""
    """The verdict in words."""


class WatchStatus(StatusModel):
    """What was last measured of the stable revision, which is watched after its launch."""

    revision: str
    """First ten digits of its digest."""
    until: Instant | None = None
    """When the watch ends."""
    gates: Annotated[list[GateStatus], list_map("name")] = Field(default_factory=list)
    """The gates as they were last written down: at once when a verdict changes, else now and then."""
    smoke_tests: Annotated[list[SmokeTestStatus], list_map("name")] = Field(default_factory=list)
    """The smoke tests, likewise."""


class HistoryEntry(StatusModel):
    """A revision that was tried, and what came of it."""

    revision: str
    """First ten digits of its digest."""
    images: list[str] = Field(default_factory=list)
    """The images of its containers."""
    promotion: str = ""
    """The Promotion that brought it, if there was one."""
    at: Instant
    """When it ended."""
    outcome: str
    """How it ended."""


class RolloutStatus(StatusModel):
    """What is seen and decided. A cache of the world: it is rebuilt if it is lost."""

    observed_generation: Generation = -1
    """The metadata.generation that this status is about; -1 before the operator has seen the object."""
    replicas: int = 0
    """Serving pods, for the scale subresource."""
    selector: str = ""
    """Label selector of the serving pods, for the scale subresource."""
    strategy: str = ""
    """The strategy in use: BlueGreen or Canary."""
    phase: str = ""
    """Invalid, RollingBack, Held, AwaitingApproval, Shifting, Verifying, Deploying, AwaitingPromotion,
    RolledBack, Degraded, Watching or Healthy."""
    message: str = ""
    """What is happening and what it waits for, with the next command to run."""
    stable: RevisionStatus | None = None
    """The last fully promoted revision."""
    candidate: CandidateStatus | None = None
    """The revision that waits for traffic, or is taking it."""
    next: NextStatus | None = None
    """A newer template that waits for the shift to end."""
    previous: PreviousStatus | None = None
    """The revision that served before, kept up for an instant way back."""
    rejected: RejectedStatus | None = None
    """The revision that was sent back."""
    promotion: str | None = None
    """The Promotion in charge."""
    gates: Annotated[list[GateStatus], list_map("name")] = Field(default_factory=list)
    """The last measurement of each gate."""
    smoke_tests: Annotated[list[SmokeTestStatus], list_map("name")] = Field(default_factory=list)
    """The last run of each smoke test."""
    watch: WatchStatus | None = None
    """The watch over the stable revision while it runs, or what was measured of it after going back."""
    history: Annotated[list[HistoryEntry], LIST_ATOMIC] = Field(default_factory=list)
    """What was tried, the newest last."""
    conditions: Annotated[list[Condition], list_map("type")] = Field(default_factory=list)
    """Ready, Progressing, Stalled, AwaitingApproval, TrafficConverged, Accepted, and Restored after going back."""

    @property
    def judged(self) -> list[GateStatus]:
        """The gates of the candidate; without one those of stable, while it is watched."""
        return self.gates or (self.watch.gates if self.watch is not None else [])
