"""Gates that compare the candidate with what stable did right before the first request moved."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.objects import Object, blue_green, canary, template

from slipway.api.analysis import Gate
from slipway.api.rollout import RolloutSpec
from slipway.core import baseline, gates, marks
from slipway.core.decision import MetricProbe
from slipway.core.marks import Baseline, Marks
from slipway.core.snapshot import Measured

V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))


def comparing(spec: Object, **bounds: Any) -> Object:
    gate = {"name": "p95", "preset": "latency-p95", "window": "1s", "baseline": {"maxIncrease": "20%"}, **bounds}
    return spec | {"analysis": {"interval": "1s", "noDataTimeout": "10m", "gates": [gate]}}


def numbers(cluster: Cluster, **by_revision: Any) -> None:
    def measure(probe: MetricProbe) -> dict[str, Any]:
        value = by_revision["stable" if probe.variables["revision"] == V1 else "candidate"]
        return {"no_data": "no series"} if value is None else {"value": value}

    cluster.measure = measure


def proposed(spec: Object) -> Cluster:
    cluster = serving(spec)
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    cluster.approve("web-2")
    return cluster


def gate(**bounds: Any) -> Gate:
    return Gate.model_validate({"name": "p95", "preset": "latency-p95", **bounds})


def verdict(wanted: Gate, known: float, value: float) -> str:
    spec = RolloutSpec.model_validate(
        comparing(blue_green(), **wanted.model_dump(mode="json", by_alias=True, exclude_none=True))
    )
    bounded = baseline.applied(spec, Baseline(V1, spec_at(), {"p95": known})).analysis.gates[0]
    return str(gates.judge(bounded, Measured(at=spec_at(), value=value))[0])


def spec_at() -> Any:
    return Cluster(blue_green()).now


@pytest.mark.parametrize(
    ("compare", "known", "value", "expected"),
    [
        ({"maxIncrease": "20%"}, 1.0, 1.2, "Pass"),
        ({"maxIncrease": "20%"}, 1.0, 1.21, "Fail"),
        ({"maxIncrease": "20%"}, 0.0, 0.0, "Pass"),
        ({"maxIncrease": "0.05"}, 0.2, 0.24, "Pass"),
        ({"maxIncrease": "0.05"}, 0.2, 0.26, "Fail"),
        ({"maxDecrease": "10%"}, 100.0, 90.0, "Pass"),
        ({"maxDecrease": "10%"}, 100.0, 89.0, "Fail"),
        ({"maxDecrease": "10%"}, -100.0, -110.0, "Pass"),
        ({"maxDecrease": "10%"}, -100.0, -111.0, "Fail"),
        ({"maxIncrease": "10%", "maxDecrease": "10%"}, 100.0, 111.0, "Fail"),
    ],
)
def test_bounds_come_of_the_baseline(compare: Object, known: float, value: float, expected: str) -> None:
    assert verdict(gate(baseline=compare), known, value) == expected


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.integers(0, 500))
def test_what_is_as_good_as_the_baseline_always_passes(known: float, value: float, percent: int) -> None:
    wanted = gate(baseline={"maxIncrease": f"{percent}%"})
    assert verdict(wanted, known, known) == "Pass"
    assert verdict(wanted, known, min(known, value)) == "Pass"


def test_own_bounds_hold_beside_the_comparison() -> None:
    wanted = gate(below=0.5, baseline={"maxIncrease": "1000%"})
    assert verdict(wanted, 0.4, 0.6) == "Fail"
    assert verdict(wanted, 0.4, 0.45) == "Pass"


@pytest.mark.parametrize("compare", [{}, {"maxIncrease": "20 %"}, {"maxIncrease": "-5%"}, {"maxIncrease": "a lot"}])
def test_a_comparison_that_cannot_be_read_is_refused(compare: Object) -> None:
    with pytest.raises(ValidationError):
        gate(baseline=compare)


@pytest.mark.parametrize("spec", [blue_green(), canary()])
def test_stable_is_measured_before_the_first_request_moves_and_the_number_is_marked(spec: Object) -> None:
    cluster = proposed(comparing(spec))
    numbers(cluster, stable=0.1, candidate=0.11)
    cluster.before_write.append(lambda _: None if cluster.exposure(V2) == 0 else _marked(cluster))
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status
    taken = Marks.read(cluster.marks(V2)).baseline
    assert taken is not None
    assert (taken.revision, taken.values) == (V1, {"p95": 0.1})


def _marked(cluster: Cluster) -> None:
    assert marks.BASELINE in cluster.marks(V2)


@pytest.mark.parametrize("spec", [blue_green(), canary()])
def test_a_candidate_that_is_worse_than_stable_goes_back(spec: Object) -> None:
    cluster = proposed(comparing(spec))
    numbers(cluster, stable=0.1, candidate=0.13)
    assert cluster.run(120, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    assert "≤ 0.12 (baseline 0.1)" in cluster.get("Promotion", "web-2")["status"]["message"]


def test_without_a_baseline_no_request_moves_and_the_reason_is_said() -> None:
    cluster = serving(comparing(blue_green()))
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    numbers(cluster, stable=None, candidate=0.1)
    cluster.approve("web-2")
    cluster.run(30)
    assert cluster.live == V1
    assert cluster.phase() == "Held"
    assert "gate p95 has no baseline" in cluster.status["message"]
    numbers(cluster, stable=0.1, candidate=0.1)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status


def test_the_baseline_survives_a_wipe_of_status() -> None:
    cluster = proposed(comparing(canary()))
    numbers(cluster, stable=0.1, candidate=0.1)
    assert cluster.run(60, lambda: cluster.weight == 25)
    cluster.wipe_status()
    numbers(cluster, stable=5.0, candidate=0.13)
    assert cluster.run(120, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status


def test_a_lost_baseline_lets_nothing_pass() -> None:
    cluster = proposed(comparing(canary()))
    numbers(cluster, stable=0.1, candidate=0.1)
    assert cluster.run(60, lambda: cluster.weight == 25)
    obj = cluster.get("ControllerRevision", f"web-{V2}")
    kept = {k: v for k, v in obj["metadata"]["annotations"].items() if k != marks.BASELINE}
    cluster.put("ControllerRevision", {**obj, "metadata": {**obj["metadata"], "annotations": kept}})
    cluster.run(60)
    assert cluster.weight == 25
    assert "baseline is not known" in cluster.status["message"]


def test_a_first_revision_has_nothing_to_compare_with_and_says_so() -> None:
    cluster = Cluster(comparing(blue_green()))
    cluster.promote("web-1")
    cluster.settle()
    cluster.approve("web-1")
    assert cluster.run(60, lambda: cluster.phase() == "Verifying")
    cluster.run(3)
    assert [g["verdict"] for g in cluster.status["gates"]] == ["NotApplicable"]
    assert cluster.run(60, lambda: cluster.phase("web-1") == "Succeeded"), cluster.status


def test_own_bounds_of_a_first_revision_hold() -> None:
    cluster = Cluster(comparing(blue_green(), below=0.5))
    cluster.promote("web-1")
    cluster.settle()
    cluster.measure = lambda _: {"value": 0.9}
    cluster.approve("web-1")
    assert cluster.run(60, lambda: cluster.phase() == "Degraded"), cluster.status


def test_a_watch_compares_with_the_same_baseline() -> None:
    cluster = serving(comparing(blue_green()))
    cluster.edit(template=template(2))
    cluster.promote("web-2", watch=[{"for": "1h", "interval": "10s"}])
    cluster.settle()
    numbers(cluster, stable=0.1, candidate=0.1)
    cluster.approve("web-2")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "Watching")
    cluster.run(60)
    numbers(cluster, stable=5.0, candidate=0.13)
    assert cluster.run(60, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
