"""What axe-core finds on a page: rules of WCAG 2.2 A and AA, and what it takes for good practice."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OPTIONS = {"runOnly": TAGS, "resultTypes": ["violations", "passes"]}
MOVES = """() => [...document.querySelectorAll("*")].filter((one) => {
  const style = getComputedStyle(one);
  const lasts = (durations) => durations.split(",").some((duration) => parseFloat(duration) > 0);
  return lasts(style.transitionDuration) || (style.animationName !== "none" && lasts(style.animationDuration));
}).map((one) => one.outerHTML.slice(0, 80))"""


async def for_everybody(page: Page) -> None:
    """Nothing that axe-core complains about, in both schemes, and nothing moves for whoever does not want it to."""
    # A document that is still being loaded has no style yet, though it can be asked for one.
    await page.wait_for_load_state("load")
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        found = await Axe().run(page, options=OPTIONS)
        assert found.violations_count == 0, f"{page.url}, {scheme}: {found.generate_report()}"
        passed = {rule["id"] for rule in found.response["passes"]}
        assert {"color-contrast", "document-title", "html-has-lang", "region"} <= passed, passed
        assert await page.evaluate(MOVES) == []
    await page.emulate_media(color_scheme="light", reduced_motion="no-preference")
