"""The page without a mouse, in the dark, and with a server that comes and goes."""

import asyncio
import contextlib
import shutil
import socket
import time
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Locator, Page, expect
from tests.e2e import manifests
from tests.e2e.arena import scenario
from tests.e2e.dashboard import chromium, dashboard, opened
from tests.e2e.tenant import Tenant

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("there is no chromium here (make parts installs it as root on a Debian)", allow_module_level=True)

# WCAG 2.2: 1.4.3, for text of any size.
CONTRAST = 4.5

# Every text that is shown, with the contrast to what is behind it.
CONTRASTS = """() => {
  const parsed = (color) => (color.match(/[\\d.]+/g) || []).map(Number);
  const linear = (part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const color = parsed(getComputedStyle(one).backgroundColor);
      if (color[3] !== 0) return color;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const one of document.body.querySelectorAll("*")) {
    const texts = [...one.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
    const text = texts.map((node) => node.data.trim()).join(" ").trim();
    if (!text || !one.checkVisibility({ visibilityProperty: true }) || one.closest("noscript, svg")) continue;
    const [light, dark] = [parsed(getComputedStyle(one).color), behind(one)].map(luminance).sort((a, b) => b - a);
    found.push([(light + 0.05) / (dark + 0.05), `${one.tagName}.${one.className}: ${text.slice(0, 40)}`]);
  }
  return found;
}"""

MOVES = """() => [...document.querySelectorAll("*")].filter((one) => {
  const style = getComputedStyle(one);
  const lasts = (durations) => durations.split(",").some((duration) => parseFloat(duration) > 0);
  return lasts(style.transitionDuration) || (style.animationName !== "none" && lasts(style.animationDuration));
}).map((one) => one.outerHTML.slice(0, 80))"""

FOCUS = """() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const shown = box.width > 0 && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight;
  return [outlined && shown, one.outerHTML.slice(0, 120)];
}"""


@scenario
async def test_a_launch_is_approved_by_keyboard_alone_and_can_be_read_in_the_dark(tenant: Tenant) -> None:
    await tenant.deploy("v1", strategy=manifests.BLUE_GREEN, replicas=1)
    name = await tenant.promote()
    await tenant.until_promotion(name, "AwaitingApproval")
    approver = tenant.cluster.kubeconfig("approver")
    async with chromium(str(CHROMIUM)) as browser, dashboard(approver, tenant.namespace) as address:
        page, complaints = await opened(browser, address)
        promotion = page.get_by_role("region", name="Waiting for a person").get_by_role("link", name=name)
        await expect(promotion).to_be_visible()
        await _can_be_read(page)

        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        await page.keyboard.press("Enter")
        await _enter(page, promotion)
        await expect(page.get_by_role("heading", name="Report", exact=True)).to_be_visible()
        await _can_be_read(page)
        approve = page.get_by_role("link", name="Approve…")
        await _enter(page, approve)
        # Whoever has second thoughts gets away.
        await _enter(page, page.get_by_role("link", name="Back, do nothing"))
        await _enter(page, approve)
        await _can_be_read(page)
        for box in await page.get_by_role("checkbox").all():
            await _to(page, box)
            await page.keyboard.press("Space")
            await expect(box).to_be_checked()
        assert "approved" not in (await tenant.approver.get("promotions", name))["spec"]
        tenant.approved[tenant.candidate()] = time.time()
        await _enter(page, page.get_by_role("button", name="Approve"))
        await expect(page.get_by_text("Your approval is recorded.")).to_be_visible()
        await _can_be_read(page)
        assert not complaints, complaints


@scenario
async def test_an_open_page_says_that_its_server_is_away_and_goes_on_when_it_is_back(tenant: Tenant) -> None:
    reader = tenant.cluster.kubeconfig("developer")
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    served = ("--behind-proxy", address, "--port", str(port))
    async with chromium(str(CHROMIUM)) as browser:
        async with dashboard(reader, tenant.namespace, *served):
            page, _ = await opened(browser, address)
            says = page.locator("#connection")
            await expect(says).to_have_text("Live.")
            await page.evaluate("window.loadedOnce = true")
        await expect(says).to_contain_text("the connection is lost, and tried again")
        # What a proxy answers meanwhile, and a browser takes for the end.
        async with _unavailable(port):
            await expect(says).to_contain_text("does not answer to this page")
        await tenant.deploy("v1", strategy=manifests.BLUE_GREEN, replicas=1)
        async with dashboard(reader, tenant.namespace, *served):
            await expect(says).to_have_text("Live.")
            await expect(page.get_by_role("link", name="web")).to_be_visible()
            assert await page.evaluate("window.loadedOnce")


async def _can_be_read(page: Page) -> None:
    """In both schemes, and nothing moves for whoever does not want it to."""
    # A document that is still being loaded has no style yet, though it can be asked for one.
    await page.wait_for_load_state("load")
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        found = await page.evaluate(CONTRASTS)
        assert len(found) > 10
        assert not [one for one in found if one[0] < CONTRAST], scheme
        assert await page.evaluate(MOVES) == []
    await page.emulate_media(color_scheme="light", reduced_motion="no-preference")


async def _to(page: Page, wanted: Locator) -> None:
    """Tab until it has the focus, which can be seen wherever it is on the way."""
    await expect(wanted).to_be_visible()
    for _ in range(100):
        await page.keyboard.press("Tab")
        seen, what = await page.evaluate(FOCUS)
        assert seen, what
        if await wanted.evaluate("(one) => one === document.activeElement"):
            return
    raise AssertionError(f"the keyboard does not get to {wanted}")


async def _enter(page: Page, wanted: Locator) -> None:
    """Another page, when it is there with its style: the state of the one before would be that it is loaded."""
    await _to(page, wanted)
    async with page.expect_event("load"):
        await page.keyboard.press("Enter")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextlib.asynccontextmanager
async def _unavailable(port: int) -> AsyncIterator[None]:
    """A server that says that another one is away."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    async with server:
        yield
