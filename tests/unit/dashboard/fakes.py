"""A cluster in memory as far as the dashboard asks it, and what its browser sends."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from starlette.testclient import TestClient

from slipway.cluster.errors import APIError, Conflict, Forbidden, NotFound
from slipway.cluster.resources import (
    CONFIG_MAPS,
    PROMOTIONS,
    ROLLOUTS,
    SELF_SUBJECT_ACCESS_REVIEWS,
    SELF_SUBJECT_REVIEWS,
    Resource,
)
from slipway.console.session import Session
from slipway.core.revision import canonical, sha256
from slipway.dashboard.app import build
from slipway.dashboard.board import Board
from slipway.dashboard.door import Keys

PORT = 8123
HERE = f"http://127.0.0.1:{PORT}"
PLAN, NEXT_PLAN = "sha256:" + "a" * 64, "sha256:" + "b" * 64

REPORT = {
    "schema": "slipway.dev/report/v1",
    "promotion": "web-2",
    "namespace": "shop",
    "environment": "production",
    "rollout": "web",
    "revision": "bbb",
    "serving": "aaa",
    "planHash": PLAN,
    "answer": {"go": True},
    "configuration": {},
    "wayBack": {},
    "changes": [{"what": "image of web", "before": "web:1", "after": "web:2"}],
}
REPORT_TEXT = "# web-2: launch\n\n**GO**\n\n| a | b |\n| - | - |\n| 1 | 2<br>3 |\n\n<script>alert(1)</script>\n"


def rollout(**status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "namespace": "shop", "uid": "r1", "generation": 1},
        "spec": {
            "environment": "production",
            "strategy": {"canary": {"steps": [{"weight": 10}, {"weight": 50, "approval": "Required"}]}},
        },
        "status": {
            "observedGeneration": 1,
            "phase": "AwaitingPromotion",
            "message": "revision bbb waits",
            "stable": {"revision": "aaa", "images": ["web:1"]},
            "candidate": {"revision": "bbb", "images": ["web:2"], "weight": 0},
            "promotion": "web-2",
            "gates": [
                {
                    "name": "error-rate",
                    "revision": "bbb",
                    "verdict": "Pass",
                    "value": 0.002,
                    "bound": "< 0.01",
                    "measuredAt": "2026-01-01T00:00:00Z",
                }
            ],
            "history": [
                {"revision": "aaa", "at": "2026-01-01T00:00:00Z", "outcome": "Succeeded", "promotion": "web-1"}
            ],
            **status,
        },
    }


def promotion(phase: str = "AwaitingApproval", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "web-2",
            "namespace": "shop",
            "uid": "p1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"rollout": "web", "environment": "production", "version": "<b>2</b>", **spec},
        "status": {
            "phase": phase,
            "message": "all 3 checks passed",
            "planHash": PLAN,
            "target": {"rollout": "web", "uid": "r1", "revision": "bbb", "digest": "b" * 64, "images": ["web:2"]},
            "report": {"configMap": "web-2-report", "digest": sha256(canonical(REPORT))},
            "checks": [{"name": "tests", "result": "Passed", "message": "185 of 185"}],
        },
    }


class FakeClient:
    """Objects by kind and name; every patch is kept."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self.there: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.said: list[tuple[str, str, dict[str, Any]]] = []
        self.who = "ada"
        self.made: list[dict[str, Any]] = []
        self.may: set[str] = set()
        self.asked: list[tuple[str, ...]] = []
        self.refusal: APIError | None = None
        self.may_not: set[str] = set()
        """Kinds that nobody may change."""
        self.lists: APIError | None = None
        self.events: asyncio.Queue[tuple[Resource, str, dict[str, Any]]] = asyncio.Queue()
        for one in objects:
            kind = "Rollout" if one["metadata"]["uid"].startswith("r") else "Promotion"
            self.put(kind, one)

    def put(self, kind: str, obj: dict[str, Any]) -> None:
        self.there[kind, obj["metadata"]["namespace"], obj["metadata"]["name"]] = obj

    async def get(self, kind: Resource, namespace: str | None, name: str) -> dict[str, Any]:
        found = self.there.get((kind.kind, str(namespace), name))
        if found is None:
            raise NotFound(f'{kind.plural} "{name}" not found', 404)
        return copy.deepcopy(found)

    async def list(
        self, kind: Resource, namespace: str | None = None, label_selector: str | None = None
    ) -> tuple[list[dict[str, Any]], str]:
        if self.lists is not None:
            raise self.lists
        found = [obj for (one, *_), obj in self.there.items() if one == kind.kind]
        return copy.deepcopy(found), "1"

    async def watch(
        self, kind: Resource, namespace: str | None, resource_version: str
    ) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        await asyncio.Event().wait()
        yield "", {}

    async def create(self, kind: Resource, obj: dict[str, Any], dry_run: bool = False) -> dict[str, Any]:
        if kind is SELF_SUBJECT_REVIEWS:
            return {"status": {"userInfo": {"username": self.who}}}
        if kind is SELF_SUBJECT_ACCESS_REVIEWS:
            asked = obj["spec"]["resourceAttributes"]
            self.asked.append((asked["verb"], asked["resource"], asked["namespace"], asked.get("name", "")))
            return {"status": {"allowed": asked["verb"] in self.may}}
        assert kind is PROMOTIONS
        if self.refusal is not None:
            raise self.refusal
        self.made.append(obj)
        return obj

    async def merge_patch(
        self, kind: Resource, namespace: str | None, name: str, patch: dict[str, Any], subresource: str | None = None
    ) -> dict[str, Any]:
        if self.refusal is not None:
            raise self.refusal
        if kind.kind in self.may_not:
            raise Forbidden(f"{kind.plural} is forbidden", 403)
        if patch["metadata"]["uid"] != (await self.get(kind, namespace, name))["metadata"]["uid"]:
            raise Conflict("another uid", 409)
        self.said.append((kind.kind, name, patch["spec"]))
        return {}


