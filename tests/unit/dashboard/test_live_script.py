"""The script of the pages in a browser: where the focus stays, and what the foot of a page says and when."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, async_playwright

from slipway import dashboard

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("there is no chromium here (make parts installs it as root on a Debian)", allow_module_level=True)

SCRIPT = Path(dashboard.__file__).parent / "static" / "live.js"
HERE = "http://page.test/"
LIVE, LOST = "Live.", "Not live: the connection is lost, and tried again."

STREAM = """
window.EventSource = class extends EventTarget {
  static CONNECTING = 0; static OPEN = 1; static CLOSED = 2;
  constructor() { super(); this.readyState = 0; window.stream = this; }
  close() { this.readyState = 2; }
  now(state, kind) { this.readyState = state; this.dispatchEvent(new Event(kind)); }
};
"""

PLACE = """<!doctype html><body data-live="/live"><main><div data-fragment="one" data-digest="0">{}</div></main>
<p id="connection" role="status"></p><script src="/live.js"></script></body>"""

DECIDE = '<section aria-labelledby="decide"><h2 id="decide">Decide</h2>{}</section>'
PROMOTIONS = '<section aria-labelledby="promotions"><h2 id="promotions">Promotions</h2>{}</section>'
HISTORY = '<section aria-labelledby="history"><h2 id="history">History</h2>{}</section>'
LINK = '<a href="/promotions/web-1">web-1</a>'


class Opened:
    """A page whose stream a test speaks for."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def show(self, html: str) -> None:
        async def answer(route: Route) -> None:
            if route.request.url.endswith("/live.js"):
                await route.fulfill(body=SCRIPT.read_text(), content_type="text/javascript")
            else:
                await route.fulfill(body=PLACE.format(html), content_type="text/html")

        await self.page.route("**/*", answer)
        await self.page.goto(HERE)
        await self.stream("open")

    async def stream(self, kind: str, state: int = 1) -> None:
        await self.page.evaluate("([state, kind]) => stream.now(state, kind)", [state, kind])

    async def replace(self, html: str) -> None:
        """Put it in place, and wait until it is."""
        told = {"name": "one", "digest": str(hash(html)), "html": html}
        await self.page.evaluate(
            """async (told) => {
              stream.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(told) }));
              while (document.querySelector("[data-fragment]").dataset.digest !== told.digest) await null;
            }""",
            told,
        )

    async def focus(self, selector: str) -> None:
        await self.page.focus(selector)

    async def focused(self) -> str:
        """The section, the tag and the mark of what has the focus."""
        found = await self.page.evaluate(
            """() => {
              const one = document.activeElement, section = one.closest("section");
              return [section?.getAttribute("aria-labelledby") ?? "-", one.tagName, one.dataset.at ?? "-"];
            }"""
        )
        return " ".join(found)

    async def says(self) -> Any:
        return await self.page.text_content("#connection")

    async def later(self, seconds: float) -> None:
        await self.page.clock.run_for(int(seconds * 1000))


@pytest.fixture
async def opened() -> AsyncIterator[Opened]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, timeout=120_000)
        try:
            page = await browser.new_page()
            page.set_default_timeout(120_000)
            await page.clock.install()
            await page.add_init_script(STREAM)
            yield Opened(page)
        finally:
            await browser.close()


async def test_the_focus_stays_where_it_is(opened: Opened) -> None:
    both = PROMOTIONS.format(LINK) + HISTORY.format(LINK + LINK.replace("<a", '<a data-at="second"'))
    await opened.show(both)
    for selector, place in (
        ("[aria-labelledby=promotions] a", "promotions A -"),
        ("[aria-labelledby=history] a", "history A -"),
        ("[data-at=second]", "history A second"),
    ):
        await opened.focus(selector)
        await opened.replace(f"{both}<!-- {place} -->")
        assert await opened.focused() == place

    await opened.focus("[aria-labelledby=promotions] a")
    await opened.replace(PROMOTIONS.format("There are none.") + HISTORY.format(LINK))
    assert await opened.focused() == "promotions SECTION -"

    await opened.replace(HISTORY.format(LINK))
    assert await opened.focused() == "- DIV -"


async def test_where_what_had_the_focus_is_gone_its_region_has_it(opened: Opened) -> None:
    await opened.show(PROMOTIONS.format("x") + DECIDE.format('<a href="/approve">Approve…</a>'))
    await opened.focus("[href='/approve']")
    await opened.replace(PROMOTIONS.format("x") + DECIDE.format("The plan has changed."))
    assert await opened.focused() == "decide SECTION -"
    await opened.replace(PROMOTIONS.format("y") + DECIDE.format("The plan has changed again."))
    assert await opened.focused() == "decide SECTION -"


async def test_a_stream_that_is_opened_again_soon_is_no_news(opened: Opened) -> None:
    await opened.show("")
    assert await opened.says() == LIVE
    await opened.page.evaluate(
        """() => {
          window.said = [];
          const told = new MutationObserver(() => said.push(document.getElementById("connection").textContent));
          told.observe(document.getElementById("connection"), { childList: true, characterData: true, subtree: true });
        }"""
    )
    for _ in range(3):
        await opened.stream("error", 0)
        await opened.later(5)
        await opened.stream("open")
        await opened.later(60)
    assert await opened.page.evaluate("said") == []


async def test_a_stream_that_stays_away_is_said_to_be_and_when_it_is_back(opened: Opened) -> None:
    await opened.show("")
    for _ in range(3):
        await opened.stream("error", 0)
        await opened.later(3)
    assert await opened.says() == LOST
    await opened.stream("error", 2)
    assert "does not answer to this page" in await opened.says()
    await opened.later(2.5)
    await opened.stream("open")
    assert await opened.says() == LIVE
    await opened.stream("error", 0)
    await opened.later(5)
    assert await opened.says() == LIVE, "it is waited for anew"
    await opened.later(5)
    assert await opened.says() == LOST


async def test_what_is_gone_is_said_at_once_and_stays_said(opened: Opened) -> None:
    await opened.show("")
    await opened.stream("error", 0)
    await opened.stream("gone")
    await opened.later(60)
    assert await opened.says() == "Not live: this is not there any more."
