"""Keeping a record: once, at the end of the chain, whatever the API server and the lease do meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from tests.sim.apiserver import Server
from tests.sim.client import Client
from tests.unit.core.record_chains import DAY, Object, T, statement

from slipway.cluster.errors import Forbidden, Unavailable
from slipway.cluster.events import Occurrence
from slipway.cluster.lease import NotLeader
from slipway.cluster.resources import CONFIG_MAPS, Resource
from slipway.core.decision import KeepRecord
from slipway.core.record import chain
from slipway.core.snapshot import RecordKept
from slipway.notifying.channel import NotSent
from slipway.runtime import keeper as keeping
from slipway.runtime.keeper import Keeper, Retention
from slipway.runtime.observations import NoResult


class Api(Client):
    """The server in memory, with an answer that gets lost and rights that are missing."""

    lost = 0
    forbidden = 0
    undeletable = False

    async def create(self, kind: Resource, obj: Object, dry_run: bool = False) -> Object:
        if self.forbidden:
            self.forbidden -= 1
            raise Forbidden("configmaps is forbidden", 403, "Forbidden")
        made: Object = await super().create(kind, obj, dry_run)
        if self.lost:
            self.lost -= 1
            raise Unavailable("no answer")
        return made

    async def delete(self, kind: Resource, namespace: str | None, name: str, *args: Any, **options: Any) -> None:
        if self.undeletable:
            raise Forbidden("the verb prune", 403, "Forbidden")
        await super().delete(kind, namespace, name, *args, **options)


@dataclass
class Stage:
    """A keeper and what is around it."""

    retention: Retention = field(default_factory=Retention)
    leads: bool = True
    now = T
    events: list[Occurrence] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = Server(lambda: self.now)
        self.api = Api(self.server, "operator")
        self.keeper = Keeper(self.api, self, self, self.retention, lambda: self.now)

    def check(self) -> float:
        if not self.leads:
            raise NotLeader("lost")
        return 10.0

    def post(self, occurrence: Occurrence) -> None:
        self.events.append(occurrence)

    async def keep(self, number: int, promotion: str = "") -> RecordKept:
        about = statement(number, promotion)
        return await self.keeper.keep(KeepRecord(key="k", due=self.now, statement=about))

    def records(self) -> list[Object]:
        return sorted(self.server.peek(CONFIG_MAPS, "shop"), key=chain.number_of)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "FIRST_PAUSE", 0.0)


async def test_one_record_follows_the_other() -> None:
    stage = Stage()
    kept = [await stage.keep(number) for number in (1, 2, 3)]
    assert [record["metadata"]["name"] for record in stage.records()] == [one.config_map for one in kept]
    assert chain.verify(stage.records()) == chain.Found(3)


async def test_asked_again_it_is_the_same_record() -> None:
    stage = Stage()
    first = await stage.keep(1)
    await stage.keep(2)
    assert await stage.keep(1) == first
    assert len(stage.records()) == 2


async def test_an_answer_that_never_came_makes_no_second_record() -> None:
    stage = Stage()
    await stage.keep(1)
    stage.api.lost = 1
    await stage.keep(2)
    assert chain.verify(stage.records()) == chain.Found(2)


async def test_what_is_refused_is_said_and_tried_again() -> None:
    stage = Stage()
    stage.api.forbidden = 3
    await stage.keep(1)
    assert [event.reason for event in stage.events] == ["RecordRefused"] * 3
    assert stage.events[0].message == "the launch record cannot be written: configmaps is forbidden"
    assert stage.events[0].regarding["metadata"]["name"] == "web"
    assert len(stage.records()) == 1


async def test_without_the_lease_nothing_is_written() -> None:
    stage = Stage(leads=False)
    with pytest.raises(NoResult):
        await stage.keep(1)
    assert not stage.records()


async def test_a_name_that_is_taken_by_other_content_is_refused() -> None:
    stage, clean = Stage(), Stage()
    kept = await clean.keep(1)
    name = kept.config_map
    await stage.api.create(CONFIG_MAPS, {"metadata": {"name": name, "namespace": "shop"}, "data": {"a": "b"}})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await stage.keep(1)
    assert {event.reason for event in stage.events} == {"RecordRefused"}


@pytest.mark.parametrize("ours", [True, False])
async def test_a_report_is_embedded_if_it_is_the_operators(ours: bool) -> None:
    stage = Stage()
    labels = {"slipway.dev/report": "web-1"} if ours else {}
    meta = {"name": "web-1-report", "namespace": "shop", "labels": labels}
    await stage.api.create(CONFIG_MAPS, {"metadata": meta, "data": {"report.md": "# Report"}})
    kept = await stage.keep(1, "web-1")
    record = await stage.api.get(CONFIG_MAPS, "shop", kept.config_map)
    assert record["data"].get("report.md") == ("# Report" if ours else None)


async def test_retention_takes_the_oldest_with_the_next_record() -> None:
    stage = Stage(Retention(keep=2))
    for number in (1, 2, 3, 4):
        await stage.keep(number)
    assert [chain.number_of(record) for record in stage.records()] == [3, 4]
    assert chain.verify(stage.records()).problems == []


async def test_retention_by_age_leaves_the_newest() -> None:
    stage = Stage(Retention(max_age=timedelta(days=1)))
    await stage.keep(1)
    stage.now = T + 5 * DAY
    await stage.keep(2)
    assert [chain.number_of(record) for record in stage.records()] == [2]


async def test_what_may_not_be_deleted_stays_and_the_record_is_kept() -> None:
    stage = Stage(Retention(keep=1))
    await stage.keep(1)
    stage.api.undeletable = True
    await stage.keep(2)
    assert len(stage.records()) == 2
    [event] = stage.events
    assert (event.reason, event.type) == ("RecordNotPruned", "Warning")


async def test_the_content_of_older_records_is_not_read() -> None:
    stage = Stage()
    for number in (1, 2, 3):
        await stage.keep(number)
    read: list[str] = []
    get = stage.api.get

    async def watched(kind: Resource, namespace: str | None, name: str) -> Object:
        read.append(name)
        found: Object = await get(kind, namespace, name)
        return found

    stage.api.get = watched  # type: ignore[method-assign]
    await stage.keep(4)
    told = json.loads(stage.records()[-1]["data"]["statement.json"])["predicate"]
    assert read == [told["previous"]["configMap"], f"{told['promotion']['name']}-report"]


@dataclass
class Webhook:
    """Takes records, or refuses them."""

    refuses: bool = False
    dies: bool = False
    sent: list[str] = field(default_factory=list)

    async def send(self, record: Mapping[str, Any]) -> None:
        self.sent.append(record["metadata"]["name"])
        if self.dies:
            raise asyncio.CancelledError
        if self.refuses:
            raise NotSent("it answered HTTP 503")


async def test_a_record_is_sent_once_it_is_there_and_again_after_a_death_in_between() -> None:
    stage, webhook = Stage(), Webhook(dies=True)
    stage.keeper = Keeper(stage.api, stage, stage, clock=lambda: stage.now, sender=webhook)
    with pytest.raises(asyncio.CancelledError):
        await stage.keep(1)
    webhook.dies = False
    kept = await stage.keep(1)
    assert webhook.sent == [kept.config_map] * 2
    assert len(stage.records()) == 1


async def test_a_record_that_the_webhook_refuses_is_kept_and_that_is_said() -> None:
    stage, webhook = Stage(), Webhook(refuses=True)
    stage.keeper = Keeper(stage.api, stage, stage, clock=lambda: stage.now, sender=webhook)
    kept = await stage.keep(1)
    assert [record["metadata"]["name"] for record in stage.records()] == [kept.config_map]
    [event] = stage.events
    assert event.reason == "RecordNotSent"
    assert event.message == f"launch record {kept.config_map} was not sent to the webhook: it answered HTTP 503"
