"""Notices: what people outside the cluster are told of a Promotion, and what became of the telling."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from slipway.api.extensions import LIST_ATOMIC
from slipway.api.instant import Instant
from slipway.api.model import StatusModel

NoticeEvent = Literal[
    "Planned",
    "AwaitingApproval",
    "Approved",
    "Shifting",
    "ToBeLookedAt",
    "NoData",
    "Held",
    "Frozen",
    "RolledBack",
    "AfterRollback",
    "Failed",
    "Launched",
    "WatchClosed",
    "LearningsDue",
]
"""What a notice can be about."""


class DeliveryStatus(StatusModel):
    """One channel, and whether it took the notice."""

    channel: str = ""
    """Name of the channel in the operator's configuration."""
    issue: str = ""
    """The issue, where the channel is told of each that the Promotion names."""
    delivered: bool | None = None
    """Absent while it is on its way."""
    at: Instant | None = None
    """When that was known."""
    message: str = ""
    """Why it was not delivered."""


class CDEventStatus(StatusModel):
    """A notice as a CDEvent."""

    type: str
    """Its subject and predicate, such as service.upgraded."""
    artifact_id: str = ""
    """The package URL of what serves from then on."""


class NoticeStatus(StatusModel):
    """One notice. It is recorded together with what it tells of, and sent afterwards: a crash loses none."""

    event: str = ""
    """Planned, AwaitingApproval, Approved, Shifting, ToBeLookedAt, NoData, Held, Frozen, RolledBack, AfterRollback,
    Failed, Launched, WatchClosed or LearningsDue; Share and Ended, of which machines alone are told."""
    at: Instant
    """When it happened."""
    occasion: str = ""
    """What exactly it is about: the same one is not told again soon."""
    text: str = ""
    """What is told."""
    status_page: str = ""
    """The same for users, without anything internal."""
    cd_event: CDEventStatus | None = None
    """The same for machines, where CDEvents are configured."""
    deliveries: Annotated[list[DeliveryStatus], LIST_ATOMIC] = Field(default_factory=list)
    """The channels that it goes to."""
