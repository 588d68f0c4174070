"""How a candidate takes the traffic."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from slipway.api.duration import Duration
from slipway.api.extensions import LIST_ATOMIC, LIST_SET, rule, rules
from slipway.api.model import Model, invalid
from slipway.api.names import Label, Percent


class BlueGreen(Model):
    """The candidate waits beside what serves, then all traffic moves at once."""

    preview_replicas: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    """Replicas of the candidate before it is approved; before traffic it is scaled to full. Absent: full."""
    verify: Duration = timedelta(minutes=5)
    """How long the gates must hold after the switch; if one breaks, traffic goes back."""
    keep_previous: Duration = timedelta(minutes=30)
    """How long the previous revision stays up, so that going back is instant."""


def _distinct(names: list[str]) -> list[str]:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise invalid(f"{name!r} is there twice", "each gate once", f"[{index}]")
    return names


class CanaryStep(Model):
    """One share of the traffic, held until it has proved itself."""

    weight: Percent
    """Percent of the traffic for the candidate, more than in the step before."""
    hold: Duration = timedelta(minutes=5)
    """The step ends when this long is over and every gate has passed within the step."""
    approval: Literal["Required"] | None = None
    """Required: the step is entered only when the Promotion's `approvedWeight` is at least its weight."""
    gates: Annotated[list[Label], Field(max_length=20), AfterValidator(_distinct), LIST_SET] | None = None
    """Names of the gates that count in this step, instead of all of them."""


def _rising(steps: list[CanaryStep]) -> list[CanaryStep]:
    for index in range(1, len(steps)):
        before, weight = steps[index - 1].weight, steps[index].weight
        if weight <= before:
            raise invalid(f"{weight} follows {before}", "weights rise from step to step", f"[{index}].weight")
    return steps


class Canary(Model):
    """The candidate takes a growing share of the traffic, step by step."""

    preview_replicas: Annotated[int, Field(ge=1, le=2**31 - 1)] = 1
    """Replicas of the candidate before it is approved."""
    steps: Annotated[
        list[CanaryStep],
        Field(min_length=1, max_length=20),
        AfterValidator(_rising),
        LIST_ATOMIC,
        rules(
            rule(
                "self.map(step, step.weight).isSorted() && self.all(a, self.exists_one(b, a.weight == b.weight))",
                "weights must rise from step to step",
            )
        ),
    ]
    """The shares on the way. A last step to 100 is implied."""
    verify: Duration = timedelta(minutes=5)
    """How long the gates must hold after the last step; if one breaks, traffic goes back."""
    keep_previous: Duration = timedelta(minutes=30)
    """How long the previous revision stays up, so that going back is instant."""


class Strategy(Model):
    """How a candidate takes the traffic: exactly one of these. Absent: `blueGreen: {}`."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "has(self.blueGreen) != has(self.canary)",
                    "exactly one of blueGreen and canary must be set",
                )
            ]
        }
    )

    blue_green: BlueGreen | None = None
    """The candidate waits beside what serves, then all traffic moves at once."""
    canary: Canary | None = None
    """The candidate takes a growing share of the traffic, step by step. Needs `traffic.httpRoutes`."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.blue_green is None) == (self.canary is None):
            wrong = "neither blueGreen nor canary is set" if self.canary is None else "both strategies are set"
            raise invalid(wrong, "exactly one of blueGreen and canary")
        return self
