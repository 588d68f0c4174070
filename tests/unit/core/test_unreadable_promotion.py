"""A Promotion that cannot be read any more during its shift: a field that only a newer operator knows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, shifting
from tests.unit.core.environments import automatic
from tests.unit.core.objects import canary, template
from tests.unit.core.test_watch import launched

V2 = revision_of(canary(2))
UNKNOWN: dict[str, Any] = {"futureField": {"a": 1}}
AGAIN: dict[str, Any] = {"futureField": None}


def automatically() -> Cluster:
    """The same shift under Automatic, led by a Promotion."""
    spec = canary(2)
    cluster = automatic(strategy=spec["strategy"], replicas=4, traffic=spec["traffic"])
    cluster.promote("web-2", environment="staging")
    cluster.edit(template=template(2))
    assert cluster.run(60, lambda: cluster.exposure(V2) == 25)
    return cluster


def stays(cluster: Cluster) -> bool:
    """For longer than all steps last."""
    cluster.run(50)
    return cluster.weight == 25 and cluster.phase() == "Held"


@pytest.mark.parametrize("said", [{}, {"hold": "stop"}, {"approved": False, "approvals": None}], ids=["", "held", "no"])
def test_semantics_25_nothing_advances_while_its_words_cannot_be_read(said: dict[str, Any]) -> None:
    cluster = shifting(canary())
    cluster.say("web-2", **said, **UNKNOWN)
    assert stays(cluster), cluster.status["message"]
    assert "Promotion web-2 cannot be read: spec.futureField: " in cluster.status["message"]
    assert (
        f'remove or correct that field, or go back with spec.abort: "{V2}" on the Rollout' in cluster.status["message"]
    )
    assert "kubectl" not in cluster.status["message"]
    assert cluster.phase("web-2") == "Blocked"


def test_under_automatic_too_where_a_promotion_leads() -> None:
    cluster = automatically()
    cluster.say("web-2", hold="stop", **UNKNOWN)
    assert stays(cluster), cluster.status["message"]
    cluster.say("web-2", hold=None, **AGAIN)
    assert cluster.run(200, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status["message"]


def test_it_goes_on_under_the_same_approval_once_the_field_is_gone() -> None:
    cluster = shifting(canary())
    cluster.say("web-2", **UNKNOWN)
    assert stays(cluster)
    cluster.say("web-2", **AGAIN)
    assert cluster.run(200, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status["message"]


def test_semantics_27_gates_protect_and_the_rollout_goes_back() -> None:
    cluster = shifting(canary())
    cluster.say("web-2", **UNKNOWN)
    assert stays(cluster)
    cluster.edit(abort=V2)
    assert cluster.run(60, lambda: cluster.exposure(V2) == 0)
    cluster = shifting(canary())
    cluster.say("web-2", **UNKNOWN)
    cluster.measure = lambda _: {"value": 0.5}
    assert cluster.run(60, lambda: cluster.exposure(V2) == 0)


def test_semantics_27_its_abort_is_understood() -> None:
    cluster = shifting(canary())
    cluster.say("web-2", abort="orders fail", **UNKNOWN)
    assert cluster.run(60, lambda: cluster.exposure(V2) == 0 and cluster.phase("web-2") == "Aborted")
    assert "aborted on Promotion web-2: orders fail" in cluster.status["message"]


def test_semantics_27_its_abort_is_understood_in_the_watch() -> None:
    cluster = launched()
    serves = cluster.live
    cluster.say("web-2", abort="orders fail", **UNKNOWN)
    assert cluster.run(60, lambda: cluster.live != serves and cluster.phase("web-2") == "Aborted")


@pytest.mark.parametrize("said", [7, {"a": "b"}, [], ""])
def test_an_abort_that_is_no_word_is_none(said: Any) -> None:
    cluster = shifting(canary())
    cluster.say("web-2", abort=said, **UNKNOWN)
    assert stays(cluster), cluster.status["message"]


def test_under_automatic_too_where_it_came_during_the_shift() -> None:
    spec = canary(2)
    cluster = automatic(strategy=spec["strategy"], replicas=4, traffic=spec["traffic"])
    cluster.edit(template=template(2))
    assert cluster.run(60, lambda: cluster.exposure(V2) == 25)
    cluster.promote("web-2", environment="staging", hold="stop")
    assert stays(cluster)
    cluster.say("web-2", **UNKNOWN)
    assert stays(cluster), cluster.status["message"]
    assert "Promotion web-2 cannot be read" in cluster.status["message"]
    cluster.remove("Promotion", "web-2")
    assert cluster.run(200, lambda: cluster.live == V2 and cluster.phase() == "Healthy"), cluster.status["message"]


def test_semantics_30_one_that_never_led_stops_nothing() -> None:
    cluster = automatically()
    cluster.promote("web-3", environment="staging", hold="stop", **UNKNOWN)
    assert cluster.run(200, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status["message"]
