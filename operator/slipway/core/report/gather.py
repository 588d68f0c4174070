"""Everything that an approver should know, gathered from one pass.

Nothing in it changes by time alone but windows, which open and close: else a report that waits for a person is
written once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slipway.api.after_rollback import AfterRollbackCheck
from slipway.api.check import BUILT_IN
from slipway.api.check_status import CheckStatus
from slipway.api.duration import format_duration
from slipway.api.job_check import JobCheck
from slipway.api.promotion import PromotionSpec
from slipway.api.report import (
    CONFIRMATIONS,
    Answer,
    Author,
    Change,
    CheckLine,
    PlanStep,
    Report,
    WayBack,
)
from slipway.api.rollout import RolloutSpec, SmokeTest
from slipway.core import after_switch, overrides, said, strategy
from slipway.core.approval import identity, patch_command
from slipway.core.case import Case
from slipway.core.ceiling import Code
from slipway.core.charge import Claim
from slipway.core.checking import GOOD
from slipway.core.containers import containers
from slipway.core.delivered import delivered
from slipway.core.gates import bound
from slipway.core.report import learned, needed, template, vouching
from slipway.core.report.facts import configuration
from slipway.core.report.first_day import first_day, follow_ups
from slipway.core.report.migrations import with_migrations
from slipway.core.report.placement import Placement
from slipway.core.report.unstated import unstated
from slipway.core.revision import Revision
from slipway.core.scene import Scene
from slipway.core.strategy import Stage

_NO_BLOCKER = frozenset(
    {Code.OPEN, Code.APPROVAL, Code.CHECKS, Code.CONVERGENCE, Code.CAPACITY, Code.ABSENT, Code.MIGRATION}
)
"""Limits that approving lifts, that the checks tell better, or that pass by themselves."""


def gather(
    scene: Scene,
    claim: Claim,
    spec: PromotionSpec,
    revision: Revision,
    plan_hash: str,
    checks: Sequence[CheckStatus],
    placement: Placement,
) -> Report | None:
    """The report of a Promotion on `revision`; None while the Rollout's spec cannot be read."""
    case, rollout = scene.case, scene.case.spec
    if rollout is None:
        return None
    stable = case.lineage.stable
    return Report(
        promotion=claim.name,
        namespace=case.namespace,
        environment=case.environment,
        rollout=case.name,
        revision=revision.name,
        serving=stable.name if stable else "",
        plan_hash=plan_hash,
        version=spec.version or "",
        commit=spec.commit or "",
        requested_by=_author(case, spec),
        images=list(revision.images),
        delivers=delivered(spec, revision.images),
        answer=_answer(scene, claim, checks),
        break_glass=overrides.in_force(case, claim),
        approvals=needed.approvals(case, claim, plan_hash),
        closed=needed.closed_now(case, claim),
        idea=spec.idea,
        readiness=spec.readiness,
        assessment=spec.assessment,
        checks=_lines(spec, checks, plan_hash),
        configuration=configuration(case, rollout, spec, revision, placement),
        changes=_changes(rollout, stable, revision),
        plan=with_migrations(list(_plan(rollout, stable is not None, sorted(after_switch.later(spec)))), spec),
        watch=[
            f"until {format_duration(period.for_)} after verify, every {format_duration(period.interval)}"
            for period in spec.watch
        ],
        first_day=list(first_day(rollout, spec, stable is not None)),
        follow_ups=list(follow_ups(spec, checks)),
        policies=list(case.demands.policies),
        gates=[_gate(rollout, gate.name) for gate in rollout.analysis.gates],
        smoke_tests=[_smoke_test(test) for test in rollout.smoke_tests],
        way_back=_way_back(scene, claim, rollout, revision, checks),
        rollback_plan=spec.rollback_plan,
        migrations=spec.migrations and spec.migrations.model_copy(update={"jobs": None}),
        operations=spec.operations,
        communication=spec.communication,
        earlier=learned.earlier(case, claim),
        missing=unstated(spec),
        decisions=said.of(case, claim),
        commands=_commands(scene, claim),
        confirmations=list(CONFIRMATIONS),
    )


def _answer(scene: Scene, claim: Claim, checks: Sequence[CheckStatus]) -> Answer:
    trial = scene.trials.get(claim.uid)
    checked = trial.checked if trial is not None else scene.course.checked
    shown = (checked.advisory if checked else frozenset()) | after_switch.later(claim.spec)
    wrong = [check for check in checks if check.result not in GOOD and check.name not in shown]
    blockers = [f"check {check.name} is {check.result}: {check.message}" for check in wrong]
    if trial is not None and trial.lacks:
        blockers.append(trial.lacks)
    if trial is not None and not scene.acceptance.accepted:
        blockers.append(f"the Rollout is not accepted: {scene.acceptance.message}")
    course, limit = scene.course, scene.course.limit
    leads = course.is_led_by(claim)
    waits = course.entered is None and not (course.candidate and course.candidate.marks.in_flight)
    if leads and waits and limit is not None and limit.code not in _NO_BLOCKER:
        blockers.append(limit.reason)
    return Answer(go=not blockers, blockers=blockers)


def _author(case: Case, spec: PromotionSpec) -> Author | None:
    who = spec.requested_by
    return Author(name=who, identity=identity(who, case.snapshot.settings.identity_verified)) if who else None


