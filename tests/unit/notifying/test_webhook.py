"""Webhooks against a receiver on loopback: JSON whatever the values are, and no secret in any reason."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.metrics.raw_server import Request, hang, http, raw_server, says

from slipway.core.decision import NoticeProbe
from slipway.notifying.channel import NotSent, Patience
from slipway.notifying.notifier import Notifier
from slipway.notifying.settings import Channel, Notifications
from slipway.notifying.templates import PLACEHOLDERS, NoticeTemplate, is_json, render_json

SECRET = "s3cr3t-t0ken"
VALUES = {"subject": "web v2", "text": 'say "hi"\nand go', "issue": "SHOP-1"}
NOTICE = NoticeProbe(key="k", due=datetime.now(UTC), channel="tracker", event="Launched", values=VALUES)


def channel(folder: Path, url: str, **fields: object) -> Channel:
    (folder / "url").write_text(f"{url}\n")
    (folder / "headers").write_text(f"Authorization: Bearer {SECRET}\nX-Team: shop\n")
    webhook = {"headersFile": str(folder / "headers"), "perIssue": True}
    given = {"name": "tracker", "urlFile": str(folder / "url"), "timeout": "1s", "webhook": webhook, **fields}
    return Channel.model_validate(given)


async def deliver(tracker: Channel) -> None:
    await Notifier(Notifications(channels=[tracker]), patience=Patience(pauses=(), give_up=30.0)).deliver(NOTICE)


async def test_a_comment_is_posted_to_the_issue(tmp_path: Path) -> None:
    bodies: list[bytes] = []

    async def take(request: Request, writer: asyncio.StreamWriter) -> None:
        bodies.append(await request.reader.readexactly(int(request.headers["content-length"])))
        writer.write(http(201, b"{}"))

    async with raw_server(take) as server:
        templates = {"Launched": {"body": '{"body": "$text", "by": "slipway"}'}}
        await deliver(channel(tmp_path, f"{server.url}/issue/$issue/comment", templates=templates))
        [request] = server.requests
    assert (request.method, request.target) == ("POST", "/issue/SHOP-1/comment")
    assert (request.headers["authorization"], request.headers["x-team"]) == (f"Bearer {SECRET}", "shop")
    assert json.loads(bodies[0]) == {"body": 'say "hi"\nand go', "by": "slipway"}


@pytest.mark.parametrize("status", [302, 401, 500])
async def test_only_success_is_success(status: int, tmp_path: Path) -> None:
    async with raw_server(says(http(status, b"", Location="/elsewhere"))) as server:
        with pytest.raises(NotSent, match=f"it answered HTTP {status}"):
            await deliver(channel(tmp_path, f"{server.url}/{SECRET}"))
        assert len(server.requests) == 1


async def test_one_that_hangs(tmp_path: Path) -> None:
    async with raw_server(hang) as server:
        with pytest.raises(NotSent):
            await deliver(channel(tmp_path, server.url))


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        (f"ftp://{SECRET}", None),
        (f"http://127.0.0.1:1/{SECRET}", None),
        (f"http://{SECRET}:nan/", None),
        ("http://127.0.0.1:1", SECRET),
        ("http://127.0.0.1:1", f"a b\u00e4: {SECRET}"),
    ],
    ids=["scheme", "unreachable", "port", "headers", "header name"],
)
async def test_no_reason_holds_a_secret(
    url: str, headers: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    tracker = channel(tmp_path, url)
    if headers:
        (tmp_path / "headers").write_text(headers)
    with pytest.raises(NotSent) as caught:
        await deliver(tracker)
    assert SECRET not in str(caught.value) + caplog.text


@given(st.dictionaries(st.sampled_from(PLACEHOLDERS), st.text(max_size=30)))
def test_any_value_makes_json(values: dict[str, str]) -> None:
    body = "{" + ", ".join(f'"{name}": "${name}"' for name in PLACEHOLDERS) + "}"
    assert set(json.loads(render_json("Held", values, {"Held": NoticeTemplate(body=body)}))) == set(PLACEHOLDERS)
    assert json.loads(render_json("Held", values, {}))["event"] == "Held"


@pytest.mark.parametrize("body", ["", "$text", '{"n": $version}', '{"n": 1$version}', "{"])
def test_a_body_that_is_no_json(body: str) -> None:
    assert not is_json(body)
