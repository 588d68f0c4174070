"""The page behind oauth2-proxy as docs/dashboard.md configures it: people log in, and decide as themselves."""

import asyncio
import contextlib
import secrets
import shutil
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import requests
from playwright.async_api import Browser, BrowserContext, Page, expect
from tests.cluster.cluster import Cluster
from tests.cluster.paths import REPOSITORY
from tests.e2e import manifests
from tests.e2e.arena import scenario
from tests.e2e.dashboard import PATIENCE, chromium, dashboard
from tests.e2e.installation import OPERATOR_NAMESPACE
from tests.e2e.proxy import ADDRESS, HERE, LOGIN_HERE, NAMES, PAGE_HERE, PAGE_PORT, login_server, proxy
from tests.e2e.tenant import Tenant

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("there is no chromium here (make parts installs it as root on a Debian)", allow_module_level=True)

ANNA, DAN, EVE = "anna@example.com", "dan@example.com", "eve@example.com"
# As a directory names them, and many: headers of a person who has been there for long.
OTHERS = tuple(str(uuid.uuid4()) for _ in range(200))
PEOPLE = {ANNA: ("staff", *OTHERS, "approvers"), DAN: ("staff", "developers"), EVE: ("staff",)}
HOST = ADDRESS.removeprefix("https://")
ROLES = REPOSITORY / "manifests" / "dashboard"
SPOOFED = {
    "X-Forwarded-User": ANNA,
    "X-Forwarded-Groups": "approvers,system:masters",
    "X_Forwarded_Groups": "approvers",
    "X-Slipway-Proxy-Secret": "s" * 64,
}
PROMPTLY = 10_000
"""Milliseconds in which an open page shows what happens. A proxy that keeps a stream back does so for minutes."""


@scenario
async def test_people_log_in_at_the_proxy_and_decide_as_themselves(tenant: Tenant) -> None:
    await tenant.deploy("v1", strategy=manifests.BLUE_GREEN, replicas=1)
    name = await tenant.promote()
    plan = (await tenant.until_promotion(name, "AwaitingApproval"))["planHash"]
    at = f"/promotions/{tenant.namespace}/{name}/"
    async with page(tenant) as served, chromium(str(CHROMIUM), NAMES) as browser:
        async with served.behind_proxy("--skip-provider-button"), logged_in(browser, ANNA, straight=True) as anna:
            await is_told_that_nothing_was_sent(anna, at)
        async with served.behind_proxy():
            await gets_nothing_without_a_login(served, at)
            async with logged_in(browser, EVE, SPOOFED) as eve:
                await expect(eve.get_by_text("There are no Rollouts that you may see here.")).to_be_visible()
                await expect(eve.get_by_text(f"You are {EVE}")).to_be_visible()
            async with logged_in(browser, DAN, SPOOFED) as dan:
                await approve(dan, at)
                await expect(dan.get_by_role("alert")).to_contain_text(f"{DAN} may not approve")
            async with logged_in(browser, ANNA) as anna:
                await follows(tenant, anna, name)
                await logs_in_again_to_decide(anna, at)
                await cannot_be_spoken_for(served, anna.context, at)
                assert "approved" not in (await tenant.approver.get("promotions", name))["spec"]
                tenant.approved[tenant.candidate()] = time.time()
                await approve(anna, at)
                await expect(anna.get_by_text("Your approval is recorded.")).to_be_visible()
                status = await tenant.until_promotion(name, "Succeeded")
    assert [(one["by"], one["identity"]) for one in status["approvals"]] == [(ANNA, "verified")]
    assert (await tenant.approver.get("promotions", name))["spec"]["approvals"] == {ANNA: plan}