def _lines(spec: PromotionSpec, checks: Sequence[CheckStatus], plan_hash: str) -> list[CheckLine]:
    known = vouching.vouchers(spec, plan_hash)
    attested = {check.name for check in spec.checks if check.attest} - set(BUILT_IN)
    return [
        CheckLine(
            name=check.name,
            category=check.category,
            result=check.result,
            message=check.message,
            # A built-in check keeps there what it was about.
            evidence=check.evidence if check.evidence.startswith("http") else "",
            attested=check.name in attested,
            vouched_by=vouching.by_whom(check, known),
            at=check.at,
        )
        for check in checks
    ]


def _changes(rollout: RolloutSpec, stable: Revision | None, revision: Revision) -> list[Change]:
    if stable is None:
        return []
    found = template.changes(stable.template, revision.template)
    if list(stable.ports) != list(revision.ports):
        was, will = (
            ", ".join(f"{p.get('name')} {p.get('port')}→{p.get('targetPort', p.get('port'))}" for p in ports)
            for ports in (stable.ports, revision.ports)
        )
        found.append(Change(what="service.ports", before=was, after=will))
    return found


def _plan(rollout: RolloutSpec, has_stable: bool, looked_at: Sequence[str]) -> Iterator[PlanStep]:
    # No number of pods: where it is scaled by itself, it is nothing to approve.
    preview = strategy.settings(rollout).preview_replicas
    pods = "all its pods" if preview is None else "1 pod" if preview == 1 else f"{preview} pods"
    yield PlanStep(what=f"the new revision waits with {pods}, without users", until="a person approves this plan")
    for stage in strategy.stages(rollout, has_stable):
        yield _stage(rollout, stage, looked_at)
    if has_stable:
        keep = format_duration(strategy.settings(rollout).keep_previous)
        yield PlanStep(what="the previous revision stays up, ready to take traffic back at once", lasts=keep)


def _stage(rollout: RolloutSpec, stage: Stage, looked_at: Sequence[str]) -> PlanStep:
    what = f"{stage.weight} % of traffic goes to the new revision"
    if stage.final:
        what = "all traffic goes to the new revision, which is verified"
    gates = [gate.name for gate in stage.gates]
    until = [f"{', '.join(gates)} {'passes' if len(gates) == 1 else 'pass'}"] if gates else []
    if stage.final and rollout.smoke_tests:
        until.append("the smoke tests pass")
    if stage.final and looked_at:
        until.append(f"a person has looked at {', '.join(looked_at)}")
    if stage.asks:
        what += f"; entered only when a person has set approvedWeight to {stage.weight} or more"
    return PlanStep(what=what, lasts=format_duration(stage.hold), until=" and ".join(until))


def _gate(rollout: RolloutSpec, name: str) -> str:
    gate = next(g for g in rollout.analysis.gates if g.name == name)
    asked = gate.preset or ("lines of the log" if gate.logs is not None else "a query of its own")
    return (
        f"{gate.name} {bound(gate)} ({asked}), over {format_duration(gate.window)}, every "
        f"{format_duration(rollout.analysis.interval)}; {gate.failure_threshold} in a row send traffic back"
    )


def _smoke_test(test: SmokeTest) -> str:
    if test.http is not None:
        return f"{test.name}: GET {test.http.path} on port {test.http.port} answers {test.http.expect_status}"
    if test.tcp is not None:
        return f"{test.name}: Service {test.tcp.service} takes connections on port {test.tcp.port}"
    if test.job is not None:
        return f"{test.name}: {_job(test.job)}"
    return test.name


def _way_back(
    scene: Scene, claim: Claim, rollout: RolloutSpec, revision: Revision, checks: Sequence[CheckStatus]
) -> WayBack:
    case, stable = scene.case, scene.case.lineage.stable
    triggers = [f"gate {_gate(rollout, gate.name)}" for gate in rollout.analysis.gates]
    if rollout.smoke_tests:
        triggers.append("a smoke test fails after the switch")
    triggers.append("the new revision's pods crash")
    if rollout.analysis.on_no_data == "Rollback":
        triggers.append(f"no data for {format_duration(rollout.analysis.no_data_timeout)}")
    at = f"kubectl -n {case.namespace} patch"
    rehearsed = next((c.message for c in checks if c.name == "rollback-rehearsed"), "")
    return WayBack(
        to=stable.name if stable else "",
        triggers=triggers if stable else [],
        commands=[
            f"""{at} promotions.slipway.dev {claim.name} --type merge -p '{{"spec":{{"abort":"REASON"}}}}'""",
            f"""{at} rollouts.slipway.dev {case.name} --type merge -p '{{"spec":{{"abort":"{revision.name}"}}}}'""",
        ],
        rehearsed=rehearsed,
        asks_after=[_asked_after(check) for check in claim.spec.after_rollback] if claim.spec else [],
    )


def _asked_after(check: AfterRollbackCheck) -> str:
    if check.job is not None:
        return f"{check.name}: {_job(check.job)}"
    kind = next(kind for kind in ("http", "tcp", "object", "prometheus") if getattr(check, kind) is not None)
    return f"{check.name} ({kind})"


def _job(job: JobCheck) -> str:
    images = ", ".join(str(one.get("image") or "") for _, _, one in containers(job.template, ("containers",)))
    return f"a Job of {images} exits with 0 within {format_duration(job.timeout)}"


def _commands(scene: Scene, claim: Claim) -> list[str]:
    at = patch_command(scene.case.namespace, claim.name)
    return [
        f"""{at} '{{"spec":{{"approved":true}}}}'      # approve this plan""",
        f"""{at} '{{"spec":{{"hold":"REASON"}}}}'      # hold: nothing advances""",
        f"""{at} '{{"spec":{{"rollbackPlanNeeded":true}}}}'      # hold until there is a better rollback plan""",
        f"""{at} '{{"spec":{{"abort":"REASON"}}}}'      # end it""",
    ]
