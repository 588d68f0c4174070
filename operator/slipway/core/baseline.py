"""Gates that compare: their bounds are made of what stable did right before the first request moved.

The baseline is measured once, when everything else allows the candidate its first traffic, and is marked on the
candidate before that. What was not measured, or was lost, is a bound that no number passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from slipway.api.analysis import Change, Gate
from slipway.api.rollout import GateStatus, RolloutSpec
from slipway.core import gates, instants
from slipway.core.case import Case
from slipway.core.compared import Compared, asked
from slipway.core.decision import Measurement, Probe
from slipway.core.gates import Subject, Verdict
from slipway.core.marks import Baseline
from slipway.core.revision import Revision
from slipway.core.snapshot import Measured


@dataclass(frozen=True)
class Taking:
    """A baseline that is being taken. `waits` says what is missing, '' when nothing is.

    `silent`: the source has answered, and there was no number. `unmeasured` are gates of which that was accepted.
    """

    baseline: Baseline | None = None
    waits: str = ""
    silent: bool = False
    probes: tuple[Probe, ...] = ()
    unmeasured: tuple[str, ...] = ()


def comparing(spec: RolloutSpec) -> list[Gate]:
    """The gates that need a baseline."""
    return [gate for gate in spec.analysis.gates if gate.baseline is not None]


def applied(spec: RolloutSpec, known: Baseline | None) -> RolloutSpec:
    """The spec with every comparison made a bound. Without a baseline the gates that compare stay as they are."""
    if known is None or not comparing(spec):
        return spec
    found = [bounded for gate in spec.analysis.gates if (bounded := _applied(gate, known)) is not None]
    return spec.model_copy(update={"analysis": spec.analysis.model_copy(update={"gates": found})})


def skipped(spec: RolloutSpec, known: Baseline | None) -> tuple[GateStatus, ...]:
    """The gates of a first revision that only compare: said to be left out, not silently."""
    if known is None or known.revision:
        return ()
    words = "there is no stable revision to compare with"
    return tuple(
        GateStatus(name=gate.name, verdict="NotApplicable", message=f"{gate.name}: {words}")
        for gate in comparing(spec)
        if gate.below is None and gate.above is None
    )


def _applied(gate: Gate, known: Baseline) -> Gate | None:
    change = gate.baseline
    if change is None:
        return gate
    if not known.revision:
        # Nothing served before: there is nothing to compare with, and what else the gate says still holds.
        return gate.model_copy(update={"baseline": None}) if gate.below is not None or gate.above is not None else None
    value = known.values.get(gate.name)
    fields = {name: getattr(gate, name) for name in Gate.model_fields if name != "baseline"}
    if value is None and gate.name in known.unmeasured:
        return Compared.model_construct(**fields, baseline=None, unmeasured=asked(change))
    if value is None:
        return gate
    most = value + _amount(change.max_increase, value) if change.max_increase is not None else None
    least = value - _amount(change.max_decrease, value) if change.max_decrease is not None else None
    return Compared.model_construct(**fields, baseline=None, at_most=most, at_least=least, compared_with=value)


def _amount(change: Change, value: float) -> float:
    """`20%` is a share of the baseline, `0.05` is an amount of its own."""
    return abs(value) * float(change[:-1]) / 100 if change.endswith("%") else float(change)


def take(case: Case, candidate: Revision, spec: RolloutSpec, excused: bool) -> Taking:
    """Measure stable for the gates that compare.

    `excused`: an approver accepts missing data for the first share. It excuses that there is no number, never an error.
    """
    wanted, stable = comparing(spec), case.lineage.stable
    if not wanted:
        return Taking()
    if stable is None:
        return Taking(Baseline("", case.now, {}))
    values: dict[str, float] = {}
    probes: list[Probe] = []
    unmeasured: list[str] = []
    waits, silent = "", ""
    for gate in wanted:
        now, before, later = (_probe(case, candidate, stable, spec, gate, turn) for turn in (0, -1, 1))
        seen = {run.key: case.snapshot.observations.get(run.key) for run in (now, before)}
        probes += [now, *([before] if seen[before.key] is not None else [])]
        found = [m.value for m in seen.values() if isinstance(m, Measured) and gates.judge(gate, m)[0] not in _NOTHING]
        answer = seen[now.key]
        if found and found[0] is not None:
            values[gate.name] = found[0]
        elif isinstance(answer, Measured) and excused and gates.judge(gate, answer)[0] is Verdict.NO_DATA:
            unmeasured.append(gate.name)
            probes.append(later)
        elif isinstance(answer, Measured):
            silent = f"gate {gate.name} has no baseline of stable {stable.name}: {gates.judge(gate, answer)[1]}"
            probes.append(later)
        else:
            waits = f"the baseline of gate {gate.name} is being measured on stable {stable.name}"
    if silent or waits:
        return Taking(waits=silent or waits, silent=bool(silent), probes=tuple(probes))
    taken = Baseline(stable.name, case.now, values, tuple(unmeasured))
    return Taking(taken, probes=tuple(probes), unmeasured=taken.unmeasured)


_NOTHING = frozenset({Verdict.NO_DATA, Verdict.ERROR})


def _probe(case: Case, candidate: Revision, stable: Revision, spec: RolloutSpec, gate: Gate, turn: int) -> Measurement:
    """One attempt: there is one per interval, and the one before counts a moment longer."""
    interval = spec.analysis.interval
    epoch = datetime.fromtimestamp(0, UTC)
    at = epoch + ((case.now - epoch) // interval + turn) * interval
    subject = Subject(case.namespace, case.name, stable.name, at - gate.window - timedelta(seconds=1), "baseline")
    key = f"baseline/{gate.name}/{stable.name}/{candidate.name}/{instants.render(at)}"
    return gates.asked(gate, key, at, subject, spec, case.name, gate.window, gate.min_requests)
