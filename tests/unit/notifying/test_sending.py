"""Apprise against a receiver on loopback, and what never leaves it: the URL."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.logged import logged
from tests.unit.metrics.raw_server import RawServer, Request, hang, http, raw_server, says

from slipway.core.decision import NoticeProbe
from slipway.notifying.channel import NotSent, Patience
from slipway.notifying.notifier import Notifier
from slipway.notifying.settings import Channel, Notifications

SECRET = "s3cr3t-t0ken"
QUICK = Patience(pauses=(0.0,), give_up=120.0)
VALUES = {"subject": "web v2 in production", "text": "It waits.", "promotion": "web-2"}


def notice(channel: str = "team", event: str = "AwaitingApproval") -> NoticeProbe:
    return NoticeProbe(key="k", due=datetime.now(UTC), channel=channel, event=event, values=VALUES)


def channel(folder: Path, server: RawServer, name: str = "team", timeout: str = "1m") -> Channel:
    file = folder / name
    file.write_text(f"json://user:{SECRET}@{server.host}:{server.port}/{SECRET}/path\n")
    return Channel.model_validate({"name": name, "urlFile": str(file), "timeout": timeout})


def notifier(*channels: Channel, counted: list[tuple[str, str]] | None = None) -> Notifier:
    found = counted if counted is not None else []
    return Notifier(
        Notifications(channels=list(channels)), lambda name, result: found.append((name, result)), patience=QUICK
    )


async def test_a_notice_arrives(tmp_path: Path) -> None:
    bodies: list[bytes] = []

    async def take(request: Request, writer: asyncio.StreamWriter) -> None:
        bodies.append(await request.reader.readexactly(int(request.headers["content-length"])))
        writer.write(http(200, b"{}"))

    counted: list[tuple[str, str]] = []
    async with raw_server(take) as server:
        await notifier(channel(tmp_path, server), counted=counted).deliver(notice())
    [body] = map(json.loads, bodies)
    assert (body["title"], body["message"]) == ("Slipway: web v2 in production: AwaitingApproval", "It waits.")
    assert counted == [("team", "delivered")]


async def test_the_url_is_read_again_each_time(tmp_path: Path) -> None:
    async with raw_server(says(http(200, b"{}"))) as old, raw_server(says(http(200, b"{}"))) as new:
        sends = notifier(channel(tmp_path, old))
        await sends.deliver(notice())
        channel(tmp_path, new)
        await sends.deliver(notice())
        assert (len(old.requests), len(new.requests)) == (1, 1)


async def test_a_receiver_that_refuses_is_named_by_its_code(tmp_path: Path) -> None:
    counted: list[tuple[str, str]] = []
    async with raw_server(says(http(503, b"no"))) as server:
        with pytest.raises(NotSent, match="it answered HTTP 503"):
            await notifier(channel(tmp_path, server), counted=counted).deliver(notice())
        assert len(server.requests) == 2
    assert counted == [("team", "failed")]


async def test_a_receiver_that_hangs_disturbs_no_other(tmp_path: Path) -> None:
    async with raw_server(hang) as deaf, raw_server(says(http(200, b"{}"))) as good:
        sends = notifier(channel(tmp_path, deaf, "deaf", "1s"), channel(tmp_path, good, "good"))
        hanging = asyncio.create_task(sends.deliver(notice("deaf")))
        await sends.deliver(notice("good"))
        assert not hanging.done()
        with pytest.raises(NotSent):
            await hanging


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "does not hold one URL"),
        (f"what://{SECRET}", "does not hold one URL"),
        (f"json://a/{SECRET} json://b", "does not hold one URL"),
    ],
    ids=["no file", "empty", "unknown service", "two"],
)
async def test_a_file_without_a_usable_url(content: str | None, reason: str, tmp_path: Path) -> None:
    file = tmp_path / "url"
    if content is not None:
        file.write_text(content)
    with pytest.raises(NotSent, match=reason) as caught:
        await notifier(Channel(name="team", url_file=file)).deliver(notice())
    assert SECRET not in str(caught.value)


async def test_a_channel_that_is_configured_no_more() -> None:
    with pytest.raises(NotSent, match="no such channel any more"):
        await notifier().deliver(notice())


@pytest.mark.parametrize("status", [200, 403, 0], ids=["taken", "refused", "unreachable"])
async def test_no_secret_is_logged_at_any_level_or_told(status: int, tmp_path: Path) -> None:
    with logged("DEBUG", "json") as written:
        async with raw_server(says(http(status or 200, b"{}"))) as server:
            team = channel(tmp_path, server)
            if not status:
                team.url_file.write_text(f"json://user:{SECRET}@127.0.0.1:1/{SECRET}")
            said = ""
            try:
                await notifier(team).deliver(notice())
            except NotSent as error:
                said = str(error)
    assert bool(said) == (status != 200)
    assert SECRET not in said
    assert SECRET not in written.getvalue()
    if said:
        assert "channel team" in written.getvalue()
