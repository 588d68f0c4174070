"""What a policy says of itself: that it can be read, and whom it is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.api.promotion_policy import PromotionPolicyStatus
from slipway.core.policy.stating import Places, places, stated

Object = dict[str, Any]
NOW = datetime(2026, 11, 20, 13, tzinfo=UTC)
LABELS = {"shop": {"team": "a"}, "blog": {"team": "b"}}
HERE: Places = {("production", "shop"): 2, ("production", "blog"): 1, ("staging", "shop"): 1}


def policy(status: Object | None = None, generation: int = 3, **spec: Any) -> Object:
    obj = {"metadata": {"name": "p", "generation": generation}, "spec": {"match": {}, **spec}}
    return obj if status is None else {**obj, "status": status}


def condition(found: Any, kind: str) -> Object:
    return next(dict(c) for c in found["conditions"] if c["type"] == kind)


def test_it_counts_what_it_is_about() -> None:
    found = stated(policy(match={"environments": ["production"]}), HERE, LABELS, NOW)
    assert found is not None
    assert found["observedGeneration"] == 3
    assert (condition(found, "Accepted")["status"], condition(found, "Accepted")["reason"]) == ("True", "Valid")
    matching = condition(found, "Matching")
    assert (matching["status"], matching["message"]) == ("True", "3 Rollouts in 2 namespaces")
    one = stated(policy(match={"environments": ["staging"]}), HERE, LABELS, NOW)
    assert condition(one, "Matching")["message"] == "1 Rollout in 1 namespace"


def test_names_of_checks_that_nobody_knows_are_told_and_are_no_error() -> None:
    known = policy(requiredChecks=["tests-passed", "assessment", "non-root"], advisoryChecks=["smoke/home"])
    assert condition(stated(known, HERE, LABELS, NOW), "Accepted")["message"] == "it can be read"
    found = stated(
        policy(requiredChecks=["test-passed"], advisoryChecks=["tax-office", "test-passed"]), HERE, LABELS, NOW
    )
    accepted = condition(found, "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("True", "Valid")
    assert accepted["message"].endswith("checks of your own: test-passed (or is tests-passed meant?), tax-office")
    many = condition(stated(policy(requiredChecks=[f"own-{n}" for n in range(12)]), HERE, LABELS, NOW), "Accepted")
    assert many["message"].endswith("own-9 and 2 more")


@pytest.mark.parametrize(
    ("match", "here", "words"),
    [
        ({}, {}, "there is none yet"),
        (
            {"environments": ["prod"]},
            HERE,
            "spec.match.environments names prod, the environments of Rollouts are production, staging",
        ),
        (
            {"namespaceSelector": {"matchLabels": {"team": "c"}}},
            HERE,
            "spec.match.namespaceSelector fits none of the namespaces of Rollouts, which are blog, shop",
        ),
        (
            {"environments": ["staging"], "namespaceSelector": {"matchLabels": {"team": "b"}}},
            HERE,
            "fits none of the namespaces of Rollouts of these environments, which are shop",
        ),
        (
            {"environments": ["prod"]},
            {(f"e{n:02}", "shop"): 1 for n in range(12)},
            "are e00, e01, e02, e03, e04, e05, e06, e07, e08, e09 and 2 more",
        ),
    ],
)
def test_one_that_matches_nothing_says_why(match: Object, here: Places, words: str) -> None:
    found = condition(stated(policy(match=match), here, LABELS, NOW), "Matching")
    assert (found["status"], found["reason"]) == ("False", "NoMatch")
    assert found["message"].startswith("matches no Rollout: ")
    assert found["message"].endswith(words)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"windows": [{"deny": "x", "cron": "0 0 30 2 *", "duration": "1h"}]},
            "spec.windows[0].cron: '0 0 30 2 *' is no cron expression",
        ),
        (
            {"windows": [{"deny": "x", "cron": "0 0 1 * *", "duration": "1h", "timeZone": "Mars/Base"}]},
            "spec.windows[0].timeZone: there is no time zone 'Mars/Base'",
        ),
        ({"match": None}, "spec.match"),
        ({"unknown": 1}, "spec.unknown: unknown field"),
    ],
)
def test_one_that_cannot_be_read_says_which_field(spec: Object, words: str) -> None:
    found = condition(stated(policy(**spec), HERE, LABELS, NOW), "Accepted")
    assert (found["status"], found["reason"]) == ("False", "Invalid")
    assert words in found["message"]


def test_what_is_said_already_is_not_written_again() -> None:
    first = stated(policy(), HERE, LABELS, NOW)
    assert first is not None
    later = NOW + timedelta(hours=1)
    assert stated(policy(status=dict(first)), HERE, LABELS, later) is None
    changed = stated(policy(status=dict(first)), {("staging", "shop"): 1}, LABELS, later)
    assert changed is not None
    assert condition(changed, "Matching")["lastTransitionTime"] == condition(first, "Matching")["lastTransitionTime"]
    assert stated(policy(status=dict(first), generation=4), HERE, LABELS, later) is not None


def test_a_namespace_that_was_not_seen_yet_might_be_any() -> None:
    selector = {"namespaceSelector": {"matchLabels": {"team": "a"}}}
    found = stated(policy(match=selector), {("production", "new"): 1}, {}, NOW)
    assert condition(found, "Matching")["status"] == "True"


def test_rollouts_are_counted_by_where_they_are() -> None:
    def rollout(namespace: str, spec: Any) -> Object:
        return {"metadata": {"namespace": namespace, "name": "web"}, "spec": spec}

    found = places([rollout("shop", {"environment": "production"}), rollout("shop", None), rollout("blog", {})])
    assert found == {("production", "shop"): 1, ("", "shop"): 1, ("", "blog"): 1}


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(JUNK, JUNK)
def test_whatever_a_policy_is_it_says_something_and_then_rests(spec: Any, status: Any) -> None:
    obj: Object = {"metadata": {"name": "p", "generation": 1}, "spec": spec, "status": status}
    found = stated(obj, HERE, LABELS, NOW)
    if found is not None:
        PromotionPolicyStatus.model_validate(found)
        assert stated({**obj, "status": found}, HERE, LABELS, NOW + timedelta(days=1)) is None
