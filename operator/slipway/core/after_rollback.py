"""What a Promotion asks for once traffic has gone back: each question once, and an answer in bounded time.

Going back waits for none of it: the questions are noted in the write that ends the Promotion, and asked after it. What
was approved is asked, whatever the spec says by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import TypeAdapter, ValidationError

from slipway.api.after_rollback import AfterRollback, AfterRollbackCheck
from slipway.api.check_status import CheckStatus
from slipway.api.promotion_status import PromotionStatus
from slipway.api.rollout import RolloutSpec
from slipway.core import instants, job, names
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.checking import GOOD, Result, outcome
from slipway.core.decision import JobProbe, Probe
from slipway.core.lineage import Lineage
from slipway.core.listed import Asked, answered, probe_of
from slipway.core.plan import stored_spec
from slipway.core.record.owed import ROLLBACK

ANSWERED_WITHIN = timedelta(minutes=5)
"""How long an answer may take, beyond the time that the question itself asks for."""
RECORD_WAITS = timedelta(hours=1)
"""How long the record of a rollback waits for the Promotion's end, if it asks for something then."""

_LISTED: TypeAdapter[list[AfterRollbackCheck]] = TypeAdapter(AfterRollback)


@dataclass(frozen=True)
class Aftermath:
    """What is known by now of the questions of one Promotion, and when time alone answers one."""

    checks: tuple[CheckStatus, ...]
    probes: tuple[Probe, ...]
    again: datetime | None


def noted(case: Case, plan_hash: str) -> list[CheckStatus]:
    """The questions of an approved plan, none of them asked yet: part of the status with which a Promotion ends."""
    return [outcome(check.name, "", Result.PENDING, "asking") for check in _asked(case, plan_hash)]


def open_in(status: PromotionStatus) -> bool:
    """Whether an answer is still to come."""
    return any(check.result == Result.PENDING for check in status.after_rollback)


def awaited(case: Case, claim: Claim | None, plan_hash: str, back: datetime) -> bool:
    """Whether the record of going back, decided at `back`, still waits for an answer."""
    if claim is None:
        return False
    if claim.finished:
        return open_in(claim.status)
    return case.now < back + RECORD_WAITS and bool(_asked(case, plan_hash))


def failed(status: PromotionStatus) -> list[CheckStatus]:
    """Those that did not turn out well."""
    return [check for check in status.after_rollback if check.result not in GOOD | {Result.PENDING}]


def running(case: Case, lineage: Lineage) -> Mapping[str, Aftermath]:
    """By uid, the Promotions with an answer still to come."""
    claims = (claim for claim in case.claims if claim.finished and not claim.deleting and open_in(claim.status))
    return {claim.uid: _aftermath(case, lineage, claim) for claim in claims}


def given_up(status: PromotionStatus, why: str) -> PromotionStatus:
    """The status with no answer to come any more."""
    checks = [
        check if check.result != Result.PENDING else outcome(check.name, "", Result.UNVERIFIABLE, why)
        for check in status.after_rollback
    ]
    return status.model_copy(update={"after_rollback": checks})


def _aftermath(case: Case, lineage: Lineage, claim: Claim) -> Aftermath:
    began, plan_hash = claim.status.finished_at, _plan_of(lineage, claim)
    asked = {check.name: check for check in _asked(case, plan_hash)}
    found: list[CheckStatus] = []
    probes: list[Probe] = []
    ends: list[datetime] = []
    for known in claim.status.after_rollback:
        check = asked.get(known.name)
        if known.result != Result.PENDING:
            found.append(known)
        elif began is None or check is None:
            found.append(_unverifiable(case, known, "the plan that asks for it is not stored any more"))
        elif _replaced(lineage, began):
            found.append(_unverifiable(case, known, "the next launch came before its answer"))
        else:
            probe = _probe(case, lineage, claim, check, plan_hash, began)
            if probe is None:
                found.append(_unverifiable(case, known, "no spec of the Rollout names a metrics source"))
                continue
            found.append(_state(case, check, probe, known, began + _allowed(check)))
            # Wanted until its result is written down.
            probes.append(probe)
            ends.append(began + _allowed(check))
    return Aftermath(tuple(found), tuple(probes), min(ends, default=None))


