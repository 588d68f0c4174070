"""Measurements that go on for hours: they are followed in memory, and written down when they say something new.

Each is asked for at the time that follows from the one before it, back to the last that was written down. Those since
then stay wanted, so that the shell keeps their results; when it forgets them (a restart), the row begins again at what
was written. A failure is always written: a count of failures never depends on the memory of one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from slipway.api.rollout import GateStatus, RolloutSpec, SmokeTestStatus, WatchStatus
from slipway.core import gates, smoke
from slipway.core.decision import Probe
from slipway.core.gates import Subject
from slipway.core.smoke import Occasion, Tested
from slipway.core.snapshot import Observation

REFRESH = timedelta(minutes=15)
"""How old what is written may be while every verdict stays the same."""
LONGEST = 30
"""So many results in a row may be unwritten, however short the interval."""

Pace = Callable[[datetime], timedelta]
"""The time to the next measurement after one at this instant."""


@dataclass(frozen=True)
class Followed:
    """What is known by now. `unwritten` is the number of measurements in the longest row since the last write."""

    gates: tuple[GateStatus, ...]
    smoke: tuple[SmokeTestStatus, ...]
    probes: tuple[Probe, ...]
    unwritten: int


def follow(
    before: WatchStatus | None,
    spec: RolloutSpec,
    subject: Subject,
    occasion: Occasion,
    service: str,
    tested: Tested,
    observations: Mapping[str, Observation],
    pace: Pace,
) -> Followed:
    """Every gate and smoke test of `spec`, from what was written down to the last result."""
    probes: list[Probe] = []
    rows: list[int] = [0]
    measured: list[GateStatus] = []
    for gate in spec.analysis.gates:
        status, count = gates.own(before.gates if before else [], gate, subject), 0
        while True:
            at = gates.due(gate, status, subject, pace(status.measured_at or subject.since))
            probes.append(gates.probe_at(gate, at, subject, spec, service))
            newer = gates.answered(status, gate, subject, at, observations)
            if newer is None:
                break
            status, count = newer, count + 1
        measured.append(status)
        rows.append(count)
    smoked: list[SmokeTestStatus] = []
    for test in spec.smoke_tests:
        known = [s for s in (before.smoke_tests if before else []) if s.name == test.name]
        count = 0
        while True:
            last = known[0].at if known and known[0].at is not None else occasion.since
            run = replace(occasion, every=pace(last))
            probes.extend(smoke.probes([test], known, run, tested))
            newest = smoke.fold_all(known, [test], run, observations)
            if newest == known or newest[0].at is None:
                break
            known, count = newest, count + 1
        smoked.extend(known)
        rows.append(count)
    return Followed(tuple(measured), tuple(smoked), tuple(probes), max(rows))


def written(before: WatchStatus | None, revision: str, until: datetime | None, followed: Followed) -> WatchStatus:
    """What the status says of the watch: what it said, unless there is something new to say."""
    fresh = WatchStatus(
        revision=revision,
        until=until,
        gates=[gate for gate in followed.gates if gate.verdict],
        smoke_tests=[test for test in followed.smoke if test.at is not None],
    )
    if before is None or before.revision != revision or followed.unwritten >= LONGEST:
        return fresh
    if _told(before) != _told(fresh) or any(age >= REFRESH for age in _ages(before, fresh)):
        return fresh
    return before.model_copy(update={"until": until})


def _told(status: WatchStatus) -> list[tuple[object, ...]]:
    """What is worth a write at once."""
    found: list[tuple[object, ...]] = [(g.name, g.since, g.verdict, g.failures) for g in status.gates]
    return found + [(t.name, t.revision, t.verdict, t.failures) for t in status.smoke_tests]


def _ages(before: WatchStatus, fresh: WatchStatus) -> Iterable[timedelta]:
    old = {gate.name: gate.measured_at for gate in before.gates}
    for gate in fresh.gates:
        was = old.get(gate.name)
        if was is not None and gate.measured_at is not None:
            yield gate.measured_at - was
    ran = {test.name: test.at for test in before.smoke_tests}
    for test in fresh.smoke_tests:
        at = ran.get(test.name)
        if at is not None and test.at is not None:
            yield test.at - at
