"""Confirming a check, breaking the glass, running checks again, writing what was learned, trying again."""

from typing import Any

import pytest
from tests.unit.dashboard.fakes import NEXT_PLAN, PLAN, opened, promotion, rollout
from tests.unit.dashboard.test_pages import frozen

from slipway.cluster.errors import AlreadyExists

AT = "/promotions/shop/web-2/"
LOOK = [{"name": "pages", "manual": {"ask": "Look at <the> pages."}}]
CONFIRM = f"{AT}confirm?check=pages&plan={PLAN}"


def looked_at(**spec: Any) -> dict[str, Any]:
    waiting = promotion("Checking", checks=LOOK, **spec)
    waiting["status"]["checks"] = [{"name": "pages", "result": "Pending", "message": "kubectl"}]
    return waiting


def test_a_manual_check_is_confirmed_under_the_own_name_for_the_plan_that_was_shown() -> None:
    with opened(rollout(), looked_at()) as (browser, client):
        page = browser.see(CONFIRM)
        assert "<strong>pages</strong>: Look at &lt;the&gt; pages." in page
        assert "You say so as <strong>ada</strong>" in page
        answer = browser.submit(f"{AT}confirm", browser.form(CONFIRM))
        assert (answer.status_code, answer.headers["location"]) == (303, browser.path(f"{AT}?done=confirm"))
        assert client.said == [("Promotion", "web-2", {"confirmed": {"pages": {"by": "ada", "plan": PLAN}}})]


def test_what_nobody_is_asked_to_look_at_is_not_confirmed() -> None:
    with opened(rollout(), looked_at()) as (browser, client):
        for other in ("", "tests"):
            assert "does not ask anybody to confirm" in browser.see(f"{AT}confirm?check={other}&plan={PLAN}", 409)
        form = {**browser.form(CONFIRM), "check": "tests"}
        assert browser.submit(f"{AT}confirm", form).status_code == 409
        client.there["Promotion", "shop", "web-2"]["status"]["checks"] = []
        assert browser.submit(f"{AT}confirm", {**form, "check": "pages"}).status_code == 409
        assert client.said == []


def test_another_plan_has_to_be_looked_at_anew() -> None:
    with opened(rollout(), looked_at()) as (browser, client):
        form = browser.form(CONFIRM)
        client.there["Promotion", "shop", "web-2"]["status"]["planHash"] = NEXT_PLAN
        answer = browser.submit(f"{AT}confirm", form)
        assert (answer.status_code, "nothing was confirmed" in answer.text) == (409, True)
        assert "<form" not in answer.text
        assert client.said == []


def test_the_glass_is_broken_with_a_reason_and_a_name() -> None:
    with opened(rollout(), frozen()) as (browser, client):
        form = browser.form(f"{AT}break-glass")
        assert browser.submit(f"{AT}break-glass", form).status_code == 409
        assert client.said == []
        assert browser.submit(f"{AT}break-glass", {**form, "reason": "checkout is down"}).status_code == 303
        said = {"breakGlass": {"reason": "checkout is down", "by": "ada"}}
        assert client.said == [("Promotion", "web-2", said)]


@pytest.mark.parametrize("held", [promotion("Held", hold="x"), promotion(), frozen(breakGlass={"reason": "x"})])
def test_where_no_window_holds_the_glass_stays(held: dict[str, Any]) -> None:
    with opened(rollout(), held) as (browser, _):
        assert "no window holds web-2 now" in browser.see(f"{AT}break-glass", 409)


def test_checks_run_again() -> None:
    with opened(rollout(), promotion("Blocked")) as (browser, client):
        assert browser.submit(f"{AT}rerun", browser.form(f"{AT}rerun")).status_code == 303
        assert client.said == [("Promotion", "web-2", {"rerun": "2"})]
    with opened(rollout(), promotion("Failed")) as (browser, _):
        assert "another attempt is another Promotion" in browser.see(f"{AT}rerun", 409)


