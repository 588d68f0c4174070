"""Log lines: one JSON object each, with what they are about, and never with a secret."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.logged import logged

from slipway.config import parse_config
from slipway.metrics.reading import Error
from slipway.metrics.sources import Sources
from slipway.runtime import logs

SECRET = "hunter2-that-nobody-may-see"
log = logging.getLogger("slipway.test")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    with logged("DEBUG", "json") as text:
        yield text


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


async def test_a_line_says_which_rollout_it_is_about(written: io.StringIO) -> None:
    async def one(namespace: str, rollout: str) -> None:
        logs.about(namespace, rollout)
        await asyncio.sleep(0)
        log.warning("refused\nby somebody")
        await asyncio.create_task(begun_by_it())

    async def begun_by_it() -> None:
        log.info("measured")

    await asyncio.gather(asyncio.create_task(one("shop", "web")), asyncio.create_task(one("shop", "api")))
    log.info("stopped")
    found = [
        (line["message"], line.get("namespace"), line.get("rollout"))
        for line in lines(written)
        if line["logger"] == "slipway.test"
    ]
    assert sorted(found[:-1], key=str) == [
        ("measured", "shop", "api"),
        ("measured", "shop", "web"),
        ("refused\nby somebody", "shop", "api"),
        ("refused\nby somebody", "shop", "web"),
    ]
    assert found[-1] == ("stopped", None, None)


async def test_the_credentials_of_a_source_are_in_no_line(written: io.StringIO, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(SECRET)
    text = f"""
    sources:
    - {{name: token, url: "http://127.0.0.1:1", tokenFile: {token}, timeout: 1s}}
    - {{name: header, url: "http://127.0.0.1:1", headers: {{Authorization: "Bearer {SECRET}"}}, timeout: 1s}}
    """
    config = parse_config(text)
    log.debug("%s %r", config, config.sources)
    async with Sources.from_config(config) as sources:
        for source in sources.values():
            reading = await source.metrics.query("up", datetime.now(UTC))
            log.error("%r", reading)
            assert isinstance(reading, Error)
    assert len(lines(written)) >= 3
    assert SECRET not in written.getvalue()


def test_words_of_people_neither_begin_a_line_nor_speak_to_the_terminal() -> None:
    with logged("INFO", "text") as text:
        log.info("held: %s", "lunch\n2026-11-22 ERROR \x1b[2J")
        try:
            raise ValueError("a\nb")
        except ValueError:
            log.exception("it broke")
    first, second, *traceback = text.getvalue().splitlines()
    assert first.endswith("held: lunch\\n2026-11-22 ERROR \\x1b[2J")
    assert second.endswith("it broke")
    assert traceback[0].startswith("Traceback")
