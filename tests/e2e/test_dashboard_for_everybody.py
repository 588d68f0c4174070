"""The page without a mouse, in the dark, and with a server that comes and goes."""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect
from tests.e2e import manifests
from tests.e2e.accessibility import for_everybody
from tests.e2e.arena import scenario
from tests.e2e.dashboard import chromium, dashboard, opened
from tests.e2e.tenant import Tenant

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("there is no chromium here (make parts installs it as root on a Debian)", allow_module_level=True)

STEPS = {"canary": {"steps": [{"weight": 20, "hold": "10m"}], "verify": "2s", "keepPrevious": "3s"}}
PICTURES = os.environ.get("SLIPWAY_PICTURES")
"""The folder that gets a picture of each page."""

FOCUS = """() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const shown = box.width > 0 && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight;
  return [outlined && shown, one.outerHTML.slice(0, 120)];
}"""

SETTLED = "() => Promise.all(document.getAnimations().map((one) => one.finished.catch(() => null)))"


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
        await for_everybody(page)

        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
        await page.keyboard.press("Enter")
        await _enter(page, promotion)
        await expect(page.get_by_role("heading", name="Report", exact=True)).to_be_visible()
        await for_everybody(page)
        approve = page.get_by_role("link", name="Approve…")
        await _enter(page, approve)
        # Whoever has second thoughts gets away.
        await _enter(page, page.get_by_role("link", name="Back, do nothing"))
        await _enter(page, approve)
        await for_everybody(page)
        for box in await page.get_by_role("checkbox").all():
            await _to(page, box)
            await page.keyboard.press("Space")
            await expect(box).to_be_checked()
        assert "approved" not in (await tenant.approver.get("promotions", name))["spec"]
        tenant.approved[tenant.candidate()] = time.time()
        await _enter(page, page.get_by_role("button", name="Approve"))
        await expect(page.get_by_text("Your approval is recorded.")).to_be_visible()
        await for_everybody(page)
        assert not complaints, complaints


@scenario(words="shop")
async def test_every_page_can_be_read_and_is_as_the_documentation_shows_it(tenant: Tenant) -> None:
    """`make pictures` keeps what is seen here in docs/pictures."""
    await tenant.serve("v1", strategy=STEPS)
    approver = tenant.cluster.kubeconfig("approver")
    async with (
        tenant.users(rate=20),
        chromium(str(CHROMIUM)) as browser,
        dashboard(approver, tenant.namespace) as address,
    ):
        page, complaints = await opened(browser, address)
        await page.set_viewport_size({"width": 1100, "height": 900})
        await tenant.change_image("v2")
        idea = {"id": "IDEA-7", "summary": "Greet people by their names."}
        name = await tenant.promote(version="6.9.1", commit="2f41c9e", idea=idea)
        await tenant.until_promotion(name, "AwaitingApproval")
        waiting = page.get_by_role("region", name="Waiting for a person").get_by_role("link", name=name)
        await expect(waiting).to_be_visible()
        await seen(page, "overview")
        await waiting.click()
        await expect(page.get_by_role("heading", name="Report", exact=True)).to_be_visible()
        await seen(page, "promotion")

        await page.get_by_role("link", name="Rollback plan needed…").click()
        await page.get_by_role("button", name="Rollback plan needed").click()
        await tenant.until_promotion(name, "Held")
        await page.get_by_role("link", name="Resume…").click()
        await page.get_by_role("button", name="Resume").click()
        await tenant.until_promotion(name, "AwaitingApproval")
        await page.reload()
        await page.get_by_role("link", name="Approve…").click()
        await expect(page.get_by_role("checkbox")).to_have_count(3)
        await seen(page, "approve")
        await tenant.approve(name)

        await page.goto(f"{address.partition('?')[0]}rollouts/{tenant.namespace}/web/")
        await expect(page.get_by_role("img", name="Traffic: stable 80 %, candidate 20 %")).to_be_visible()
        await expect(page.get_by_text(re.compile(r"^1\d measurements")).first).to_be_visible()
        await seen(page, "rollout", "dark")
        await tenant.tell(name, abort="seen enough")
        await tenant.until_promotion(name, "Aborted")
        await tenant.until(lambda: tenant.status(name, "promotions").get("records"), "its record is written")
        await page.get_by_role("link", name="Launch records").click()
        records = page.get_by_role("group", name="Records of IDEA-7")
        await expect(records.get_by_role("row").filter(has_text="Aborted")).to_be_visible()
        # In a narrower one the last column of the table is cut off.
        await page.set_viewport_size({"width": 1280, "height": 900})
        await seen(page, "records")
        await records.get_by_role("link", name=re.compile("^launch-")).click()
        await expect(page.get_by_text("Greet people by their names.").first).to_be_visible()
        await for_everybody(page)
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


async def seen(page: Page, name: str, scheme: str = "light") -> None:
    """By everybody, and by a camera."""
    await for_everybody(page)
    if PICTURES:
        # Buttons fade from one scheme to the other, and would be half-way in a picture.
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        await page.evaluate(SETTLED)
        await page.screenshot(path=Path(PICTURES) / f"dashboard-{name}.png", animations="disabled")
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
