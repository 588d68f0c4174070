"""Gates: four verdicts, and what follows from a row of them.

Only a Pass lets a stage advance and only Fails send it back; NoData and Error do neither. A measurement belongs to one
revision and one stage: its window never reaches before the stage began (it is cut shorter instead), and only
one with the full window counts as a pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from slipway.api.duration import format_duration
from slipway.api.log_lines import ERROR_LINES
from slipway.api.rollout import Gate, GateStatus, RolloutSpec
from slipway.api.rollout_status import RECENT, GateMeasurement
from slipway.core import compared, instants, names
from slipway.core.decision import LogProbe, Measurement, MetricProbe
from slipway.core.snapshot import Measured, Observation


class Verdict(StrEnum):
    """What one measurement says."""

    PASS = "Pass"  # noqa: S105 - a verdict, not a password
    FAIL = "Fail"
    NO_DATA = "NoData"
    ERROR = "Error"


@dataclass(frozen=True)
class Subject:
    """What is measured: one revision, from one instant on (when its stage was seen converged)."""

    namespace: str
    rollout: str
    revision: str
    since: datetime
    stage: str


class Bounded(Protocol):
    """What a number is held against: a gate, or a check that asks for one."""

    @property
    def below(self) -> float | None: ...  # noqa: D102
    @property
    def above(self) -> float | None: ...  # noqa: D102


def bound(gate: Bounded) -> str:
    """`< 0.01`, `> 0.2`, or both."""
    parts = [f"> {gate.above:g}"] if gate.above is not None else []
    parts += [f"< {gate.below:g}"] if gate.below is not None else []
    parts += compared.words(gate)
    return " and ".join(parts)


def judge(gate: Bounded, measured: Measured) -> tuple[Verdict, str]:
    """The verdict on one measurement, and the words for it. Bounds are strict."""
    if measured.error is not None:
        return Verdict.ERROR, measured.error
    if measured.value is None or not math.isfinite(measured.value):
        return Verdict.NO_DATA, measured.no_data or "no finite number"
    below = gate.below is None or measured.value < gate.below
    above = gate.above is None or measured.value > gate.above
    keeps = below and above and compared.keeps(gate, measured.value)
    if keeps and (why := compared.unknown(gate)):
        return Verdict.NO_DATA, f"{measured.value:.4g}, and {why}"
    return (Verdict.PASS if keeps else Verdict.FAIL), f"{measured.value:.4g} {bound(gate)}"


def window(gate: Gate, subject: Subject, at: datetime) -> timedelta:
    """The gate's window, cut to what lies within the stage; whole seconds, at least one."""
    within = timedelta(seconds=max(1, int((at - subject.since).total_seconds())))
    return min(gate.window, within)


def fold(before: GateStatus, gate: Gate, measured: Measured, subject: Subject, length: timedelta) -> GateStatus:
    """The gate's state after one more measurement, which looked back on `length`."""
    at = instants.whole_milliseconds(measured.at)
    if gate.baseline is not None:
        unknown = "its baseline is not known: it is taken before the first traffic of a launch only"
        measured = Measured(at=measured.at, error=unknown)
    verdict, words = judge(gate, measured)
    passes, failures, data_at = before.passes, before.failures, before.data_at
    if verdict is Verdict.FAIL:
        passes, failures, data_at = 0, failures + 1, at
        words = f"{gate.name} {measured.value:.4g} is not {bound(gate)} ({failures} of {gate.failure_threshold})"
    elif verdict is Verdict.PASS:
        failures, data_at = 0, at
        if length >= gate.window:
            passes += 1
            words = f"{gate.name} {words}"
        else:
            words = f"{gate.name} {words}, full window of {format_duration(gate.window)} not over"
    else:
        words = f"{gate.name}: {words}"
    value = measured.value if verdict in (Verdict.PASS, Verdict.FAIL) else None
    newest = [] if value is None else [GateMeasurement(at=at, value=value, verdict=str(verdict))]
    return GateStatus(
        name=gate.name,
        revision=subject.revision,
        since=subject.since,
        verdict=str(verdict),
        value=value,
        bound=bound(gate),
        measured_at=at,
        data_at=data_at,
        passes=passes,
        failures=failures,
        message=words[:1000],
        recent=[*before.recent, *newest][-RECENT:],
    )


def fold_all(
    statuses: Sequence[GateStatus],
    wanted: tuple[Gate, ...],
    subject: Subject,
    observations: Mapping[str, Observation],
    interval: timedelta,
) -> list[GateStatus]:
    """The states of all gates of a stage, with what has been measured since."""
    out = []
    for gate in wanted:
        status = own(statuses, gate, subject)
        at = due(gate, status, subject, interval)
        out.append(answered(status, gate, subject, at, observations) or status)
    return out


def own(statuses: Sequence[GateStatus], gate: Gate, subject: Subject) -> GateStatus:
    """The state of a gate. What was measured of another revision or stage says nothing about this one."""
    known = next((status for status in statuses if status.name == gate.name), None)
    if known is None or (known.revision, known.since) != (subject.revision, subject.since):
        return GateStatus(name=gate.name, verdict="", bound=bound(gate))
    return known


def answered(
    before: GateStatus, gate: Gate, subject: Subject, at: datetime, observations: Mapping[str, Observation]
) -> GateStatus | None:
    """The gate's state after the measurement that was due `at`; None when there is none yet."""
    seen = observations.get(key(gate, subject, at))
    if not isinstance(seen, Measured):
        return None
    return fold(before, gate, _timely(seen, before, subject, at), subject, window(gate, subject, at))