def report_map(content: Mapping[str, Any] = REPORT, text: str = REPORT_TEXT) -> dict[str, Any]:
    data = {"report.md": text, "report.json": json.dumps(content)}
    return {"metadata": {"name": "web-2-report", "namespace": "shop"}, "data": data}


class Browser(TestClient):
    """As a browser that has opened the printed address."""

    def __init__(self, client: FakeClient, keys: Keys, port: int = PORT) -> None:
        app = build(Session(client, "shop"), Board(client, "shop"), "ada", keys, port)  # type: ignore[arg-type]
        super().__init__(app, base_url=f"http://127.0.0.1:{port}", follow_redirects=False)
        self.keys = keys

    def path(self, path: str) -> str:
        return f"{self.keys.path}{path}"

    def enter(self) -> None:
        assert self.get(self.path("/"), params={"token": self.keys.token}).status_code == 303

    def see(self, path: str, status: int = 200) -> str:
        answer = self.get(self.path(path))
        assert answer.status_code == status, answer.text
        return answer.text

    def form(self, path: str) -> dict[str, str]:
        """The hidden fields of a page's form."""
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', self.see(path)))

    def submit(self, path: str, form: Mapping[str, Any], **headers: str) -> Any:
        sent = {"Origin": HERE, "Sec-Fetch-Site": "same-origin", **headers}
        return self.post(self.path(path), data=dict(form), headers={k: v for k, v in sent.items() if v})


@contextmanager
def opened(*objects: dict[str, Any]) -> Iterator[tuple[Browser, FakeClient]]:
    client = FakeClient(*objects)
    client.there["ConfigMap", "shop", "web-2-report"] = report_map()
    with Browser(client, Keys()) as browser:
        browser.enter()
        yield browser, client


__all__ = ["CONFIG_MAPS", "PROMOTIONS", "ROLLOUTS", "Forbidden"]
