"""Monitoring live: whether each gate has an answer for what serves now. And the ends of the operator's other checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.environments import message, result
from tests.unit.core.objects import ANALYSIS, GATE, Object, blue_green, template

from slipway.core.decision import MetricProbe
from slipway.core.gates_answer import NAME

V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))
ORDERS = {"name": "orders", "query": "orders", "above": 0.5, "window": "2s"}
Measure = Callable[[MetricProbe], dict[str, Any]]


def says(requests: object, orders: object = 1.0, rate: object = 0.001) -> Measure:
    """The answers by what is asked; a text is no data, and one that begins with `!` an error."""

    def answer(probe: MetricProbe) -> dict[str, Any]:
        found = {"requests": requests, "error-rate": rate, None: orders}[probe.preset]
        if isinstance(found, str):
            return {"error": found[1:]} if found.startswith("!") else {"no_data": found}
        return {"value": found}

    return answer


def proposed(measure: Measure, *gates: Object, **case: Any) -> Cluster:
    """A second version, with what the source says from now on."""
    cluster = serving(blue_green(analysis=ANALYSIS | {"gates": [GATE]}))
    cluster.measure = measure
    cluster.edit(template=template(2), analysis=ANALYSIS | {"gates": list(gates or (GATE, ORDERS))})
    cluster.promote("web-2", **case)
    cluster.settle()
    return cluster


def found(cluster: Cluster) -> Object:
    return result(cluster, "web-2", "gates-answer")


def test_it_passes_where_each_gate_has_an_answer() -> None:
    cluster = proposed(says(100))
    assert found(cluster)["result"] == "Passed"
    assert found(cluster)["message"] == "error-rate < 0.01 (now 0.001); orders > 0.5 (now 1)"
    assert cluster.phase("web-2") == "AwaitingApproval"


@pytest.mark.parametrize(("orders", "rate"), [("none", 0.001), ("none", "none")], ids=["one", "all"])
def test_a_gate_without_data_while_users_are_there_blocks_and_says_what_to_do(orders: str, rate: object) -> None:
    cluster = proposed(says(100, orders, rate))
    assert found(cluster)["result"] == "Unverifiable"
    assert cluster.phase("web-2") == "Blocked"
    words = message(cluster, "web-2")
    for part in ("orders > 0.5: none", "100 requests in 2s", "notApplicable", f"revision {V1} takes requests"):
        assert part in words
    assert cluster.decide().writes == ()
    # It mends itself as soon as there is an answer.
    cluster.measure = says(100)
    assert cluster.run(10, lambda: cluster.phase("web-2") == "AwaitingApproval")


@pytest.mark.parametrize("requests", [0, "no requests", "!the source has no preset requests"], ids=str)
@pytest.mark.parametrize("rate", [0.001, "none"], ids=str)
def test_without_users_nothing_can_be_told_and_nothing_is_stuck(requests: object, rate: object) -> None:
    cluster = proposed(says(requests, "none", rate))
    assert found(cluster)["result"] == "NotApplicable"
    assert "orders > 0.5: none" in found(cluster)["message"]
    assert "not seen to take requests" in found(cluster)["message"]
    assert cluster.phase("web-2") == "AwaitingApproval"


def test_fewer_requests_than_a_gate_asks_for_are_none() -> None:
    cluster = proposed(says(49, "none"), ORDERS | {"minRequests": 50})
    assert found(cluster)["result"] == "NotApplicable"
    cluster = proposed(says(50, "none"), ORDERS | {"minRequests": 50})
    assert found(cluster)["result"] == "Unverifiable"


def test_an_error_blocks_whoever_is_there() -> None:
    cluster = proposed(says(0, "!bad query"))
    assert found(cluster)["result"] == "Unverifiable"
    assert "orders > 0.5: bad query" in message(cluster, "web-2")


def test_no_gates_and_no_stable_revision_are_reasons() -> None:
    first = Cluster(blue_green())
    first.promote("web-1")
    first.settle()
    check = result(first, "web-1", "gates-answer")
    assert (check["result"], check["message"]) == (
        "NotApplicable",
        "no revision serves yet that the gates could be tried on",
    )
    cluster = serving(blue_green())
    cluster.edit(template=template(2), analysis={"gates": []})
    cluster.promote("web-2")
    cluster.settle()
    assert (found(cluster)["result"], found(cluster)["message"]) == ("NotApplicable", "spec.analysis.gates is empty")


def test_logs_go_by_no_requests() -> None:
    lines = {"name": "lines", "preset": "error-lines", "below": 1, "window": "2s"}
    cluster = serving(blue_green())
    cluster.measure = says(100)
    cluster.count = lambda _: {"no_data": "its log begins within the window"}
    cluster.edit(template=template(2), analysis=ANALYSIS | {"gates": [GATE, lines]})
    cluster.promote("web-2")
    cluster.settle()
    assert found(cluster)["result"] == "NotApplicable"
    assert "its log begins within the window" in found(cluster)["message"]


def test_a_person_may_say_why_it_does_not_apply() -> None:
    why = {"name": "gates-answer", "notApplicable": {"reason": "orders are taken at night only"}}
    cluster = proposed(says(100, "none"), checks=[why])
    assert found(cluster)["result"] == "NotApplicable"
    assert "orders are taken at night only" in found(cluster)["message"]
    assert cluster.phase("web-2") == "AwaitingApproval"


def test_a_policy_may_make_it_advisory() -> None:
    cluster = serving(blue_green())
    cluster.put("PromotionPolicy", {"metadata": {"name": "o"}, "spec": {"match": {}, "advisoryChecks": [NAME]}})
    cluster.measure = says(100, "none")
    cluster.edit(template=template(2), analysis=ANALYSIS | {"gates": [ORDERS]})
    cluster.promote("web-2")
    cluster.settle()
    assert found(cluster)["result"] == "Unverifiable"
    assert cluster.phase("web-2") == "AwaitingApproval"


# --- Ends of the operator's other checks


def test_a_serving_container_without_a_readiness_probe_fails() -> None:
    cluster = serving(blue_green())
    cluster.edit(template=template(2, readinessProbe=None))
    cluster.promote("web-2")
    cluster.settle()
    assert result(cluster, "web-2", "health-probe")["result"] == "Failed"
    assert cluster.phase("web-2") == "Blocked"
    assert "spec.template.spec.containers[0].readinessProbe is missing" in message(cluster, "web-2")


def test_a_reference_to_a_configmap_that_is_missing_fails_and_mends_itself() -> None:
    cluster = serving(blue_green())
    cluster.broken[V2] = "CreateContainerConfigError"
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    check = result(cluster, "web-2", "references-exist")
    assert check["result"] == "Failed"
    assert "the kubelet's words" in check["message"]
    assert cluster.phase("web-2") == "Blocked"
    cluster.broken.clear()
    cluster.controllers()
    cluster.settle()
    assert cluster.phase("web-2") == "AwaitingApproval"
