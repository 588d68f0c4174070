"""The checks that a Promotion lists: what somebody states, and what Slipway asks for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from slipway.api.catalogue import CATALOGUE
from slipway.api.check import Attestation, Check, HTTPCheck, PrometheusCheck
from slipway.api.check_status import CheckStatus
from slipway.api.job_check import JobCheck
from slipway.api.object_check import ObjectCheck
from slipway.api.rollout import RolloutSpec
from slipway.api.smoke_test import TCPSmokeTest
from slipway.core import after_switch, instants, job, notified, pending_scripts
from slipway.core.case import Case
from slipway.core.checking import GOOD, Result, Subjects, expired, outcome, waived
from slipway.core.decision import JobProbe, MetricProbe, ObjectProbe, Probe, ServiceHttpProbe, TcpProbe
from slipway.core.gates import Subject, Verdict, judge, variables
from slipway.core.own_answers import OWN_ANSWERS
from slipway.core.smoke import TCP_TIMEOUT
from slipway.core.snapshot import Measured, Observation, Probed, Unverified

Asked = PrometheusCheck | HTTPCheck | TCPSmokeTest | ObjectCheck
"""What is asked without a pod."""
Question = Asked | JobCheck
Found = tuple[CheckStatus, list[Probe]]


class Named(Protocol):
    """What is asked for under a name."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def about(self) -> str: ...  # noqa: D102


def listed_check(
    case: Case, about: Subjects, check: Check, last: CheckStatus | None, max_age: timedelta | None = None
) -> Found:
    """The state of one listed check, and what it asks for.

    `last` is its last state under this plan, `max_age` how old a result may be. What people and pipelines say is not
    asked for, and stays.
    """
    words = pending_scripts.count(check.name, about.promotion)
    found, probes = _found(case, about, check, pending_scripts.bare(last, words), max_age)
    return pending_scripts.counted(found, words), probes


def _found(case: Case, about: Subjects, check: Check, last: CheckStatus | None, max_age: timedelta | None) -> Found:
    if check.attest is not None:
        return _attested(check, check.attest), []
    if check.not_applicable is not None:
        return waived(check.name, check.about, check.not_applicable.reason), []
    if check.manual is not None and about.promotion is not None:
        # A person's word counts for the plan under which it was given: another candidate has to be looked at anew.
        name = str(about.owner["metadata"]["name"])
        due = not after_switch.is_later(check)
        return after_switch.state(case, about.promotion, name, about.plan_hash, check, due), []
    if check.name == notified.NAME and check.is_alone:
        known = None if last is not None and expired(last, max_age, case.now) else last
        return notified.check(case, about, check, known), []
    question = check.prometheus or check.http or check.tcp or check.object or check.job
    if question is None and check.name not in OWN_ANSWERS:
        return _unanswered(check), []
    return _asked(case, about, check, question, last, max_age)


def _unanswered(check: Check) -> CheckStatus:
    entry = CATALOGUE.get(check.name)
    asks = entry.asks if entry else "it asks for nothing"
    words = f"unanswered: {asks} Answer it in spec.checks with attest, with a question, or with notApplicable"
    return outcome(check.name, check.about, Result.PENDING, words)


def _attested(check: Check, stated: Attestation) -> CheckStatus:
    result = Result.PASSED if stated.passed else Result.FAILED
    if stated.passed and not stated.evidence:
        words = (
            f"attested without evidence: {stated.summary}. Nobody can look at it: give attest.evidence, the address of "
            "what shows it, or let a person confirm it (manual)"
        )
        return outcome(check.name, check.about, Result.UNVERIFIABLE, words)
    return outcome(check.name, check.about, result, f"attested: {stated.summary}", stated.evidence or "")