def test_what_was_learned_is_written_and_can_be_completed() -> None:
    before = {"wentWell": "<all>", "followUps": ["one", "two"]}
    with opened(rollout(), promotion("RolledBack", learnings=before)) as (browser, client):
        page = browser.see(f"{AT}learnings")
        assert "&lt;all&gt;</textarea>" in page
        assert "one\ntwo</textarea>" in page
        form = {**browser.form(f"{AT}learnings"), "wentWell": " all\r\nof it ", "followUps": "one\r\n\r\n three "}
        assert browser.submit(f"{AT}learnings", {**form, "fix": "a longer timeout"}).status_code == 303
        learned = {"wentWell": "all\nof it", "improve": None, "rootCause": None, "fix": "a longer timeout"}
        assert client.said == [("Promotion", "web-2", {"learnings": learned | {"followUps": ["one", "three"]}})]


def test_nothing_of_what_others_have_learned_is_lost() -> None:
    with opened(rollout(), promotion("Succeeded")) as (browser, client):
        form = {**browser.form(f"{AT}learnings"), "improve": "tell support"}
        client.there["Promotion", "shop", "web-2"]["spec"]["learnings"] = {"fix": "x"}
        answer = browser.submit(f"{AT}learnings", form)
        assert (answer.status_code, "Somebody else has written" in answer.text) == (409, True)
        assert browser.submit(f"{AT}learnings", browser.form(f"{AT}learnings")).status_code == 409
        assert client.said == []


def test_learnings_may_be_long_and_are_not_written_before_the_end() -> None:
    with opened(rollout(), promotion("Succeeded")) as (browser, client):
        long = {**browser.form(f"{AT}learnings"), "improve": "ü" * 4096, "rootCause": "ü" * 4096}
        assert browser.submit(f"{AT}learnings", long).status_code == 303
        assert len(client.said[0][2]["learnings"]["improve"]) == 4096
        assert browser.submit(f"{AT}learnings", {**long, "fix": "x" * 600_000}).status_code == 400
    with opened(rollout(), promotion("Shifting")) as (browser, _):
        assert "has not ended" in browser.see(f"{AT}learnings", 409)


def test_trying_again_makes_another_promotion_with_what_is_different() -> None:
    with opened(rollout(), promotion("RolledBack", abort="x", approved=True)) as (browser, client):
        assert "The new one is called <strong>web-2-2</strong>." in browser.see(f"{AT}retry")
        form = browser.form(f"{AT}retry")
        answer = browser.submit(f"{AT}retry", form)
        assert (answer.status_code, "what is different now" in answer.text) == (409, True)
        assert client.made == []
        answer = browser.submit(f"{AT}retry", {**form, "fix": "a longer timeout"})
        assert answer.headers["location"] == browser.path("/promotions/shop/web-2-2/?done=retry")
        (made,) = client.made
        assert made["metadata"] == {"name": "web-2-2", "namespace": "shop"}
        assert made["spec"]["retry"] == {"fix": "a longer timeout"}
        assert not {"abort", "approved"} & made["spec"].keys()


def test_a_form_that_is_sent_twice_makes_one() -> None:
    with opened(rollout(), promotion("Failed")) as (browser, client):
        form = browser.form(f"{AT}retry")
        another = promotion()
        another["metadata"] = {**another["metadata"], "name": "web-2-2", "uid": "p2"}
        client.put("Promotion", another)
        answer = browser.submit(f"{AT}retry", form)
        assert (answer.status_code, "Another attempt was made" in answer.text) == (409, True)
        client.refusal = AlreadyExists("there already", 409)
        assert browser.submit(f"{AT}retry", browser.form(f"{AT}retry")).status_code == 409
        assert client.made == []


def test_what_went_well_is_not_tried_again() -> None:
    with opened(rollout(), promotion("Succeeded")) as (browser, _):
        assert "ended well" in browser.see(f"{AT}retry", 409)


@pytest.mark.parametrize("name", ["confirm", "break-glass", "rerun", "learnings", "retry"])
def test_none_of_them_is_done_by_a_form_of_others(name: str) -> None:
    ended = name in ("learnings", "retry")
    case = promotion("Failed") if ended else frozen() if name == "break-glass" else looked_at()
    with opened(rollout(), case) as (browser, client):
        form = {**browser.form(CONFIRM if name == "confirm" else f"{AT}{name}"), "reason": "x", "fix": "x"}
        assert browser.submit(f"{AT}{name}", form, Origin="https://evil.example").status_code == 403
        assert browser.submit(f"{AT}{name}", {**form, "form": "wrong"}).status_code == 403
        assert client.said == client.made == []
        assert browser.submit(f"{AT}{name}", form).status_code == 303
