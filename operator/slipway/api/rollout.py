"""The Rollout: what runs, how a new revision takes traffic, which gates it must pass, how it goes back."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from slipway.api.analysis import Analysis, Gate, default_gates
from slipway.api.conditions import Condition
from slipway.api.duration import PATTERN as DURATION
from slipway.api.duration import SecondsUp
from slipway.api.extensions import MAP_ATOMIC, list_map, rule, rules
from slipway.api.model import Model, invalid, read_lenient, unique
from slipway.api.names import Label
from slipway.api.rollout_status import (
    CandidateStatus,
    GateStatus,
    HistoryEntry,
    NextStatus,
    PreviousStatus,
    RejectedStatus,
    RevisionStatus,
    RolloutStatus,
    SmokeTestStatus,
    StepStatus,
    WatchStatus,
)
from slipway.api.service import HTTPRouteRef, ServicePort, ServiceSpec, Traffic
from slipway.api.smoke_test import HTTPSmokeTest, SmokeTest, TCPSmokeTest
from slipway.api.strategy import BlueGreen, Canary, CanaryStep, Strategy
from slipway.api.template import Template

# All parts of a Rollout can be had from here.
__all__ = [
    "Analysis",
    "BlueGreen",
    "Canary",
    "CanaryStep",
    "CandidateStatus",
    "Condition",
    "Gate",
    "GateStatus",
    "HTTPRouteRef",
    "HTTPSmokeTest",
    "HistoryEntry",
    "NextStatus",
    "PreviousStatus",
    "RejectedStatus",
    "RevisionStatus",
    "Rollout",
    "RolloutSpec",
    "RolloutStatus",
    "ServicePort",
    "ServiceSpec",
    "SmokeTest",
    "SmokeTestStatus",
    "StepStatus",
    "Strategy",
    "TCPSmokeTest",
    "Traffic",
    "WatchStatus",
    "default_gates",
    "read_rollout",
    "read_status",
]


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
    strategy: Annotated[Strategy, MAP_ATOMIC] = Field(default_factory=lambda: Strategy(blue_green=BlueGreen()))
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
                raise invalid("a canary without HTTPRoutes", "at least one in traffic.httpRoutes", "strategy.canary")
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
            raise invalid("the deadline is over before a pod counts", "longer than minReadySeconds", "progressDeadline")
        return self


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
