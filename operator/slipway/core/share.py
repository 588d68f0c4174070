"""The measured share of a candidate, where request metrics by revision exist: users must get what was approved.

Only more than the approved share is held against a step: requests inside the cluster use the live Service without the
route, so that less than the share of all requests is nothing unusual.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from slipway.api.rollout import RolloutSpec
from slipway.core import gates, instants, names
from slipway.core.decision import MetricProbe
from slipway.core.gates import Subject
from slipway.core.snapshot import Measured, Observation
from slipway.core.strategy import Stage

MARGIN = 10.0
"""Percentage points above the approved share that are not held against it, beside four standard deviations."""

WINDOW = timedelta(minutes=1)


def due(stage: Stage, subject: Subject, interval: timedelta, now: datetime) -> datetime | None:
    """When the share is measured: at the end of the hold, and then once in every interval; None: not yet."""
    first = subject.since + max(stage.hold, timedelta(seconds=2))
    if now < first:
        return None
    return first + (now - first) // interval * interval


def probes(
    stage: Stage, subject: Subject, stable: str, spec: RolloutSpec, at: datetime
) -> tuple[MetricProbe, MetricProbe]:
    """The requests to the candidate and to stable within the step, at most the last minute of it."""
    length = min(WINDOW, timedelta(seconds=int((at - subject.since).total_seconds())))

    def probe(revision: str, service: str) -> MetricProbe:
        about = Subject(subject.namespace, subject.rollout, revision, subject.since, subject.stage)
        return MetricProbe(
            key=_key(subject, revision, at),
            due=at,
            source=spec.analysis.source,
            preset="requests",
            query=None,
            variables=gates.variables(spec, about, service, length),
            min_requests=0,
        )

    return (
        probe(subject.revision, names.candidate_service(subject.rollout)),
        probe(stable, subject.rollout),
    )


def disagreement(
    stage: Stage,
    subject: Subject,
    stable: str,
    answers: bool,
    at: datetime,
    before: datetime,
    observations: Mapping[str, Observation],
) -> str:
    """Why the measured share does not agree with the approved one; '' when it does or cannot be measured.

    Until the measurement at `at` is there, the one at `before` counts. `answers`: stable has a ready pod.
    """
    pair = _pair(subject, stable, at, observations) or _pair(subject, stable, before, observations)
    if pair is None:
        return "the share of requests is being measured"
    counts: list[float] = []
    for revision, seen in zip((subject.revision, stable), pair, strict=True):
        if seen.error is not None or (seen.value is None and revision == subject.revision):
            # No such metrics, or none of them now: the gates say what follows from that.
            return ""
        counts.append(seen.value or 0.0)
    total = sum(counts)
    # Whoever is sent to a stable without pods gets no answer that could be counted.
    if total <= 0 or (counts[1] == 0 and not answers):
        return ""
    share = 100 * counts[0] / total
    deviation = 100 * (stage.weight / 100 * (1 - stage.weight / 100) / total) ** 0.5
    if share <= stage.weight + MARGIN + 4 * deviation:
        return ""
    return f"{share:.0f} % of {total:.0f} requests reach the candidate, {stage.weight} % were approved"


def _pair(
    subject: Subject, stable: str, at: datetime, observations: Mapping[str, Observation]
) -> tuple[Measured, Measured] | None:
    mine = observations.get(_key(subject, subject.revision, at))
    other = observations.get(_key(subject, stable, at))
    return (mine, other) if isinstance(mine, Measured) and isinstance(other, Measured) else None


def _key(subject: Subject, revision: str, at: datetime) -> str:
    since = instants.render(subject.since)
    return f"share/{revision}/{subject.revision}/{subject.stage}/{since}/{instants.render(at)}"
