"""How far the revision under test has come: its stage, and its gates and smoke tests with all that was measured since.

The revision under test is the candidate, and the stable revision for as long as it is watched after its launch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from slipway.api.rollout import Gate, GateStatus, RolloutSpec, SmokeTestStatus, StepStatus, WatchStatus
from slipway.api.watch import WatchPeriod
from slipway.core import baseline, charge, following, gates, names, share, smoke, watch
from slipway.core.case import Case, running_spec
from slipway.core.conditions import find
from slipway.core.decision import Probe
from slipway.core.gates import Subject
from slipway.core.lineage import came_back_at
from slipway.core.plan import stored_spec
from slipway.core.revision import Revision
from slipway.core.smoke import Occasion
from slipway.core.strategy import Stage, settings, stage_for, stages

RESTORED = "Restored"
"""The condition that says whether the revision that traffic came back to is well."""
AWAY = timedelta(minutes=1)
"""Who judges that so late was away until then, and begins anew."""


@dataclass(frozen=True)
class Progress:
    """The revision under test. `stage` and `step` are None before its first traffic and while it is watched."""

    now: datetime
    revision: Revision
    spec: RolloutSpec
    in_flight: bool
    watched: bool
    stages: tuple[Stage, ...]
    stage: Stage | None
    step: StepStatus | None
    gates: tuple[GateStatus, ...]
    smoke: tuple[SmokeTestStatus, ...]
    subject: Subject | None
    occasion: Occasion | None
    probes: tuple[Probe, ...]
    written: WatchStatus | None = None
    """What the status says of a watch: it lags behind, so that nothing is written while nothing changes."""
    disagreement: str = ""
    """Why the measured share of requests is not the approved one."""

    @property
    def share(self) -> int:
        """Percent that the committed stage gives to the revision."""
        return self.step.weight if self.step else 0

    @property
    def gated(self) -> tuple[Gate, ...]:
        """The gates that count now."""
        if self.watched:
            return tuple(self.spec.analysis.gates)
        return self.stage.gates if self.stage else ()

    @property
    def next_stage(self) -> Stage | None:
        """What comes after the current stage; None after the final one."""
        index = self.stage.index + 1 if self.stage else 0
        return self.stages[index] if index < len(self.stages) else None


def of_candidate(case: Case, candidate: Revision) -> Progress | None:
    """The candidate's progress; None when there is neither a plan nor a valid spec to go by."""
    in_flight = candidate.marks.in_flight
    spec = running_spec(case.snapshot, case.rollout, case.lineage) if in_flight else case.spec
    if spec is None:
        return None
    skipped = baseline.skipped(spec, candidate.marks.baseline) if in_flight else ()
    if in_flight:
        spec = baseline.applied(spec, candidate.marks.baseline)
    all_stages = stages(spec, case.lineage.stable is not None)
    step = _step(case, candidate, all_stages) if in_flight else None
    stage = all_stages[step.index] if step else None
    known = case.status.candidate is not None and case.status.candidate.revision == candidate.name
    found = Progress(case.now, candidate, spec, in_flight, False, all_stages, stage, step, (), (), None, None, ())
    if not in_flight:
        return _with_smoke(
            case,
            found,
            case.status.smoke_tests if known and not rerun_asked(case, candidate) else [],
            _before_traffic(case, candidate),
        )
    if step is None or stage is None or step.converged_at is None:
        blank = tuple(GateStatus(name=g.name, verdict="", bound=gates.bound(g)) for g in found.gated)
        return replace(found, gates=blank, smoke=tuple(case.status.smoke_tests))
    where = f"{stage.index}:{stage.weight}"
    subject = Subject(case.namespace, case.name, candidate.name, step.converged_at, where)
    found = _with_gates(case, found, subject)
    found = replace(found, gates=(*found.gates, *skipped))
    if not stage.final:
        return _with_share(case, replace(found, smoke=tuple(case.status.smoke_tests)), stage, subject)
    after = Occasion(candidate.name, "verify", step.converged_at, spec.analysis.interval, case.name)
    return _with_smoke(case, found, case.status.smoke_tests, after)


def of_watched(case: Case) -> Progress | None:
    """The stable revision's progress after it was verified; None when it is not watched any more.

    It is watched for as long as its Promotion says, and while the one before it is kept up.
    """
    stable = case.lineage.stable
    if stable is None or stable.marks.verified_at is None or stable.marks.kept or _switched(case):
        return None
    kept, asked = keeping(case), watch.until(case, case.lineage)
    if not (kept or asked):
        return None
    until = max((end for end in (asked, _kept_until(case)) if end), default=None)
    return _watched(case, stable, watch.periods(case, stable) if asked else [], until)


