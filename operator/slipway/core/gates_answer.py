"""Whether each gate has an answer for the stable revision: one that never has data would hold every launch for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from slipway.api.check_status import CheckStatus
from slipway.api.duration import format_duration
from slipway.api.rollout import Gate
from slipway.core import instants
from slipway.core.case import Case
from slipway.core.checking import GOOD, Result, Subjects, outcome, waived
from slipway.core.decision import MetricProbe, Probe
from slipway.core.gates import Subject, asked, bound, variables
from slipway.core.snapshot import Measured

NAME = "gates-answer"


@dataclass(frozen=True)
class _Answer:
    """What a gate says of the stable revision, and how many requests that had within the gate's window."""

    gate: Gate
    measured: Measured
    requests: Measured | None
    """None where the gate does not go by requests: it reads logs."""

    @property
    def empty(self) -> bool:
        return self.measured.error is None and self.measured.value is None

    @property
    def words(self) -> str:
        named = f"{self.gate.name} {bound(self.gate)}"
        if self.measured.value is not None:
            return f"{named} (now {self.measured.value:.4g})"
        return f"{named}: {self.measured.error or self.measured.no_data or 'no data'}"

    @property
    def busy(self) -> int:
        """The requests that should have been enough for an answer; 0 where there were not enough, or none knows."""
        counted = self.requests.value if self.requests is not None else None
        found = round(counted) if counted is not None else 0
        return found if found >= max(1, self.gate.min_requests) else 0


def check(case: Case, about: Subjects, known: CheckStatus | None) -> tuple[CheckStatus, list[Probe]]:
    """The check, and what it asks for. What could not be found out is asked again after `analysis.interval`."""
    gates, stable = about.spec.analysis.gates, about.stable
    if reason := about.said_not_to_apply(NAME):
        return waived(NAME, "Operations", reason), []
    if not gates:
        return outcome(NAME, "Operations", Result.NOT_APPLICABLE, "spec.analysis.gates is empty"), []
    if stable is None:
        reason = "no revision serves yet that the gates could be tried on"
        return outcome(NAME, "Operations", Result.NOT_APPLICABLE, reason), []
    settled = known is not None and known.evidence == stable.name
    if settled and known is not None and known.result in GOOD:
        return known, []
    due = case.now
    if settled and known is not None and known.at is not None:
        due = known.at + about.spec.analysis.interval
    run = f"{stable.name}/{about.rerun}/{instants.render(due) if settled else about.plan_hash}"
    subject = Subject(case.namespace, case.name, stable.name, case.now, "check")
    measured: list[Probe] = [
        asked(gate, f"answer/{gate.name}/{run}", due, subject, about.spec, case.name, gate.window, 0) for gate in gates
    ]
    windows = dict.fromkeys(gate.window for gate in gates if gate.counts is None)
    # Asked at the same time: users who come a moment later say nothing about what a gate did not see.
    counted = {
        window: MetricProbe(
            key=f"requests/{format_duration(window)}/{run}",
            due=due,
            source=about.spec.analysis.source,
            preset="requests",
            query=None,
            variables=variables(about.spec, subject, case.name, window),
            min_requests=0,
        )
        for window in windows
    }
    seen = {probe.key: _seen(case, probe) for probe in (*measured, *counted.values())}
    answers = []
    for gate, probe in zip(gates, measured, strict=True):
        found, requests = seen[probe.key], _requests(counted, seen, gate)
        if found is not None and (requests is not None or gate.counts is not None):
            answers.append(_Answer(gate, found, requests))
    if len(answers) < len(gates):
        pending = known if settled and known is not None else None
        waits = outcome(NAME, "Operations", Result.PENDING, "measuring the stable revision")
        return pending or waits, [*measured, *counted.values()]
    return _answered(stable.name, answers, "" if about.promotion is not None else " of a Promotion"), []


def _seen(case: Case, probe: Probe) -> Measured | None:
    found = case.snapshot.observations.get(probe.key)
    return found if isinstance(found, Measured) else None


def _requests(counted: dict[timedelta, MetricProbe], seen: dict[str, Measured | None], gate: Gate) -> Measured | None:
    return seen[counted[gate.window].key] if gate.counts is None else None


def _answered(stable: str, answers: Sequence[_Answer], of_promotion: str) -> CheckStatus:
    at = max(instants.whole_milliseconds(answer.measured.at) for answer in answers)
    broken = [answer for answer in answers if answer.measured.error]
    silent = [answer for answer in answers if answer.empty and answer.busy]
    empty = [answer for answer in answers if answer.empty]
    if broken:
        result, words = Result.UNVERIFIABLE, "; ".join(answer.words for answer in broken)
    elif silent:
        of = "; ".join(f"{one.words} ({one.busy} requests in {format_duration(one.gate.window)})" for one in silent)
        result = Result.UNVERIFIABLE
        words = (
            f"no data, though revision {stable} takes requests: {of}. Such a gate would hold the launch: mend its "
            f"query, or list {NAME} in spec.checks{of_promotion} with notApplicable and the reason"
        )
    elif empty:
        result = Result.NOT_APPLICABLE
        words = (
            f"valid, and not tried: no data for revision {stable}, which is not seen to take requests: "
            f"{'; '.join(answer.words for answer in empty)}"
        )
    else:
        result, words = Result.PASSED, "; ".join(answer.words for answer in answers)
    return outcome(NAME, "Operations", result, words, stable).model_copy(update={"at": at})
