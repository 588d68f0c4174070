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


# --- Without a number of stable, on an approver's word -----------------------------------------------------------


def overridden(cluster: Cluster) -> str:
    found = cluster.get("Promotion", "web-2")["status"]["conditions"]
    return next((c["message"] for c in found if c["type"] == "NoDataAccepted"), "")


@pytest.mark.parametrize(
    ("spec", "too_little", "enough"), [(blue_green(), 99, 100), (canary(), 24, 100)], ids=["blueGreen", "canary"]
)
def test_an_approver_accepts_that_there_is_no_baseline(spec: Object, too_little: int, enough: int) -> None:
    cluster = proposed(comparing(spec))
    numbers(cluster, stable=None, candidate=0.1)
    cluster.run(30)
    assert (cluster.phase(), cluster.exposure(V2)) == ("Held", 0)
    cluster.say("web-2", acceptNoData={"weight": too_little, "reason": "night"})
    cluster.run(30)
    assert (cluster.phase(), cluster.exposure(V2)) == ("Held", 0)
    cluster.say("web-2", acceptNoData={"weight": enough, "reason": "night"})
    assert cluster.run(120, lambda: cluster.phase() == "Verifying" and bool(cluster.status.get("gates")))
    assert [gate["verdict"] for gate in cluster.status["gates"]] == ["NoData"]
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status["message"]
    assert overridden(cluster).endswith("p95 had no data; accepted: night")
    assert Marks.read(cluster.marks(V2)).excused == ("p95",)
    taken = Marks.read(cluster.marks(V2)).baseline
    assert taken is not None
    assert (taken.values, taken.unmeasured) == ({}, ("p95",))


def test_it_is_recorded_from_the_first_request_on() -> None:
    cluster = proposed(comparing(canary()))
    numbers(cluster, stable=None, candidate=0.1)
    cluster.say("web-2", acceptNoData={"weight": 25, "reason": "night"})
    assert cluster.run(60, lambda: cluster.exposure(V2) == 25)
    assert overridden(cluster) == "at 0 % gates p95 had no data; accepted: night"


def test_each_share_wants_its_own_acceptance() -> None:
    cluster = proposed(comparing(canary()))
    numbers(cluster, stable=None, candidate=0.1)
    cluster.say("web-2", acceptNoData={"weight": 25, "reason": "night"})
    cluster.run(900)
    assert cluster.exposure(V2) == 50, "the step of 25 % was excused, that of 50 % is not"
    assert cluster.phase() == "Held"
    assert "no baseline of stable" in cluster.status["message"]


def test_own_bounds_hold_without_a_baseline_too() -> None:
    """Never over a Fail."""
    cluster = proposed(comparing(blue_green(), below=0.5))
    numbers(cluster, stable=None, candidate=0.6)
    cluster.say("web-2", acceptNoData={"weight": 100, "reason": "night"})
    assert cluster.run(120, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status["message"]


def test_an_error_of_the_source_is_not_accepted() -> None:
    cluster = proposed(comparing(blue_green()))
    cluster.measure = lambda _: {"error": "no answer"}
    cluster.say("web-2", acceptNoData={"weight": 100, "reason": "night"})
    cluster.run(60)
    assert (cluster.phase(), cluster.exposure(V2)) == ("Held", 0)


def test_what_can_be_measured_still_is() -> None:
    """The acceptance is about what is missing, not about what is there."""
    cluster = proposed(comparing(blue_green()))
    numbers(cluster, stable=0.1, candidate=0.2)
    cluster.say("web-2", acceptNoData={"weight": 100, "reason": "night"})
    assert cluster.run(120, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status["message"]


def test_a_comparison_that_was_never_excused_still_lets_nothing_pass() -> None:
    """A mark without this gate: nobody has accepted anything about it."""
    spec = RolloutSpec.model_validate(comparing(blue_green()))
    (kept,) = baseline.applied(spec, Baseline(V1, spec_at(), {})).analysis.gates
    assert kept.baseline is not None
    (excused,) = baseline.applied(spec, Baseline(V1, spec_at(), {}, ("p95",))).analysis.gates
    assert gates.judge(excused, Measured(at=spec_at(), value=0.1))[0] == "NoData"
    assert gates.bound(excused) == "≤ baseline + 20% (no baseline)"


def test_the_mark_says_what_was_not_measured() -> None:
    known = Marks(baseline=Baseline(V1, spec_at(), {"a": 1.0}, ("p95", "errors")))
    assert Marks.read(known.annotations()) == known
    assert "unmeasured" not in str(Marks(baseline=Baseline(V1, spec_at(), {"a": 1.0})).annotations())
