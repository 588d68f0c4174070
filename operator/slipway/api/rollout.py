"""The Rollout: what runs, how a new revision takes traffic, which gates it must pass, how it goes back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from slipway.api.conditions import Condition
from slipway.api.duration import PATTERN as DURATION
from slipway.api.duration import Duration, SecondsUp
from slipway.api.extensions import LIST_ATOMIC, LIST_SET, MAP_ATOMIC, list_map, rule, rules
from slipway.api.generation import Generation
from slipway.api.instant import Instant
from slipway.api.model import Model, StatusModel, invalid, read_lenient, unique
from slipway.api.names import Label, Percent, Subdomain
from slipway.api.port import PortName, PortNumber, PortReference
from slipway.api.query import PATTERN as QUERY
from slipway.api.query import UNKNOWN, check_query
from slipway.api.template import Template


class ServicePort(Model):
    """A port of the live Service and of those beside it.

    No field has a default here: ports are part of the revision, and its digest must not depend on the
    operator's version.
    """

    name: PortName
    """Name of the port, unique within the Service."""
    port: PortNumber
    """The port that the Service listens on."""
    target_port: PortReference | None = None
    """The port of the pods, by number or by name. Absent: the same number as `port`."""
    protocol: Literal["TCP", "UDP", "SCTP"] | None = None
    """Absent: TCP."""
    app_protocol: Annotated[str, Field(max_length=253)] | None = None
    """The application protocol, as in a Service: `http`, `kubernetes.io/h2c` and so on."""


class ServiceSpec(Model):
    """The Services that the operator creates and owns.

    Named `<rollout>` (live), `<rollout>-preview` (the waiting candidate, for smoke tests and people) and, for
    a canary, `<rollout>-candidate`.
    """

    ports: Annotated[list[ServicePort], Field(min_length=1, max_length=20), unique("name"), list_map("name")]
    """The ports. They are part of the revision: the live Service gets them at the switch."""


class HTTPRouteRef(Model):
    """An existing HTTPRoute of the Gateway API in the Rollout's namespace."""

    name: Subdomain
    """Name of the HTTPRoute."""


class Traffic(Model):
    """How requests find the revisions."""

    http_routes: Annotated[list[HTTPRouteRef], Field(max_length=16), unique("name"), list_map("name")] = (
        Field(default_factory=list)
    )
    """HTTPRoutes that list both `<rollout>` and `<rollout>-candidate` as backends; only these two weights are
    edited."""


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
                "self.map(step, step.weight).isSorted()"
                " && self.all(a, self.exists_one(b, a.weight == b.weight))",
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
            wrong = (
                "neither blueGreen nor canary is set" if self.canary is None else "both strategies are set"
            )
            raise invalid(wrong, "exactly one of blueGreen and canary")
        return self


class Gate(Model):
    """A bound on a measured number, which a revision must keep to take traffic and to stay.

    A measurement passes, fails, finds no data or ends in an error. Only a pass advances, only a failure sends
    back.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule("has(self.preset) != has(self.query)", "exactly one of preset and query must be set"),
                rule("has(self.below) || has(self.above)", "below, above or both must be set"),
                rule(
                    "!has(self.below) || !has(self.above) || self.above < self.below",
                    "above must be less than below, or no value passes",
                    ".above",
                ),
            ]
        }
    )

    name: Label
    """Name of the gate, unique within the Rollout."""
    preset: Literal["error-rate", "latency-p95"] | None = None
    """A query that the metrics source brings: `error-rate`, the share of failed requests from 0 to 1, or
    `latency-p95`, the 95th percentile of the response time in seconds. Of the candidate's pods only."""
    query: (
        Annotated[
            str,
            Field(min_length=1, max_length=4096),
            AfterValidator(check_query),
            rules(rule(f"self.matches(r'{QUERY}')", UNKNOWN)),
        ]
        | None
    ) = None
    """PromQL that yields one number. `$(namespace) $(rollout) $(environment) $(revision) $(deployment)
    $(service) $(window)` are replaced, as in a container's args."""
    below: float | None = None
    """The number must be less than this."""
    above: float | None = None
    """The number must be more than this."""
    window: SecondsUp = timedelta(minutes=1)
    """The span that a measurement looks back on."""
    failure_threshold: Annotated[int, Field(ge=1, le=1000)] = 2
    """So many failing measurements in a row send traffic back."""
    success_threshold: Annotated[int, Field(ge=1, le=1000)] = 1
    """So many passing measurements in a row are needed to advance."""
    min_requests: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    """With fewer requests to the candidate's pods within the window there is no data."""

    @model_validator(mode="after")
    def _one_question_and_a_bound(self) -> Self:
        if (self.preset is None) == (self.query is None):
            wrong = (
                "neither preset nor query is set" if self.query is None else "both preset and query are set"
            )
            raise invalid(wrong, "exactly one of preset and query")
        if self.below is None and self.above is None:
            raise invalid("there is no bound", "below, above or both")
        if self.below is not None and self.above is not None and self.above >= self.below:
            raise invalid(
                f"no value is above {self.above:g} and below {self.below:g}", "above < below", "above"
            )
        return self


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
        rules(
            rule("self.all(a, self.exists_one(b, a.name == b.name))", "each gate must have a name of its own")
        ),
    ] = Field(default_factory=default_gates)
    """Absent: `error-rate` below 0.01 and `latency-p95` below 0.5. An empty list: no gates."""


