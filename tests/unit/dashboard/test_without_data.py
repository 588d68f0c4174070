"""Going on where gates have no data: where that is offered, from which share on, and what is written."""

import re
from typing import Any

import pytest
from tests.unit.dashboard.fakes import NEXT_PLAN, PLAN, opened, promotion, rollout

AT = "/promotions/shop/web-2/"
PAGE = f"{AT}go-on-without-data?plan={PLAN}"
SINCE = "2026-01-01T00:00:00Z"


def held(phase: str = "Held", reason: str = "NoData", **spec: Any) -> dict[str, Any]:
    made = promotion(phase, approved=True, **spec)
    stalled = {"type": "Stalled", "status": "True", "reason": reason, "message": "m", "lastTransitionTime": SINCE}
    made["status"]["conditions"] = [stalled]
    made["status"]["message"] = "gate error-rate: no data; mend what measures: kubectl -n shop patch x"
    return made


def moving(weight: int = 10, verdict: str = "NoData", **status: Any) -> dict[str, Any]:
    step = {"index": 0, "weight": weight, "startedAt": SINCE}
    found = rollout(phase="Held", candidate={"revision": "bbb", "weight": weight, "step": step}, **status)
    found["status"]["gates"] = [{"name": "error-rate", "revision": "bbb", "verdict": verdict}]
    return found


def waiting(stable: dict[str, Any] | None, *steps: dict[str, Any]) -> dict[str, Any]:
    """Before the first request."""
    found = rollout(stable=stable, gates=[])
    found["spec"]["strategy"] = {"canary": {"steps": list(steps)}} if steps else {"blueGreen": {}}
    return found


def test_a_launch_without_data_goes_on_by_share_and_reason() -> None:
    with opened(moving(), held()) as (browser, client):
        assert "Go on without data…" in browser.see(AT)
        page = browser.see(PAGE)
        assert "You say so as <strong>ada</strong>" in page
        assert re.search(
            r'<input type="number" id="share" name="share" value="10" min="10" max="100" [^>]*required', page
        )
        form = browser.form(PAGE)
        answer = browser.submit(f"{AT}go-on-without-data", {**form, "share": "50", "reason": "night, <three> users"})
        assert (answer.status_code, answer.headers["location"]) == (303, browser.path(f"{AT}?done=go-on-without-data"))
        said = {"acceptNoData": {"weight": 50, "reason": "night, <three> users", "by": "ada"}}
        assert client.said == [("Promotion", "web-2", said)]


@pytest.mark.parametrize(
    ("found", "case", "share"),
    [
        (moving(10), held(), 10),
        (moving(100), held(), 100),
        (waiting({"revision": "aaa"}, {"weight": 5}, {"weight": 50}), held(), 5),
        (waiting({"revision": "aaa"}), held(), 100),
        (waiting(None, {"weight": 5}), held(), 100),
    ],
    ids=["step", "verify", "first step", "blue-green", "first revision"],
)
def test_it_begins_with_the_share_that_waits(found: dict[str, Any], case: dict[str, Any], share: int) -> None:
    with opened(found, case) as (browser, _):
        assert f'name="share" value="{share}" min="{share}" max="100"' in browser.see(PAGE)


@pytest.mark.parametrize(
    ("found", "case", "there"),
    [
        (moving(), held(), True),
        (waiting({"revision": "aaa"}), held(), True),
        (moving(), held("Shifting", "Stage"), True),
        (moving(verdict="Pass"), held("Shifting", "Stage"), False),
        (moving(verdict="Fail"), held("Shifting", "Stage"), False),
        (moving(promotion="web-3"), held("Shifting", "Stage"), False),
        (moving(), held("Shifting", "Stage", acceptNoData={"weight": 10, "reason": "night"}), False),
        (moving(50), held("Shifting", "Stage", acceptNoData={"weight": 10, "reason": "night"}), True),
        (moving(), held("Held", "Window"), True),
        (moving(verdict="Pass"), held("Held", "Window"), False),
        (moving(), held("Watching", "Stage"), False),
        (moving(), held("Aborted", "NoData"), False),
        (waiting({"revision": "aaa"}), held(dryRun=True), False),
        (waiting({"revision": "aaa"}), promotion(), False),
    ],
)
def test_it_is_offered_where_data_is_missing(found: dict[str, Any], case: dict[str, Any], there: bool) -> None:
    with opened(found, case) as (browser, _):
        assert ("go-on-without-data" in browser.see(AT)) == there


