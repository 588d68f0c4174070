"""What a person took upon themselves: demands of policies that were lifted, and data that was missing."""

from typing import Annotated

from pydantic import Field

from slipway.api.extensions import LIST_ATOMIC
from slipway.api.instant import Instant
from slipway.api.model import StatusModel


class BrokenGlass(StatusModel):
    """Glass that was broken: what policies demand was lifted by it."""

    by: str = ""
    """Who broke it; absent where nobody is named."""
    reason: str
    """Why it could not wait."""
    policies: Annotated[list[str], LIST_ATOMIC] = Field(default_factory=list)
    """The PromotionPolicies whose demands were lifted."""
    at: Instant | None = None
    """When it was first seen."""


class AcceptedNoData(StatusModel):
    """Gates without data that were passed over, because an approver had accepted it. Never a pass."""

    by: str = ""
    """Who accepted it; absent where nobody is named."""
    weight: int = 0
    """Percent of traffic up to which it was accepted."""
    reason: str = ""
    """Why."""
    used: str = ""
    """Where it was used: the share, and the gates that had no data. Absent where there was data all the time."""