def _state(case: Case, check: AfterRollbackCheck, probe: Probe, known: CheckStatus, until: datetime) -> CheckStatus:
    seen = case.snapshot.observations.get(probe.key)
    if seen is not None:
        at = instants.whole_milliseconds(max(seen.at, probe.due))
        question = _asks(check) or check.job
        found = answered(check, question, seen) if question is not None else known
        return found.model_copy(update={"at": at})
    if case.now >= until:
        return _unverifiable(case, known, f"no answer by {instants.render(until)}")
    if isinstance(probe, JobProbe):
        meta = probe.job["metadata"]
        words = f"Job {meta['name']}: kubectl -n {meta['namespace']} describe job {meta['name']}"
        return outcome(check.name, "", Result.PENDING, words)
    return known


def _unverifiable(case: Case, known: CheckStatus, why: str) -> CheckStatus:
    return outcome(known.name, "", Result.UNVERIFIABLE, why).model_copy(update={"at": case.now})


def _asked(case: Case, plan_hash: str) -> list[AfterRollbackCheck]:
    inputs = case.plan_inputs(plan_hash) if plan_hash else None
    said = (inputs or {}).get("promotion")
    try:
        return _LISTED.validate_python(said.get("afterRollback") or []) if isinstance(said, Mapping) else []
    except ValidationError:
        # A newer operator wrote it, and nobody knows what it asks.
        return []


def _plan_of(lineage: Lineage, claim: Claim) -> str:
    """The plan under which traffic had moved. The record is owed until the answers are there, and names it."""
    for revision in lineage.revisions.values():
        for owed in revision.marks.owed:
            if owed.kind == ROLLBACK and owed.promotion_uid == claim.uid:
                return owed.plan_hash
    approved = (revision.marks.approved for revision in lineage.revisions.values())
    return next((one.plan_hash for one in approved if one is not None and one.promotion_uid == claim.uid), "")


def _replaced(lineage: Lineage, began: datetime) -> bool:
    """Whether users have another revision by now than the one that traffic came back to."""
    for revision in (lineage.stable, lineage.shifting):
        if revision is not None and revision.marks.promoted_at is not None and revision.marks.promoted_at >= began:
            return True
    return False


def _allowed(check: AfterRollbackCheck) -> timedelta:
    own = check.job.timeout if check.job else check.prometheus.window if check.prometheus else timedelta()
    return own + ANSWERED_WITHIN


def _probe(
    case: Case, lineage: Lineage, claim: Claim, check: AfterRollbackCheck, plan_hash: str, began: datetime
) -> Probe | None:
    key = f"after/{claim.uid}/{check.name}/{plan_hash}/{instants.render(began)}"
    if check.job is not None:
        made = job.after_rollback(check.name, check.job, claim.obj, case.name, plan_hash)
        return JobProbe(key=key, due=began, job=made)
    # No number is about the time before traffic was back.
    due = began + check.prometheus.window if check.prometheus else began
    serving = lineage.stable.name if lineage.stable else names.NO_REVISION
    question, spec = _asks(check), _spec(case, lineage, plan_hash)
    return probe_of(case, spec, serving, question, key, due) if question is not None and spec is not None else None


def _asks(check: AfterRollbackCheck) -> Asked | None:
    return check.prometheus or check.http or check.tcp or check.object


def _spec(case: Case, lineage: Lineage, plan_hash: str) -> RolloutSpec | None:
    """The one whose metrics source is asked: as approved, also where the present one cannot be read."""
    for revision in lineage.revisions.values():
        spec = stored_spec(case.snapshot.revisions, case.name, plan_hash, revision, case.raw_spec)
        if spec is not None:
            return spec
    return case.spec