def of_watch_that_ended(case: Case) -> Progress | None:
    """All that was measured until the end of the watch over stable, what is not written down yet included."""
    stable = case.lineage.stable
    if stable is None or stable.marks.verified_at is None:
        return None
    return _watched(case, stable, watch.periods(case, stable), watch.ends(case, stable))


def _watched(case: Case, stable: Revision, periods: Sequence[WatchPeriod], until: datetime | None) -> Progress | None:
    approved, since = stable.marks.approved, stable.marks.verified_at
    if approved is None or since is None:
        return None
    spec = stored_spec(case.snapshot.revisions, case.name, approved.plan_hash, stable, case.raw_spec)
    if spec is None:
        return None
    spec = baseline.applied(spec, stable.marks.baseline)
    subject = Subject(case.namespace, case.name, stable.name, since, "watch")
    occasion = Occasion(stable.name, "watch", since, spec.analysis.interval, case.name)

    def pace(at: datetime) -> timedelta:
        return watch.interval(periods, at - since, spec.analysis.interval)

    return _followed(case, spec, subject, occasion, until, pace)


def of_restored(case: Case) -> Progress | None:
    """The stable revision's progress after traffic came back to it, until that is judged; None at other times."""
    stable, back = case.lineage.stable, came_back_at(case.lineage)
    if stable is None or back is None or _switched(case) or not case.settled:
        return None
    known = find(case.status.conditions, RESTORED)
    known = known if known is not None and known.last_transition_time >= back else None
    if (known is not None and known.status != "Unknown") or (known is None and _was_watched(case, stable, back)):
        return None
    converged = find(case.status.conditions, "TrafficConverged")
    if converged is None or case.world.exposure(stable.name) != 100:
        return None
    approved = stable.marks.approved
    stored = approved and stored_spec(case.snapshot.revisions, case.name, approved.plan_hash, stable, case.raw_spec)
    spec = stored or case.spec
    if spec is None:
        return None
    spec = baseline.applied(spec, stable.marks.baseline)
    interval = spec.analysis.interval
    # Long enough for every gate to have passed once with its full window, and for every Job to have ended once.
    windows = [gate.window for gate in spec.analysis.gates]
    windows += [test.job.timeout for test in spec.smoke_tests if test.job is not None]
    span = max(settings(spec).verify, max(windows, default=timedelta()) + 2 * interval)
    # From when it is said that it is measured: an operator that was away has measured nothing meanwhile.
    since = max(converged.last_transition_time, known.last_transition_time if known is not None else case.now)
    if case.now > since + span + AWAY:
        since = case.now
    subject = Subject(case.namespace, case.name, stable.name, since, "restored")
    occasion = Occasion(stable.name, "restored", since, interval, case.name)
    return _followed(case, spec, subject, occasion, since + span, lambda _: interval)


def _followed(
    case: Case,
    spec: RolloutSpec,
    subject: Subject,
    occasion: Occasion,
    until: datetime | None,
    pace: following.Pace,
) -> Progress | None:
    """The progress of stable, whose measurements are written down only now and then."""
    stable = case.lineage.stable
    if stable is None:
        return None
    before = case.status.watch if case.status.watch and case.status.watch.revision == stable.name else None
    followed = following.follow(
        before,
        spec,
        subject,
        occasion,
        case.name,
        smoke.Tested(case.rollout, stable, case.world.pods_of(stable.name)),
        case.snapshot.observations,
        pace,
    )
    return Progress(
        now=case.now,
        revision=stable,
        spec=spec,
        in_flight=False,
        watched=True,
        stages=(),
        stage=None,
        step=None,
        gates=followed.gates,
        smoke=followed.smoke,
        subject=subject,
        occasion=occasion,
        probes=tuple(probe for probe in followed.probes if until is None or probe.due < until),
        written=following.written(before, stable.name, until, followed),
    )


def _was_watched(case: Case, stable: Revision, at: datetime) -> bool:
    """Whether the watch over stable, after its own launch, went on then: what it measures is said there."""
    uid = stable.marks.approved.promotion_uid if stable.marks.approved else ""
    present = stable.marks.returned_at is None and any(claim.uid == uid for claim in case.claims)
    asked = watch.ends(case, stable) if present else None
    return any(end is not None and end > at for end in (asked, _kept_until(case)))


