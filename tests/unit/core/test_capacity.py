"""How many pods each revision has (SEMANTICS 7, 11): what serves is never scaled below what its share needs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.objects import NAME, NAMESPACE, START, Object, blue_green, canary, rollout, route, template

from slipway.api.rollout import RolloutSpec, StepStatus
from slipway.core import names
from slipway.core.capacity import needed, preview, sizes
from slipway.core.case import Case, read
from slipway.core.decision import Apply, MarkRevision
from slipway.core.lineage import Lineage
from slipway.core.marks import Marks
from slipway.core.progress import Progress
from slipway.core.revision import Revision
from slipway.core.snapshot import Snapshot
from slipway.core.strategy import stages

P, S, C, X = "previous", "stable", "candidate", "other"
V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))


def revision(name: str) -> Revision:
    return Revision(name, name * 8, {}, [], Marks(), 1, "1", f"uid-{name}", True)


REVISIONS = {name: revision(name) for name in (P, S, C, X)}


def lineage(stable: str | None = S, previous: str | None = None, shifting: str | None = None) -> Lineage:
    found = [REVISIONS[name] if name else None for name in (stable, previous, shifting)]
    return Lineage(REVISIONS, None, *found)


def world(have: dict[str, int], live: str | None = S, candidate: str | None = S, weight: int = 0) -> Case:
    """A namespace with Deployments of these sizes and traffic as given."""
    services = {NAME: live, f"{NAME}-candidate": candidate}
    obj = rollout(canary())
    snapshot = Snapshot(
        namespace=NAMESPACE,
        name=NAME,
        rollout=obj,
        deployments=tuple(
            {
                "metadata": {"name": names.deployment_name(NAME, name), "labels": {names.REVISION_LABEL: name}},
                "spec": {"replicas": size},
            }
            for name, size in have.items()
        ),
        services=tuple(
            {"metadata": {"name": name}, "spec": {"selector": names.selector(NAME, selected)}}
            for name, selected in services.items()
        ),
        routes=(route(live=100 - weight, candidate=weight),),
    )
    return read(snapshot, obj, START)


def progress(share: int | None = None, spec: Object | None = None) -> Progress:
    """The candidate, waiting, or in flight with the stage of this share."""
    parsed = RolloutSpec.model_validate(spec or canary())
    every = stages(parsed, True)
    stage = next((s for s in every if s.weight == share), None)
    step = StepStatus(index=stage.index, weight=stage.weight, started_at=START) if stage else None
    flying = share is not None
    return Progress(START, REVISIONS[C], parsed, flying, False, every, stage, step, (), (), None, None, ())


def wanted(case: Case, roles: Lineage, replicas: int, **changes: Any) -> dict[str, int]:
    """The sizes of a Rollout at rest, but for the changes."""
    rest = {"candidate": None, "pods_for": 0, "allowed": True, "retreating": None, "drained": True, "keeping": False}
    return sizes(case, lineage=roles, replicas=replicas, **(rest | changes))


# --- Numbers


@given(st.integers(0, 10_000), st.integers(0, 100))
def test_a_share_needs_its_part_of_the_replicas_rounded_up(replicas: int, share: int) -> None:
    assert needed(replicas, share) == math.ceil(Fraction(replicas * share, 100))


@given(st.integers(0, 10_000), st.integers(0, 100), st.integers(0, 100))
def test_both_sides_of_a_split_have_enough_and_more_share_never_means_fewer(replicas: int, a: int, b: int) -> None:
    low, high = sorted((a, b))
    assert needed(replicas, low) <= needed(replicas, high) <= replicas
    assert needed(replicas, a) + needed(replicas, 100 - a) >= replicas


@pytest.mark.parametrize(
    ("replicas", "share", "pods"),
    [(4, 0, 0), (4, 1, 1), (4, 25, 1), (4, 26, 2), (3, 50, 2), (1, 1, 1), (7, 100, 7), (7, 130, 7), (7, -50, 0)],
)
def test_pods_for_a_share(replicas: int, share: int, pods: int) -> None:
    assert needed(replicas, share) == pods


@pytest.mark.parametrize(
    ("strategy", "replicas", "pods"),
    [
        ({"blueGreen": {}}, 5, 5),
        ({"blueGreen": {"previewReplicas": 2}}, 5, 2),
        ({"blueGreen": {"previewReplicas": 9}}, 5, 5),
        ({"canary": {"steps": [{"weight": 50}]}}, 5, 1),
        ({"canary": {"steps": [{"weight": 50}], "previewReplicas": 3}}, 5, 3),
        # A Rollout that was scaled to nothing still shows its candidate.
        ({"canary": {"steps": [{"weight": 50}]}}, 0, 1),
        ({"blueGreen": {}}, 0, 1),
    ],
)
def test_a_waiting_candidate_has_its_preview_replicas(strategy: Object, replicas: int, pods: int) -> None:
    """Absent: all of them for blue/green, one for a canary; never more than spec.replicas."""
    waiting = progress(spec=canary(strategy=strategy))
    assert preview(waiting, replicas) == pods
    assert wanted(world({S: 5}), lineage(), replicas, candidate=waiting)[C] == pods


# --- Roles


def test_at_rest_stable_has_the_replicas_and_nothing_else_has_any() -> None:
    case = world({S: 7, X: 3})
    assert wanted(case, lineage(), 4) == {S: 4, X: 0}


@pytest.mark.parametrize(("size", "replicas", "pods"), [(6, 4, 6), (4, 6, 6), (4, 4, 4), (0, 4, 4)])
@pytest.mark.parametrize("back", [True, False])
def test_semantics_11_while_traffic_moves_stable_has_no_fewer_than_at_the_start(
    size: int, replicas: int, pods: int, back: bool
) -> None:
    """Traffic may come back at any moment, and comes back to as many pods as it left."""
    case = world({S: size, C: 1}, S, C, 25)
    moving = {"retreating": REVISIONS[C], "drained": False} if back else {"candidate": progress(25)}
    assert wanted(case, lineage(shifting=C), replicas, **moving)[S] == pods


@pytest.mark.parametrize(
    ("size", "replicas", "keeping", "pods"), [(4, 4, True, 4), (4, 6, True, 6), (6, 4, True, 6), (4, 6, False, 0)]
)
def test_semantics_11_the_previous_follows_upwards_until_keep_previous_ends(
    size: int, replicas: int, keeping: bool, pods: int
) -> None:
    case = world({S: 4, P: size})
    assert wanted(case, lineage(previous=P), replicas, keeping=keeping)[P] == pods


def test_the_previous_that_has_no_pods_any_more_gets_none_for_being_kept() -> None:
    assert wanted(world({S: 4, P: 0}), lineage(previous=P), 4, keeping=True)[P] == 0


@pytest.mark.parametrize(("share", "pods"), [(25, 1), (50, 2), (100, 4)])
def test_semantics_06_the_candidate_has_pods_for_the_stage_that_it_is_in(share: int, pods: int) -> None:
    assert wanted(world({S: 4, C: 0}, S, C), lineage(shifting=C), 4, candidate=progress(share))[C] == pods


def test_semantics_06_the_candidate_gets_pods_for_the_next_stage_before_it_is_entered() -> None:
    case = world({S: 4, C: 1}, S, C, 25)
    assert wanted(case, lineage(shifting=C), 4, candidate=progress(25), pods_for=50)[C] == 2
    assert wanted(case, lineage(shifting=C), 4, candidate=progress(25), pods_for=100)[C] == 4
    assert wanted(world({S: 4, C: 1}), lineage(), 4, candidate=progress(), pods_for=50)[C] == 2


def test_what_was_made_ready_for_the_next_stage_waits_for_it() -> None:
    case = world({S: 4, C: 4}, S, C, 25)
    assert wanted(case, lineage(shifting=C), 4, candidate=progress(25))[C] == 4
    assert wanted(case, lineage(shifting=C), 3, candidate=progress(25))[C] == 3, "but not for more than are wanted"


def test_a_candidate_that_may_have_no_pods_has_none() -> None:
    case = world({S: 4, C: 2})
    assert wanted(case, lineage(), 4, candidate=progress(), allowed=False)[C] == 0
    assert C not in wanted(world({S: 4}), lineage(), 4, candidate=progress(), allowed=False)


@pytest.mark.parametrize(("drained", "pods"), [(False, 3), (True, 0)])
def test_semantics_04_what_goes_back_keeps_its_pods_until_it_is_drained(drained: bool, pods: int) -> None:
    """Requests that are under way end where they began, also when Services and routes say otherwise already."""
    case = world({S: 4, C: 3})
    assert wanted(case, lineage(), 4, retreating=REVISIONS[C], drained=drained)[C] == pods


# --- What serves


@dataclass(frozen=True)
class Scene:
    case: Case
    roles: Lineage
    replicas: int
    changes: dict[str, Any]

    def sizes(self) -> dict[str, int]:
        return wanted(self.case, self.roles, self.replicas, **self.changes)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Any traffic, by whomever, and any roles: hands and restores bring about what we never would."""
    anybody = st.none() | st.sampled_from([P, S, C, X])
    have = draw(st.dictionaries(st.sampled_from([P, S, C, X]), st.integers(0, 12)))
    case = world(have, draw(anybody), draw(anybody), draw(st.integers(0, 100)))
    roles = lineage(
        draw(st.sampled_from([S, None])), draw(st.sampled_from([P, None])), draw(st.sampled_from([C, None]))
    )
    share = draw(st.sampled_from([None, 25, 50, 100]))
    changes = {
        "candidate": draw(st.sampled_from([progress(share), None])),
        "pods_for": draw(st.sampled_from([0, 25, 50, 100])),
        "allowed": draw(st.booleans()),
        "retreating": draw(st.sampled_from([None, REVISIONS[C], REVISIONS[S]])),
        "drained": draw(st.booleans()),
        "keeping": draw(st.booleans()),
    }
    return Scene(case, roles, draw(st.integers(0, 12)), changes)


