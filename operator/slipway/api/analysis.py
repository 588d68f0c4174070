"""Which numbers a revision must keep."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from slipway.api.duration import Duration, SecondsUp
from slipway.api.extensions import LIST_ATOMIC, rule, rules
from slipway.api.log_lines import LogLines
from slipway.api.model import Model, invalid, unique
from slipway.api.names import Label
from slipway.api.query import PATTERN as QUERY
from slipway.api.query import UNKNOWN, check_query

Query = Annotated[
    str,
    Field(min_length=1, max_length=4096),
    AfterValidator(check_query),
    rules(rule(f"self.matches(r'{QUERY}')", UNKNOWN)),
]
"""PromQL, in which names as `$(window)` are replaced."""


BOUND_RULES = (
    rule("has(self.below) || has(self.above)", "below, above or both must be set"),
    rule(
        "!has(self.below) || !has(self.above) || self.above < self.below",
        "above must be less than below, or no value passes",
        ".above",
    ),
)
"""What holds of every bound on a number."""


def check_bounds(below: float | None, above: float | None) -> None:
    """The same for the models; raises what pydantic reports."""
    if below is None and above is None:
        raise invalid("there is no bound", "below, above or both")
    if below is not None and above is not None and above >= below:
        raise invalid(f"no value is above {above:g} and below {below:g}", "above < below", "above")


CHANGE = r"^[0-9]{1,12}([.][0-9]{1,12})?%?$"

Change = Annotated[
    str,
    Field(max_length=32, pattern=CHANGE),
]
"""How far a number may be from its baseline: `20%` of it, or an amount such as `0.05`."""


class Comparison(Model):
    """How far the candidate may be from what stable did right before the first request moved."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule("has(self.maxIncrease) || has(self.maxDecrease)", "maxIncrease, maxDecrease or both must be set")
            ]
        }
    )

    max_increase: Change | None = None
    """The number may be higher by at most this: `20%` of the baseline, or an amount such as `0.05`."""
    max_decrease: Change | None = None
    """The number may be lower by at most this."""

    @model_validator(mode="after")
    def _compares(self) -> Self:
        if self.max_increase is None and self.max_decrease is None:
            raise invalid("nothing is compared", "maxIncrease, maxDecrease or both")
        return self


GATE_RULES = (
    rule("has(self.below) || has(self.above) || has(self.baseline)", "below, above or baseline must be set"),
    BOUND_RULES[1],
)
"""A gate may have no bound of its own when it compares."""


class Gate(Model):
    """A bound on a measured number, which a revision must keep to take traffic and to stay.

    A measurement passes, fails, finds no data or ends in an error. Only a pass advances, only a failure sends
    back.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "[has(self.preset), has(self.query), has(self.logs)].filter(set, set).size() == 1",
                    "exactly one of preset, query and logs must be set",
                ),
                *GATE_RULES,
            ]
        }
    )

    name: Label
    """Name of the gate, unique within the Rollout."""
    preset: Literal["error-rate", "latency-p95", "cpu", "memory", "error-lines"] | None = None
    """A query that the metrics source brings: `error-rate`, the share of failed requests from 0 to 1,
    `latency-p95`, the 95th percentile of the response time in seconds, `cpu`, the cores that a pod uses on average,
    or `memory`, the working set of the largest pod in bytes. `error-lines` asks no metrics source: it is short for
    `logs: {}`. Of the candidate's pods only."""
    query: Query | None = None
    """PromQL that yields one number. `$(namespace) $(rollout) $(environment) $(revision) $(deployment)
    $(service) $(window)` are replaced, as in a container's args."""
    logs: LogLines | None = None
    """Lines of the pods' logs, per second and pod. Nothing of what they say is kept."""
    below: float | None = None
    """The number must be less than this."""
    above: float | None = None
    """The number must be more than this."""
    baseline: Comparison | None = None
    """Bounds relative to the stable revision, measured right before the first request moves."""
    window: SecondsUp = timedelta(minutes=1)
    """The span that a measurement looks back on."""
    failure_threshold: Annotated[int, Field(ge=1, le=1000)] = 2
    """So many failing measurements in a row send traffic back."""
    success_threshold: Annotated[int, Field(ge=1, le=1000)] = 1
    """So many passing measurements in a row are needed to advance."""
    min_requests: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    """With fewer requests to the candidate's pods within the window there is no data. Not for lines of logs."""

    @model_validator(mode="after")
    def _one_question_and_a_bound(self) -> Self:
        asked = [name for name in ("preset", "query", "logs") if getattr(self, name) is not None]
        if len(asked) != 1:
            wrong = f"{' and '.join(asked)} are set" if asked else "nothing is measured"
            raise invalid(wrong, "exactly one of preset, query and logs")
        if self.baseline is None or self.below is not None or self.above is not None:
            check_bounds(self.below, self.above)
        return self

    @property
    def counts(self) -> LogLines | None:
        """The lines of logs that it counts; None when it asks the metrics source."""
        return LogLines() if self.preset == "error-lines" else self.logs


def default_gates() -> list[Gate]:
    """The gates of a Rollout that names none: less than 1 % errors, 95th percentile under half a second."""
    return [
        Gate(name="error-rate", preset="error-rate", below=0.01),
        Gate(name="latency-p95", preset="latency-p95", below=0.5),
    ]


class Analysis(Model):
    """Which numbers are watched, where they come from, and what follows when they are missing."""

    source: Label = "default"
    """Name of a metrics source that the administrator configured."""
    interval: SecondsUp = timedelta(seconds=30)
    """Time between two measurements of a gate."""
    no_data_timeout: Duration = timedelta(minutes=10)
    """After so long without a pass or a failure, `onNoData` says what follows."""
    on_no_data: Literal["Hold", "Rollback"] = "Hold"
    """Hold: traffic stays as it is. Rollback: traffic goes back."""
    gates: Annotated[
        list[Gate],
        Field(max_length=20),
        unique("name"),
        # Not a list map: a server-side apply that empties one drops it, and absent means the default gates.
        LIST_ATOMIC,
        rules(rule("self.all(a, self.exists_one(b, a.name == b.name))", "each gate must have a name of its own")),
    ] = Field(default_factory=default_gates)
    """Absent: `error-rate` below 0.01 and `latency-p95` below 0.5. An empty list: no gates."""
