"""Since when a canary has which share, why it went back, and what of that the page remembers while it runs."""

from typing import Any

import pytest
from tests.unit.dashboard.fakes import opened, promotion, rollout

from slipway.dashboard.shifted import KEPT, Shifted

CREATED = "2026-01-01T00:00:00Z"
AT = "/promotions/shop/web-2/"
WELL = "Succeeded"


def shifting(weight: int, minute: int, followed: bool = True, **status: Any) -> dict[str, Any]:
    at = f"2026-01-01T00:{minute:02}:00Z"
    step = {"index": 0, "weight": weight, "startedAt": at, **({"convergedAt": at} if followed else {})}
    return rollout(phase="Shifting", candidate={"revision": "bbb", "weight": weight, "step": step}, **status)


def sent_back(reason: str, minute: int = 30, **status: Any) -> dict[str, Any]:
    rejected = {"revision": "bbb", "reason": reason, "at": f"2026-01-01T00:{minute:02}:00Z"}
    return rollout(phase="RolledBack", candidate=None, rejected=rejected, promotion=None, **status)


def ended(phase: str = "RolledBack", **status: Any) -> dict[str, Any]:
    made = promotion(phase)
    made["status"] |= {"startedAt": CREATED, "finishedAt": "2026-01-01T00:40:00Z", **status}
    return made


def timeline(page: str) -> str:
    return page.partition('id="timeline"')[2]


def test_the_share_and_since_when_it_has_it_are_told() -> None:
    with opened(shifting(25, 10), promotion("Shifting", approved=True)) as (browser, _):
        for page in (timeline(browser.see(AT)), browser.see("/rollouts/shop/web/")):
            assert (
                '<time datetime="2026-01-01T00:10:00+00:00">2026-01-01 00:10:00 UTC</time> 25 % of the traffic' in page
            )
            assert "has not followed" not in page
    with opened(shifting(25, 10, followed=False), promotion("Shifting", approved=True)) as (browser, _):
        assert "25 % of the traffic; the gateway has not followed yet" in timeline(browser.see(AT))


def test_steps_that_were_seen_stay_in_their_order() -> None:
    shifted = Shifted()
    for one in (shifting(10, 10, followed=False), shifting(10, 10), shifting(25, 20), shifting(25, 20)):
        shifted.add(one)
    shifted.add(rollout())
    assert [(one.weight, one.at.minute, one.followed) for one in shifted.of(rollout())] == [
        (10, 10, True),
        (25, 20, True),
    ]
    shifted.keep_only({("shop", "web")})
    assert shifted.of(rollout())
    shifted.keep_only(set())
    assert shifted.of(rollout()) == []


def test_only_so_many_steps_are_kept() -> None:
    shifted = Shifted()
    for second in range(KEPT + 5):
        one = shifting(10, 0)
        one["status"]["candidate"]["step"]["startedAt"] = f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z"
        shifted.add(one)
    kept = shifted.of(rollout())
    assert (len(kept), kept[0].at.second) == (KEPT, 5)


def test_steps_of_another_launch_are_not_of_this_one() -> None:
    with opened(shifting(25, 10, promotion="web-1"), promotion()) as (browser, _):
        assert "25 % of the traffic" not in timeline(browser.see(AT))
    early = promotion("Shifting", approved=True)
    early["metadata"]["creationTimestamp"] = "2026-01-01T00:20:00Z"
    with opened(shifting(25, 10), early) as (browser, _):
        assert "25 % of the traffic" not in timeline(browser.see(AT)), "another one of the same name"


def test_an_end_says_why_it_went_back() -> None:
    with opened(sent_back("gate <errors>: 0.4, has to be < 0.01"), ended()) as (browser, _):
        page = timeline(browser.see(AT))
        assert page.index("sent back") < page.index("ended: RolledBack: gate &lt;errors&gt;: 0.4, has to be &lt; 0.01")


@pytest.mark.parametrize("phase", ["RolledBack", "Aborted", "Failed"])
def test_where_the_rollout_has_no_reason_the_message_has_it(phase: str) -> None:
    told = ended(phase, message="no ready pod; try again: kubectl -n shop create x")
    with opened(rollout(), told) as (browser, _):
        page = timeline(browser.see(AT))
        assert f"ended: {phase}: no ready pod<" in page
        assert "sent back" not in page


def test_the_reason_is_of_this_attempt() -> None:
    with opened(sent_back("a newer attempt", minute=50), ended(message="the first attempt")) as (browser, _):
        page = timeline(browser.see(AT))
        assert "ended: RolledBack: the first attempt" in page
        assert "a newer attempt" not in page


def test_while_it_goes_back_the_reason_is_there_already() -> None:
    with opened(sent_back("gate errors: 0.4"), promotion("Shifting", approved=True)) as (browser, _):
        assert "sent back: gate errors: 0.4" in timeline(browser.see(AT))


def test_what_ended_well_has_no_reason_and_a_long_one_is_cut() -> None:
    with opened(rollout(), ended(WELL, message="revision bbb serves")) as (browser, _):
        assert "ended: Succeeded<" in timeline(browser.see(AT))
    with opened(sent_back("x" * 4000), ended()) as (browser, _):
        page = timeline(browser.see(AT))
        assert "x" * 499 + "…" in page
        assert "x" * 500 not in page


def test_history_says_why_too() -> None:
    tried = [
        {"revision": "aaa", "at": CREATED, "outcome": "Promoted", "promotion": "web-2"},
        {"revision": "bbb", "at": "2026-01-01T00:10:00Z", "outcome": "RolledBack", "promotion": "web-2"},
        {"revision": "bbb", "at": "2026-01-01T00:20:00Z", "outcome": "RolledBack", "promotion": "gone"},
        {"revision": "bbb", "at": "2026-01-01T00:30:00Z", "outcome": "RolledBack"},
    ]
    with opened(sent_back("by gates alone", history=tried), ended(message="<of web-2>")) as (browser, _):
        page = browser.see("/rollouts/shop/web/").partition('id="history"')[2].split("<li>")[1:]
        words = [("by gates alone" in one, "&lt;of web-2&gt;" in one) for one in page]
        assert words == [(True, False), (False, False), (False, True), (False, False)]
