"""What the pages show, and that words of people stay words."""

import json

import pytest
from tests.unit.dashboard.fakes import NEXT_PLAN, PLAN, REPORT, opened, promotion, report_map, rollout

from slipway.api.record import PREDICATE, STATEMENT
from slipway.cluster.errors import Forbidden
from slipway.dashboard.views import without_commands


def test_the_overview_has_environments_and_who_waits() -> None:
    with opened(rollout(), promotion()) as (browser, _):
        page = browser.see("/")
        assert "Environment production" in page
        assert "Waiting for a person" in page
        assert "You are <strong>ada</strong>" in page
        assert "&lt;b&gt;2&lt;/b&gt;" in page
        assert "stable 100 %" in page


def test_the_overview_says_so_when_there_is_nothing() -> None:
    with opened() as (browser, _):
        page = browser.see("/")
        assert "Nothing waits for a person." in page
        assert "There are no Rollouts that you may see here." in page


def test_a_rollout_shows_traffic_gates_and_history() -> None:
    moving = rollout(phase="Shifting", candidate={"revision": "bbb", "images": ["web:2"], "weight": 10})
    with opened(moving, promotion("Shifting", approved=True)) as (browser, _):
        page = browser.see("/rollouts/shop/web/")
        assert 'aria-label="Traffic: stable 90 %, candidate 10 %"' in page
        assert "has to be &lt; 0.01" in page
        assert "A chart begins with the second measurement" in page
        assert page.count("<time datetime=") >= 2


def test_what_holds_it_is_said_with_the_next_command() -> None:
    held = promotion("Held", hold="lunch")
    with opened(rollout(phase="Held"), held) as (browser, _):
        page = browser.see("/rollouts/shop/web/")
        assert "held: lunch" in page
        assert "next: slipway resume web-2 -n shop" in page


def test_who_held_it_and_who_lifted_that_is_said() -> None:
    said = promotion()
    entry = {"decision": "hold", "reason": "<lunch>", "by": "ana", "identity": "verified", "at": "2026-01-01T01:00:00Z"}
    said["status"]["decisions"] = [{**entry, "liftedBy": "ben", "liftedAt": "2026-01-01T02:00:00Z"}]
    with opened(rollout(), said) as (browser, _):
        page = browser.see("/promotions/shop/web-2/")
        assert page.index("held by ana (verified): &lt;lunch&gt;") < page.index("hold lifted by ben")


def test_what_is_not_there_is_said() -> None:
    with opened(rollout(), promotion()) as (browser, _):
        for path in ("/rollouts/shop/no/", "/promotions/other/web-2/", "/promotions/shop/web-2/dance", "/x"):
            assert browser.get(browser.path(path)).status_code == 404
        assert browser.see("/rollouts/shop/web/gates/no.svg", 404)


def test_a_promotion_shows_report_and_changes_and_nothing_runs_in_it() -> None:
    with opened(rollout(), promotion()) as (browser, _):
        page = browser.see("/promotions/shop/web-2/")
        assert "<h3>web-2: launch</h3>" in page
        assert "<td>2<br>3</td>" in page
        assert "alert(1)" not in page
        assert "<del>web:1</del>" in page
        assert "<ins>web:2</ins>" in page
        assert PLAN in page
        assert "185 of 185" in page


def test_a_report_that_is_not_the_one_of_the_status_is_doubted() -> None:
    with opened(rollout(), promotion()) as (browser, client):
        client.there["ConfigMap", "shop", "web-2-report"] = report_map({**REPORT, "planHash": NEXT_PLAN})
        page = browser.see("/promotions/shop/web-2/")
        assert "not the report that the status names" in page
        assert "about another plan" in page
        client.there["ConfigMap", "shop", "web-2-report"] = report_map({"schema": "other"})
        assert "of another version" in browser.see("/promotions/shop/web-2/")
        del client.there["ConfigMap", "shop", "web-2-report"]
        assert "The report cannot be read" in browser.see("/promotions/shop/web-2/")


def test_a_plan_that_changed_since_the_page_was_opened_is_not_offered_for_approval() -> None:
    with opened(rollout(), promotion()) as (browser, _):
        page = browser.get(browser.path("/promotions/shop/web-2/"), params={"plan": NEXT_PLAN}).text
        assert "The plan has changed since you opened this page." in page
        assert "/promotions/shop/web-2/approve" not in page


def test_an_open_page_hears_when_what_it_shows_is_gone() -> None:
    with opened(rollout()) as (browser, _):
        answer = browser.get(browser.path("/promotions/shop/web-2/live"))
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "event: gone" in answer.text


