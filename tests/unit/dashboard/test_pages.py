"""What the pages show, and that words of people stay words."""

import json
import re
from typing import Any
from urllib.parse import unquote, urlencode

import pytest
from tests.unit.dashboard.fakes import (
    NEXT_PLAN,
    PLAN,
    REPORT,
    Browser,
    FakeClient,
    opened,
    promotion,
    report_map,
    rollout,
)
from typer.testing import CliRunner

from slipway.api.record import PREDICATE, STATEMENT
from slipway.archive import commands
from slipway.archive.reading import Chain
from slipway.cli import app
from slipway.cluster.errors import Forbidden, NoCluster, Unavailable
from slipway.cluster.resources import REVISION_LABEL
from slipway.console.session import Session, Workload
from slipway.dashboard import pages, workloads
from slipway.dashboard.board import Board
from slipway.dashboard.door import Keys
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


def test_where_nobody_is_asked_the_rollout_has_the_checks() -> None:
    check = {"name": "gates-answer", "category": "Operations", "result": "Unverifiable", "message": "orders: none"}
    automatic = rollout(phase="AwaitingPromotion", candidate={"revision": "bbb", "weight": 0, "checks": [check]})
    with opened(automatic) as (browser, _):
        page = browser.see("/rollouts/shop/web/")
        assert "Checks of the candidate" in page
        assert "orders: none" in page
    with opened(rollout()) as (browser, _):
        assert "Checks of the candidate" not in browser.see("/rollouts/shop/web/")


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


