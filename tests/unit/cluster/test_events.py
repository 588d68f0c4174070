"""Events are words for people: whatever is wrong with one, the recorder goes on."""

import asyncio
import contextlib
from typing import Any, cast

from slipway.cluster.api import Api, Object
from slipway.cluster.events import Occurrence, Recorder
from slipway.cluster.resources import Resource


class Events:
    """An API server that takes every event."""

    def __init__(self) -> None:
        self.made: list[Object] = []

    async def create(self, kind: Resource, obj: Object, dry_run: bool = False) -> Object:
        self.made.append(obj)
        return obj


def about(message: str = "no", **metadata: Any) -> Occurrence:
    regarding = {"apiVersion": "slipway.dev/v1alpha1", "kind": "Rollout", "metadata": metadata}
    return Occurrence(regarding=regarding, type="Warning", reason="RecordRefused", message=message)


async def recorded(*occurrences: Occurrence) -> list[Object]:
    api = Events()
    recorder = Recorder(cast(Api, api), "test")
    running = asyncio.create_task(recorder.run())
    for occurrence in occurrences:
        recorder.post(occurrence)
    await recorder.flush(5)
    assert not running.done()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    return api.made


async def test_an_object_that_is_known_by_name_alone_can_have_events() -> None:
    [made] = await recorded(about(namespace="shop", name="web", uid="u"))
    assert made["regarding"] == {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Rollout",
        "namespace": "shop",
        "name": "web",
        "uid": "u",
    }


async def test_a_note_is_no_longer_than_the_api_server_takes_in_bytes() -> None:
    [made] = await recorded(about("é" + "x" * 900 + "…" * 100, namespace="shop", name="web", uid="u"))
    assert made["note"] == "é" + "x" * 900 + "…" * 40


async def test_one_that_cannot_be_written_does_not_end_the_recorder() -> None:
    made = await recorded(about(name="nowhere"), about(namespace="shop", name="web", uid="u", resourceVersion="7"))
    assert [event["regarding"]["resourceVersion"] for event in made] == ["7"]