def test_a_chart_can_do_nothing_even_where_it_is_opened_alone() -> None:
    with opened(rollout(), promotion()) as (browser, _):
        browser.see("/")
        answer = browser.get(browser.path("/rollouts/shop/web/gates/error-rate.svg?scheme=dark"))
        assert answer.headers["content-type"].startswith("image/svg+xml")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "script-src" not in answer.headers["content-security-policy"]


def test_a_message_is_shown_without_the_commands_that_buttons_stand_for() -> None:
    said = "all 11 checks passed; rollback verified; report: kubectl -n a get configmap x; approve: kubectl -n a patch"
    assert without_commands(said) == "all 11 checks passed; rollback verified"
    assert without_commands("revision a serves; the next: is kept") == "revision a serves; the next: is kept"


def test_only_decisions_that_make_sense_are_offered() -> None:
    def offered(*objects: dict) -> list[str]:
        with opened(*objects) as (browser, _):
            page = browser.see("/promotions/shop/web-2/")
        return [name for name in _NAMES if f"/promotions/shop/web-2/{name}" in page]

    assert offered(rollout(), promotion()) == ["approve", "hold", "rollback-plan-needed", "abort"]
    assert offered(rollout(), promotion("Blocked")) == ["hold", "rollback-plan-needed", "abort"]
    held = promotion("Held", hold="lunch")
    assert offered(rollout(), held) == ["approve", "resume", "rollback-plan-needed", "abort"]
    moving = rollout(phase="Shifting")
    assert offered(moving, promotion("Shifting", approved=True)) == _NAMES[1:3] + _NAMES[4:]
    asks = rollout(phase="AwaitingApproval", candidate={"revision": "bbb", "weight": 10})
    assert "approve" in offered(asks, promotion("Shifting", approved=True))
    serves = rollout(stable={"revision": "bbb"}, candidate=None)
    assert offered(serves, promotion("Succeeded", approved=True)) == ["abort"]
    assert offered(rollout(), promotion("Succeeded", approved=True)) == []
    assert offered(rollout(), promotion("Aborted", hold="lunch")) == []
    assert offered(rollout(), promotion("Checking", dryRun=True)) == ["hold", "rollback-plan-needed", "abort"]


_NAMES = ["approve", "withdraw", "hold", "resume", "rollback-plan-needed", "abort"]


def record(idea: str, number: int) -> dict:
    predicate = {
        "id": f"launch/{number}",
        "kind": "launch",
        "number": number,
        "namespace": "shop",
        "rollout": {"name": "web"},
        "environment": "production",
        "revision": {"name": "bbb", "digest": "b" * 64},
        "promotion": {"name": f"web-{number}"},
        "idea": idea,
        "outcome": "Succeeded",
        "times": {"endedAt": f"2026-01-0{number}T00:00:00Z"},
    }
    statement = {"_type": STATEMENT, "subject": [], "predicateType": PREDICATE, "predicate": predicate}
    return {
        "metadata": {
            "name": f"launch-web-{number}",
            "namespace": "shop",
            "labels": {"slipway.dev/launch-of": "web", "slipway.dev/record": "launch"},
        },
        "data": {"statement.json": json.dumps(statement), "record.md": "# Launch\n<img src=x>"},
    }


def test_records_are_listed_by_idea_the_newest_first() -> None:
    with opened(rollout(), promotion()) as (browser, client):
        for number, idea in ((1, ""), (2, "search"), (3, "search")):
            client.put("ConfigMap", record(idea, number))
        del client.there["ConfigMap", "shop", "web-2-report"]
        page = browser.see("/records/")
        places = [page.index(words) for words in ("<h2>search", "launch-web-3", "launch-web-2", "<h2>Without an idea")]
        assert places == sorted(places)
        one = browser.see("/records/shop/launch-web-3")
        assert "<h3>Launch</h3>" in one
        assert "<img" not in one


def test_whoever_may_not_list_them_sees_those_that_promotions_name() -> None:
    case = promotion("Succeeded")
    case["status"]["records"] = [{"configMap": f"launch-web-{n}", "digest": "", "kind": "launch"} for n in (1, 2)]
    with opened(rollout(), case) as (browser, client):
        client.put("ConfigMap", record("search", 1))
        browser.see("/")
        client.lists = Forbidden("configmaps is forbidden", 403)
        page = browser.see("/records/")
        assert "You may not list ConfigMaps" in page
        assert "launch-web-1" in page
        assert "launch-web-2" not in page


@pytest.mark.parametrize("status", [{}, None, {"gates": 5, "history": "x"}, {"stable": {"revision": 3}}])
def test_a_status_that_makes_no_sense_does_not_break_the_pages(status: object) -> None:
    odd, case = rollout(), promotion()
    odd["status"] = status
    case["status"] = status
    with opened(odd, case) as (browser, _):
        for path in ("/", "/rollouts/shop/web/", "/promotions/shop/web-2/"):
            assert "<h1>" in browser.see(path)