@settings(deadline=None)
@given(scenes())
def test_semantics_07_what_serves_is_never_scaled_below_what_its_share_needs(scene: Scene) -> None:
    """The live Services and routes are asked, whatever the roles say."""
    found, here = scene.sizes(), scene.case.world
    for name in here.deployments:
        floor = needed(scene.replicas, here.exposure(name))
        assert found[name] >= min(here.size(name), floor), (name, scene)


def test_semantics_07_a_waiting_candidate_that_a_hand_has_exposed_keeps_the_pods_that_its_users_need() -> None:
    assert wanted(world({S: 8, C: 8}, S, C, 50), lineage(), 8, candidate=progress())[C] == 4
    assert wanted(world({S: 8, C: 8}, C, S), lineage(), 8, candidate=progress())[C] == 8


@settings(deadline=None)
@given(scenes())
def test_semantics_07_what_no_role_wants_keeps_all_its_pods_as_long_as_users_may_reach_it(scene: Scene) -> None:
    found, here = scene.sizes(), scene.case.world
    for name in here.serving() & here.deployments.keys():
        assert found[name] > 0 or here.size(name) == 0 or scene.replicas == 0, (name, scene)
        if name == X:
            assert found[name] == here.size(name)


@settings(deadline=None)
@given(scenes())
def test_every_deployment_has_a_size_and_no_size_is_out_of_bounds(scene: Scene) -> None:
    found, here = scene.sizes(), scene.case.world
    assert here.deployments.keys() <= found.keys()
    for name, size in found.items():
        assert 0 <= size <= max(scene.replicas, here.size(name), 1), (name, scene)