class HTTPSmokeTest(Model):
    """A GET request that must be answered as expected. Redirects are not followed."""

    path: Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^/")] = "/"
    """Path, with a query if there is one."""
    port: PortReference
    """A port of the Service, by number or by name."""
    expect_status: Annotated[int, Field(ge=100, le=599)] = 200
    """The status code of the answer."""
    expect_body: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """A string that the body must contain."""
    timeout: SecondsUp = timedelta(seconds=5)
    """The whole answer must be there within this time."""


class TCPSmokeTest(Model):
    """A connection that must be accepted."""

    service: Label
    """A Service of this namespace."""
    port: PortNumber
    """A port of that Service."""


class SmokeTest(Model):
    """A probe of the candidate before any traffic, after the switch, and again while it is verified."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule("has(self.http) != has(self.tcp)", "exactly one of http and tcp must be set")
            ]
        }
    )

    name: Label
    """Name of the test, unique within the Rollout."""
    http: Annotated[HTTPSmokeTest, MAP_ATOMIC] | None = None
    """A GET request through the Service of the candidate."""
    tcp: Annotated[TCPSmokeTest, MAP_ATOMIC] | None = None
    """A connection to a Service that the candidate needs."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.http is None) == (self.tcp is None):
            raise invalid(
                "neither http nor tcp is set" if self.http is None else "both are set", "exactly one"
            )
        return self


_STEP_GATES = (
    "!has(self.strategy) || !has(self.strategy.canary) || self.strategy.canary.steps.all(step, "
    "!has(step.gates) || step.gates.all(name, has(self.analysis) && has(self.analysis.gates)"
    " ? self.analysis.gates.exists(gate, gate.name == name) : name in ['error-rate', 'latency-p95']))"
)
_SMOKE_PORTS = (
    "!has(self.smokeTests) || self.smokeTests.all(test, !has(test.http) || "
    "self.service.ports.exists(p, p.name == test.http.port || p.port == test.http.port))"
)