@pytest.mark.parametrize("error", [NoCluster("the kubeconfig is gone"), Unavailable("it is away")], ids=str)
def test_without_a_cluster_a_page_says_why(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def workload(self: Session, namespace: str, rollout: str) -> Any:
        raise error

    monkeypatch.setattr(Session, "workload", workload)
    with opened(rollout()) as (browser, _):
        assert str(error) in browser.see("/rollouts/shop/web/", 502)


def test_pods_that_become_ready_are_seen_though_nothing_else_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    ready: list[int] = []

    async def workload(self: Session, namespace: str, rollout: str) -> Any:
        ready.append(len(ready))
        meta = {"labels": {REVISION_LABEL: "bbb"}}
        one = {"metadata": meta, "spec": {"replicas": 2}, "status": {"readyReplicas": ready[-1]}}
        return Workload([one], [])

    monkeypatch.setattr(Session, "workload", workload)
    monkeypatch.setattr(Board, "rollout", lambda *_: rollout() if len(ready) < 3 else None)
    monkeypatch.setattr(pages, "PACE", 0)
    monkeypatch.setattr(pages, "LOOKS", 0.05)
    monkeypatch.setattr(workloads, "KEPT", 0.01)
    with opened() as (browser, _):
        told = browser.get(browser.path("/rollouts/shop/web/live")).text
    places = [told.index(words) for words in ("0 of 2 ready", "1 of 2 ready", "2 of 2 ready", "event: gone")]
    assert places == sorted(places)


def test_pages_of_one_rollout_share_what_is_read_of_its_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def workload(self: Session, namespace: str, rollout: str) -> Any:
        asked.append(f"{namespace}/{rollout}")
        return Workload([], [])

    monkeypatch.setattr(Session, "workload", workload)
    monkeypatch.setattr(workloads, "KEPT", 60)
    with opened(rollout()) as (browser, _):
        for _ in range(3):
            browser.see("/rollouts/shop/web/")
    assert asked == ["shop/web"]


@pytest.mark.parametrize("error", [NoCluster("the kubeconfig is gone"), Unavailable("it is away")], ids=str)
def test_an_open_page_says_that_it_is_old_and_why(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    there: list[Any] = [rollout()]

    async def workload(self: Session, namespace: str, rollout: str) -> Any:
        there.clear()  # so that the page ends at its next look
        raise error

    monkeypatch.setattr(Session, "workload", workload)
    monkeypatch.setattr(Board, "rollout", lambda *_: there[0] if there else None)
    monkeypatch.setattr(pages, "AGAIN", 0.01)
    with opened(rollout()) as (browser, _):
        told = browser.get(browser.path("/rollouts/shop/web/live")).text
    assert f"What is shown may be old. {error}" in told
    assert "data-old" in told
    assert told.index("data-old") < told.index("event: gone")


def test_what_is_not_there_is_said() -> None:
    with opened(rollout(), promotion()) as (browser, _):
        for path in ("/rollouts/shop/no/", "/promotions/other/web-2/", "/promotions/shop/web-2/dance", "/x"):
            assert browser.get(browser.path(path)).status_code == 404
        assert browser.get(browser.path("/rollouts/shop/web/gates/no.svg")).status_code == 204


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


def test_a_plan_that_changed_since_the_page_was_opened_is_not_offered_for_approval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = heard(monkeypatch, f"?plan={NEXT_PLAN}", promotion())
    assert "The plan has changed since you opened this page." in told["stale"]
    assert "The plan has changed: read it again" in told["decisions"]
    assert "/promotions/shop/web-2/approve" not in told["decisions"]
    told = heard(monkeypatch, f"?plan={PLAN}&report=another", promotion())
    assert "The report was written anew since you opened this page." in told["stale"]
    assert f"/promotions/shop/web-2/approve?{urlencode({'plan': PLAN})}" in told["decisions"]
    assert "The plan has changed" in heard(monkeypatch, "", promotion())["stale"], "it is not known what was read"


def test_an_address_does_not_say_which_plan_was_read() -> None:
    """Whoever gives it away may know a plan that comes later."""
    with opened(rollout(), promotion()) as (browser, _):
        page = browser.see(f"/promotions/shop/web-2/?plan={NEXT_PLAN}&report=another")
        assert "since you opened this page" not in page
        assert NEXT_PLAN not in unquote(page)
        assert f"/promotions/shop/web-2/live?{urlencode({'plan': PLAN})}" in page
        assert f"/promotions/shop/web-2/approve?{urlencode({'plan': PLAN})}" in page


def heard(monkeypatch: pytest.MonkeyPatch, query: str, *shown: dict[str, Any]) -> dict[str, str]:
    """The fragments that an open page of a Promotion is sent."""
    told = stream(monkeypatch, f"/promotions/shop/web-2/live{query}", *shown)
    found = [json.loads(line.removeprefix("data: ")) for line in told.splitlines() if line.startswith("data: {")]
    return {one["name"]: one["html"] for one in found}


def stream(monkeypatch: pytest.MonkeyPatch, path: str, *shown: dict[str, Any] | None) -> str:
    """What an open page is sent while its Promotion is as in `shown`, one after the other; then it is gone."""
    left = iter(shown)

    async def at_once(self: Board, version: int) -> int:
        return version + 1

    with opened(rollout(), promotion()) as (browser, _), monkeypatch.context() as patched:
        patched.setattr(Board, "promotion", lambda *_: next(left, None))
        patched.setattr(Board, "after", at_once)
        patched.setattr(pages, "PACE", 0)
        told = browser.get(browser.path(path)).text
    assert "event: gone" in told
    return told


def test_an_open_page_hears_when_what_it_shows_is_gone() -> None:
    with opened(rollout()) as (browser, _):
        answer = browser.get(browser.path("/promotions/shop/web-2/live"))
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "event: gone" in answer.text


@pytest.mark.parametrize(
    "path", ["/promotions/shop/web-2/", "/rollouts/shop/web/", "/rollouts/shop/web/gates/error-rate.svg"]
)
def test_what_was_never_listed_is_not_said_to_be_missing(path: str) -> None:
    client = FakeClient(rollout(), promotion())
    client.lists = Unavailable("it is starting")
    with Browser(client, Keys()) as browser:
        browser.enter()
        assert "it is starting" in browser.see(path, 502)


def test_an_open_page_of_what_was_not_listed_yet_goes_on_when_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a restart, while the API server does not answer yet."""
    monkeypatch.setattr(pages, "AGAIN", 0.01)
    unknown = iter(["promotions: it is starting"])
    monkeypatch.setattr(Board, "unknown", lambda *_: next(unknown, ""))
    told = stream(monkeypatch, "/promotions/shop/web-2/live", None, promotion())
    assert told.index("it is starting") < told.index("185 of 185") < told.index("event: gone")


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
    asks = "check pages has no result yet: Look. Confirm it under your own name: kubectl -n a patch x '{\"a\":1}'"
    assert without_commands(asks) == "check pages has no result yet: Look."
    assert without_commands("revision a serves; the next: is kept") == "revision a serves; the next: is kept"


def test_only_decisions_that_make_sense_are_offered() -> None:
    def offered(*objects: dict) -> list[str]:
        with opened(*objects) as (browser, _):
            page = browser.see("/promotions/shop/web-2/")
        return [name for name in _NAMES if f"/promotions/shop/web-2/{name}" in page]

    waits, ended = ["hold", "rollback-plan-needed", "abort"], ["learnings", "retry"]
    assert offered(rollout(), promotion()) == ["approve", "rerun", *waits]
    assert offered(rollout(), promotion("Blocked")) == ["rerun", *waits]
    held = promotion("Held", hold="lunch")
    assert offered(rollout(), held) == ["approve", "resume", "rollback-plan-needed", "abort"]
    moving = rollout(phase="Shifting")
    assert offered(moving, promotion("Shifting", approved=True)) == ["withdraw", *waits]
    asks = rollout(phase="AwaitingApproval", candidate={"revision": "bbb", "weight": 10})
    assert "approve" in offered(asks, promotion("Shifting", approved=True))
    assert "rerun" not in offered(asks, promotion("AwaitingApproval", approved=True))
    serves = rollout(stable={"revision": "bbb"}, candidate=None)
    assert offered(serves, promotion("Succeeded", approved=True)) == ["abort", "learnings"]
    assert offered(rollout(), promotion("Succeeded", approved=True)) == ["learnings"]
    for phase in ("Aborted", "RolledBack", "Failed", "Superseded"):
        assert offered(rollout(), promotion(phase, hold="lunch")) == ended
    assert offered(rollout(), promotion("Checking", dryRun=True)) == ["rerun", *waits]
    assert offered(rollout(), promotion("DryRunComplete", dryRun=True)) == []


_NAMES = [
    *("approve", "withdraw", "confirm", "resume", "break-glass", "go-on-without-data", "rerun"),
    *("hold", "rollback-plan-needed", "abort", "learnings", "retry"),
]


def frozen(**spec: object) -> dict:
    held = promotion("Held", **spec)
    held["status"]["conditions"] = [
        {
            "type": "Stalled",
            "status": "True",
            "reason": "Window",
            "message": "closed: inventory",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    ]
    return held


def test_the_glass_is_offered_only_where_a_window_holds_and_to_whoever_may() -> None:
    at = "/promotions/shop/web-2/"
    with opened(rollout(), frozen()) as (browser, client):
        assert f"{at}break-glass" not in browser.see(at)
        assert client.asked == [("break-glass", "rollouts", "shop", "web")]
        client.may.add("break-glass")
        assert f"{at}break-glass" in browser.see(at)
    with opened(rollout(), promotion("Held", hold="lunch")) as (browser, client):
        client.may.add("break-glass")
        assert f"{at}break-glass" not in browser.see(at)
        assert client.asked == []
    broken = frozen(breakGlass={"reason": "x"})
    broken["status"]["conditions"].append(
        {**broken["status"]["conditions"][0], "type": "GlassBroken", "message": "policies are lifted by ada: <x>"}
    )
    with opened(rollout(), broken) as (browser, client):
        page = browser.see(at)
        assert client.asked == []
        assert "policies are lifted by ada: &lt;x&gt;" in page


def test_a_manual_check_is_confirmed_once_it_is_time_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    at = "/promotions/shop/web-2/"
    listed = [
        {"name": "pages", "manual": {"ask": "Look at <the> pages."}},
        {"name": "users", "manual": {"ask": "Look at users.", "when": "after"}},
        {"name": "tests", "attest": {"passed": True, "summary": "185"}},
    ]
    waiting = promotion("Checking", checks=listed)
    pending = [{"name": one["name"], "result": "Pending", "message": "kubectl patch"} for one in listed]
    waiting["status"]["checks"] = pending
    with opened(rollout(), waiting) as (browser, _):
        page = browser.see(at)
        assert "Look at &lt;the&gt; pages." in page
        assert page.count(f"{at}confirm?") == 1
        assert "Waiting for a person" in browser.see("/")
        assert "web-2</a>" in browser.see("/")
    assert f"{at}confirm?" in heard(monkeypatch, f"?plan={PLAN}", waiting)["checks"]
    assert f"{at}confirm?" not in heard(monkeypatch, f"?plan={NEXT_PLAN}", waiting)["checks"]
    waiting["status"] |= {"phase": "Shifting", "shiftedAt": "2026-01-01T00:00:00Z"}
    with opened(rollout(), waiting) as (browser, _):
        assert browser.see(at).count(f"{at}confirm?") == 2
    waiting["status"]["phase"] = "Aborted"
    with opened(rollout(), waiting) as (browser, _):
        assert f"{at}confirm?" not in browser.see(at)


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
        assert "<h2>Launch</h2>" in one
        assert "<img" not in one


def test_the_page_and_the_command_have_the_same_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = record("search", 3)
    with opened(rollout(), promotion()) as (browser, client):
        client.put("ConfigMap", kept)
        del client.there["ConfigMap", "shop", "web-2-report"]
        page = browser.see("/records/")
    monkeypatch.setattr(commands, "_chains", lambda where, rollout: [Chain("shop", "web", [kept])])
    lines = CliRunner().invoke(app, ["records", "list"]).stdout.splitlines()
    heads = re.findall(r'<th scope="col">(\w+)</th>', page)
    columns = [head.capitalize() for head in lines[0].split()]
    assert heads == ["Record", *columns[1:-1]], "a page of one namespace does without it"
    assert columns[-1] == "Record", "where a page is too narrow for all columns, the link is not among those cut off"
    row = page.partition("<tbody>")[2].partition("</tbody>")[0]
    cells = [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td>(.*?)</td>", row, re.DOTALL)]
    shown = dict(zip(heads, cells, strict=True))
    told = dict(zip(columns, lines[1].split(), strict=True))
    assert {head: cell.replace("–", "-") for head, cell in shown.items() if head != "At"} == {
        head: cell for head, cell in told.items() if head not in ("At", "Namespace")
    }


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
