"""Nobody but the browser that opened the printed address gets in, and only its own forms do something."""

import pytest
from tests.unit.dashboard.fakes import HERE, Browser, FakeClient, opened, promotion, rollout

from slipway.dashboard.door import Keys, address

HOLD = "/promotions/shop/web-2/hold"


@pytest.fixture
def stranger() -> Browser:
    return Browser(FakeClient(rollout(), promotion()), Keys())


@pytest.mark.parametrize("path", ["/", "/records/", "/promotions/shop/web-2/", "/static/style.css", "/live"])
def test_without_the_cookie_there_is_nothing(stranger: Browser, path: str) -> None:
    answer = stranger.get(stranger.path(path))
    assert answer.status_code == 403
    assert "slipway dashboard" in answer.text


def test_the_printed_address_lets_in_and_leaves_no_token_in_the_address() -> None:
    keys = Keys()
    with Browser(FakeClient(rollout(), promotion()), keys) as browser:
        answer = browser.get(address(8123, keys))
        assert (answer.status_code, answer.headers["location"]) == (303, f"{keys.path}/")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert f"path={keys.path}/" in cookie
        assert keys.token not in cookie
        assert browser.get(browser.path("/")).status_code == 200


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_a_wrong_token_lets_nobody_in(stranger: Browser, token: str) -> None:
    answer = stranger.get(stranger.path("/"), params={"token": token})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/static/style.css", "//", "/records/"])
def test_outside_of_its_own_path_there_is_nothing(stranger: Browser, path: str) -> None:
    stranger.cookies.set("slipway", stranger.keys.cookie)
    assert stranger.get(f"{HERE}{path}").status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:9999", "evil.example:8123", ""])
def test_another_host_name_is_not_answered_to(host: str) -> None:
    with opened(rollout(), promotion()) as (browser, _):
        assert browser.get(browser.path("/"), headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.1:80", "localhost:80"])
def test_at_port_80_browsers_name_no_port(host: str) -> None:
    client, keys = FakeClient(rollout(), promotion()), Keys()
    with Browser(client, keys, 80) as browser:
        browser.enter()
        assert browser.get(browser.path("/"), headers={"Host": host}).status_code == 200
        form = {**browser.form(HOLD), "reason": "lunch"}
        assert browser.submit(HOLD, form, Host="127.0.0.1", Origin="http://127.0.0.1").status_code == 303
        assert browser.get(browser.path("/"), headers={"Host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": ""},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_of_another_page_does_nothing(headers: dict[str, str]) -> None:
    with opened(rollout(), promotion()) as (browser, client):
        form = {**browser.form(HOLD), "reason": "lunch"}
        assert browser.submit(HOLD, form, **headers).status_code == 403
        assert client.said == []
        assert browser.submit(HOLD, form).status_code == 303
        assert [word["hold"] for _, _, word in client.said] == ["lunch"]


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_form_without_the_key_of_forms_does_nothing(token: str) -> None:
    with opened(rollout(), promotion()) as (browser, client):
        form = {**browser.form(HOLD), "reason": "lunch", "form": token}
        assert browser.submit(HOLD, form).status_code == 403
        assert client.said == []


def test_what_is_no_form_is_refused() -> None:
    with opened(rollout(), promotion()) as (browser, client):
        long = {**browser.form(HOLD), "reason": "x" * 20_000}
        assert browser.submit(HOLD, long).status_code == 400
        assert browser.post(browser.path(HOLD), json={}, headers={"Origin": HERE}).status_code == 400
        assert browser.put(browser.path(HOLD), headers={"Origin": HERE}).status_code == 405
        assert client.said == []


@pytest.mark.parametrize("path", ["/", "/rollouts/shop/web/", "/promotions/shop/web-2/", HOLD, "/nothing"])
def test_every_answer_forbids_scripts_and_frames_of_others(path: str) -> None:
    with opened(rollout(), promotion()) as (browser, _):
        answer = browser.get(browser.path(path))
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        for inline in ("<style", " style=", " onclick=", "<script>", "javascript:", "http://", "https://"):
            assert inline not in answer.text, inline
        assert browser.keys.token not in answer.text
        assert browser.keys.cookie not in answer.text


def test_keys_are_new_each_time() -> None:
    one, other = Keys(), Keys()
    assert len({one.path, one.token, one.cookie, one.form, other.path, other.token, other.cookie, other.form}) == 8