@settings(deadline=None)
@given(scenes())
def test_sizes_that_are_reached_stay(scene: Scene) -> None:
    """In the same circumstances the same sizes: nothing is written twice, and nothing swings."""
    found, here = scene.sizes(), scene.case.world
    live, candidate, weight = scene.case.traffic.live, scene.case.traffic.candidate, scene.case.traffic.weight
    assert weight is not None
    then = Scene(world(found, live, candidate, weight), scene.roles, scene.replicas, scene.changes)
    assert then.sizes() == found, here.deployments


# --- Through decide()


def promoting(spec: Object) -> Cluster:
    cluster = serving(spec)
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    return cluster


def test_a_candidate_has_its_preview_until_it_is_approved_and_all_before_the_switch() -> None:
    cluster = promoting(blue_green(replicas=5, strategy={"blueGreen": {"previewReplicas": 2, "verify": "5s"}}))
    assert (cluster.size(V1), cluster.size(V2)) == (5, 2)
    cluster.run(30)
    assert cluster.size(V2) == 2, "time does not approve anything"
    cluster.approve("web-2")
    ready: list[int] = []

    def switch(write: Any) -> None:
        if isinstance(write, Apply) and write.kind == "Service" and cluster.live == V2:
            ready.append(cluster.ready(V2))

    cluster.after_write.append(switch)
    assert cluster.run(60, lambda: cluster.live == V2)
    assert ready[0] == 5


