"""A decision is about what was shown, and is the patch that the commands would send."""

import pytest
from tests.unit.dashboard.fakes import NEXT_PLAN, PLAN, opened, promotion, rollout

from slipway.cluster.errors import Forbidden, Invalid, Unavailable

AT = "/promotions/shop/web-2/"
APPROVE = f"{AT}approve?plan={PLAN}"
ALL_THREE = {"confirm": ["0", "1", "2"]}


def said(**words: str) -> dict:
    return {"saidBy": {word: {"by": "ada", "said": text} for word, text in words.items()}}


def test_an_approval_has_the_plan_that_was_shown_and_the_own_name() -> None:
    with opened(rollout(), promotion()) as (browser, client):
        page = browser.see(APPROVE)
        assert "You approve revision bbb as ada, and confirm:" in page
        assert page.count('type="checkbox"') == 3
        answer = browser.submit(f"{AT}approve", {**browser.form(APPROVE), **ALL_THREE})
        assert (answer.status_code, answer.headers["location"]) == (303, browser.path(f"{AT}?done=approve"))
        assert client.said == [("Promotion", "web-2", {"approved": True, "approvals": {"ada": PLAN}})]
        assert "Your approval is recorded." in browser.see(f"{AT}?done=approve")
        assert "Your approval is recorded." not in browser.see(f"{AT}?done=approve"), "it may be withdrawn by then"


def test_an_address_does_not_say_that_something_was_done() -> None:
    with opened(rollout(), promotion()) as (browser, _):
        assert "Your approval is recorded." not in browser.see(f"{AT}?done=approve")
        form = {**browser.form(f"{AT}hold"), "reason": "lunch"}
        assert browser.submit(f"{AT}hold", form).status_code == 303
        assert "Your approval is recorded." not in browser.see(f"{AT}?done=approve")
        assert "It is held." in browser.see(f"{AT}?done=hold")


@pytest.mark.parametrize("confirmed", [[], ["0", "1"], ["0", "1", "1"], ["0", "1", "2", "3"]])
def test_an_approval_takes_all_three_confirmations(confirmed: list[str]) -> None:
    with opened(rollout(), promotion()) as (browser, client):
        answer = browser.submit(f"{AT}approve", {**browser.form(APPROVE), "confirm": confirmed})
        assert answer.status_code == 409
        assert "all three confirmations" in answer.text
        assert client.said == []


def test_a_plan_that_changed_after_it_was_read_is_not_approved() -> None:
    with opened(rollout(), promotion()) as (browser, client):
        form = browser.form(APPROVE)
        client.there["Promotion", "shop", "web-2"]["status"]["planHash"] = NEXT_PLAN
        assert "read it again" in browser.see(APPROVE, 409)
        answer = browser.submit(f"{AT}approve", {**form, **ALL_THREE})
        assert answer.status_code == 409
        assert "The plan has changed since you read it" in answer.text
        assert "<form" not in answer.text, "the new plan has to be read first"
        assert client.said == []


def test_a_plan_that_nobody_has_read_is_not_asked_about() -> None:
    with opened(rollout(), promotion()) as (browser, _):
        browser.see(f"{AT}approve", 409)


def test_another_promotion_of_the_same_name_is_not_approved() -> None:
    with opened(rollout(), promotion()) as (browser, client):
        form = browser.form(APPROVE)
        client.there["Promotion", "shop", "web-2"]["metadata"]["uid"] = "p9"
        assert browser.submit(f"{AT}approve", {**form, **ALL_THREE}).status_code == 409
        assert client.said == []


def test_a_step_that_asks_again_is_approved_up_to_its_share_and_no_other() -> None:
    asks = rollout(phase="AwaitingApproval", candidate={"revision": "bbb", "weight": 10})
    with opened(asks, promotion("Shifting", approved=True)) as (browser, client):
        assert "You approve up to 50 % of the traffic as ada" in browser.see(APPROVE)
        form = browser.form(APPROVE)
        assert browser.submit(f"{AT}approve", {**form, **ALL_THREE, "weight": "10"}).status_code == 409
        assert client.said == []
        assert browser.submit(f"{AT}approve", {**form, **ALL_THREE}).status_code == 303
        entry = {"ada": {"weight": 50, "plan": PLAN}}
        assert client.said[0][2] == {"approvedWeight": 50, "weightApprovals": entry}


@pytest.mark.parametrize(
    ("name", "spec", "expected"),
    [
        ("hold", {}, {"hold": "because", **said(hold="because")}),
        ("abort", {}, {"abort": "because", **said(abort="because")}),
        (
            "resume",
            {"hold": "x", "rollbackPlanNeeded": True},
            {"hold": None, "rollbackPlanNeeded": None, **said(hold="", rollbackPlanNeeded="")},
        ),
        ("rollback-plan-needed", {}, {"rollbackPlanNeeded": True, **said(rollbackPlanNeeded="true")}),
        ("withdraw", {"approved": True}, {"approved": False, "approvals": None}),
    ],
)
def test_the_other_words(name: str, spec: dict, expected: dict) -> None:
    with opened(rollout(), promotion("Held", **spec)) as (browser, client):
        form = {**browser.form(f"{AT}{name}"), "reason": " because "}
        assert browser.submit(f"{AT}{name}", form).status_code == 303
        assert client.said == [("Promotion", "web-2", expected)]


def test_the_page_that_resumes_shows_what_it_lifts() -> None:
    held = promotion("Held", hold="looking at <logs>", rollbackPlanNeeded=True)
    with opened(rollout(), held) as (browser, _):
        page = browser.see(f"{AT}resume")
        assert "Held: looking at &lt;logs&gt;" in page
        assert "Somebody is not confident in the rollback." in page