class Served:
    """The page, and who asks for it without a browser, which would not let one say all of this."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.secret = secrets.token_hex(32)
        self.file = folder / "secret"
        self.file.write_text(self.secret)
        self._cluster = cluster
        self._folder = folder

    def behind_proxy(self, *arguments: str) -> contextlib.AbstractAsyncContextManager[None]:
        return beside(proxy(self._cluster, self._folder, self.secret, *arguments))

    async def asked(
        self, where: str, headers: Mapping[str, str], login: BrowserContext | None = None, **form: str
    ) -> requests.Response:
        """With the login of a browser, if any; it is sent a form, if any."""
        cookies = {one["name"]: one["value"] for one in await login.cookies(ADDRESS)} if login else {}
        said = {"headers": {"Host": HOST, **headers}, "cookies": cookies, "data": form, "timeout": 60}
        authority = str(self._cluster.folder / "pki" / "ca.crt")
        return await asyncio.to_thread(requests.request, "POST" if form else "GET", where, verify=authority, **said)


@contextlib.asynccontextmanager
async def page(tenant: Tenant) -> AsyncIterator[Served]:
    """With the account and the roles that are shipped, and a login server for whichever proxy is before it."""
    cluster = tenant.cluster
    roles = [f"--filename={ROLES / name}" for name in ("roles.yaml", "deciding/roles.yaml")]
    async with contextlib.AsyncExitStack() as stack:
        served = Served(cluster, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        await asyncio.to_thread(cluster.kubectl, "apply", "--server-side", *roles)
        stack.push_async_callback(asyncio.to_thread, cluster.kubectl, "delete", *roles)
        account = await asyncio.to_thread(cluster.service_account_kubeconfig, OPERATOR_NAMESPACE, "slipway-dashboard")
        behind = (f"--behind-proxy={ADDRESS}", f"--proxy-secret-file={served.file}", f"--port={PAGE_PORT}")
        headers = ("--user-header=X-Forwarded-User", "--groups-header=X-Forwarded-Groups")
        await stack.enter_async_context(dashboard(account, tenant.namespace, *behind, *headers))
        await stack.enter_async_context(beside(login_server(cluster, PEOPLE)))
        yield served


@contextlib.asynccontextmanager
async def beside(started: contextlib.AbstractContextManager[None]) -> AsyncIterator[None]:
    """In a thread, since it waits."""
    await asyncio.to_thread(started.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(started.__exit__, None, None, None)


@contextlib.asynccontextmanager
async def logged_in(
    browser: Browser, person: str, headers: Mapping[str, str] | None = None, *, straight: bool = False
) -> AsyncIterator[Page]:
    """In a window of their own, which sends these headers with whatever it asks for."""
    context = await browser.new_context(
        base_url=ADDRESS, ignore_https_errors=True, extra_http_headers=dict(headers or {})
    )
    try:
        window = await context.new_page()
        window.set_default_timeout(PATIENCE)
        await window.goto("/")
        await log_in(window, person, straight=straight)
        yield window
    finally:
        await context.close()


async def log_in(window: Page, person: str, *, straight: bool = False) -> None:
    """From the proxy's page, or `straight` at the login server, to which it sends everybody."""
    if not straight:
        await window.get_by_role("button", name="Sign in").click()
    await window.get_by_role("button", name=person).click()
    await window.wait_for_url(f"{ADDRESS}/**")


async def read(window: Page, at: str) -> None:
    """A Promotion, and what is asked of whoever approves it."""
    await window.goto(at)
    await window.get_by_role("link", name="Approve…").click()
    boxes = window.get_by_role("checkbox")
    await expect(boxes).to_have_count(3)
    for box in await boxes.all():
        await box.check()


async def approve(window: Page, at: str) -> None:
    await read(window, at)
    await window.get_by_role("button", name="Approve").click()


async def follows(tenant: Tenant, window: Page, name: str) -> None:
    """What happens comes to an open page, and comes at once."""
    await window.get_by_role("region", name="Waiting for a person").get_by_role("link", name=name).click()
    await expect(window.locator("#connection")).to_have_text("Live.")
    await window.evaluate("window.loadedOnce = true")
    for reason in ("lunch", "coffee"):
        await tenant.tell(name, hold=reason)
        await expect(window.get_by_text(f"Held: {reason}")).to_be_visible(timeout=PROMPTLY)
    await tenant.tell(name, tenant.approver, hold=None)
    await expect(window.get_by_role("link", name="Approve…")).to_be_visible(timeout=PROMPTLY)
    assert await window.evaluate("window.loadedOnce")


async def logs_in_again_to_decide(window: Page, at: str) -> None:
    """Whose login ends between reading and deciding."""
    await read(window, at)
    await window.context.clear_cookies()
    await window.get_by_role("button", name="Approve").click()
    await log_in(window, ANNA)


async def is_told_that_nothing_was_sent(window: Page, at: str) -> None:
    """The same where the proxy answers with another server, to which no form of the page goes."""
    await read(window, at)
    await window.context.clear_cookies()
    await window.get_by_role("button", name="Approve").click()
    await expect(window.get_by_role("alert")).to_contain_text("Nothing was sent: your login has ended.")
    await window.reload()
    await log_in(window, ANNA, straight=True)
    await expect(window.get_by_role("checkbox")).to_have_count(3)


async def gets_nothing_without_a_login(served: Served, at: str) -> None:
    around = await served.asked(f"{PAGE_HERE}/", SPOOFED)
    assert (around.status_code, around.text) == (403, "This request did not come by the proxy.\n")
    for path in ("/", "/static/live.js", f"{at}live"):
        stranger = await served.asked(HERE + path, SPOOFED | {"X-Slipway-Proxy-Secret": served.secret})
        assert stranger.status_code == 403
        assert "Sign in" in stranger.text
        assert "Slipway" not in stranger.text


async def cannot_be_spoken_for(served: Served, login: BrowserContext, at: str) -> None:
    """Neither by another page that her browser has open, nor by having a proxy leave out what it says of her."""
    elsewhere = await served.asked(f"{HERE}{at}approve", {"Origin": LOGIN_HERE}, login, confirm="0")
    assert (elsewhere.status_code, elsewhere.text) == (403, "This was not sent by a page of this dashboard.\n")
    for header in ("X-Forwarded-User", "X-Slipway-Proxy-Secret"):
        left_out = await served.asked(f"{HERE}/", {"Connection": header, header: SPOOFED[header]}, login)
        assert left_out.status_code == 403, left_out.text