def test_semantics_03_a_switch_that_was_decided_still_waits_for_all_pods() -> None:
    """A crash between the decision and the switch, and pods that were lost meanwhile."""
    cluster = promoting(blue_green(replicas=4))
    cluster.approve("web-2")
    while not (found := [i for i, write in enumerate(cluster.decide().writes) if isinstance(write, MarkRevision)]):
        cluster.once()
        cluster.controllers()
        cluster.now += timedelta(seconds=1)
    cluster.once(writes=found[-1] + 1)
    make = cluster._pod

    def only_one_is_ready(deployment: Object, index: int) -> Object:
        pod = make(deployment, index)
        if index and deployment["metadata"]["name"] == f"{NAME}-{V2}":
            pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
        return pod

    cluster._pod = only_one_is_ready  # type: ignore[method-assign]
    cluster.controllers()
    cluster.settle()
    assert (cluster.live, cluster.ready(V2)) == (V1, 1)
    assert "1 of 4 ready pods" in cluster.status["message"]
    cluster._pod = make  # type: ignore[method-assign]
    cluster.controllers()
    cluster.settle()
    assert cluster.live == V2


def test_what_grows_comes_before_the_services_and_what_shrinks_after_them() -> None:
    """A pass that is cut off between two writes leaves too many pods, never too few."""
    cluster = promoting(blue_green())
    cluster.remove("Deployment", f"{NAME}-{V1}")
    cluster.edit(template=template(3))
    writes = [write for write in cluster.decide().writes if isinstance(write, Apply)]
    assert [(write.object["metadata"]["name"], write.object["spec"].get("replicas")) for write in writes] == [
        (f"{NAME}-{V1}", 2),
        (f"{NAME}-preview", None),
        (f"{NAME}-{V2}", 0),
    ]


def test_semantics_11_fewer_replicas_in_a_shift_take_no_pod_from_stable() -> None:
    cluster = promoting(canary(replicas=8))
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.weight == 50)
    cluster.edit(replicas=2)
    cluster.settle()
    assert (cluster.size(V1), cluster.size(V2), cluster.weight) == (8, 2, 50)
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")
    assert (cluster.live, cluster.size(V2)) == (V2, 2)


def test_semantics_11_the_previous_grows_with_the_replicas_and_goes_when_its_time_is_over() -> None:
    cluster = promoting(blue_green())
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.phase() == "Watching")
    for replicas, previous in ((5, 5), (3, 5)):
        cluster.edit(replicas=replicas)
        cluster.settle()
        assert (cluster.size(V1), cluster.size(V2)) == (previous, replicas)
    assert cluster.run(60, lambda: cluster.size(V1) == 0)
    cluster.edit(replicas=6)
    cluster.settle()
    assert (cluster.size(V1), cluster.size(V2)) == (0, 6)


@settings(deadline=None, max_examples=10)
@given(
    st.integers(1, 9),
    st.lists(st.integers(1, 99), min_size=1, max_size=3, unique=True).map(sorted),
    st.integers(1, 4),
)
def test_semantics_06_whatever_the_steps_users_always_find_enough_pods(
    replicas: int, weights: list[int], shown: int
) -> None:
    steps = [{"weight": weight, "hold": "3s"} for weight in weights]
    strategy = {"canary": {"steps": steps, "previewReplicas": shown, "verify": "3s", "keepPrevious": "5s"}}
    cluster = promoting(canary(replicas=replicas, strategy=strategy))
    assert cluster.size(V2) == min(shown, replicas)
    cluster.approve("web-2")

    def enough(_: Any) -> None:
        for name in (V1, V2):
            assert min(cluster.ready(name), cluster.size(name)) >= needed(replicas, cluster.exposure(name))

    cluster.after_write.append(enough)
    assert cluster.run(300, lambda: cluster.phase() == "Healthy"), cluster.status
    assert (cluster.size(V1), cluster.size(V2)) == (0, replicas)
