"""CDEvents against a receiver on loopback: CloudEvents in binary mode, in the form that the specification gives."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.metrics.raw_server import Request, http, raw_server, says

from slipway.config import ConfigError, parse_config
from slipway.core.decision import NoticeProbe
from slipway.core.notice_routes import NoticeRoutes
from slipway.notifying.cdevents import CDEvents, event_of, routed
from slipway.notifying.channel import NotSent, Patience
from slipway.notifying.notifier import Notifier
from slipway.notifying.settings import Notifications

VALUES = {
    "namespace": "shop",
    "promotion": "web-2",
    "rollout": "web",
    "environment": "production",
    "revision": "3f2a9c01de",
    "version": "",
    "time": "2026-03-15T10:00:00Z",
    "cdEvent": "service.upgraded",
    "artifactId": "pkg:oci/web@sha256:abc",
    "outcome": "",
    "id": "notice/uid/Launched/2026-03-15T10:00:00Z/CDEvents/",
}


def probe(values: dict[str, str]) -> NoticeProbe:
    return NoticeProbe(key="k", due=datetime.now(UTC), channel="CDEvents", event="Launched", values=values)


def notifier(folder: Path, url: str) -> Notifier:
    (folder / "url").write_text(f"{url}\n")
    (folder / "headers").write_text("Authorization: Bearer s3cr3t\n")
    settings = CDEvents.model_validate(
        {"urlFile": str(folder / "url"), "headersFile": str(folder / "headers"), "source": "/clusters/berlin"}
    )
    return Notifier(Notifications(), patience=Patience(pauses=(), give_up=30.0), cd_events=settings)


async def test_it_is_a_cloudevent_that_carries_a_cdevent(tmp_path: Path) -> None:
    bodies: list[bytes] = []

    async def take(request: Request, writer: asyncio.StreamWriter) -> None:
        bodies.append(await request.reader.readexactly(int(request.headers["content-length"])))
        writer.write(http(202, b""))

    async with raw_server(take) as server:
        await notifier(tmp_path, f"{server.url}/broker").deliver(probe(VALUES))
        [request] = server.requests
    headers = request.headers
    assert headers["content-type"] == "application/cdevents+json"
    assert headers["ce-specversion"] == "1.0"
    assert headers["ce-type"] == "dev.cdevents.service.upgraded.0.3.0"
    assert headers["ce-source"] == "/clusters/berlin"
    assert headers["ce-subject"] == "shop/web"
    assert headers["ce-time"] == "2026-03-15T10:00:00Z"
    assert headers["ce-id"] == VALUES["id"]
    assert headers["authorization"] == "Bearer s3cr3t"
    assert json.loads(bodies[0]) == {
        "context": {
            "specversion": "0.5.1",
            "id": VALUES["id"],
            "source": "/clusters/berlin",
            "type": "dev.cdevents.service.upgraded.0.3.0",
            "timestamp": "2026-03-15T10:00:00Z",
        },
        "subject": {
            "id": "shop/web",
            "content": {"environment": {"id": "production"}, "artifactId": "pkg:oci/web@sha256:abc"},
        },
        "customData": {"namespace": "shop", "promotion": "web-2", "revision": "3f2a9c01de"},
        "customDataContentType": "application/json",
    }


@pytest.mark.parametrize("values", [VALUES, {**VALUES, "cdEvent": "service.removed", "artifactId": ""}])
def test_it_has_what_the_specification_asks_for_and_nothing_else(values: dict[str, str]) -> None:
    event: dict[str, Any] = event_of(CDEvents(url_file=Path("/x")), values)
    assert event.keys() == {"context", "subject", "customData", "customDataContentType"}
    assert event["context"].keys() == {"specversion", "id", "source", "type", "timestamp"}
    assert event["subject"].keys() == {"id", "content"}
    wanted = {"environment"} if values["cdEvent"] == "service.removed" else {"environment", "artifactId"}
    assert event["subject"]["content"].keys() == wanted
    texts = [*event["context"].values(), event["subject"]["id"], event["subject"]["content"]["environment"]["id"]]
    assert all(isinstance(text, str) and text for text in texts)


@pytest.mark.parametrize(
    ("kind", "outcome", "content"),
    [
        ("pipelinerun.queued", "", {"pipelineName": "web", "uri": "urn:slipway:shop:web-2"}),
        ("pipelinerun.started", "", {"pipelineName": "web", "uri": "urn:slipway:shop:web-2"}),
        (
            "pipelinerun.finished",
            "failure",
            {"pipelineName": "web", "uri": "urn:slipway:shop:web-2", "outcome": "failure"},
        ),
        ("taskrun.started", "", {"taskName": "shift", "pipelineRun": {"id": "shop/web-2"}}),
    ],
)
def test_the_steps_of_a_launch_are_those_of_a_pipeline(kind: str, outcome: str, content: dict[str, Any]) -> None:
    values = {**VALUES, "cdEvent": kind, "artifactId": "", "outcome": outcome}
    event = event_of(CDEvents(url_file=Path("/x")), values)
    assert event["context"]["type"] == f"dev.cdevents.{kind}.0.3.0"
    assert event["subject"]["content"] == content
    assert event["subject"]["id"] == (VALUES["id"] if kind == "taskrun.started" else "shop/web-2")


async def test_what_is_refused_is_told_without_a_secret_and_what_is_no_cdevent_is_not_sent(tmp_path: Path) -> None:
    async with raw_server(says(http(503, b""))) as server:
        with pytest.raises(NotSent, match=r"^it answered HTTP 503$"):
            await notifier(tmp_path, f"{server.url}/s3cr3t").deliver(probe(VALUES))
    with pytest.raises(NotSent, match="it is no CDEvent"):
        await notifier(tmp_path, "http://localhost").deliver(probe({}))
    with pytest.raises(NotSent, match="no such channel"):
        await Notifier(Notifications()).deliver(probe(VALUES))


def test_the_administrator_says_of_which_environments() -> None:
    config = parse_config("cdevents: {urlFile: /x, environments: [production]}")
    routes = routed(config.notifications.for_decisions(), config.cdevents)
    assert routes.channels("production", "Launched") == ["CDEvents"]
    assert routes.channels("production", "Approved") == ["CDEvents"]
    assert routes.channels("production", "Held") == []
    assert routes.channels("demo", "Launched") == []
    assert routed(NoticeRoutes(), parse_config("").cdevents) == NoticeRoutes()
    with pytest.raises(ConfigError, match=r"notifications\.channels\[0\]\.name"):
        parse_config("notifications: {channels: [{name: CDEvents, urlFile: /x}]}")
    with pytest.raises(ConfigError, match=r"cdevents\.source"):
        parse_config("cdevents: {urlFile: /x, source: 'two words'}")
