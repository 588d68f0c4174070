"""One pass on a real API server, with decisions that are written out: order, preconditions, live reads, the lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.cluster import Cluster
from tests.integration import shell_support as support

from slipway.cluster.cache import Cache
from slipway.cluster.client import Client
from slipway.cluster.errors import NotFound
from slipway.cluster.events import Occurrence, Recorder
from slipway.cluster.lease import NotLeader
from slipway.cluster.resources import CONTROLLER_REVISIONS, DEPLOYMENTS, EVENTS, PROMOTIONS, ROLLOUTS, SERVICES
from slipway.core.children import deployment_write
from slipway.core.decision import (
    Apply,
    CommitPromotionStatus,
    CommitRolloutStatus,
    CreateRevision,
    Decision,
    Delete,
    Event,
    MarkRevision,
    PatchPromotionSpec,
    Replace,
    Write,
)
from slipway.core.snapshot import Snapshot
from slipway.runtime.observations import Observations
from slipway.runtime.probes import Prober
from slipway.runtime.queue import Retry
from slipway.runtime.reconciler import LONG_STREAK, SLOW_SECONDS, Reconciler

Object = dict[str, Any]
Decider = Callable[[Snapshot], Decision]


@pytest.fixture(scope="module")
def config(control_plane: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    support.install(control_plane)
    return support.credentials(control_plane, tmp_path_factory.mktemp("reconciler") / "kubeconfig")


@dataclass
class Guard:
    seconds: float = 10.0
    asked: int = 0
    lost_after: int = 1000

    def check(self) -> float:
        self.asked += 1
        if self.asked > self.lost_after:
            raise NotLeader("lost")
        return self.seconds


@dataclass
class Stage:
    """A Rollout `web` and a Promotion `p`, and a reconciler whose decisions the test makes."""

    api: Client
    namespace: str
    cache: Cache = field(default_factory=Cache)
    guard: Guard = field(default_factory=Guard)
    events: list[Occurrence] = field(default_factory=list)
    seen: list[Snapshot] = field(default_factory=list)
    decide: Decider = lambda _: Decision()

    def __post_init__(self) -> None:
        observations = Observations(Prober(self.api, {}).run, lambda _: None)
        self.reconciler = Reconciler(
            self.api,
            self.cache,
            observations,
            self.guard,
            self,
            lambda _: None,
            routed=False,
            decider=self._decide,
        )

    def post(self, occurrence: Occurrence) -> None:
        self.events.append(occurrence)

    def _decide(self, snapshot: Snapshot, now: datetime) -> Decision:
        self.seen.append(snapshot)
        return self.decide(snapshot)

    async def run(self, *writes: Write, **fields: Any) -> float | None:
        decisions = [Decision(writes=writes, **fields), Decision()]
        self.decide = lambda _: decisions.pop(0)
        return await self.reconciler.reconcile((self.namespace, "web"))

    async def load(self) -> None:
        for kind in (ROLLOUTS, PROMOTIONS, SERVICES, CONTROLLER_REVISIONS, DEPLOYMENTS):
            items, at = await self.api.list(kind, self.namespace)
            self.cache.replace(kind, items, at, self.namespace)

    def version(self, kind: Any, name: str) -> str:
        found = self.cache.get(kind, self.namespace, name)
        assert found is not None
        return str(found["metadata"]["resourceVersion"])

    async def service(self, name: str) -> Object | None:
        try:
            return await self.api.get(SERVICES, self.namespace, name)
        except NotFound:
            return None

    def apply(self, name: str, version: str | None = None, port: int = 80, selects: str = "1") -> Apply:
        labels = {"slipway.dev/rollout": "web"}
        made = {
            "metadata": {"namespace": self.namespace, "name": name, "labels": labels},
            "spec": {"selector": {"version": selects}, "ports": [{"port": port}]},
        }
        return Apply(kind="Service", resource_version=version, object=made)


@pytest.fixture
async def stage(control_plane: Cluster, config: Path, namespace: str) -> AsyncIterator[Stage]:
    promotion = {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Promotion",
        "metadata": {"namespace": namespace, "name": "p"},
        "spec": {"rollout": "web", "environment": "production"},
    }
    control_plane.apply(support.rollout(namespace), promotion)
    api = Client(config)
    stage = Stage(api, namespace)
    await stage.load()
    yield stage
    await api.close()


def status(**fields: Any) -> Object:
    return {"observedGeneration": 1, **fields}


async def test_writes_follow_the_versions_that_the_pass_itself_makes(stage: Stage) -> None:
    revision = {
        "metadata": {
            "namespace": stage.namespace,
            "name": "web-1",
            "labels": {"slipway.dev/rollout": "web", "slipway.dev/revision": "1"},
        },
        "data": {"template": {"b": 1, "a": 2}},
        "revision": 1,
    }
    found = stage.cache.get(PROMOTIONS, stage.namespace, "p")
    assert found is not None
    uid, at = found["metadata"]["uid"], found["metadata"]["resourceVersion"]
    again = await stage.run(
        CreateRevision(object=revision),
        CommitPromotionStatus(name="p", uid=uid, resource_version=at, status=status(phase="Checking")),
        PatchPromotionSpec(name="p", uid=uid, resource_version=at, spec={"hold": "wait"}),
        CommitRolloutStatus(resource_version=stage.version(ROLLOUTS, "web"), status=status(phase="Deploying")),
        MarkRevision(name="web-1", resource_version=None, annotations={"slipway.dev/verified-at": "now"}),
        stage.apply("web"),
    )
    assert again == 0.0, "what follows from the writes is decided at once"
    promotion = stage.cache.get(PROMOTIONS, stage.namespace, "p")
    assert promotion is not None
    assert (promotion["spec"]["hold"], promotion["status"]["phase"]) == ("wait", "Checking")
    marked = stage.cache.get(CONTROLLER_REVISIONS, stage.namespace, "web-1")
    assert marked is not None
    assert marked["metadata"]["annotations"] == {"slipway.dev/verified-at": "now"}
    assert stage.cache.get(SERVICES, stage.namespace, "web") is not None
    assert stage.guard.asked == 6, "the lease is asked before each write"


async def test_a_fence_without_a_change_still_meets_a_withdrawal(stage: Stage) -> None:
    found = stage.cache.get(PROMOTIONS, stage.namespace, "p")
    assert found is not None
    fence = CommitPromotionStatus(
        name="p",
        uid=found["metadata"]["uid"],
        resource_version=found["metadata"]["resourceVersion"],
        status=found.get("status") or {},
        fence=True,
    )
    await stage.run(fence, stage.apply("web"))
    assert await stage.service("web") is not None
    await stage.api.merge_patch(PROMOTIONS, stage.namespace, "p", {"metadata": {"annotations": {"a": "b"}}})
    with pytest.raises(Retry):
        await stage.run(fence, stage.apply("web-preview"))
    assert await stage.service("web-preview") is None, "written behind a fence that did not hold"


async def test_a_conflict_ends_the_pass_and_the_next_one_reads_live(stage: Stage) -> None:
    old = stage.version(ROLLOUTS, "web")
    await stage.api.replace(
        ROLLOUTS,
        {
            "metadata": {"namespace": stage.namespace, "name": "web", "resourceVersion": old},
            "status": status(phase="Healthy"),
        },
        "status",
    )
    with pytest.raises(Retry) as retry:
        await stage.run(CommitRolloutStatus(resource_version=old, status=status()), stage.apply("web"))
    assert retry.value.base == 0.0
    assert await stage.service("web") is None
    assert not stage.seen[-1].live
    await stage.run()
    assert stage.seen[-1].live
    assert stage.seen[-1].rollout is not None
    assert stage.seen[-1].rollout["status"]["phase"] == "Healthy"


async def test_what_needs_live_reads_is_decided_on_them(stage: Stage) -> None:
    await stage.api.apply(SERVICES, dict(stage.apply("web", selects="live").object))

    def decide(snapshot: Snapshot) -> Decision:
        if not snapshot.live:
            return Decision(writes=(stage.apply("web-preview"),), needs_live=True)
        (service,) = [one for one in snapshot.services if one["metadata"]["name"] == "web"]
        assert service["spec"]["selector"] == {"version": "live"}
        return Decision(writes=(stage.apply("web-candidate"),))

    stage.decide = decide
    await stage.reconciler.reconcile((stage.namespace, "web"))
    assert await stage.service("web-preview") is None, "decided on what the cache had"
    assert await stage.service("web-candidate") is not None


async def test_nothing_is_written_without_the_lease(stage: Stage) -> None:
    stage.guard.lost_after = 1
    with pytest.raises(NotLeader):
        await stage.run(stage.apply("web"), stage.apply("web-preview"))
    assert await stage.service("web") is not None
    assert await stage.service("web-preview") is None


async def test_a_write_does_not_outlive_the_lease(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: Any, **__: Any) -> Object:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(stage.api, "apply", hang)
    stage.guard.seconds = 0.05
    with pytest.raises(Retry):
        await asyncio.wait_for(stage.run(stage.apply("web")), 5)


async def test_a_refusal_is_shown_to_the_rollouts_owner(stage: Stage) -> None:
    with pytest.raises(Retry) as retry:
        await stage.run(stage.apply("web", port=99999))
    assert retry.value.base > 0
    (event,) = stage.events
    assert (event.type, event.reason, event.regarding["metadata"]["name"]) == ("Warning", "WriteRefused", "web")
    assert "must be between 1 and 65535" in event.message


async def test_a_fault_of_the_operator_is_shown_without_its_words(stage: Stage) -> None:
    def fail(snapshot: Snapshot) -> Decision:
        raise KeyError("a secret of somebody")

    stage.decide = fail
    with pytest.raises(KeyError):
        await stage.reconciler.reconcile((stage.namespace, "web"))
    [event] = stage.events
    assert (event.type, event.reason, event.regarding["metadata"]["name"]) == ("Warning", "OperatorError", "web")
    assert "KeyError" in event.message
    assert "secret" not in event.message


async def test_an_object_that_was_deleted_meanwhile_is_not_made_again(stage: Stage) -> None:
    await stage.run(stage.apply("web"))
    version = stage.version(SERVICES, "web")
    await stage.api.delete(SERVICES, stage.namespace, "web")
    with pytest.raises(Retry):
        await stage.run(stage.apply("web", version, selects="2"))
    assert await stage.service("web") is None


async def test_a_delete_names_what_was_seen(stage: Stage) -> None:
    await stage.run(stage.apply("web"))
    found = stage.cache.get(SERVICES, stage.namespace, "web")
    assert found is not None
    seen = {"uid": found["metadata"]["uid"], "resource_version": found["metadata"]["resourceVersion"]}
    await stage.api.merge_patch(SERVICES, stage.namespace, "web", {"metadata": {"annotations": {"a": "b"}}})
    with pytest.raises(Retry):
        await stage.run(Delete(kind="Service", name="web", **seen))
    assert await stage.service("web") is not None


async def test_a_replaced_service_keeps_nothing_that_others_added(stage: Stage) -> None:
    await stage.run(stage.apply("web"))
    ports = [{"name": "http", "port": 80}, {"name": "debug", "port": 6060}]
    await stage.api.merge_patch(SERVICES, stage.namespace, "web", {"spec": {"ports": ports}})
    await stage.load()
    named = stage.apply("web").object
    named["spec"]["ports"][0]["name"] = "http"
    await stage.run(Apply(kind="Service", resource_version=stage.version(SERVICES, "web"), object=named))
    left = await stage.service("web")
    assert left is not None
    assert len(left["spec"]["ports"]) == 2, "an apply is enough: Replace has no reason to be"
    await stage.run(Replace(kind="Service", resource_version=stage.version(SERVICES, "web"), object=named))
    left = await stage.service("web")
    assert left is not None
    assert [port["port"] for port in left["spec"]["ports"]] == [80]
    assert left["spec"]["clusterIP"]


async def test_a_deployment_that_a_backup_brought_back_is_taken_over_by_one_write(
    stage: Stage, control_plane: Cluster
) -> None:
    """What brought it back is on record as the manager of its template, whoever writes the same there afterwards."""
    rollout = await stage.api.get(ROLLOUTS, stage.namespace, "web")
    owner = {"apiVersion": "slipway.dev/v1alpha1", "kind": "Rollout", "name": "web", "controller": True}
    uid = rollout["metadata"]["uid"]
    labels = {"slipway.dev/rollout": "web"}
    container = {"name": "web", "image": "registry.example/web:1"}
    wanted = {
        "metadata": {
            "namespace": stage.namespace,
            "name": "web-1",
            "labels": labels,
            "ownerReferences": [owner | {"uid": uid}],
        },
        "spec": {
            "replicas": 1,
            "minReadySeconds": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
    tool = Client(control_plane.kubeconfig("admin"), field_manager="velero-server")
    metadata = {key: wanted["metadata"][key] for key in ("namespace", "name", "labels")}
    await tool.create(DEPLOYMENTS, {**wanted, "metadata": metadata})
    await tool.close()
    await stage.load()

    def needed() -> Write | None:
        return deployment_write(wanted, stage.cache.get(DEPLOYMENTS, stage.namespace, "web-1"), uid)

    first = needed()
    assert isinstance(first, Replace)
    await stage.run(first)
    assert needed() is None
    wanted["spec"]["replicas"] = 2
    scaled = needed()
    assert isinstance(scaled, Apply)
    await stage.run(scaled)
    assert needed() is None


async def test_the_next_look_is_the_decisions(stage: Stage) -> None:
    at = datetime.now(UTC) + timedelta(seconds=30)
    wait = await stage.run(look_again=at)
    assert wait is not None
    assert 25 < wait <= 30
    assert await stage.run() is None


async def test_the_same_event_again_counts_up(stage: Stage, control_plane: Cluster) -> None:
    recorder = Recorder(stage.api, "test")
    posted = Event(kind="Rollout", name="web", type="Normal", reason="Shifting", message="10 %")
    for _ in range(3):
        await stage.run(events=(posted,))
    for occurrence in stage.events:
        await recorder.write(occurrence)
    admin = Client(control_plane.kubeconfig("admin"))  # the operator may not read Events
    items, _ = await admin.list(EVENTS, stage.namespace)
    await admin.close()
    events = [item for item in items if item.get("reportingController") == "slipway.dev/operator"]
    assert [(event["reason"], event["note"]) for event in events] == [("Shifting", "10 %")]
    assert events[0]["series"]["count"] == 3
    assert events[0]["regarding"]["kind"] == "Rollout"


async def test_writing_for_ever_is_slowed_down(stage: Stage) -> None:
    waits = []
    for count in range(LONG_STREAK + 1):
        version = stage.version(SERVICES, "web") if count else None
        waits.append(await stage.run(stage.apply("web", version, selects=str(count))))
    assert waits[: LONG_STREAK - 1] == [0.0] * (LONG_STREAK - 1)
    assert waits[-1] == SLOW_SECONDS
    await stage.run()
    assert await stage.run(stage.apply("web-preview")) == 0.0


async def test_a_name_that_a_stranger_has_is_left_alone_and_shown(stage: Stage, control_plane: Cluster) -> None:
    theirs = {"apiVersion": "v1", "kind": "Service", **stage.apply("web", selects="theirs").object}
    theirs["metadata"] = {"namespace": stage.namespace, "name": "web"}
    control_plane.apply(theirs)
    for _ in range(2):
        with pytest.raises(Retry):
            await stage.run(stage.apply("web", selects="ours"))
    (event,) = stage.events  # the first time it may only be that the cache is behind
    assert event.reason == "WriteRefused"
    found = await stage.service("web")
    assert found is not None
    assert found["spec"]["selector"] == {"version": "theirs"}


async def test_a_stale_cache_is_mended_by_one_conflict(stage: Stage) -> None:
    """Also of what a live read leaves out otherwise: here a revision that nobody names any more."""
    made = {"namespace": stage.namespace, "name": "web-9", "labels": {"slipway.dev/rollout": "web"}}
    made["labels"]["slipway.dev/revision"] = "9"
    await stage.run(CreateRevision(object={"metadata": made, "data": {}, "revision": 1}))
    old = stage.version(CONTROLLER_REVISIONS, "web-9")
    await stage.api.merge_patch(
        CONTROLLER_REVISIONS, stage.namespace, "web-9", {"metadata": {"annotations": {"a": "b"}}}
    )
    with pytest.raises(Retry):
        await stage.run(MarkRevision(name="web-9", resource_version=old, annotations={"c": "d"}))
    await stage.run()
    assert stage.version(CONTROLLER_REVISIONS, "web-9") != old
