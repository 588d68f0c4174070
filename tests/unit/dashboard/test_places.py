"""What a page is found again by when it is put in place anew, and what is reached without a mouse."""

from collections import Counter
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from tests.unit.dashboard.fakes import PLAN, opened, promotion, rollout

from slipway.dashboard.measured import Course, Measured, Point

PAGES = (
    "/",
    "/rollouts/shop/web/",
    "/promotions/shop/web-2/",
    f"/promotions/shop/web-2/approve?plan={PLAN}",
    "/records/",
)


class Elements(HTMLParser):
    """All elements of a page: tag and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


@pytest.fixture(params=PAGES)
def elements(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """Of a page with charts, so that there are tables of their values."""
    points = [Point(datetime(2026, 1, 1, 0, minute, tzinfo=UTC), minute / 1000, False) for minute in (1, 2)]
    courses = {name: Course("bbb") for name in ("why", "error-rate")}
    for course in courses.values():
        course.points.extend(points)
    monkeypatch.setattr(Measured, "of", lambda *_: courses)
    gates = [{"name": name, "revision": "bbb", "verdict": "Pass", "value": 1, "bound": "< 2"} for name in courses]
    with opened(rollout(gates=gates), promotion(hold="lunch")) as (browser, client):
        if request.param == "/records/":
            client.there.pop(("ConfigMap", "shop", "web-2-report"))  # records have labels; this one would be none
        return Elements(browser.see(request.param)).found


def test_ids_are_unique(elements: list[tuple[str, dict[str, str]]]) -> None:
    counted = Counter(attributes["id"] for _, attributes in elements if "id" in attributes)
    assert counted
    assert not [name for name, times in counted.items() if times > 1]


def test_what_opens_is_found_again(elements: list[tuple[str, dict[str, str]]]) -> None:
    assert not [attributes for tag, attributes in elements if tag == "summary" and not attributes.get("id")]


def test_what_scrolls_is_reached_and_named(elements: list[tuple[str, dict[str, str]]]) -> None:
    wide = [attributes for _, attributes in elements if attributes.get("class") == "wide"]
    assert not [one for one in wide if one.get("tabindex") != "0" or one.get("role") != "group"]
    names = [one.get("aria-label") for one in wide]
    assert all(names)
    assert len(set(names)) == len(names)


def test_the_page_with_charts_has_all_of_these(monkeypatch: pytest.MonkeyPatch) -> None:
    course = Course("bbb")
    course.points.extend(Point(datetime(2026, 1, day, tzinfo=UTC), 0.1, False) for day in (1, 2))
    monkeypatch.setattr(Measured, "of", lambda *_: {"error-rate": course})
    with opened(rollout(phase="Held"), promotion("Held", hold="lunch")) as (browser, _):
        found = Elements(browser.see("/rollouts/shop/web/")).found
    ids = {attributes.get("id") for _, attributes in found}
    assert {"why", "summary-why", "values-error-rate", "summary-of-error-rate"} <= ids
    assert "Values of error-rate" in {attributes.get("aria-label") for _, attributes in found}
