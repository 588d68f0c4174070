"""What the policies that match a Rollout demand together: of each demand the strictest.

Where a policy permits more than is usual (advisory checks, a score below the usual one, breaking the glass), all
that match have to permit it. So a further policy never permits more.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from slipway.api.argument import Assessment
from slipway.api.duration import format_duration
from slipway.api.promotion import PromotionSpec
from slipway.api.promotion_policy import Approvals, CaseRule, PromotionPolicySpec
from slipway.api.promotion_policy import Staging as StagingSpec
from slipway.api.watch import watched_for
from slipway.core.policy.matching import Policy
from slipway.core.policy.quorum import Wanted
from slipway.core.policy.windows import Calendar
from slipway.core.stated import LEAST_SCORE

READINESS = "readiness-score"
"""The check that a demanded score asks for."""
STAGING = "staging"
"""The check on where the images were before: what `from.required` asks for."""


@dataclass(frozen=True)
class Staging:
    """What is demanded of where a version was before. `policies` are those that demand it."""

    required: bool = False
    within: timedelta | None = None
    soak: timedelta | None = None
    policies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Demands:
    """All demands on one Rollout."""

    policies: tuple[str, ...] = ()
    invalid: str = ""
    """Which policy cannot be read, and why: then nothing goes forward."""
    least_score: float = LEAST_SCORE
    required: tuple[tuple[str, str], ...] = ()
    """Checks that must be there, each with the policy that demands it."""
    advisory: frozenset[str] = frozenset()
    max_age: timedelta | None = None
    least_watch: tuple[timedelta, str] | None = None
    """How long a launch must be watched, and the policy that demands it."""
    staging: Staging = Staging()
    approvals: Wanted = field(default_factory=Wanted)
    rules: tuple[tuple[str, CaseRule], ...] = ()
    automatic_denied: str = ""
    """The policy that denies `approval: Automatic`."""
    break_glass: bool = False
    calendars: tuple[Calendar, ...] = ()


def add_up(policies: Sequence[Policy]) -> Demands:
    """The demands of policies that match."""
    if not policies:
        return Demands()
    read = [(policy.name, policy.spec) for policy in policies if policy.spec is not None]
    specs = [spec for _, spec in read]
    broken = [f"PromotionPolicy {policy.name} is not valid: {policy.problem}" for policy in policies if not policy.spec]
    required = dict(_required(read))
    scores = [LEAST_SCORE if spec.min_readiness_score is None else spec.min_readiness_score for spec in specs]
    advisory = [set(spec.advisory_checks) for spec in specs]
    return Demands(
        policies=tuple(policy.name for policy in policies),
        invalid="; ".join(broken),
        least_score=max(scores, default=LEAST_SCORE),
        required=tuple(required.items()),
        advisory=frozenset(set.intersection(*advisory) - required.keys()) if advisory and not broken else frozenset(),
        max_age=_least(spec.max_age for spec in specs),
        least_watch=max(((spec.min_watch, name) for name, spec in read if spec.min_watch is not None), default=None),
        staging=_staging(read),
        approvals=_approvals(read),
        rules=tuple((name, rule) for name, spec in read for rule in spec.rules),
        automatic_denied=next((name for name, spec in read if spec.automatic == "Deny"), ""),
        break_glass=not broken and all(spec.break_glass == "Allow" for spec in specs),
        calendars=tuple(Calendar(name, tuple(spec.windows)) for name, spec in read if spec.windows),
    )


def of_case(demands: Demands, assessment: Assessment | None) -> Demands:
    """With what the rules demand of a case like this one."""
    wanted = demands.approvals
    for name, rule in demands.rules:
        if applies(rule, assessment):
            more = (name,) if rule.count > wanted.count or (rule.four_eyes and not wanted.four_eyes) else ()
            wanted = replace(
                wanted,
                count=max(wanted.count, rule.count),
                four_eyes=wanted.four_eyes or rule.four_eyes,
                policies=tuple(dict.fromkeys((*wanted.policies, *more))),
            )
    return replace(demands, approvals=wanted)


def behind_broken_glass(demands: Demands) -> Demands:
    """What is still demanded once the glass is broken: one approval by somebody who counts, and what never ends."""
    return replace(
        demands,
        required=(),
        staging=Staging(),
        approvals=replace(demands.approvals, count=1, four_eyes=False),
        least_watch=None,
        rules=(),
        calendars=(),
    )


def lacking(
    demands: Demands, spec: PromotionSpec | None, checks: Iterable[str], later: Container[str] = frozenset()
) -> str:
    """What the case lacks, with paths; '' when it lacks nothing.

    `checks` are the names of those that there are before traffic, `later` of those that are put off until after it.
    """
    there = set(checks)
    wrong = [
        f"policy {name} demands the check {check}: {_PUT_OFF if check in later else _where(check)}"
        for check, name in demands.required
        if check not in there
    ]
    assessment = spec.assessment if spec is not None else None
    for name, rule in demands.rules:
        unknown = _unanswered(rule, assessment)
        if unknown:
            wrong.append(f"policy {name} goes by spec.assessment.{unknown}: state it")
        elif rule.reason and applies(rule, assessment) and not (assessment and assessment.reason):
            wrong.append(f"policy {name} demands a reason: write it into spec.assessment.reason")
    if demands.least_watch is not None:
        least, name = demands.least_watch
        if (lasts := watched_for(spec.watch if spec is not None else [])) < least:
            there_is = (
                "without a Promotion there is none" if spec is None else f"spec.watch lasts {format_duration(lasts)}"
            )
            wrong.append(f"policy {name} demands a watch of {format_duration(least)}: {there_is}")
    if wrong and spec is None:
        wrong.append("only a Promotion can say that: create one")
    return "; ".join(dict.fromkeys(wrong))


def applies(rule: CaseRule, assessment: Assessment | None) -> bool:
    """Whether a rule is about a case. One that does not say what the rule asks for might be: it is."""
    when = rule.when
    if assessment is None:
        return True
    return all(
        wanted is None or stated is None or stated in wanted
        for wanted, stated in (
            (when.data_classification, assessment.data_classification),
            (when.risk, assessment.risk),
            (when.recommendation, assessment.recommendation),
        )
    )


def _unanswered(rule: CaseRule, assessment: Assessment | None) -> str:
    """The field that a rule goes by and the case does not state; '' when another field rules it out already."""
    if not applies(rule, assessment):
        return ""
    when = rule.when
    asked = (
        ("dataClassification", when.data_classification, assessment and assessment.data_classification),
        ("risk", when.risk, assessment and assessment.risk),
        ("recommendation", when.recommendation, assessment and assessment.recommendation),
    )
    return next((field for field, wanted, stated in asked if wanted is not None and stated is None), "")


_PUT_OFF = "it is put off until after the switch, take manual.when out of spec.checks"


def _where(check: str) -> str:
    part = {
        READINESS: "readiness",
        STAGING: "from",
        "idea-approved": "readiness",
        "critical-issues": "readiness",
        "assessment": "assessment",
        "rollback-plan-concrete": "rollbackPlan",
        "migrations-complete": "migrations",
        "images": "images",
    }.get(check)
    return f"state spec.{part}" if part else "list it in spec.checks"


Read = Sequence[tuple[str, PromotionPolicySpec]]


def _required(read: Read) -> Iterator[tuple[str, str]]:
    # Of two policies that demand the same check the first is named: the later one of a dict wins.
    for name, spec in reversed(read):
        yield from ((check, name) for check in spec.required_checks)
        if spec.min_readiness_score is not None:
            yield READINESS, name
        if spec.from_ is not None and spec.from_.required:
            yield STAGING, name


def _staging(read: Read) -> Staging:
    found: list[tuple[str, StagingSpec]] = [(name, spec.from_) for name, spec in read if spec.from_ is not None]
    return Staging(
        required=any(staging.required for _, staging in found),
        within=_least(staging.within for _, staging in found),
        soak=max((staging.soak for _, staging in found if staging.soak is not None), default=None),
        policies=tuple(name for name, _ in found),
    )


def _approvals(read: Read) -> Wanted:
    found: list[tuple[str, Approvals]] = [(name, spec.approvals) for name, spec in read if spec.approvals is not None]
    lists = [frozenset(one.service_accounts) for _, one in found if one.service_accounts is not None]
    return Wanted(
        count=max((one.count for _, one in found), default=1),
        four_eyes=any(one.four_eyes for _, one in found),
        verified=any(one.verified for _, one in found),
        service_accounts=frozenset.intersection(*lists) if lists else None,
        valid_for=_least(one.valid_for for _, one in found),
        policies=tuple(name for name, one in found if one != Approvals()),
    )


def _least(spans: Iterable[timedelta | None]) -> timedelta | None:
    return min((span for span in spans if span is not None), default=None)
