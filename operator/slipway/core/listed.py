"""The checks that a Promotion lists: what somebody states, and numbers that are asked for."""

from __future__ import annotations

from slipway.api.check import Attestation, Check, PrometheusCheck
from slipway.api.promotion import CheckStatus
from slipway.core import instants
from slipway.core.case import Case
from slipway.core.checking import GOOD, Result, Subjects, outcome
from slipway.core.decision import MetricProbe, Probe
from slipway.core.gates import Subject, Verdict, judge, variables
from slipway.core.snapshot import Measured

Found = tuple[CheckStatus, list[Probe]]


def listed_check(case: Case, about: Subjects, check: Check, known: CheckStatus | None) -> Found:
    """The state of one listed check, and what it asks for. `known` is its last result under this plan."""
    if check.attest is not None:
        return _attested(check, check.attest), []
    if check.prometheus is not None:
        return _measured(case, about, check, check.prometheus, known)
    return outcome(check.name, check.category, Result.UNVERIFIABLE, "this version knows no such check"), []


def _attested(check: Check, stated: Attestation) -> CheckStatus:
    result = Result.PASSED if stated.passed else Result.FAILED
    return outcome(check.name, check.category, result, f"attested: {stated.summary}", stated.evidence or "")


def _measured(case: Case, about: Subjects, check: Check, asked: PrometheusCheck, known: CheckStatus | None) -> Found:
    """Asked once; a number outside of its bound stays a failure until `rerun`, no answer is asked for again."""
    if known is not None and known.result in GOOD | {Result.FAILED}:
        return known, []
    due = case.now
    waited = known is not None and known.result == Result.UNVERIFIABLE and known.at is not None
    if known is not None and known.at is not None and waited:
        due = known.at + about.spec.analysis.interval
    # The key stays the same until there is an answer; then the time of the next try tells tries apart.
    tried = instants.render(due) if waited else ""
    key = f"check/{check.name}/{about.candidate.name}/{about.rerun}/{about.plan_hash}/{tried}"
    subject = Subject(case.namespace, case.name, about.candidate.name, case.now, "check")
    probe = MetricProbe(
        key=key,
        due=due,
        source=about.spec.analysis.source,
        preset=None,
        query=asked.query,
        variables=variables(about.spec, subject, case.name, asked.window),
        min_requests=0,
    )
    seen = case.snapshot.observations.get(key)
    if not isinstance(seen, Measured):
        pending = outcome(check.name, check.category, Result.PENDING, "asking the metrics source")
        return (known if waited and known is not None else pending), [probe]
    at = max(instants.whole_milliseconds(seen.at), due)
    return _judged(check, asked, seen).model_copy(update={"at": at}), []


def _judged(check: Check, asked: PrometheusCheck, seen: Measured) -> CheckStatus:
    verdict, words = judge(asked, seen)
    if verdict is Verdict.FAIL:
        return outcome(check.name, check.category, Result.FAILED, f"not so: {words}")
    result = Result.PASSED if verdict is Verdict.PASS else Result.UNVERIFIABLE
    return outcome(check.name, check.category, result, words)
