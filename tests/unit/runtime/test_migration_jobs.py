"""A migration waits for whatever is left of another one, and is not made without its guard."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from slipway.api.job_check import JobCheck
from slipway.cluster.api import Api
from slipway.cluster.errors import NotFound
from slipway.cluster.resources import JOBS, PODS
from slipway.core import job
from slipway.core.decision import JobProbe
from slipway.core.snapshot import Probed, Unverified
from slipway.runtime.job_checks import MIGRATIONS_GUARD, JobRunner
from slipway.runtime.observations import NoResult

PROMOTION = {"metadata": {"name": "web-1", "uid": "uid-web-1", "namespace": "shop"}, "spec": {"rollout": "web"}}
MADE = job.migration("expand", "migration-expand-1", JobCheck(template={"spec": {"containers": []}}), PROMOTION)
PROBE = JobProbe(key="m", due=datetime.now(UTC), job=MADE, patient=True)
SERIES = "slipway.dev/check-of=web,slipway.dev/check=Migration"


class Server:
    """What the API server has, and what was asked of it."""

    def __init__(self, *pods: str, other: dict[str, Any] | None = None, guards: tuple[str, ...] = (MIGRATIONS_GUARD,)):
        self.pods = [{"metadata": {"name": name}, "status": {"phase": phase}} for name, phase in map(_parts, pods)]
        self.jobs = [other] if other else []
        self.guards = guards
        self.made: list[dict[str, Any]] = []
        self.deleted: list[str] = []

    async def get(self, kind: Any, _: str | None, name: str) -> dict[str, Any]:
        if kind not in (JOBS, PODS) and name in self.guards:
            return {}
        raise NotFound(f"{name} not found", 404, "NotFound")

    async def list(self, kind: Any, _: str, selector: str) -> tuple[list[dict[str, Any]], str]:
        assert selector in (SERIES, "batch.kubernetes.io/controller-uid=u")
        return (self.jobs, "1") if kind == JOBS else (self.pods, "1")

    async def create(self, _: Any, obj: dict[str, Any]) -> dict[str, Any]:
        self.made.append(obj)
        ended = {"conditions": [{"type": "Complete", "status": "True"}]}
        return {**obj, "metadata": {**obj["metadata"], "uid": "u"}, "status": ended}

    async def delete(self, _: Any, __: str, name: str, *___: Any, **____: Any) -> None:
        self.deleted.append(name)

    async def log(self, *_: Any) -> str:
        return "done\n"


def _parts(text: str) -> tuple[str, str]:
    name, _, phase = text.partition(":")
    return name, phase


def run(server: Server, probe: JobProbe = PROBE) -> Probed | Unverified:
    return asyncio.run(JobRunner(cast(Api, server), lambda: None).run(probe))


def test_it_waits_for_the_pods_of_a_job_that_somebody_deleted() -> None:
    server = Server("old:Running")
    with pytest.raises(NoResult, match="pod old"):
        run(server)
    assert not server.made
    assert isinstance(run(Server("old:Succeeded", "older:Failed")), Probed)


def test_it_waits_for_another_one_and_never_stops_it() -> None:
    other = {"metadata": {"name": "migration-rollback-0", "namespace": "shop", "ownerReferences": [{"uid": "gone"}]}}
    server = Server(other=other)
    with pytest.raises(NoResult, match="migration-rollback-0"):
        run(server)
    assert (server.made, server.deleted) == ([], [])


def test_without_its_guard_it_is_not_made_though_that_of_checks_is_there() -> None:
    server = Server(guards=("slipway-job-checks",))
    found = run(server)
    assert isinstance(found, Unverified)
    assert MIGRATIONS_GUARD in found.message
    assert not server.made


def test_what_was_taken_back_is_not_made_any_more() -> None:
    server = Server()
    found = run(server, replace(PROBE, make=False))
    assert isinstance(found, Unverified)
    assert not server.made


def test_it_never_goes_by_itself_and_its_pods_belong_to_the_series() -> None:
    assert "ttlSecondsAfterFinished" not in MADE["spec"]
    assert MADE["metadata"]["labels"]["slipway.dev/migration"] == "expand"
    labels = MADE["spec"]["template"]["metadata"]["labels"]
    assert ",".join(f"{key}={labels[key]}" for key in ("slipway.dev/check-of", "slipway.dev/check")) == SERIES
