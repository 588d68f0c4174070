"""Launch records sent to a webhook on loopback: as they were kept, and under one key however often."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest
from tests.unit.core.record_chains import records
from tests.unit.metrics.raw_server import Request, http, raw_server, says

from slipway.config import ConfigError, parse_config
from slipway.notifying.channel import NotSent, Patience
from slipway.notifying.records import RecordSender, RecordWebhook

SECRET = "s3cr3t-t0ken"
[RECORD] = records(1)


def sender(folder: Path, url: str, counted: list[tuple[str, str]], attempts: int = 1) -> RecordSender:
    (folder / "url").write_text(f"{url}\n")
    (folder / "headers").write_text(f"Authorization: Bearer {SECRET}\n")
    webhook = RecordWebhook.model_validate(
        {"urlFile": str(folder / "url"), "headersFile": str(folder / "headers"), "timeout": "1s"}
    )
    patience = Patience(pauses=(0.0,) * (attempts - 1), give_up=30.0)
    return RecordSender(webhook, lambda *result: counted.append(result), patience)


async def test_the_statement_is_sent_as_it_was_kept(tmp_path: Path) -> None:
    bodies: list[bytes] = []
    counted: list[tuple[str, str]] = []

    async def take(request: Request, writer: asyncio.StreamWriter) -> None:
        bodies.append(await request.reader.readexactly(int(request.headers["content-length"])))
        writer.write(http(202, b""))

    async with raw_server(take) as server:
        await sender(tmp_path, f"{server.url}/archive", counted).send(RECORD)
        [request] = server.requests
    assert (request.method, request.target) == ("POST", "/archive")
    assert bodies == [RECORD["data"]["statement.json"].encode()]
    assert request.headers["idempotency-key"] == f"sha256:{hashlib.sha256(bodies[0]).hexdigest()}"
    assert request.headers["slipway-record"] == f"shop/{RECORD['metadata']['name']}"
    assert request.headers["content-type"] == "application/vnd.in-toto+json"
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert counted == [("launch records", "delivered")]


async def test_it_is_tried_a_few_times_under_the_same_key_and_given_up_without_a_secret(tmp_path: Path) -> None:
    counted: list[tuple[str, str]] = []
    async with raw_server(says(http(503, b""))) as server:
        with pytest.raises(NotSent, match="it answered HTTP 503") as raised:
            await sender(tmp_path, f"{server.url}/{SECRET}", counted, attempts=3).send(RECORD)
        keys = [request.headers["idempotency-key"] for request in server.requests]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert SECRET not in str(raised.value)
    assert counted == [("launch records", "failed")]


def test_it_is_configured_by_files() -> None:
    found = parse_config("records: {keep: 3, webhook: {urlFile: /etc/slipway-channels/records}}").records.webhook
    assert found is not None
    assert (str(found.url_file), found.headers_file) == ("/etc/slipway-channels/records", None)
    with pytest.raises(ConfigError, match=r"records\.webhook\.url: unknown field"):
        parse_config("records: {webhook: {url: 'https://archive.example', urlFile: /x}}")
