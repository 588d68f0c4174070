"""An approver with a browser: reads, approves, watches it shift, holds and aborts, and nobody else may."""

import re
import shutil
import time

import pytest
from playwright.async_api import Page, expect
from tests.e2e import manifests
from tests.e2e.arena import scenario
from tests.e2e.dashboard import chromium, dashboard, opened
from tests.e2e.tenant import Tenant

CHROMIUM = shutil.which("chromium")
if CHROMIUM is None:
    pytest.skip("there is no chromium here (make parts installs it as root on a Debian)", allow_module_level=True)

STEPS = {"canary": {"steps": [{"weight": 20, "hold": "10m"}], "verify": "2s", "keepPrevious": "3s"}}


@scenario
async def test_an_approver_decides_by_clicking_and_sees_what_comes_of_it(tenant: Tenant) -> None:
    first = await tenant.serve("v1", strategy=STEPS)
    approver = tenant.cluster.kubeconfig("approver")
    async with (
        tenant.users(rate=10) as users,
        chromium(str(CHROMIUM)) as browser,
        dashboard(approver, tenant.namespace) as address,
    ):
        page, complaints = await opened(browser, address)
        await expect(page.get_by_role("heading", name=f"Rollouts in {tenant.namespace}")).to_be_visible()
        await expect(page.get_by_text("You are approver")).to_be_visible()
        assert "token" not in page.url

        # What waits appears without a reload.
        await tenant.change_image("v2")
        look = {"name": "pages", "category": "Quality", "manual": {"ask": "The pages look right."}}
        name = await tenant.promote(checks=[look])
        await page.get_by_role("region", name="Waiting for a person").get_by_role("link", name=name).click()
        await page.get_by_role("link", name="Confirm pages…").click()
        await expect(page.get_by_text("The pages look right.").first).to_be_visible()
        await page.get_by_role("button", name="Confirm").click()
        await expect(page.get_by_text("Your confirmation is recorded.")).to_be_visible()
        await tenant.until_promotion(name, "AwaitingApproval")
        await _read_anew(page)
        await expect(page.get_by_role("heading", name="Report", exact=True)).to_be_visible()
        await expect(page.get_by_role("table").filter(has_text="template-accepted").first).to_be_visible()

        await page.get_by_role("link", name="Approve…").click()
        boxes = page.get_by_role("group", name=re.compile("You approve revision .* as approver")).get_by_role(
            "checkbox"
        )
        await expect(boxes).to_have_count(3)
        approve = page.get_by_role("button", name="Approve")
        for box in await boxes.all():
            await approve.click()  # is not sent before all three are ticked
            await box.check()
        second = tenant.candidate()
        tenant.approved[second] = time.time()
        await approve.click()
        await expect(page.get_by_text("Your approval is recorded.")).to_be_visible()
        promotion = await tenant.approver.get("promotions", name)
        assert promotion["spec"]["approvals"] == {"approver": promotion["status"]["planHash"]}

        await expect(page.get_by_role("img", name="Traffic: stable 80 %, candidate 20 %")).to_be_visible()
        await tenant.served(users, second)
        await _say(page, "Hold", "looking into something")
        await tenant.until_phase("Held")
        await expect(page.get_by_text("Held: looking into something")).to_be_visible()
        await page.get_by_role("link", name=f"{tenant.namespace}/web").click()
        await expect(page.get_by_role("img", name=re.compile("Chart of error-rate"))).to_be_visible()
        await page.get_by_role("table").get_by_role("link", name=name).first.click()
        await _say(page, "Abort", "found something")
        await tenant.until_promotion(name, "Aborted")
        await page.get_by_role("link", name="Write what was learned…").click()
        await page.get_by_label("What mends it").fill("a longer timeout")
        await page.get_by_role("button", name="Write what was learned").click()
        await expect(page.get_by_text("What was learned is written down.")).to_be_visible()
        assert (await tenant.approver.get("promotions", name))["spec"]["learnings"] == {"fix": "a longer timeout"}
        await tenant.all_served_by(users, first)
        assert not users.report().failures, users.report().summary()
        assert not complaints, complaints


@scenario
async def test_whoever_may_not_approve_is_told_so_by_the_cluster(tenant: Tenant) -> None:
    await tenant.deploy("v1", strategy=manifests.BLUE_GREEN, replicas=1)
    name = await tenant.promote()
    await tenant.until_promotion(name, "AwaitingApproval")
    developer = tenant.cluster.kubeconfig("developer")
    async with chromium(str(CHROMIUM)) as browser, dashboard(developer, tenant.namespace) as address:
        page, _ = await opened(browser, address)
        await page.get_by_role("link", name=name).first.click()
        await page.get_by_role("link", name="Approve…").click()
        for box in await page.get_by_role("checkbox").all():
            await box.check()
        await page.get_by_role("button", name="Approve").click()
        await expect(page.get_by_role("alert")).to_contain_text("developer may not approve")
        assert "approved" not in (await tenant.approver.get("promotions", name))["spec"]


async def _read_anew(page: Page) -> None:
    """As a person does when the page says that the plan is another one by now."""
    again = page.get_by_role("link", name="Read it again")
    approve = page.get_by_role("link", name="Approve…")
    await expect(again.or_(approve).first).to_be_visible()
    await page.reload()


async def _say(page: Page, decision: str, reason: str) -> None:
    await page.get_by_role("link", name=f"{decision}…", exact=True).click()
    await page.get_by_label("Why").fill(reason)
    await page.get_by_role("button", name=decision, exact=True).click()
