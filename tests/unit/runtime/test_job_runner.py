"""Jobs of checks and smoke tests: never two of the same at once, and what their end is told as."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from tests.unit.core.objects import blue_green, rollout, template

from slipway.api.job_check import JobCheck
from slipway.cluster.api import Api, Object
from slipway.cluster.errors import APIError, Forbidden, Invalid, NotFound
from slipway.core import smoke_job
from slipway.core.decision import JobProbe
from slipway.core.marks import Marks
from slipway.core.revision import Revision
from slipway.core.snapshot import Probed, Unverified
from slipway.runtime.job_checks import JobRunner
from slipway.runtime.observations import NoResult

ENDED = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class Server:
    """What the runner asks of an API server; between two requests others have their turn."""

    def __init__(self) -> None:
        self.jobs: dict[str, Object] = {}
        self.services: list[Object] = []
        self.pods: list[Object] = []
        self.deleted: list[str] = []
        self.refusal: APIError | None = None
        self.guarded = True

    async def get(self, kind: Any, namespace: str | None, name: str) -> Object:
        await asyncio.sleep(0)
        if kind.kind == "Job" and name in self.jobs:
            return self.jobs[name]
        if kind.kind == "ValidatingAdmissionPolicyBinding" and self.guarded:
            return {}
        raise NotFound(name)

    async def list(self, kind: Any, namespace: str | None, selector: str | None = None) -> tuple[list[Object], str]:
        await asyncio.sleep(0)
        return {"Job": list(self.jobs.values()), "Service": self.services, "Pod": self.pods}[kind.kind], "1"

    async def create(self, kind: Any, obj: Object) -> Object:
        await asyncio.sleep(0)
        if self.refusal is not None:
            raise self.refusal
        name = obj["metadata"]["name"]
        self.jobs[name] = {**obj, "metadata": {**obj["metadata"], "uid": name}}
        return self.jobs[name]

    async def delete(self, kind: Any, namespace: str, name: str, uid: str, propagation: str) -> None:
        assert propagation == "Foreground"
        self.deleted.append(name)
        self.jobs[name]["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"

    async def log(self, namespace: str, pod: str, lines: int) -> str:
        return "DB_PASSWORD=hunter2hunter2\nno basket"

    def end(self, name: str, kind: str, **status: Any) -> None:
        ended = {"type": kind, "status": "True", "lastTransitionTime": "2026-01-01T12:00:00Z"}
        self.jobs[name]["status"] = {**status, "conditions": [{**ended, "reason": "BackoffLimitExceeded"}]}


def probe(key: str) -> JobProbe:
    revision = Revision("3f2a9c01de", "d" * 64, template(), [], Marks(), 1, "1", None, True)
    asked = JobCheck(template={"spec": {"containers": [{"name": "j"}]}})
    return JobProbe(
        key=key, due=ENDED, job=smoke_job.run("journey", asked, rollout(blue_green()), revision, "web", key)
    )


def runner(server: Server) -> JobRunner:
    return JobRunner(cast(Api, server), lambda: None)


def test_of_two_at_the_same_time_one_waits_and_stops_nobody() -> None:
    async def story() -> None:
        server = Server()
        jobs = runner(server)
        first = asyncio.create_task(jobs.run(probe("a")))
        await asyncio.sleep(0)
        with pytest.raises(NoResult):
            await jobs.run(probe("b"))
        assert len(server.jobs) == 1
        assert server.deleted == []
        first.cancel()

    asyncio.run(story())


def test_one_that_nobody_asks_for_any_more_is_stopped_before_the_next() -> None:
    async def story() -> None:
        server = Server()
        left = probe("a").job
        await server.create(None, cast(Object, left))
        with pytest.raises(NoResult):
            await runner(server).run(probe("b"))
        assert server.deleted == [left["metadata"]["name"]]
        assert len(server.jobs) == 1

    asyncio.run(story())


def test_the_end_has_its_time_the_exit_code_and_no_secret() -> None:
    async def story() -> None:
        server = Server()
        made = await server.create(None, cast(Object, probe("a").job))
        server.end(made["metadata"]["name"], "Failed", failed=3)
        ended = {"state": {"terminated": {"exitCode": 7}}}
        server.pods = [{"metadata": {"name": "p"}, "status": {"containerStatuses": [ended]}}]
        found = await runner(server).run(probe("a"))
        assert isinstance(found, Probed)
        assert (found.passed, found.at) == (False, ENDED)
        assert "exit code 7, tries: 3" in found.message
        assert "no basket" in found.message
        assert "hunter2" not in found.message

    asyncio.run(story())


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [(Invalid("spec.template: token=abcdefgh12345678"), Probed), (Forbidden("exceeded quota: pods"), Unverified)],
)
def test_what_cannot_be_made_has_the_servers_words(refusal: APIError, kind: type) -> None:
    server = Server()
    server.refusal = refusal
    found = asyncio.run(runner(server).run(probe("a")))
    assert isinstance(found, kind)
    assert not (isinstance(found, Probed) and found.passed)
    assert "abcdefgh12345678" not in found.message


def test_without_the_guard_there_is_no_job() -> None:
    server = Server()
    server.guarded = False
    found = asyncio.run(runner(server).run(probe("a")))
    assert isinstance(found, Unverified)
    assert "slipway-smoke-jobs is missing" in found.message
    assert server.jobs == {}


@pytest.mark.parametrize(
    ("spec", "made"),
    [
        ({"selector": {"app": "web"}, "publishNotReadyAddresses": True}, False),
        ({"selector": {"app": "web"}}, True),
        ({"selector": {"app": "other"}, "publishNotReadyAddresses": True}, True),
        ({"publishNotReadyAddresses": True}, True),
    ],
)
def test_there_is_none_under_a_service_that_does_not_ask_for_readiness(spec: Object, made: bool) -> None:
    async def story() -> None:
        server = Server()
        server.services = [{"metadata": {"name": "peers"}, "spec": spec}]
        run = asyncio.create_task(runner(server).run(probe("a")))
        for _ in range(20):
            await asyncio.sleep(0)
        assert bool(server.jobs) == made
        if not made:
            found = await run
            assert "Service peers publishes pods that are not ready" in found.message
        run.cancel()

    asyncio.run(story())
