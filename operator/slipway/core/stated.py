"""The built-in checks on what a Promotion states of itself: each is there as soon as its part of the case is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from slipway.api.argument import Assessment, Readiness, RollbackPlan
from slipway.api.check_status import CheckStatus
from slipway.api.promotion import PromotionSpec
from slipway.core import stakeholders, stated_migrations
from slipway.core.checking import Result, outcome
from slipway.core.enumerating import count, some
from slipway.core.notice_routes import NoticeRoutes

LEAST_SCORE = 7.0
"""The readiness score that is enough where no policy asks for more."""

_TOO_EARLY = frozenset({"idea", "spark", "concept", "prototype"})
"""Stages of an idea before REFINE, the one that comes before a launch (SCALE). Other names are people's own."""

_PROGRAMS = (
    "argocd|aws|az|bash|curl|docker|flux|gcloud|git|grpcurl|helm|istioctl|jq|kubectl|linkerd|make|mysql|oc|openssl|"
    "pg_restore|psql|python3?|redis-cli|sh|slipway|sql|ssh|sudo|terraform|tofu|velero|vault"
)
_COMMAND = re.compile(rf"`[^`\s][^`]*`|^\s*(\$\s+\S|\.{{0,2}}/\S+|({_PROGRAMS})\s+\S)", re.IGNORECASE)
_NUMBER = re.compile(r"\d")


def stated_checks(
    spec: PromotionSpec, channels: NoticeRoutes, least_score: float = LEAST_SCORE
) -> Iterator[CheckStatus]:
    """The checks on the case that `spec` makes, in the order of its fields; `channels` are those that tell people."""
    if spec.readiness is not None:
        yield from _readiness(spec.readiness, least_score)
    if spec.assessment is not None:
        yield _assessment(spec.assessment)
    if spec.rollback_plan is not None:
        yield _rollback_plan(spec.rollback_plan)
    if spec.migrations is not None:
        yield stated_migrations.check(spec.migrations)
    if spec.communication is not None:
        yield stakeholders.check(spec.communication, spec.environment, channels)


def is_command(text: str) -> bool:
    """Whether a line holds something to run: text in backticks, or a line that begins with `$`, a path or a program."""
    return _COMMAND.search(text) is not None


def is_measurable(text: str) -> bool:
    """Whether it can be seen without judgement that a line holds: it has a number to compare with, or a command."""
    return _NUMBER.search(text) is not None or is_command(text)


def _readiness(stated: Readiness, least: float) -> Iterator[CheckStatus]:
    score = f"readiness.score is {stated.score:g}, at least {least:g} is asked for"
    if stated.score >= least:
        yield outcome("readiness-score", "Quality", Result.PASSED, f"{stated.score:g} of 10, at least {least:g}")
    elif stated.override:
        yield outcome("readiness-score", "Quality", Result.PASSED, f"{score}; overridden: {stated.override}")
    else:
        words = f"{score}: raise it, or say in readiness.override why it is enough"
        yield outcome("readiness-score", "Quality", Result.FAILED, words)
    if stated.stage.strip().lower() in _TOO_EARLY:
        words = (
            f"readiness.stage: {stated.stage} is too early. A launch is the stage SCALE, and REFINE comes before it: "
            "launch when that is approved, and say so here"
        )
        yield outcome("idea-approved", "Compliance", Result.FAILED, words)
    elif stated.status.lower() == "approved":
        yield outcome("idea-approved", "Compliance", Result.PASSED, f"stage {stated.stage} is approved")
    else:
        words = f"readiness.status: stage {stated.stage} is {stated.status}, should be approved"
        yield outcome("idea-approved", "Compliance", Result.FAILED, words)
    unresolved = [issue.id for issue in stated.critical_issues if not issue.resolved]
    if unresolved:
        words = f"readiness.criticalIssues: {some(unresolved)} not resolved"
        yield outcome("critical-issues", "Quality", Result.FAILED, words)
    else:
        known = len(stated.critical_issues)
        words = f"{known} of {known} resolved" if known else "none is known"
        yield outcome("critical-issues", "Quality", Result.PASSED, words)


def _assessment(stated: Assessment) -> CheckStatus:
    name, category = "assessment", "Security"
    if stated.recommendation is None:
        words = "assessment.recommendation: missing; Proceed, Proceed with Caution or Do Not Proceed"
        return outcome(name, category, Result.PENDING, words)
    if stated.recommendation == "Do Not Proceed":
        reason = f": {stated.reason}" if stated.reason else ""
        return outcome(name, category, Result.FAILED, f"assessment.recommendation is Do Not Proceed{reason}")
    if stated.recommendation == "Proceed with Caution" and not stated.reason:
        return outcome(name, category, Result.FAILED, "assessment.reason: Proceed with Caution wants a reason")
    if stated.risk in ("High", "Critical") and not stated.mitigations:
        return outcome(name, category, Result.FAILED, f"assessment.mitigations: none, and the risk is {stated.risk}")
    risk = f", risk {stated.risk}" if stated.risk else ""
    words = f"{stated.recommendation}{risk}"
    return outcome(name, category, Result.PASSED, f"{words}: {stated.reason}" if stated.reason else words)


def _rollback_plan(stated: RollbackPlan) -> CheckStatus:
    name, category = "rollback-plan-concrete", "Operations"
    wrong = [
        *(f"rollbackPlan.steps[{n}]: {line!r} names no command" for n, line in _not(is_command, stated.steps)),
        *(
            f"rollbackPlan.verification[{n}]: {line!r} has neither a number nor a command"
            for n, line in _not(is_measurable, stated.verification)
        ),
    ]
    if not stated.steps:
        wrong.insert(0, "rollbackPlan.steps: none; write the commands that people run")
    if not stated.verification:
        wrong.append("rollbackPlan.verification: none; write at least one command, or a number to compare with")
    if wrong:
        hint = "put commands into backticks"
        return outcome(name, category, Result.FAILED, f"{some(wrong, '; ')} ({hint})")
    words = (
        f"{count(len(stated.steps), 'step')} with commands, {count(len(stated.verification), 'measurable criterion')}"
    )
    return outcome(name, category, Result.PASSED, words)


def _not(holds: Callable[[str], bool], lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    return ((n, line) for n, line in enumerate(lines) if not holds(line))