def test_a_hold_takes_no_other_ones_place() -> None:
    with opened(rollout(), promotion()) as (browser, client):
        form = {**browser.form(f"{AT}hold"), "reason": "lunch"}
        client.there["Promotion", "shop", "web-2"]["spec"]["hold"] = "DATA LOSS, DO NOT RESUME"
        answer = browser.submit(f"{AT}hold", form)
        assert (answer.status_code, client.said) == (409, [])
        assert "Somebody else has held it since you opened it, and it stays held: read why." in answer.text


@pytest.mark.parametrize(
    "meanwhile", [{"hold": "DATA LOSS, DO NOT RESUME"}, {"rollbackPlanNeeded": True}, {"hold": None}], ids=str
)
def test_a_hold_that_was_not_shown_is_not_lifted(meanwhile: dict) -> None:
    shown = {"hold": "looking at logs"} | ({"rollbackPlanNeeded": True} if meanwhile == {"hold": None} else {})
    with opened(rollout(), promotion("Held", **shown)) as (browser, client):
        form = browser.form(f"{AT}resume")
        client.there["Promotion", "shop", "web-2"]["spec"] |= meanwhile
        answer = browser.submit(f"{AT}resume", form)
        assert answer.status_code == 409
        assert "What holds it is another now, so nothing was lifted" in answer.text
        assert "<form" not in answer.text, "the new hold has to be read first"
        assert client.said == []
        assert browser.submit(f"{AT}resume", browser.form(f"{AT}resume")).status_code == 303


def test_abort_of_what_has_succeeded_names_the_revision_on_the_rollout() -> None:
    serves = rollout(stable={"revision": "bbb"}, candidate=None)
    with opened(serves, promotion("Succeeded", approved=True)) as (browser, client):
        form = {**browser.form(f"{AT}abort"), "reason": "it is slow"}
        assert browser.submit(f"{AT}abort", form).status_code == 303
        assert client.said == [("Rollout", "web", {"abort": "bbb"})]


def test_who_may_not_change_rollouts_takes_back_what_is_watched_on_the_promotion() -> None:
    serves = rollout(stable={"revision": "bbb"}, candidate=None)
    with opened(serves, promotion("Watching", approved=True)) as (browser, client):
        client.may_not = {"Rollout"}
        assert "or the Promotion, if you may not change the Rollout" in browser.see(f"{AT}abort")
        form = {**browser.form(f"{AT}abort"), "reason": "it is slow"}
        assert browser.submit(f"{AT}abort", form).status_code == 303
        assert client.said == [("Promotion", "web-2", {"abort": "it is slow", **said(abort="it is slow")})]
        client.said.clear()
        client.may_not = {"Promotion"}
        assert browser.submit(f"{AT}abort", form).status_code == 303
        assert client.said == [("Rollout", "web", {"abort": "bbb"})]


def test_what_cannot_be_taken_back_is_not_said_to_be() -> None:
    serves = rollout(stable={"revision": "bbb"}, candidate=None)
    with opened(serves, promotion("Succeeded", approved=True)) as (browser, client):
        form = {**browser.form(f"{AT}abort"), "reason": "it is slow"}
        client.may_not = {"Rollout"}
        answer = browser.submit(f"{AT}abort", form)
        assert (answer.status_code, "--clusterrole=slipway-editor" in answer.text) == (403, True)
        del client.there["Rollout", "shop", "web"]
        assert browser.submit(f"{AT}abort", form).status_code == 404
        assert client.said == []


@pytest.mark.parametrize("name", ["hold", "abort"])
def test_a_reason_is_asked_for(name: str) -> None:
    with opened(rollout(), promotion()) as (browser, client):
        answer = browser.submit(f"{AT}{name}", {**browser.form(f"{AT}{name}"), "reason": "  "})
        assert answer.status_code == 409
        assert "Say why" in answer.text
        assert client.said == []


def test_what_makes_no_sense_now_is_refused_in_words() -> None:
    with opened(rollout(), promotion("Aborted")) as (browser, client):
        assert "has ended" in browser.see(APPROVE, 409)
        assert "is not held" in browser.see(f"{AT}resume", 409)
        assert "has ended" in browser.see(f"{AT}abort", 409)
        assert client.said == []


def test_the_refusal_of_the_cluster_is_shown() -> None:
    with opened(rollout(), promotion()) as (browser, client):
        client.refusal = Forbidden("ada may not approve: it needs the verb <approve>", 403)
        answer = browser.submit(f"{AT}approve", {**browser.form(APPROVE), **ALL_THREE})
        assert answer.status_code == 403
        assert "it needs the verb &lt;approve&gt;" in answer.text


def test_what_was_written_is_still_there_after_a_refusal() -> None:
    with opened(rollout(), promotion()) as (browser, client):
        client.refusal = Invalid("spec.hold: too <long>", 422)
        answer = browser.submit(f"{AT}hold", {**browser.form(f"{AT}hold"), "reason": "<lunch>"})
        assert answer.status_code == 422
        assert "spec.hold: too &lt;long&gt;" in answer.text
        assert "&lt;lunch&gt;</textarea>" in answer.text


def test_it_is_said_when_nobody_knows_whether_it_was_done() -> None:
    with opened(rollout(), promotion()) as (browser, client):
        client.refusal = Unavailable("patch: timeout")
        answer = browser.submit(f"{AT}approve", {**browser.form(APPROVE), **ALL_THREE})
        assert answer.status_code == 502
        assert "Whether it was done is not known" in answer.text
