"""What several policies add up to: the strictest of each demand, and never more than without one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.api.promotion import PromotionSpec
from slipway.core.policy.demands import Demands, add_up, behind_broken_glass, lacking, of_case
from slipway.core.policy.matching import matching
from slipway.core.policy.quorum import Wanted
from slipway.core.policy.windows import hours

Object = dict[str, Any]
NOW = datetime(2026, 11, 20, 13, tzinfo=UTC)
LABELS = {"kubernetes.io/metadata.name": "shop", "team": "a"}


def policy(name: str = "p", **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": {"match": {}, **spec}}


def demands(*policies: Object) -> Demands:
    return add_up(matching(policies, "production", LABELS))


def promotion(**spec: Any) -> PromotionSpec:
    return PromotionSpec.model_validate({"rollout": "web", "environment": "production", **spec})


# --- Which apply


@pytest.mark.parametrize(
    ("match", "applies"),
    [
        ({}, True),
        ({"environments": []}, True),
        ({"environments": ["staging", "production"]}, True),
        ({"environments": ["staging"]}, False),
        ({"namespaceSelector": {}}, True),
        ({"namespaceSelector": {"matchLabels": {"team": "a"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"team": "b"}}}, False),
        ({"environments": ["staging"], "namespaceSelector": {"matchLabels": {"team": "a"}}}, False),
        ({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "In", "values": ["a"]}]}}, True),
        ({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}}, False),
        ({"namespaceSelector": {"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["a"]}]}}, True),
        ({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "Exists"}]}}, True),
        ({"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}}, False),
    ],
)
def test_environment_and_namespace_both_have_to_match(match: Object, applies: bool) -> None:
    assert bool(demands(policy(match=match)).policies) is applies


def test_a_namespace_that_was_not_seen_yet_might_be_any() -> None:
    chosen = policy(match={"namespaceSelector": {"matchLabels": {"team": "b"}}})
    assert add_up(matching([chosen], "production", {})).policies == ("p",)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"windows": [{"deny": "x", "cron": "0 0 30 2 *", "duration": "1h"}]}, "spec.windows[0].cron: '0 0 30 2 *'"),
        ({"windows": [{"deny": "x", "from": "2026-01-01", "timeZone": "Mars"}]}, "there is no time zone 'Mars'"),
        ({"minReadinessScore": 11}, "spec.minReadinessScore: 11 is too large"),
        ({"ruels": []}, "spec.ruels: unknown field (did you mean rules?)"),
    ],
)
def test_a_policy_that_cannot_be_read_closes_what_it_matches_and_says_why(broken: Object, words: str) -> None:
    found = demands(policy(**broken), policy("other", breakGlass="Allow", advisoryChecks=["a"]))
    assert found.invalid.startswith("PromotionPolicy p is not valid: ")
    assert words in found.invalid
    assert (found.break_glass, found.advisory) == (False, frozenset())
    assert not demands(policy(match={"environments": ["staging"]}, **broken)).invalid


@pytest.mark.parametrize("spec", [None, [], "x", {"match": []}, {"match": {"environments": "production"}}, {}])
def test_a_policy_whose_match_cannot_be_read_matches_everything(spec: Any) -> None:
    found = add_up(matching([{"metadata": {"name": "p"}, "spec": spec}], "anything", LABELS))
    assert "PromotionPolicy p is not valid" in found.invalid


# --- What they add up to


def test_the_strictest_of_each_demand_wins() -> None:
    hour, day = timedelta(hours=1), timedelta(days=1)
    found = demands(
        policy(
            "a",
            minReadinessScore=8,
            requiredChecks=["tests"],
            maxAge="24h",
            approvals={"count": 2, "validFor": "24h", "serviceAccounts": ["system:a", "system:b"]},
            **{"from": {"required": True, "soak": "1h", "within": "24h"}},
        ),
        policy(
            "b",
            minReadinessScore=9,
            requiredChecks=["scan"],
            maxAge="1h",
            approvals={"fourEyes": True, "verified": True, "validFor": "1h", "serviceAccounts": ["system:b"]},
            automatic="Deny",
            **{"from": {"soak": "24h", "within": "1h"}},
        ),
    )
    assert found.least_score == 9
    assert dict(found.required) == {"tests": "a", "scan": "b", "readiness-score": "a", "staging": "a"}
    assert (found.max_age, found.automatic_denied) == (hour, "b")
    assert found.approvals == Wanted(2, True, True, frozenset({"system:b"}), hour, ("a", "b"))
    assert (found.staging.required, found.staging.soak, found.staging.within) == (True, day, hour)


def test_what_permits_more_than_usual_must_be_permitted_by_all() -> None:
    lenient = {"advisoryChecks": ["coverage", "docs"], "breakGlass": "Allow", "minReadinessScore": 5}
    assert demands(policy(**lenient)).advisory == {"coverage", "docs"}
    assert demands(policy(**lenient)).break_glass
    assert demands(policy(**lenient)).least_score == 5
    both = demands(policy("a", **lenient), policy("b"))
    assert (both.advisory, both.break_glass, both.least_score) == (frozenset(), False, 7)
    required = demands(policy("a", **lenient), policy("b", advisoryChecks=["docs"], requiredChecks=["docs"]))
    assert required.advisory == frozenset()


NAMES = st.lists(st.sampled_from(["tests", "scan", "docs"]), unique=True)
SPANS = st.sampled_from(["1h", "24h", "72h"])
ACCOUNTS = st.lists(st.sampled_from(["system:a", "system:b"]), unique=True)
RULES = st.builds(
    lambda when, count, eyes, reason: {"when": when, "count": count, "fourEyes": eyes, "reason": reason},
    st.sampled_from([{"risk": ["High"]}, {"dataClassification": ["CONFIDENTIAL"]}, {"recommendation": ["Proceed"]}]),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
)
WINDOWS = st.sampled_from(
    [
        {"deny": "x", "cron": "0 12 * * 5", "duration": "12h"},
        {"allow": "x", "cron": "0 8 * * 1-4", "duration": "8h"},
        {"allow": "y", "from": "2020-01-01"},
    ]
)
SPECS = st.fixed_dictionaries(
    {},
    optional={
        "minReadinessScore": st.integers(0, 10),
        "requiredChecks": NAMES,
        "advisoryChecks": NAMES,
        "maxAge": SPANS,
        "from": st.fixed_dictionaries({"required": st.booleans()}, optional={"within": SPANS, "soak": SPANS}),
        "approvals": st.fixed_dictionaries(
            {"count": st.integers(1, 3), "fourEyes": st.booleans(), "verified": st.booleans()},
            optional={"validFor": SPANS, "serviceAccounts": ACCOUNTS},
        ),
        "rules": st.lists(RULES, max_size=2),
        "automatic": st.sampled_from(["Allow", "Deny"]),
        "breakGlass": st.sampled_from(["Allow", "Deny"]),
        "windows": st.lists(WINDOWS, max_size=2),
    },
)
ASSESSMENTS = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "risk": st.sampled_from(["Low", "High"]),
        "dataClassification": st.sampled_from(["PUBLIC", "CONFIDENTIAL"]),
        "recommendation": st.sampled_from(["Proceed", "Proceed with Caution"]),
    },
)
FOREVER = timedelta.max


def at_least_as_strict(more: Demands, less: Demands) -> None:
    assert more.least_score >= less.least_score
    assert {name for name, _ in more.required} >= {name for name, _ in less.required}
    assert more.advisory <= less.advisory
    assert (more.max_age or FOREVER) <= (less.max_age or FOREVER)
    assert more.staging.required >= less.staging.required
    assert (more.staging.within or FOREVER) <= (less.staging.within or FOREVER)
    assert (more.staging.soak or timedelta()) >= (less.staging.soak or timedelta())
    a, b = more.approvals, less.approvals
    assert a.count >= b.count
    assert a.four_eyes >= b.four_eyes
    assert a.verified >= b.verified
    assert (a.valid_for or FOREVER) <= (b.valid_for or FOREVER)
    assert b.service_accounts is None or (a.service_accounts is not None and a.service_accounts <= b.service_accounts)
    assert bool(more.automatic_denied) >= bool(less.automatic_denied)
    assert more.break_glass <= less.break_glass
    if hours(less.calendars, NOW).closures:
        assert hours(more.calendars, NOW).closures


@given(specs=st.lists(SPECS, min_size=1, max_size=3), further=SPECS, assessment=ASSESSMENTS, broken=st.booleans())
def test_a_further_policy_never_permits_more(
    specs: list[Object], further: Object, assessment: Object | None, broken: bool
) -> None:
    before = [policy(f"p{number}", **spec) for number, spec in enumerate(specs)]
    further = {**further, "unknown": 1} if broken else further
    spec = promotion(**({"assessment": assessment} if assessment is not None else {}))
    less, more = demands(*before), demands(*before, policy("further", **further))
    at_least_as_strict(more, less)
    less, more = of_case(less, spec.assessment), of_case(more, spec.assessment)
    at_least_as_strict(more, less)
    if lacking(less, spec, ["tests"]):
        assert lacking(more, spec, ["tests"])
    if broken:
        assert more.invalid


# --- The case


def test_staging_first_is_a_check_that_has_to_be_there() -> None:
    found = demands(policy(**{"from": {"required": True, "within": "168h", "soak": "1h"}}))
    assert lacking(found, promotion(), ["health-probe"]) == "policy p demands the check staging: state spec.from"
    assert lacking(found, promotion(), ["staging"]) == ""
    optional = demands(policy(**{"from": {"within": "168h"}}))
    assert lacking(optional, promotion(), []) == ""


def test_a_required_check_has_to_be_there() -> None:
    found = demands(policy(requiredChecks=["tests-passed", "assessment"], minReadinessScore=7))
    words = lacking(found, promotion(), ["health-probe", "tests-passed"])
    assert words == (
        "policy p demands the check assessment: state spec.assessment; "
        "policy p demands the check readiness-score: state spec.readiness"
    )
    assert lacking(found, promotion(), ["tests-passed", "assessment", "readiness-score"]) == ""
    assert "create one" in lacking(found, None, [])


HIGH = {"when": {"risk": ["High", "Critical"]}, "count": 2}
CAUTION = {"when": {"recommendation": ["Proceed with Caution"]}, "reason": True}


@pytest.mark.parametrize(
    ("assessment", "count", "words"),
    [
        ({"risk": "Low", "recommendation": "Proceed"}, 1, ""),
        ({"risk": "Critical", "recommendation": "Proceed"}, 2, ""),
        ({"risk": "Low", "recommendation": "Proceed with Caution"}, 1, "spec.assessment.reason"),
        ({"risk": "Low", "recommendation": "Proceed with Caution", "reason": "why"}, 1, ""),
        # What is not said might be High.
        ({"recommendation": "Proceed"}, 2, "spec.assessment.risk"),
        (None, 2, "spec.assessment.risk"),
    ],
)
def test_rules_go_by_what_the_case_says_of_itself(assessment: Object | None, count: int, words: str) -> None:
    spec = promotion(**({"assessment": assessment} if assessment is not None else {}))
    found = of_case(demands(policy(rules=[HIGH, CAUTION])), spec.assessment)
    assert found.approvals.count == count
    wrong = lacking(found, spec, [])
    assert words in wrong
    assert bool(wrong) is bool(words)


def test_broken_glass_lifts_time_and_number_and_the_case_and_nothing_else() -> None:
    everything = demands(
        policy(
            minReadinessScore=9,
            requiredChecks=["tests"],
            maxAge="1h",
            approvals={"count": 3, "fourEyes": True, "verified": True, "validFor": "1h", "serviceAccounts": []},
            rules=[HIGH],
            automatic="Deny",
            breakGlass="Allow",
            windows=[{"deny": "x", "from": "2020-01-01"}],
            **{"from": {"required": True}},
        )
    )
    found = behind_broken_glass(everything)
    assert (found.required, found.rules, found.calendars, found.staging.required) == ((), (), (), False)
    assert found.approvals == Wanted(1, False, True, frozenset(), timedelta(hours=1), ("p",))
    assert (found.automatic_denied, found.max_age, found.least_score) == ("p", timedelta(hours=1), 9)


@pytest.mark.parametrize(("watch", "enough"), [(None, True), ([], False), ([{"for": "1h", "interval": "30s"}], False)])
def test_a_launch_must_be_watched_long_enough(watch: list[dict[str, str]] | None, enough: bool) -> None:
    found = demands(policy("p", minWatch="2h"), policy("q", minWatch="24h"))
    spec = promotion(**({} if watch is None else {"watch": watch}))
    words = lacking(found, spec, [])
    assert (words == "") is enough
    if not enough:
        assert words.startswith("policy q demands a watch of 24h: spec.watch lasts ")
    assert lacking(behind_broken_glass(found), spec, []) == ""


def test_without_a_promotion_nothing_is_watched() -> None:
    assert lacking(demands(policy(minWatch="2h")), None, []) == (
        "policy p demands a watch of 2h: without a Promotion there is none; only a Promotion can say that: create one"
    )
    assert lacking(demands(policy(minWatch="0s")), None, []) == ""
