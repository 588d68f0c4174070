"""Going back knows its routes whatever has become of the spec, and leaves nothing of a canary behind (SEMANTICS 4)."""

from __future__ import annotations

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving, shifting
from tests.unit.core.objects import NAME, blue_green, canary, template

from slipway.core.decision import MarkRevision

V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))
CANDIDATE = f"{NAME}-candidate"


def edited() -> Cluster:
    """The same, held because its strategy was edited to one without routes."""
    cluster = shifting(canary())
    cluster.edit(strategy=blue_green()["strategy"], traffic=None)
    cluster.settle()
    assert cluster.weight == 25
    return cluster


def test_a_crash_between_the_mark_and_the_weights_loses_no_route() -> None:
    cluster = edited()
    cluster.say("web-2", abort="no")
    writes = cluster.decide().writes
    cluster.once(writes=[isinstance(write, MarkRevision) for write in writes].index(True) + 1)
    cluster.controllers()
    cluster.run(120)
    assert (cluster.phase("web-2"), cluster.weight) == ("Aborted", 0)


def test_a_move_that_waits_for_stable_is_still_made() -> None:
    cluster = edited()
    cluster.broken[V1] = "NotReady"
    cluster.controllers()
    cluster.settle()
    cluster.say("web-2", abort="no")
    cluster.settle()
    cluster.broken.pop(V1)
    cluster.controllers()
    cluster.run(120)
    assert (cluster.phase("web-2"), cluster.weight) == ("Aborted", 0)


@pytest.mark.parametrize("removed", [False, True], ids=["route", "route-removed"])
def test_the_candidate_service_goes_home_and_the_aborted_pods_end(removed: bool) -> None:
    cluster = edited()
    cluster.say("web-2", abort="no")
    cluster.run(60)
    if removed:
        cluster.remove("HTTPRoute", NAME)
    cluster.run(300)
    assert (cluster.selected(CANDIDATE), cluster.size(V2)) == (V1, 0)


@pytest.mark.parametrize("edit", [{"replicas": -1}, {"revisionHistoryLimit": -1}], ids=str)
def test_what_is_wrong_in_the_live_spec_takes_no_plan_away(edit: dict[str, int]) -> None:
    cluster = shifting(canary())
    cluster.edit(**edit)
    cluster.settle()
    cluster.say("web-2", abort="no")
    cluster.run(120)
    assert cluster.weight == 0


def test_from_canary_to_blue_green_nothing_keeps_the_pods_of_a_revision_that_served() -> None:
    cluster = serving(canary())
    cluster.remove("HTTPRoute", NAME)
    cluster.edit(strategy=blue_green()["strategy"], traffic=None)
    cluster.settle()
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    cluster.approve("web-2")
    cluster.run(300)
    assert (cluster.live, cluster.phase("web-2")) == (V2, "Succeeded")
    assert cluster.size(V1) == 0


@pytest.mark.parametrize(("old", "new"), [(1, 2), (2, 1), (3, 1), (1, 4)], ids=str)
@pytest.mark.parametrize("marks", [1, 2])
def test_a_crash_between_the_marks_of_going_back_loses_neither(old: int, new: int, marks: int) -> None:
    """Whatever the order of the revisions' names: what was sent back stays so, and what came back has no previous."""
    cluster = serving(blue_green(old))
    cluster.edit(template=template(new))
    cluster.promote("web-2")
    cluster.settle()
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.phase() == "Verifying")
    cluster.say("web-2", abort="no")
    writes = cluster.decide().writes
    made = [number for number, write in enumerate(writes, 1) if isinstance(write, MarkRevision)]
    assert len(made) == 2
    cluster.once(writes=made[marks - 1])
    cluster.controllers()
    cluster.run(120)
    back, out = (revision_of(blue_green(version)) for version in (old, new))
    assert (cluster.live, cluster.phase("web-2")) == (back, "Aborted")
    assert "slipway.dev/returned-at" in cluster.marks(back)
    assert "slipway.dev/rejected" in cluster.marks(out)
