"""metav1.Condition, with the bounds that Kubernetes puts on its fields."""

from typing import Annotated, Literal

from pydantic import Field

from slipway.api.generation import Generation
from slipway.api.instant import Instant
from slipway.api.model import StatusModel


class Condition(StatusModel):
    """One aspect of the current state of this resource."""

    type: Annotated[str, Field(max_length=316)]
    """Type of the condition, in CamelCase."""
    status: Literal["True", "False", "Unknown"]
    """True, False or Unknown."""
    reason: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]
    """Why the condition last changed, in one CamelCase word."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """The same for people, in words."""
    last_transition_time: Instant
    """When the status last went from one to another."""
    observed_generation: Generation | None = None
    """The metadata.generation that the condition was found on."""