@pytest.mark.parametrize("share", ["", "9", "101", "ten", "10.5", "-10", "1" * 5000, "²"])
def test_a_share_that_covers_nothing_or_is_none_is_refused(share: str) -> None:
    with opened(moving(), held()) as (browser, client):
        form = {**browser.form(PAGE), "share": share, "reason": "night"}
        answer = browser.submit(f"{AT}go-on-without-data", form)
        assert (answer.status_code, "a whole number from 10 to 100" in answer.text) == (409, True)
        assert "night</textarea>" in answer.text
        assert client.said == []


def test_a_reason_is_asked_for() -> None:
    with opened(moving(), held()) as (browser, client):
        answer = browser.submit(f"{AT}go-on-without-data", {**browser.form(PAGE), "share": "20", "reason": " "})
        assert (answer.status_code, "Say why" in answer.text) == (409, True)
        assert 'name="share" value="20"' in answer.text
        assert client.said == []


def test_what_changed_since_it_was_shown_is_read_first() -> None:
    with opened(moving(), held()) as (browser, client):
        form = {**browser.form(PAGE), "share": "50", "reason": "night"}
        there = client.there

        def refused() -> str:
            answer = browser.submit(f"{AT}go-on-without-data", form)
            assert (answer.status_code, "<form" in answer.text, client.said) == (409, False, [])
            return str(answer.text)

        before = there["Rollout", "shop", "web"]
        there["Rollout", "shop", "web"] = moving(25)
        assert "Data is missing at 25 % by now" in refused()
        there["Rollout", "shop", "web"] = before
        there["Promotion", "shop", "web-2"]["spec"]["acceptNoData"] = {"weight": 5, "reason": "others"}
        assert "Somebody else has said so" in refused()
        del there["Promotion", "shop", "web-2"]["spec"]["acceptNoData"]
        there["Promotion", "shop", "web-2"]["status"]["planHash"] = NEXT_PLAN
        assert "The plan has changed" in refused()
        there["Promotion", "shop", "web-2"]["status"]["planHash"] = PLAN
        there["Promotion", "shop", "web-2"]["metadata"]["uid"] = "p9"
        assert "deleted and created again" in refused()


def test_what_others_have_accepted_is_shown() -> None:
    said = {"weight": 5, "reason": "<night>"}
    with opened(moving(), held(acceptNoData=said)) as (browser, _):
        assert "Accepted up to 5 % so far: &lt;night&gt;" in browser.see(PAGE)
    with opened(moving(), held(acceptNoData={**said, "by": "<ada>"})) as (browser, _):
        assert "Accepted up to 5 % so far by &lt;ada&gt;: &lt;night&gt;" in browser.see(PAGE)


def test_a_plan_that_nobody_has_read_goes_nowhere() -> None:
    with opened(moving(), held()) as (browser, _):
        browser.see(f"{AT}go-on-without-data", 409)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (held("RolledBack"), "has ended"),
        (held("Watching"), "has ended"),
        (held(dryRun=True), "dry run"),
    ],
)
def test_where_nothing_moves_there_is_nothing_to_accept(case: dict[str, Any], words: str) -> None:
    with opened(moving(), case) as (browser, _):
        assert words in browser.see(PAGE, 409)


def test_of_another_launch_nothing_is_accepted() -> None:
    with opened(moving(promotion="web-3"), held("Blocked")) as (browser, _):
        assert "is not the one that the Rollout follows" in browser.see(PAGE, 409)
