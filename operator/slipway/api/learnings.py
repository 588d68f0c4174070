"""What people learned from a launch."""

from typing import Annotated

from pydantic import Field

from slipway.api.extensions import LIST_ATOMIC
from slipway.api.model import Model, StatusModel

Words = Annotated[str, Field(min_length=1, max_length=4096)]


class Learnings(Model):
    """What people learned from a launch, written after its end."""

    went_well: Words | None = None
    """What went well."""
    improve: Words | None = None
    """What to do better."""
    root_cause: Words | None = None
    """Why it went wrong, if it did."""
    fix: Words | None = None
    """What mends it."""
    follow_ups: Annotated[list[Words], Field(max_length=20), LIST_ATOMIC] = Field(default_factory=list)
    """What is still to be done."""


class EarlierLaunch(StatusModel):
    """What was learned from a launch before this one."""

    promotion: str
    """Name of its Promotion."""
    version: str = ""
    """The version as people call it."""
    idea: str = ""
    """The idea that it came from."""
    outcome: str
    """The phase of its Promotion."""
    learnings: Learnings
    """What people wrote."""