def keeping(case: Case) -> bool:
    """Whether `keepPrevious` still runs."""
    kept = case.status.previous
    previous = case.lineage.previous
    if previous is None:
        return False
    if kept is not None and kept.revision == previous.name and kept.until is not None:
        return case.now < kept.until
    return kept is None or kept.revision != previous.name


def _kept_until(case: Case) -> datetime | None:
    kept, previous = case.status.previous, case.lineage.previous
    return kept.until if kept is not None and previous is not None and kept.revision == previous.name else None


def _switched(case: Case) -> bool:
    """Whether the live Service is not stable's any more, so that its numbers would be another revision's."""
    return case.lineage.shifting is not None and case.lineage.shifting.marks.promoted_at is not None


def _before_traffic(case: Case, candidate: Revision) -> Occasion | None:
    """The tests on the waiting candidate: once, as soon as its preview pods are there; again on `rerun`."""
    ready = case.world.endpoints(case.world.preview_service)[candidate.name]
    if ready == 0 or ready < case.world.size(candidate.name):
        return None
    claim = charge.in_charge(case.claims, case.environment, candidate)
    run = (claim.spec.rerun if claim and claim.spec else None) or ""
    # Without a Promotion nobody can ask for a rerun: under Automatic a failed test is tried again by itself.
    alone = claim is None and case.spec is not None and case.spec.approval == "Automatic"
    again = case.spec.analysis.interval if alone and case.spec is not None else None
    # What ran for another Promotion is no run for this one.
    name, since = f"preview:{claim.uid if claim else ''}:{run}", datetime.fromtimestamp(0, UTC)
    return Occasion(candidate.name, name, since, case.demands.max_age, case.world.preview_service, again)


def rerun_asked(case: Case, candidate: Revision) -> bool:
    """Whether the Promotion in charge asks for its checks to run again."""
    claim = charge.in_charge(case.claims, case.environment, candidate)
    return bool(claim and claim.spec and (claim.spec.rerun or "") != (claim.status.rerun or ""))


def _step(case: Case, candidate: Revision, all_stages: tuple[Stage, ...]) -> StepStatus | None:
    """The committed step, or the one that the world shows when the status is lost; its time starts anew then."""
    kept = case.status.candidate
    switched = candidate.marks.promoted_at is not None
    if kept is not None and kept.revision == candidate.name and kept.step is not None:
        step = kept.step
        fits = 0 <= step.index < len(all_stages) and all_stages[step.index].weight == step.weight
        if fits and (not switched or all_stages[step.index].final):
            return step
    stage = stage_for(all_stages, case.world.exposure(candidate.name), switched)
    if stage is None:
        return None
    return StepStatus(index=stage.index, weight=stage.weight, started_at=case.now)


def _with_gates(case: Case, found: Progress, subject: Subject) -> Progress:
    interval = found.spec.analysis.interval
    statuses = gates.fold_all(case.status.gates, found.gated, subject, case.snapshot.observations, interval)
    final = found.stage is not None and found.stage.final
    service = case.name if final else names.candidate_service(case.name)
    wanted = [
        gates.probe(gate, status, subject, found.spec, service)
        for gate, status in zip(found.gated, statuses, strict=True)
    ]
    return replace(found, gates=tuple(statuses), subject=subject, probes=(*found.probes, *wanted))


def _with_share(case: Case, found: Progress, stage: Stage, subject: Subject) -> Progress:
    stable, interval = case.lineage.stable, found.spec.analysis.interval
    at = share.due(stage, subject, interval, case.now)
    if stable is None or at is None or not stage.gates:
        return found
    earlier = at - interval
    answers = case.world.ready(stable.name) > 0
    wrong = share.disagreement(stage, subject, stable.name, answers, at, earlier, case.snapshot.observations)
    wanted = share.probes(stage, subject, stable.name, found.spec, at)
    kept = share.probes(stage, subject, stable.name, found.spec, earlier)
    known = [probe for probe in kept if probe.key in case.snapshot.observations]
    return replace(found, probes=(*found.probes, *wanted, *known), disagreement=wrong)


def _with_smoke(case: Case, found: Progress, before: list[SmokeTestStatus], occasion: Occasion | None) -> Progress:
    tests = found.spec.smoke_tests
    if occasion is None:
        return replace(found, smoke=tuple(smoke.kept(before, tests)))
    statuses = smoke.fold_all(before, tests, occasion, case.snapshot.observations)
    tested = smoke.Tested(case.rollout, found.revision, case.world.pods_of(found.revision.name))
    wanted = smoke.probes(tests, statuses, occasion, tested)
    return replace(found, smoke=tuple(statuses), occasion=occasion, probes=(*found.probes, *wanted))
