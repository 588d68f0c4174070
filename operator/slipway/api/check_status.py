"""How a check ended."""

from slipway.api.instant import Instant
from slipway.api.model import StatusModel


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
