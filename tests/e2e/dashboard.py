"""`slipway dashboard` as a person starts it, and a browser that opens what it prints."""

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright, expect
from tests.cluster import process

PATIENCE = 120_000
"""Milliseconds for what has to appear on a page: long, because a machine may be busy."""


@contextlib.asynccontextmanager
async def dashboard(kubeconfig: Path, namespace: str, *more: str) -> AsyncIterator[str]:
    """The address that it prints. Ended as by Ctrl-C, and it has to end well, though pages are open."""
    command = [sys.executable, "-m", "slipway.cli", "dashboard", "--kubeconfig", str(kubeconfig), "-n", namespace]
    command.extend(more)
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    assert program.stdout is not None
    try:
        async with asyncio.timeout(process.PATIENCE):
            while not (found := re.search(r"https?://[^\s,]+", (line := await program.stdout.readline()).decode())):
                assert line, "the dashboard ended before it printed where it is"
        yield found.group()
        program.terminate()
        async with asyncio.timeout(process.PATIENCE):
            rest = (await program.stdout.read()).decode()
            await program.wait()
        assert "ERROR" not in rest, rest
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()


@contextlib.asynccontextmanager
async def chromium(executable: str, *arguments: str) -> AsyncIterator[Browser]:
    """The machine's own browser: none is downloaded. What is expected of its pages is waited for with patience."""
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=arguments, timeout=PATIENCE)
        try:
            yield browser
        finally:
            await browser.close()


async def opened(browser: Browser, address: str) -> tuple[Page, list[str]]:
    """A page of its own, and what its console complains about, such as what the policy of the page forbids."""
    page = await browser.new_page()
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(address)
    return page, complaints
