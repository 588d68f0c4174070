"""decide() never raises: whatever stands in a spec, a status, an annotation or another's object is a case too."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core import objects
from tests.unit.core.cluster import Cluster, serving
from tests.unit.core.environments import FROM, automatic, promoted_from
from tests.unit.core.objects import Object

from slipway.core import marks
from slipway.core.decide import decide
from slipway.core.decision import KeepRecord
from slipway.core.snapshot import Measured, Probed, RecordKept, Snapshot

Path = tuple[str | int, ...]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from(["5m", "2026-01-01T12:00:00Z", "2026-01-01", "True", "10000000000d", "sha256:" + "0" * 64]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
ANNOTATIONS = [
    getattr(marks, name)
    for name in (
        "APPROVED",
        "PROMOTED",
        "VERIFIED",
        "KEPT",
        "REJECTED",
        "RETURNED",
        "EXCUSED",
        "BASELINE",
        "OWED",
        "MIGRATIONS",
        "WATCH",
    )
]


def shifting(cluster: Cluster, **promotion: Any) -> Cluster:
    cluster.edit(template=objects.template(2))
    cluster.promote("web-2", **promotion)
    cluster.settle()
    cluster.approve("web-2")
    return cluster


@cache
def scenes() -> dict[str, Cluster]:
    """The stages of a Rollout's life, each as a cluster."""
    blank = Cluster(objects.canary())
    first = Cluster(objects.blue_green())
    first.promote("web-1")
    first.settle()
    job = {"template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "j", "env": []}]}}}
    tests = [{"name": "home", "http": {"path": "/", "port": "http"}}, {"name": "journey", "job": job}]
    smoke = objects.blue_green(smokeTests=tests)
    verifying = shifting(serving(smoke))
    assert verifying.run(60, lambda: verifying.phase() == "Verifying")
    verifying.run(3)
    canary = shifting(serving(objects.canary()))
    assert canary.run(60, lambda: canary.weight == 25)
    canary.run(3)
    demands = {
        "match": {"environments": ["production"], "namespaceSelector": {"matchLabels": {"a": "b"}}},
        "minReadinessScore": 3,
        "requiredChecks": ["health-probe"],
        "maxAge": "1h",
        "approvals": {"count": 1, "validFor": "1h", "serviceAccounts": []},
        "rules": [{"when": {"risk": ["High"]}, "count": 2}],
        "windows": [
            {"deny": "Fridays", "cron": "0 12 * * 5", "duration": "1h", "timeZone": "Europe/Berlin"},
            {"allow": "always", "from": "2020-01-01", "until": "2050-01-01"},
            {"deny": "holidays", "holidays": {"country": "DE", "subdivision": "BY"}},
        ],
    }
    for cluster in (first, canary):
        cluster.put("PromotionPolicy", {"metadata": {"name": "org"}, "spec": demands})
    back = shifting(serving(objects.canary()))
    assert back.run(60, lambda: back.weight == 50)
    back.say("web-2", abort="no")
    back.once()
    staged = serving(objects.blue_green())
    promoted_from(staged, automatic(2))
    staged.edit(template=objects.template(2))
    staged.promote("trial", dryRun=True, **{"from": FROM})
    staged.promote("web-2", setImages=True, **{"from": FROM})
    staged.settle()
    assert staged.phase("web-2") == "AwaitingApproval"
    watching = shifting(serving(objects.blue_green()), watch=[{"for": "1h", "interval": "10s"}])
    assert watching.run(60, lambda: watching.phase() == "Watching")
    owing = shifting(serving(objects.blue_green()))
    owing.say("web-2", learnings={"fix": "a longer timeout"})
    ask = owing.run_probes
    owing.run_probes = lambda probes: ask(p for p in probes if not isinstance(p, KeepRecord))  # type: ignore[method-assign]
    assert owing.run(60, lambda: owing.phase("web-2") == "Succeeded")
    assert any(marks.OWED in (o["metadata"].get("annotations") or {}) for o in owing.all("ControllerRevision"))
    job = {"template": {"spec": {"containers": []}}}
    jobs = {"expand": job, "contract": job, "rollback": job}
    migrating = shifting(serving(objects.blue_green()), migrations={"backwardCompatible": True, "jobs": jobs})
    assert migrating.run(60, lambda: migrating.phase() == "Verifying")
    migrating.say("web-2", abort="no")
    assert migrating.run(
        60, lambda: "rollback" in migrating.marks(migrating.status["rejected"]["revision"])[marks.MIGRATIONS]
    )
    asking = shifting(
        serving(objects.blue_green()),
        afterRollback=[
            {"name": "orders", "job": job},
            {"name": "errors", "prometheus": {"query": "up", "below": 1, "window": "10m"}},
        ],
    )
    assert asking.run(60, lambda: asking.phase() == "Verifying")
    asking.say("web-2", abort="no")
    answer = asking.run_probes
    asking.run_probes = lambda probes: answer(p for p in probes if not p.key.startswith("after/"))  # type: ignore[method-assign]
    assert asking.run(60, lambda: asking.phase("web-2") == "Aborted")
    return {
        "migrating": migrating,
        "asking": asking,
        "owing": owing,
        "blank": blank,
        "first": first,
        "verifying": verifying,
        "canary": canary,
        "back": back,
        "staged": staged,
        "watching": watching,
    }


def paths(value: Any, here: Path = ()) -> Iterator[Path]:
    if here:
        yield here
    if isinstance(value, dict):
        for key in value:
            yield from paths(value[key], (*here, key))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from paths(value[index], (*here, index))


def put(obj: Any, path: Path, value: Any) -> Any:
    """A copy with another value at a path."""
    new = copy.deepcopy(obj)
    holder = new
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return new


def without(obj: Any, path: Path) -> Any:
    new = copy.deepcopy(obj)
    holder = new
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    return new


def kinds(snapshot: Snapshot) -> list[tuple[str, int]]:
    fields = ("promotions", "revisions", "deployments", "services", "endpoint_slices", "pods", "routes", "policies")
    return [("rollout", 0)] + [(field, i) for field in fields for i in range(len(getattr(snapshot, field)))]


def with_object(snapshot: Snapshot, field: str, index: int, obj: Any) -> Snapshot:
    if field == "rollout":
        return replace(snapshot, rollout=obj)
    found = list(getattr(snapshot, field))
    found[index] = obj
    return replace(snapshot, **{field: tuple(found)})


def with_origin(snapshot: Snapshot, field: str, index: int, obj: Any) -> Snapshot:
    """The same of the Rollout that `from` names."""
    (origin,) = snapshot.origins
    if field == "rollout":
        return replace(snapshot, origins=(replace(origin, rollout=obj),))
    found = list(origin.revisions)
    found[index] = obj
    return replace(snapshot, origins=(replace(origin, revisions=tuple(found)),))


def object_at(snapshot: Snapshot, field: str, index: int) -> Object:
    found: Any = snapshot.rollout if field == "rollout" else getattr(snapshot, field)[index]
    return dict(found)


@pytest.mark.parametrize(
    "scene", ["blank", "first", "verifying", "canary", "back", "staged", "watching", "owing", "migrating", "asking"]
)
@given(data=st.data())
def test_semantics_30_any_value_in_our_own_resources(scene: str, data: st.DataObject) -> None:
    cluster = scenes()[scene]
    snapshot = cluster.snapshot()
    ours = [(f, i) for f, i in kinds(snapshot) if f in {"rollout", "promotions", "revisions"}]
    field, index = data.draw(st.sampled_from(ours))
    obj = object_at(snapshot, field, index)
    for _ in range(data.draw(st.integers(1, 2))):
        parts = [p for p in paths(obj) if p == ("data",) or (len(p) > 1 and p[0] in {"spec", "status", "data"})]
        path = data.draw(st.sampled_from(parts))
        obj = put(obj, path, data.draw(JSON))
    decide(with_object(snapshot, field, index, obj), cluster.now)


def given_by_kubernetes(path: Path) -> bool:
    """What names an object and holds it together, and what the API server demands or fills in for its own kinds."""
    identity = {"name", "namespace", "uid", "resourceVersion"}
    return (
        path in {("metadata",), ("spec",), ("spec", "replicas")}
        or (path[0] == "metadata" and path[1] in identity)
        or path[-1] == "containerPort"
    )


@pytest.mark.parametrize(
    "scene", ["blank", "first", "verifying", "canary", "back", "staged", "watching", "owing", "migrating", "asking"]
)
def test_semantics_30_any_field_missing_or_null(scene: str) -> None:
    """Every field of every object, one after the other."""
    cluster = scenes()[scene]
    snapshot = cluster.snapshot()
    for field, index in kinds(snapshot):
        obj = object_at(snapshot, field, index)
        ours = field in {"rollout", "promotions", "revisions"}
        for path in paths(obj):
            if given_by_kubernetes(path) and (path[0] == "metadata" or not ours):
                continue
            nulled = [] if isinstance(path[-1], int) else [put(obj, path, None)]
            for mangled in [without(obj, path), *nulled]:
                try:
                    decide(with_object(snapshot, field, index, mangled), cluster.now)
                except Exception as error:
                    raise AssertionError(f"{scene}: {field}[{index}] without {path}") from error


@given(
    scene=st.sampled_from(["first", "verifying", "canary", "back", "watching", "owing", "migrating", "asking"]),
    texts=st.dictionaries(st.sampled_from(ANNOTATIONS), JSON.map(json.dumps) | st.text(max_size=12), min_size=1),
    data=st.data(),
)
def test_semantics_30_any_text_as_a_mark(scene: str, texts: dict[str, str], data: st.DataObject) -> None:
    cluster = scenes()[scene]
    snapshot = cluster.snapshot()
    index = data.draw(st.sampled_from(range(len(snapshot.revisions))))
    obj = object_at(snapshot, "revisions", index)
    found = {**(obj["metadata"].get("annotations") or {}), **texts}
    obj["metadata"] = {**obj["metadata"], "annotations": found}
    decide(with_object(snapshot, "revisions", index, obj), cluster.now)


@pytest.mark.parametrize("mark", [marks.APPROVED, marks.REJECTED, marks.KEPT])
@pytest.mark.parametrize("at", ["2026-01-01T12:00:00Z"])
@given(rest=st.dictionaries(st.sampled_from(["promotion", "by", "planHash", "reason", "cause"]), JSON))
def test_semantics_30_a_mark_with_strange_fields(mark: str, at: str, rest: dict[str, Any]) -> None:
    cluster = scenes()["canary"]
    snapshot = cluster.snapshot()
    for index, _ in enumerate(snapshot.revisions):
        obj = object_at(snapshot, "revisions", index)
        text = json.dumps({"at": at, **rest})
        obj["metadata"] = {**obj["metadata"], "annotations": {mark: text}}
        decide(with_object(snapshot, "revisions", index, obj), cluster.now)


@pytest.mark.parametrize("at", ["2026-01-01T12:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
@given(
    rest=st.dictionaries(
        st.sampled_from(
            ["promotion", "plan", "approvedBy", "approvedAt", "promotedAt", "gates", "smokeTests", "reason", "kind"]
        ),
        JSON,
    )
)
def test_semantics_30_an_owed_record_with_strange_fields(at: str, rest: dict[str, Any]) -> None:
    cluster = scenes()["owing"]
    snapshot = cluster.snapshot()
    for index, _ in enumerate(snapshot.revisions):
        obj = object_at(snapshot, "revisions", index)
        entry = {"kind": "rollback", "at": at, "approvedAt": at, "promotedAt": at, **rest}
        found = {**(obj["metadata"].get("annotations") or {}), marks.OWED: json.dumps([entry, rest, None])}
        obj["metadata"] = {**obj["metadata"], "annotations": found}
        decide(with_object(snapshot, "revisions", index, obj), cluster.now)


@given(
    scene=st.sampled_from(["first", "verifying", "canary", "watching", "owing", "migrating", "asking"]), data=st.data()
)
def test_any_answer_to_any_probe(scene: str, data: st.DataObject) -> None:
    """An answer of the wrong kind, from the past or from the future, is an answer too."""
    cluster = scenes()[scene]
    wanted = cluster.decide().probes
    at = data.draw(st.sampled_from([cluster.now, objects.START, cluster.now.replace(year=2100)]))
    seen = st.sampled_from(
        [
            Measured(at=at, value=1.0),
            Measured(at=at, value=float("nan")),
            Measured(at=at, value=float("inf")),
            Measured(at=at),
            Measured(at=at, error="e" * 5000),
            Probed(at=at, passed=False, message="m" * 5000),
            Probed(at=at, passed=True, message=""),
            RecordKept(at=at, config_map="launch-web-1", digest="sha256:0"),
        ]
    )
    found = {probe.key: data.draw(seen) for probe in wanted}
    decide(replace(cluster.snapshot(), observations=found), cluster.now)


@given(data=st.data())
def test_semantics_30_anything_in_the_rollout_that_from_names(data: st.DataObject) -> None:
    cluster = scenes()["staged"]
    snapshot = cluster.snapshot()
    (origin,) = snapshot.origins
    assert origin.rollout is not None
    places = [("rollout", 0, origin.rollout), *(("revisions", i, obj) for i, obj in enumerate(origin.revisions))]
    field, index, obj = data.draw(st.sampled_from(places))
    parts = [p for p in paths(obj) if p == ("data",) or (len(p) > 1 and p[0] in {"spec", "status", "data"})]
    mangled = put(obj, data.draw(st.sampled_from(parts)), data.draw(JSON))
    if field == "revisions" and data.draw(st.booleans()):
        texts = st.dictionaries(st.sampled_from(ANNOTATIONS), JSON.map(json.dumps) | st.text(max_size=12))
        mangled = {**mangled, "metadata": {**mangled["metadata"], "annotations": data.draw(texts)}}
    decide(with_origin(snapshot, field, index, mangled), cluster.now)


def test_nothing_at_all() -> None:
    assert decide(Snapshot(namespace="shop", name="web", rollout=None), objects.START).writes == ()


def test_the_bare_minimum_of_a_rollout() -> None:
    meta = {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "1"}
    decision = decide(Snapshot(namespace="shop", name="web", rollout={"metadata": meta}), objects.START)
    assert decision.writes


@pytest.mark.parametrize("value", [1, "x", {}, [1], [[]], [{"ports": 1}], [{"env": [1], "image": 2}], None])
@pytest.mark.parametrize("scene", ["blank", "canary", "watching"])
def test_semantics_30_containers_that_are_none(scene: str, value: object) -> None:
    cluster = scenes()[scene]
    snapshot = cluster.snapshot()
    for group in ("containers", "initContainers"):
        rollout = copy.deepcopy(snapshot.rollout)
        assert rollout is not None
        rollout["spec"]["template"]["spec"][group] = value
        decide(replace(snapshot, rollout=rollout), cluster.now)