class RolloutSpec(Model):
    """What should run, and how a new version of it reaches users."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "!has(self.strategy) || !has(self.strategy.canary)"
                    " || (has(self.traffic) && has(self.traffic.httpRoutes)"
                    " && size(self.traffic.httpRoutes) > 0)",
                    "a canary needs traffic.httpRoutes: at least one HTTPRoute that splits its traffic",
                    ".strategy.canary",
                ),
                rule(
                    _STEP_GATES,
                    "the gates of a step must be names of analysis.gates",
                    ".strategy.canary.steps",
                ),
                rule(_SMOKE_PORTS, "the port of an http test must be one of service.ports", ".smokeTests"),
                rule(
                    f"!self.progressDeadline.matches('{DURATION}')"
                    " || duration(self.progressDeadline).getSeconds() > self.minReadySeconds",
                    "must be longer than minReadySeconds",
                    ".progressDeadline",
                ),
            ]
        }
    )

    environment: Annotated[Label, rules(rule("self == oldSelf", "environment is immutable"))]
    """The environment that this is, for example `production`. Immutable; a Promotion must name the same."""
    replicas: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1
    """Number of pods that serve."""
    min_ready_seconds: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """For how many seconds a pod must be ready to count as available."""
    progress_deadline: SecondsUp = timedelta(minutes=10)
    """How long a candidate may take to become available. Holds and waiting for a person do not count."""
    revision_history_limit: Annotated[int, Field(ge=0, le=1000)] = 3
    """How many old revisions are kept, beyond those that serve or may be gone back to."""
    template: Template
    """The pods, as in a Deployment. A change makes a new revision, which waits for its Promotion."""
    service: ServiceSpec
    """The Services in front of the pods."""
    traffic: Traffic | None = None
    """How requests find the revisions. A canary needs it."""
    strategy: Annotated[Strategy, MAP_ATOMIC] = Field(
        default_factory=lambda: Strategy(blue_green=BlueGreen())
    )
    """How a candidate takes the traffic. Absent: `blueGreen: {}`."""
    analysis: Analysis = Analysis()
    """Which numbers are watched, and what follows from them."""
    smoke_tests: Annotated[list[SmokeTest], Field(max_length=20), unique("name"), list_map("name")] = Field(
        default_factory=list
    )
    """Probes of the candidate before any traffic, after the switch, and again while it is verified."""
    approval: Literal["Required", "Automatic"] = "Required"
    """Required: no request reaches a revision before a person has approved its Promotion. Automatic: only in
    namespaces that an administrator labelled `slipway.dev/approval=automatic`."""
    abort: Annotated[str, Field(max_length=64, pattern=r"^([0-9a-f]{10}|[0-9a-f]{64})$")] | None = None
    """A revision that must not serve: traffic goes back to the one before. Acted on once."""

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        canary = self.strategy.canary
        if canary is not None:
            if self.traffic is None or not self.traffic.http_routes:
                raise invalid(
                    "a canary without HTTPRoutes", "at least one in traffic.httpRoutes", "strategy.canary"
                )
            known = [gate.name for gate in self.analysis.gates]
            for index, step in enumerate(canary.steps):
                for place, name in enumerate(step.gates or []):
                    if name not in known:
                        raise invalid(
                            f"there is no gate {name!r}",
                            f"one of analysis.gates: {', '.join(known) or 'none'}",
                            f"strategy.canary.steps[{index}].gates[{place}]",
                        )
        ports = [port for each in self.service.ports for port in (each.name, each.port)]
        for index, test in enumerate(self.smoke_tests):
            if test.http is not None and test.http.port not in ports:
                raise invalid(
                    f"the Service has no port {test.http.port!r}",
                    f"one of service.ports: {', '.join(each.name for each in self.service.ports)}",
                    f"smokeTests[{index}].http.port",
                )
        if self.progress_deadline <= timedelta(seconds=self.min_ready_seconds):
            raise invalid(
                "the deadline is over before a pod counts", "longer than minReadySeconds", "progressDeadline"
            )
        return self


# Phases, verdicts and outcomes are plain strings, not enumerations: a word that only a newer operator knows
# must not make its status unwritable where the CRD is still the older one.


class RevisionStatus(StatusModel):
    """A revision that serves."""

    revision: str
    """First ten digits of its digest."""
    deployment: str = ""
    """Its Deployment."""
    images: list[str] = Field(default_factory=list)
    """The images of its containers, in their order."""


class StepStatus(StatusModel):
    """The canary step that the candidate is in."""

    index: int
    """Place in the approved list of steps, from 0."""
    weight: int
    """Percent of the traffic."""
    started_at: Instant
    """When the step was decided."""
    converged_at: Instant | None = None
    """When the gateway was first seen to follow; holds and gates count from here."""


class CandidateStatus(RevisionStatus):
    """The revision that waits for traffic, or is taking it."""

    ready_replicas: int = 0
    """Pods that are ready."""
    weight: int = 0
    """Percent of the traffic that it has."""
    step: StepStatus | None = None
    """The canary step that it is in."""


class NextStatus(StatusModel):
    """A newer template that waits for the shift to end."""

    revision: str
    """First ten digits of its digest."""


class PreviousStatus(StatusModel):
    """The revision that served before, kept up for an instant way back."""

    revision: str
    """First ten digits of its digest."""
    deployment: str = ""
    """Its Deployment."""
    until: Instant | None = None
    """When it is scaled down."""


class RejectedStatus(StatusModel):
    """The revision that was sent back. A changed template or a newer Promotion makes another attempt."""

    revision: str
    """First ten digits of its digest."""
    reason: str = ""
    """Why it was sent back."""
    at: Instant | None = None
    """When."""


class GateStatus(StatusModel):
    """The last measurement of a gate."""

    name: str
    """Name of the gate."""
    verdict: str
    """Pass, Fail, NoData or Error."""
    value: float | None = None
    """What was measured, if it was a number."""
    bound: str = ""
    """What it must keep, for example `< 0.01`."""
    measured_at: Instant | None = None
    """When it was measured last."""
    data_at: Instant | None = None
    """When it last passed or failed; noDataTimeout counts from here."""
    passes: int = 0
    """Passing measurements in a row."""
    failures: int = 0
    """Failing measurements in a row; errors and missing data neither count nor reset."""
    message: str = ""
    """The verdict in words."""


class SmokeTestStatus(StatusModel):
    """The last run of a smoke test."""

    name: str
    """Name of the test."""
    verdict: str
    """Pass, Fail or Error."""
    at: Instant | None = None
    """When it ran."""
    failures: int = 0
    """Failures in a row."""
    message: str = ""
    """The verdict in words."""


class HistoryEntry(StatusModel):
    """A revision that was tried, and what came of it."""

    revision: str
    """First ten digits of its digest."""
    images: list[str] = Field(default_factory=list)
    """The images of its containers."""
    promotion: str = ""
    """The Promotion that brought it, if there was one."""
    at: Instant
    """When it ended."""
    outcome: str
    """How it ended."""


class RolloutStatus(StatusModel):
    """What is seen and decided. A cache of the world: it is rebuilt if it is lost."""

    observed_generation: Generation = -1
    """The metadata.generation that this status is about; -1 before the operator has seen the object."""
    replicas: int = 0
    """Serving pods, for the scale subresource."""
    selector: str = ""
    """Label selector of the serving pods, for the scale subresource."""
    strategy: str = ""
    """The strategy in use: BlueGreen or Canary."""
    phase: str = ""
    """Invalid, RollingBack, Held, AwaitingApproval, Shifting, Verifying, Deploying, AwaitingPromotion,
    RolledBack, Degraded, Watching or Healthy."""
    message: str = ""
    """What is happening and what it waits for, with the next command to run."""
    stable: RevisionStatus | None = None
    """The last fully promoted revision."""
    candidate: CandidateStatus | None = None
    """The revision that waits for traffic, or is taking it."""
    next: NextStatus | None = None
    """A newer template that waits for the shift to end."""
    previous: PreviousStatus | None = None
    """The revision that served before, kept up for an instant way back."""
    rejected: RejectedStatus | None = None
    """The revision that was sent back."""
    promotion: str | None = None
    """The Promotion in charge."""
    gates: Annotated[list[GateStatus], list_map("name")] = Field(default_factory=list)
    """The last measurement of each gate."""
    smoke_tests: Annotated[list[SmokeTestStatus], list_map("name")] = Field(default_factory=list)
    """The last run of each smoke test."""
    history: Annotated[list[HistoryEntry], LIST_ATOMIC] = Field(default_factory=list)
    """What was tried, the newest last."""
    conditions: Annotated[list[Condition], list_map("type")] = Field(default_factory=list)
    """Ready, Progressing, AwaitingApproval, TrafficConverged, Accepted."""


class Rollout(Model):
    """What runs, how a new revision takes traffic, which gates it must pass, how it goes back."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                rule(
                    "self.metadata.name.size() <= 46",
                    "the name must be at most 46 characters long: pods are named after it and a revision",
                    ".metadata.name",
                ),
                rule(
                    "self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
                    "the name must start with a letter and have only lower case letters, digits and '-':"
                    " Services are named after it",
                    ".metadata.name",
                ),
            ]
        }
    )

    api_version: Literal["slipway.dev/v1alpha1"] = "slipway.dev/v1alpha1"
    kind: Literal["Rollout"] = "Rollout"
    metadata: dict[str, Any]
    spec: RolloutSpec
    """What should run, and how a new version of it reaches users."""
    status: RolloutStatus = RolloutStatus()
    """What is seen and decided."""


def read_status(obj: Mapping[str, Any]) -> RolloutStatus:
    """The status of a Rollout as the API server has it; an empty one where it is absent or malformed."""
    return read_lenient(RolloutStatus, obj.get("status"))


def read_rollout(obj: Mapping[str, Any]) -> Rollout:
    """A Rollout as the API server has it; ValidationError where its spec is malformed."""
    spec = RolloutSpec.model_validate(obj.get("spec", {}))
    return Rollout(metadata=dict(obj["metadata"]), spec=spec, status=read_status(obj))
