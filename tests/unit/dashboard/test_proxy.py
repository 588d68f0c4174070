"""Behind a proxy: nobody gets in beside it, readers change nothing, and people decide as those whom it proves."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.unit.dashboard.fakes import PLAN, FakeClient, promotion, report_map, rollout

from slipway.cluster.errors import Forbidden
from slipway.console.session import Session
from slipway.dashboard.app import build_behind_proxy
from slipway.dashboard.board import Board
from slipway.dashboard.proxy import Misconfigured, Proxy, ProxySecret, Public, Speaking

URL = "https://ops.example.com/slipway"
SECRET = "s" * 40
PROVEN = {"X-Slipway-Proxy-Secret": SECRET}
ADA = {**PROVEN, "X-Forwarded-User": "ada@example.com", "X-Forwarded-Groups": "release, on-call"}
AT = "/slipway/promotions/shop/web-2/"
HOLD = f"{AT}hold"
FROM_HERE = {"Origin": "https://ops.example.com", "Sec-Fetch-Site": "same-origin"}


class People:
    """A cluster as each user sees it."""

    def __init__(self) -> None:
        self.own = FakeClient(rollout(), promotion())
        self.own.there["ConfigMap", "shop", "web-2-report"] = report_map()
        self.users: dict[tuple[str, tuple[str, ...]], FakeClient] = {}

    def session(self, user: str, groups: tuple[str, ...]) -> Session:
        return Session(self.client(user, *groups), None)  # type: ignore[arg-type]

    def client(self, user: str, *groups: str) -> FakeClient:
        if (user, groups) not in self.users:
            client = FakeClient()
            client.there, client.who, client.may = self.own.there, user, {"list"}
            self.users[user, groups] = client
        return self.users[user, groups]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    return path


@contextmanager
def served(people: People, secret: Path | None, speaks: bool = True) -> Iterator[TestClient]:
    reading = Session(people.own, None)  # type: ignore[arg-type]
    speaking = Speaking("X-Forwarded-User", "X-Forwarded-Groups", people.session) if speaks else None
    proxy = Proxy(Public.parse(URL), reading, ProxySecret(secret) if secret else None, speaking)
    app = build_behind_proxy(Board(people.own, None), proxy)
    with TestClient(app, base_url="https://ops.example.com", follow_redirects=False) as browser:
        yield browser


def form_of(browser: TestClient, path: str, headers: dict[str, str]) -> dict[str, Any]:
    page = browser.get(path, headers=headers)
    assert page.status_code == 200, page.text
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))


@pytest.mark.parametrize("sent", [{}, {"X-Slipway-Proxy-Secret": ""}, {"X-Slipway-Proxy-Secret": "x" * 40}])
@pytest.mark.parametrize("path", ["/slipway/", AT, f"{AT}live", "/slipway/static/style.css", "/slipway/records/"])
def test_without_the_secret_there_is_nothing(secret: Path, path: str, sent: dict[str, str]) -> None:
    for speaks in (True, False):
        with served(People(), secret, speaks) as browser:
            named = {"X-Forwarded-User": "ada@example.com"}
            answer = browser.get(path, headers={**named, **sent})
            assert (answer.status_code, answer.text) == (403, "This request did not come by the proxy.\n")
            answer = browser.post(HOLD, headers={**named, **sent, **FROM_HERE}, data={"reason": "x"})
            assert answer.status_code == 403


def test_two_secrets_are_none(secret: Path) -> None:
    with served(People(), secret) as browser:
        twice = [*ADA.items(), ("X-Slipway-Proxy-Secret", SECRET)]
        assert browser.get("/slipway/", headers=twice).status_code == 403


def test_a_secret_that_was_replaced_or_taken_away_counts_at_once(secret: Path) -> None:
    with served(People(), secret) as browser:
        assert browser.get("/slipway/", headers=ADA).status_code == 200
        secret.write_text("t" * 40)
        assert browser.get("/slipway/", headers=ADA).status_code == 403
        assert browser.get("/slipway/", headers={**ADA, "X-Slipway-Proxy-Secret": "t" * 40}).status_code == 200
        for text in ("", "short"):
            secret.write_text(text)
            assert browser.get("/slipway/", headers={**ADA, "X-Slipway-Proxy-Secret": text}).status_code == 403
        secret.unlink()
        assert browser.get("/slipway/", headers={**ADA, "X-Slipway-Proxy-Secret": ""}).status_code == 403


@pytest.mark.parametrize(
    "named",
    [
        [],
        [("X-Forwarded-User", "")],
        [("X-Forwarded-User", " ")],
        [("X-Forwarded-User", "eve@example.com"), ("X-Forwarded-User", "ada@example.com")],
        [("X-Forwarded-User", "system:admin")],
        [("X-Forwarded-User", "system:serviceaccount:slipway-system:slipway")],
        [("X-Forwarded-User", "a" * 257)],
        [("X-Forwarded-User", "ada\xa0".encode("latin-1"))],
        [("X_Forwarded_User", "ada@example.com")],
    ],
)
def test_whom_the_proxy_does_not_name_gets_nothing(secret: Path, named: list[tuple[str, str]]) -> None:
    people = People()
    with served(people, secret) as browser:
        assert browser.get("/slipway/", headers=[*PROVEN.items(), *named]).status_code == 403
    assert not people.users


def test_groups_of_the_system_are_never_spoken_for(secret: Path) -> None:
    people = People()
    with served(people, secret) as browser:
        groups = [
            ("X-Forwarded-Groups", "release,, system:masters"),
            ("X-Forwarded-Groups", "system:nodes,on-call,release"),
        ]
        named = [*PROVEN.items(), ("X-Forwarded-User", "ada@example.com"), *groups]
        assert browser.get("/slipway/", headers=named).status_code == 200
        assert list(people.users) == [("ada@example.com", ("release", "on-call"))]
        odd = [*PROVEN.items(), ("X-Forwarded-User", "ada"), ("X-Forwarded-Groups", "g" * 300)]
        assert browser.get("/slipway/", headers=odd).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "ops.example.com:8080", "10.0.0.1", ""])
def test_another_host_is_not_answered_to(secret: Path, host: str) -> None:
    with served(People(), secret) as browser:
        answer = browser.get("/slipway/", headers={**ADA, "Host": host, "X-Forwarded-Host": "ops.example.com"})
        assert answer.status_code == 421
        assert browser.get("/slipway/", headers={**ADA, "Host": "OPS.example.com"}).status_code == 200
        assert browser.get("/", headers=ADA).status_code == 404
        assert browser.get("/slipways", headers=ADA).status_code == 404


def test_the_address_as_it_was_given_leads_to_the_page(secret: Path) -> None:
    with served(People(), secret) as browser:
        answer = browser.get("/slipway", headers=ADA)
        assert (answer.status_code, answer.headers["location"]) == (307, "/slipway/")
        assert browser.get("/slipway", headers=ADA, follow_redirects=True).status_code == 200
        for headers in ({}, {**ADA, "X-Slipway-Proxy-Secret": "x" * 40}, PROVEN):
            assert browser.get("/slipway", headers=headers).status_code == 403
        assert browser.post("/slipway", headers={**ADA, **FROM_HERE}).status_code == 404


def test_whoever_leaves_out_a_slash_stays_with_https(secret: Path) -> None:
    """From the proxy to the page it is http."""
    with served(People(), secret) as browser:
        for path in ("/slipway/records", AT.rstrip("/")):
            answer = browser.get(f"http://ops.example.com{path}", headers=ADA)
            assert (answer.status_code, answer.headers["location"]) == (307, f"https://ops.example.com{path}/")


def test_the_kubelet_hears_that_it_answers_and_nothing_else(secret: Path) -> None:
    with served(People(), secret) as browser:
        answer = browser.get("/healthz", headers={"Host": "10.0.0.1:8080"})
        assert (answer.status_code, answer.text) == (200, "ok\n")
        assert browser.post("/healthz", headers={"Host": "10.0.0.1:8080"}).status_code == 421


def test_readers_see_everything_and_change_nothing() -> None:
    people = People()
    with served(people, None, speaks=False) as browser:
        # Names in headers mean nothing where nobody is spoken for.
        page = browser.get(AT, headers={"X-Forwarded-User": "ada@example.com"}).text
        assert "For reading" in page
        assert "ada@example.com" not in page
        assert "This page is for reading. Decide under your own name" in page
        assert "Approve…" not in page
        for decision in ("approve", "hold", "abort", "resume", "confirm", "learnings", "retry", "break-glass"):
            assert browser.get(f"{AT}{decision}?plan={PLAN}").status_code == 403
            answer = browser.post(f"{AT}{decision}", data={"reason": "x", "form": ""}, headers=FROM_HERE)
            assert (answer.status_code, answer.text) == (403, "This page is for reading.\n")
        for method in ("PUT", "PATCH", "DELETE"):
            assert browser.request(method, AT, headers=FROM_HERE).status_code == 403
    assert people.own.said == people.own.made == []
    assert not people.users


def test_people_decide_as_themselves(secret: Path) -> None:
    people = People()
    with served(people, secret) as browser:
        assert "You are <strong>ada@example.com</strong>" in browser.get(AT, headers=ADA).text
        form = {**form_of(browser, HOLD, ADA), "reason": "lunch"}
        answer = browser.post(HOLD, data=form, headers={**ADA, **FROM_HERE})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{AT}?done=hold")
        by = {"hold": {"by": "ada@example.com", "said": "lunch"}}
        assert people.client("ada@example.com", "release", "on-call").said == [
            ("Promotion", "web-2", {"hold": "lunch", "saidBy": by})
        ]
    assert people.own.said == [], "the page itself says nothing"


def test_whoever_may_not_is_told_so_by_the_cluster(secret: Path) -> None:
    people = People()
    people.client("ada@example.com", "release", "on-call").refusal = Forbidden("ada may not approve", 403)
    with served(people, secret) as browser:
        form = form_of(browser, f"{AT}approve?plan={PLAN}", ADA)
        answer = browser.post(f"{AT}approve", data={**form, "confirm": ["0", "1", "2"]}, headers={**ADA, **FROM_HERE})
        assert (answer.status_code, "ada may not approve" in answer.text) == (403, True)


@pytest.mark.parametrize(
    "origin",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://ops.example.com"},
        {"Origin": "https://evil.example"},
        {"Origin": "https://ops.example.com:8443"},
        {"Origin": "https://ops.example.com", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://ops.example.com", "Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_page_does_nothing(secret: Path, origin: dict[str, str]) -> None:
    people = People()
    with served(people, secret) as browser:
        form = {**form_of(browser, HOLD, ADA), "reason": "lunch"}
        assert browser.post(HOLD, data=form, headers={**ADA, **origin}).status_code == 403
    assert people.client("ada@example.com", "release", "on-call").said == []


def test_a_form_is_the_one_of_whoever_sends_it(secret: Path) -> None:
    people = People()
    eve = {**ADA, "X-Forwarded-User": "eve@example.com"}
    with served(people, secret) as browser:
        form = {**form_of(browser, HOLD, eve), "reason": "lunch"}
        for key in (form["form"], "", "x"):
            answer = browser.post(HOLD, data={**form, "form": key}, headers={**ADA, **FROM_HERE})
            assert answer.status_code == 403
        assert browser.post(HOLD, data=form, headers={**eve, **FROM_HERE}).status_code == 303
    assert people.client("ada@example.com", "release", "on-call").said == []


def test_what_somebody_may_not_list_they_do_not_see(secret: Path) -> None:
    people = People()
    people.client("ada@example.com", "release", "on-call").may = set()
    with served(people, secret) as browser:
        assert "There are no Rollouts that you may see here." in browser.get("/slipway/", headers=ADA).text
        for path in (AT, "/slipway/rollouts/shop/web/", "/slipway/records/shop/web-2-report"):
            answer = browser.get(path, headers=ADA)
            assert (answer.status_code, "may not be seen" in answer.text) == (404, True), path
        assert "event: gone" in browser.get(f"{AT}live", headers=ADA).text
        asked = people.client("ada@example.com", "release", "on-call").asked
        assert asked == [("list", "promotions", "shop", "")], "asked once for a while"


@pytest.mark.parametrize("path", ["/slipway/", AT, HOLD, "/slipway/nothing", "/elsewhere", "/healthz"])
def test_every_answer_forbids_scripts_and_frames_of_others(secret: Path, path: str) -> None:
    with served(People(), secret) as browser:
        for headers in (ADA, {}):
            answer = browser.get(path, headers=headers)
            assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
            assert answer.headers["cache-control"] == "no-store"
            assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("url", "host", "base"),
    [
        ("https://ops.example.com", "ops.example.com", ""),
        ("https://OPS.example.com:443/", "ops.example.com", ""),
        ("http://ops.example.com:443/a/b/", "ops.example.com:443", "/a/b"),
        ("https://[::1]:8443", "[::1]:8443", ""),
    ],
)
def test_an_address_is_read_as_browsers_do(url: str, host: str, base: str) -> None:
    found = Public.parse(url)
    assert (found.host, found.base) == (host, base)


@pytest.mark.parametrize(
    "url", ["", "ops.example.com", "ftp://x", "https://", "https://a@b", "https://a/?b", "https://a:x"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="expected https://HOST"):
        Public.parse(url)


def test_names_without_proof_and_without_https_are_refused_at_the_start(secret: Path) -> None:
    people = People()
    reading, speaking = people.session("x", ()), Speaking("X-Forwarded-User", "", people.session)
    with pytest.raises(Misconfigured, match="proves nothing without the proxy's secret"):
        Proxy(Public.parse(URL), reading, None, speaking)
    with pytest.raises(Misconfigured, match="over https"):
        Proxy(Public.parse("http://ops.example.com"), reading, ProxySecret(secret), speaking)
    secret.write_text("short")
    with pytest.raises(Misconfigured, match="at least 32 characters"):
        ProxySecret(secret)