def _asked(
    case: Case,
    about: Subjects,
    check: Check,
    question: Question | None,
    last: CheckStatus | None,
    max_age: timedelta | None,
) -> Found:
    """Asked once, when the candidate has pods. A failure stays one until `rerun`, or until it is too old.

    Where nothing could be found out it is asked for again, and written down again when the answer is another. Each run
    is named after the time of the word that it follows, which stays in the status while it is waited for.
    """
    known = None if last is not None and expired(last, max_age, case.now) else last
    if known is not None and known.result in GOOD | {Result.FAILED}:
        return known, []
    follows = _follows(last)
    since = instants.render(follows) if follows else ""

    def probe(due: datetime | None) -> Probe:
        tried = instants.render(due) if due else ""
        key = f"check/{check.name}/{about.candidate.name}/{about.rerun}/{about.plan_hash}/{since}/{tried}"
        return _probe(case, about, check.name, question, key, due or case.now, since)

    def pending(words: str, after: datetime | None) -> CheckStatus:
        again = f"; the result of {instants.render(after)} is too old" if after else ""
        waits = outcome(check.name, check.about, Result.PENDING, f"{words}{again}")
        return waits.model_copy(update={"at": after})

    def found(seen: Observation, at: datetime) -> CheckStatus:
        answer = _at(answered(check, question, seen), at)
        ended = instants.whole_milliseconds(seen.at)
        if expired(answer.model_copy(update={"at": ended}), max_age, case.now):
            # A Job that had its end while nobody looked: it counts as little as one whose result was written down.
            return pending("asking", ended)
        if since and isinstance(question, JobCheck) and answer.result == Result.UNVERIFIABLE:
            # It was not made: the next try is of the same run.
            return answer.model_copy(update={"evidence": since})
        return answer

    tried_at = known.at if known is not None and known.result == Result.UNVERIFIABLE else None
    if known is None or tried_at is None:
        if case.world.endpoints(case.world.preview_service)[about.candidate.name] == 0:
            return pending("waiting for the candidate's pods", follows), []
        first = probe(None)
        seen = case.snapshot.observations.get(first.key)
        if seen is None:
            return pending(_asking(first), follows), [first]
        return found(seen, seen.at), []
    interval = about.spec.analysis.interval
    tries = (case.now - tried_at) // interval
    following = probe(tried_at + (tries + 1) * interval)
    if tries < 1:
        return known, [following]
    latest = probe(tried_at + tries * interval)
    seen = case.snapshot.observations.get(latest.key)
    if seen is None:
        return known, [latest, following]
    answer = found(seen, max(seen.at, latest.due))
    if (answer.result, answer.message) == (known.result, known.message):
        return known, [latest, following]
    return answer, []


def _follows(last: CheckStatus | None) -> datetime | None:
    """The time of the result that the next run follows; None where none has run yet."""
    if last is None:
        return None
    return instants.parse(last.evidence) if last.result == Result.UNVERIFIABLE else last.at


def _at(found: CheckStatus, at: datetime) -> CheckStatus:
    return found.model_copy(update={"at": instants.whole_milliseconds(at)})


def _asking(probe: Probe) -> str:
    if isinstance(probe, JobProbe):
        meta = probe.job["metadata"]
        return f"Job {meta['name']} runs; look at it: kubectl -n {meta['namespace']} describe job {meta['name']}"
    return "asking"


def _probe(
    case: Case, about: Subjects, check: str, question: Question | None, key: str, due: datetime, since: str
) -> Probe:
    if question is None:
        return OWN_ANSWERS[check](case, about, key, due)
    if isinstance(question, JobCheck):
        run = job.run(check, question, about.owner, about.plan_hash, about.rerun, since)
        return JobProbe(key=key, due=due, job=run)
    return probe_of(case, about.spec, about.candidate.name, question, key, due)


def probe_of(
    case: Case, spec: RolloutSpec, revision: str, question: Asked, key: str, due: datetime
) -> MetricProbe | ServiceHttpProbe | TcpProbe | ObjectProbe:
    """What finds out about a question that takes no pod. `revision` is the one whose numbers are asked for."""
    match question:
        case ObjectCheck():
            return ObjectProbe(
                key=key,
                due=due,
                api_version=question.api_version,
                kind=question.kind,
                name=question.name,
                expression=question.expression,
            )
        case TCPSmokeTest():
            return TcpProbe(key=key, due=due, service=question.service, port=question.port, timeout=TCP_TIMEOUT)
        case HTTPCheck():
            return ServiceHttpProbe(
                key=key,
                due=due,
                service=question.service,
                port=question.port,
                path=question.path,
                expect_status=question.expect_status,
                expect_body=question.expect_body,
                timeout=question.timeout,
            )
        case PrometheusCheck():
            subject = Subject(case.namespace, case.name, revision, case.now, "check")
            return MetricProbe(
                key=key,
                due=due,
                source=spec.analysis.source,
                preset=None,
                query=question.query,
                variables=variables(spec, subject, case.name, question.window),
                min_requests=0,
            )


def answered(check: Named, question: Question | None, seen: Observation) -> CheckStatus:
    """What an answer makes of a check."""
    if isinstance(seen, Unverified):
        return outcome(check.name, check.about, Result.UNVERIFIABLE, seen.message)
    if isinstance(question, PrometheusCheck) and isinstance(seen, Measured):
        verdict, words = judge(question, seen)
        if verdict is Verdict.FAIL:
            return outcome(check.name, check.about, Result.FAILED, f"not so: {words}")
        result = Result.PASSED if verdict is Verdict.PASS else Result.UNVERIFIABLE
        return outcome(check.name, check.about, result, words)
    if not isinstance(seen, Probed):
        return outcome(check.name, check.about, Result.UNVERIFIABLE, "the answer is a number")
    return outcome(check.name, check.about, Result.PASSED if seen.passed else Result.FAILED, seen.message)
