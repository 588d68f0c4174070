"""What a live read finds is told to whoever looks on: the watch that brings it later finds nothing new."""

import contextlib
from typing import Any, cast

import pytest

from slipway.cluster.api import Api
from slipway.cluster.cache import Cache, Change
from slipway.cluster.errors import Conflict, NotFound, Unavailable
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS, Resource
from slipway.core.decision import Decision
from slipway.runtime.observations import Observations
from slipway.runtime.queue import Retry
from slipway.runtime.reconciler import Reconciler

Object = dict[str, Any]
KEY = ("shop", "web")


def made(name: str, version: int, **fields: Any) -> Object:
    return {"metadata": {"namespace": "shop", "name": name, "uid": name, "resourceVersion": str(version)}, **fields}


class Server:
    """It knows of an outcome that the cache does not, and of no Rollout any more."""

    lost = False
    ended = made("web-2", 9, spec={"rollout": "web"}, status={"phase": "Aborted"})

    async def get(self, kind: Resource, namespace: str | None, name: str) -> Object:
        if kind == PROMOTIONS:
            return self.ended
        if self.lost:
            raise Unavailable("no answer")
        raise NotFound("not found", 404, "NotFound")

    async def list(self, *_: Any, **__: Any) -> tuple[list[Object], str]:
        return [], "9"


class Guard:
    def check(self) -> float:
        return 10.0


@pytest.mark.parametrize("lost", [False, True])
async def test_what_a_thorough_read_finds_is_observed(lost: bool) -> None:
    """Also where another of its reads had no answer."""
    cache, observed = Cache(), list[Change]()
    cache.upsert(ROLLOUTS, made("web", 1, spec={"environment": "production"}))
    cache.upsert(PROMOTIONS, made("web-2", 2, spec={"rollout": "web"}, status={"phase": "Shifting"}))

    async def never(*_: Any) -> Any:
        raise AssertionError("nothing is asked")

    server = Server()
    server.lost = lost
    answers = [Conflict("somebody was faster", 409, "Conflict"), Decision()]

    def decide(*_: Any) -> Decision:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    observations = Observations(never, lambda _: None)
    reconciler = Reconciler(
        cast(Api, server),
        cache,
        observations,
        Guard(),
        cast(Any, None),
        lambda _: None,
        decider=decide,
        observe=observed.append,
    )
    with pytest.raises(Retry):
        await reconciler.reconcile(KEY)
    assert observed == []
    with pytest.raises(Retry) if lost else contextlib.nullcontext():
        await reconciler.reconcile(KEY)
    told = {(change.kind, (change.after or {}).get("status", {}).get("phase")) for change in observed}
    assert told == ({(PROMOTIONS, "Aborted")} if lost else {(PROMOTIONS, "Aborted"), (ROLLOUTS, None)})
    assert cache.upsert(PROMOTIONS, Server.ended) is None, "the watch brings nothing new"
