"""One pass, decided: what statuses, messages, conditions and events are told from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from slipway.api.rollout import StepStatus
from slipway.core.accept import Acceptance
from slipway.core.after_rollback import Aftermath
from slipway.core.case import Case
from slipway.core.course import Course
from slipway.core.dry_run import Trial
from slipway.core.moves import Move
from slipway.core.revision import Revision
from slipway.core.set_images import ImageSetting


@dataclass(frozen=True)
class Scene:
    """`retreating` is the revision that traffic is being taken from, `drift` what others changed and is restored."""

    case: Case
    acceptance: Acceptance
    course: Course
    move: Move
    unconverged: str
    unknown: str
    retreating: Revision | None
    drained: bool
    drift: str
    late: bool
    progressing: bool
    restart_clock: bool
    keep_until: datetime | None
    watch_until: datetime | None
    """Until when a Promotion watches over stable."""
    refused: bool = False
    """Whether the committed share is not given: people took their word back, or hold, before anybody had got it."""
    setting: ImageSetting | None = None
    trials: Mapping[str, Trial] = field(default_factory=dict)
    """The dry runs that can be made now, by the uid of their Promotion."""
    aftermath: Mapping[str, Aftermath] = field(default_factory=dict)
    """What is still asked after going back, by the uid of the Promotion."""
    message: str = ""
    """The Rollout's message: its Promotion in charge says the same while traffic moves."""

    @property
    def moving(self) -> bool:
        """Whether Services or routes are written in this pass."""
        return self.move.wanted != self.case.traffic

    @property
    def step(self) -> StepStatus | None:
        """The step as it is committed: with the time from which its users count, or without it after a drift.

        That is not the moment at which routes and endpoints look right, but when the gateway has had its time to
        follow them too: what is measured before then would be another share's.
        """
        step = self.course.step
        if step is None or self.refused:
            return step
        if self.moving and step.converged_at is not None:
            return step.model_copy(update={"converged_at": None})
        if self.move.reached and not self.unconverged and self.case.settled and step.converged_at is None:
            return step.model_copy(update={"converged_at": self.case.now})
        return step

    @property
    def goes_back(self) -> bool:
        """Whether traffic is still on its way back."""
        return self.retreating is not None and (
            self.moving
            or not self.move.reached
            or self.case.world.exposure(self.retreating.name) > 0
            or not (self.case.settled or self.retreating.marks.approved is None)
        )
