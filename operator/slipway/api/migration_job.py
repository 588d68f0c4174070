"""The Jobs that migrate stored data as steps of a launch."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import ConfigDict, model_validator

from slipway.api.duration import SecondsUp
from slipway.api.extensions import MAP_ATOMIC, rule
from slipway.api.job_check import JobCheck
from slipway.api.model import Model, invalid

_ONE = "at least one of expand, contract and rollback must be set"
_NOTHING_TO_UNDO = "undoes what expand did: give expand too"


class MigrationJob(JobCheck):
    """A pod that runs once in this namespace, and has done its work when it exits with 0.

    Who writes one needs the right to create Jobs here. It runs as the service account that its template names, and
    without a token where it names none.
    """

    timeout: SecondsUp = timedelta(hours=1)
    """It fails when it has not finished by then, retries included."""


class MigrationJobs(Model):
    """What runs when. Each has to bear that it is run again after it was cut off."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule("has(self.expand) || has(self.contract)", _ONE),
                rule("!has(self.rollback) || has(self.expand)", _NOTHING_TO_UNDO, ".rollback"),
            ]
        }
    )

    expand: Annotated[MigrationJob, MAP_ATOMIC] | None = None
    """Runs when the plan is approved, before any traffic moves. It adds what the new version needs and takes nothing
    away: the version that serves goes on to serve with it."""
    contract: Annotated[MigrationJob, MAP_ATOMIC] | None = None
    """Runs once when the watch and `keepPrevious` are over. It takes away what only older versions need: going back
    to them is no longer safe then."""
    rollback: Annotated[MigrationJob, MAP_ATOMIC] | None = None
    """Undoes `expand`, also one that was cut off: runs when traffic is back, or when it will not come after all."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.rollback is not None and self.expand is None:
            raise invalid("rollback", _NOTHING_TO_UNDO, "rollback")
        if self.expand is None and self.contract is None:
            raise invalid("it asks for nothing", _ONE)
        return self