def _timely(measured: Measured, before: GateStatus, subject: Subject, due_at: datetime) -> Measured:
    """The measurement as the answer to what was due, after which the next one is due later.

    Wall clocks are set back, and timers fire early. What is not newer than the last measurement, or from before
    the stage, says nothing; it must not leave the state as it was either, or it would answer for ever.
    """
    newest = max(subject.since, before.measured_at or subject.since)
    if measured.at <= newest:
        return Measured(at=due_at, error="the operator's clock went back")
    return replace(measured, at=max(measured.at, due_at))


def due(gate: Gate, status: GateStatus, subject: Subject, interval: timedelta) -> datetime:
    """When a gate is measured next. The first time as soon as there can be an answer: after a second at least."""
    last = status.measured_at
    if last is None or last <= subject.since:
        return subject.since + min(interval, max(gate.window, timedelta(seconds=1)))
    full = subject.since + gate.window
    # One measurement right when the first full window is over, so that a short hold is not kept waiting.
    return min(last + interval, full) if last < full else last + interval


def key(gate: Gate, subject: Subject, due_at: datetime) -> str:
    """The identity of one measurement: it never counts for another revision, stage or time."""
    since, at = instants.render(subject.since), instants.render(due_at)
    return f"gate/{gate.name}/{subject.revision}/{subject.stage}/{since}/{at}"


def probe(gate: Gate, status: GateStatus, subject: Subject, spec: RolloutSpec, service: str) -> Measurement:
    """The next measurement of a gate."""
    return probe_at(gate, due(gate, status, subject, spec.analysis.interval), subject, spec, service)


def probe_at(gate: Gate, at: datetime, subject: Subject, spec: RolloutSpec, service: str) -> Measurement:
    """The measurement of a gate that is due `at`."""
    length = window(gate, subject, at)
    return asked(gate, key(gate, subject, at), at, subject, spec, service, length, gate.min_requests)


def asked(
    gate: Gate,
    key: str,
    due: datetime,
    subject: Subject,
    spec: RolloutSpec,
    service: str,
    length: timedelta,
    min_requests: int,
) -> Measurement:
    """What a gate asks of one revision: the metrics source, or the log of its pods."""
    lines = gate.counts
    if lines is not None:
        return LogProbe(
            key=key,
            due=due,
            rollout=subject.rollout,
            revision=subject.revision,
            pattern=lines.pattern or ERROR_LINES,
            container=lines.container,
            window=length,
        )
    return MetricProbe(
        key=key,
        due=due,
        source=spec.analysis.source,
        preset=gate.preset,
        query=gate.query,
        variables=variables(spec, subject, service, length),
        min_requests=min_requests,
    )


def variables(spec: RolloutSpec, subject: Subject, service: str, length: timedelta) -> dict[str, str]:
    """The values of `$(name)` in a gate's query."""
    return {
        "namespace": subject.namespace,
        "rollout": subject.rollout,
        "environment": spec.environment,
        "revision": subject.revision,
        "deployment": names.deployment_name(subject.rollout, subject.revision),
        "service": service,
        "window": format_duration(length),
    }


def broken(wanted: tuple[Gate, ...], statuses: Iterable[GateStatus]) -> str:
    """Why the gates send traffic back; '' when they do not."""
    by_name = {gate.name: gate for gate in wanted}
    for status in statuses:
        gate = by_name.get(status.name)
        if gate and status.verdict == Verdict.FAIL and status.failures >= gate.failure_threshold:
            return f"gate {status.message}"
    return ""


def waiting(wanted: tuple[Gate, ...], statuses: Iterable[GateStatus], excused: bool) -> str:
    """What the gates still wait for before a stage may end; '' when every one has passed within it.

    `excused`: an approver accepted missing data for this share. It excuses NoData, never a Fail or an Error.
    """
    by_name = {status.name: status for status in statuses}
    for gate in wanted:
        status = by_name.get(gate.name)
        if status is None or not status.verdict:
            return f"gate {gate.name} has not been measured yet"
        if excused and status.verdict == Verdict.NO_DATA:
            continue
        if status.verdict != Verdict.PASS:
            return f"gate {status.message}"
        if status.passes < gate.success_threshold:
            return f"gate {gate.name} has passed {status.passes} of {gate.success_threshold} times with its full window"
    return ""


def overridden(wanted: tuple[Gate, ...], statuses: Iterable[GateStatus]) -> list[str]:
    """The gates without data: what an override passes over, for the record."""
    known = {gate.name for gate in wanted}
    return [s.name for s in statuses if s.name in known and s.verdict == Verdict.NO_DATA]


def silent(
    wanted: tuple[Gate, ...],
    statuses: Iterable[GateStatus],
    since: datetime,
    now: datetime,
    excused: bool = False,
) -> timedelta:
    """For how long the most silent gate has given neither a pass nor a failure.

    `excused`: a person goes on without data. Of a gate whose query fails nobody knows whether there would be any.
    """
    by_name = {status.name: status for status in statuses}
    counted = [gate for gate in wanted if not (excused and _has_none(by_name.get(gate.name)))]
    spans = [now - max(since, _data_at(by_name.get(gate.name)) or since) for gate in counted]
    return max(spans, default=timedelta())


def _has_none(status: GateStatus | None) -> bool:
    return status is not None and status.verdict == Verdict.NO_DATA


def _data_at(status: GateStatus | None) -> datetime | None:
    return status.data_at if status else None
