"""Who said the words that hold or end a Promotion."""

from typing import Annotated

from pydantic import Field

from slipway.api.instant import Instant
from slipway.api.model import Model, StatusModel
from slipway.api.names import UserName


class Said(Model):
    """A person, and the word that is theirs. It tells nothing about another word that somebody wrote over it."""

    by: UserName
    """Who said it."""
    said: Annotated[str, Field(max_length=1024)]
    """The text; `true` for rollbackPlanNeeded; empty where it was taken back."""


class SaidBy(Model):
    """Stamped from Kubernetes 1.36 on, else the own name beside the own word, or nothing."""

    hold: Said | None = None
    """Who said or lifted `hold`."""
    rollback_plan_needed: Said | None = None
    """Who said or lifted `rollbackPlanNeeded`."""
    abort: Said | None = None
    """Who said `abort`."""


class DecisionStatus(StatusModel):
    """A word that held or ended the Promotion."""

    decision: str
    """hold, rollbackPlanNeeded or abort."""
    reason: str = ""
    """The words, where there are any."""
    by: str
    """Who said it; `unverified` where nobody is named."""
    identity: str
    """verified, delegated or unverified."""
    at: Instant
    """When it was first seen."""
    lifted_by: str = ""
    """Who lifted it, or said something else in its place."""
    lifted_at: Instant | None = None
    """When that was first seen."""
