"""Who said hold, rollbackPlanNeeded and abort, when, and who lifted that."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.test_approve_and_deploy import held, status

from slipway.api.promotion import PromotionSpec
from slipway.api.said_by import DecisionStatus
from slipway.core.said import KEPT, decisions, steps, told

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)


def spec(**fields: Any) -> PromotionSpec:
    return PromotionSpec.model_validate({"rollout": "web", "environment": "production", **fields})


def named(word: str, by: str, said: str) -> dict[str, Any]:
    return {word: {"by": by, "said": said}}


def after(*specs: PromotionSpec | None, verified: bool = True) -> list[DecisionStatus]:
    """What status says when these were seen one after the other, a minute apart."""
    found: list[DecisionStatus] = []
    for minute, seen in enumerate(specs):
        found = decisions(seen, found, NOW + timedelta(minutes=minute), verified)
    return found


HELD = spec(hold="on Tuesday", saidBy=named("hold", "ana", "on Tuesday"))
LIFTED = spec(saidBy=named("hold", "ben", ""))


def test_a_hold_is_shown_with_who_and_when() -> None:
    (entry,) = after(HELD)
    assert entry == DecisionStatus(decision="hold", reason="on Tuesday", by="ana", identity="verified", at=NOW)


def test_and_so_is_who_lifts_it() -> None:
    (entry,) = after(HELD, HELD, LIFTED, LIFTED)
    assert (entry.by, entry.at, entry.lifted_by, entry.lifted_at) == ("ana", NOW, "ben", NOW + timedelta(minutes=2))


@pytest.mark.parametrize(
    ("word", "value", "said", "reason"),
    [("rollbackPlanNeeded", True, "true", ""), ("abort", "users complain", "users complain", "users complain")],
)
def test_the_other_words_are_shown_too(word: str, value: object, said: str, reason: str) -> None:
    (entry,) = after(spec(**{word: value}, saidBy=named(word, "ana", said)))
    assert (entry.decision, entry.reason, entry.by, entry.identity) == (word, reason, "ana", "verified")


def test_other_words_are_another_decision() -> None:
    later = spec(hold="on Friday", saidBy=named("hold", "ben", "on Friday"))
    first, second = after(HELD, later)
    assert (first.lifted_by, first.lifted_at) == ("ben", second.at)
    assert (second.reason, second.by, second.lifted_at) == ("on Friday", "ben", None)


def test_the_same_words_by_somebody_else_are_another_decision() -> None:
    first, second = after(HELD, spec(hold="on Tuesday", saidBy=named("hold", "ben", "on Tuesday")))
    assert (first.by, first.lifted_by, second.by) == ("ana", "ben", "ben")


@pytest.mark.parametrize("names", [{}, {"saidBy": named("hold", "ana", "something else")}])
def test_a_word_without_a_name_of_its_own_is_unverified(names: dict[str, Any]) -> None:
    (entry,) = after(spec(hold="on Tuesday", **names))
    assert (entry.by, entry.identity) == ("unverified", "unverified")


def test_a_name_that_is_taken_away_later_was_there() -> None:
    (entry,) = after(HELD, spec(hold="on Tuesday"))
    assert (entry.by, entry.lifted_at) == ("ana", None)


def test_lifted_without_a_name_says_so() -> None:
    (entry,) = after(HELD, spec(saidBy=named("hold", "ana", "on Tuesday")))
    assert entry.lifted_by == "unverified"


def test_where_nobody_checks_names_they_prove_nothing() -> None:
    (entry,) = after(HELD, verified=False)
    assert (entry.by, entry.identity) == ("ana", "unverified")


def test_a_service_account_is_delegated() -> None:
    user = "system:serviceaccount:argocd:controller"
    (entry,) = after(spec(hold="on Tuesday", saidBy=named("hold", user, "on Tuesday")))
    assert entry.identity == "delegated"


def test_a_spec_that_does_not_parse_changes_nothing() -> None:
    assert after(HELD, None) == after(HELD)


_TEXTS = st.sampled_from(["", "a", "b"])
_SPECS = st.builds(
    lambda hold, doubt, abort, by, said: spec(
        **({"hold": hold} if hold else {}),
        rollbackPlanNeeded=doubt,
        **({"abort": abort} if abort else {}),
        saidBy={
            "hold": {"by": by, "said": said},
            "rollbackPlanNeeded": {"by": by, "said": "true" if doubt else ""},
            "abort": {"by": by, "said": abort},
        },
    ),
    _TEXTS,
    st.booleans(),
    _TEXTS,
    st.sampled_from(["ana", "ben"]),
    _TEXTS,
)


@given(st.lists(_SPECS, min_size=1, max_size=60))
def test_what_stands_is_what_spec_says_and_nothing_grows_or_flaps(specs: list[PromotionSpec]) -> None:
    found = after(*specs)
    last = specs[-1]
    standing = {entry.decision: entry for entry in found if entry.lifted_at is None}
    said = {"hold": last.hold, "rollbackPlanNeeded": last.rollback_plan_needed, "abort": last.abort}
    assert set(standing) == {word for word, value in said.items() if value}
    assert len(standing) == sum(entry.lifted_at is None for entry in found)
    assert len(found) <= KEPT
    assert [entry.at for entry in found] == sorted(entry.at for entry in found)
    assert decisions(last, found, NOW + timedelta(days=1), True) == found


def test_status_report_and_message_name_who_holds() -> None:
    cluster = held(hold="on Tuesday", saidBy=named("hold", "ana", "on Tuesday"))
    (entry,) = status(cluster)["decisions"]
    assert (entry["decision"], entry["by"]) == ("hold", "ana")
    assert "held on Promotion web-2 by ana: on Tuesday" in status(cluster)["message"]
    report = cluster.get("ConfigMap", "web-2-report")["data"]
    assert "held by ana (verified) at " in report["report.md"]
    assert json.loads(report["report.json"])["decisions"] == [entry]


def test_a_decision_is_told_in_one_line() -> None:
    (entry,) = after(HELD, LIFTED)
    assert told(entry) == (
        "held by ana (verified) at 2026-05-04T10:00:00Z: on Tuesday; lifted by ben at 2026-05-04T10:01:00Z"
    )


def test_and_as_what_happened_one_after_the_other() -> None:
    (entry,) = after(HELD, LIFTED)
    assert steps(entry) == [
        (NOW, "held by ana (verified): on Tuesday"),
        (NOW + timedelta(minutes=1), "hold lifted by ben"),
    ]
