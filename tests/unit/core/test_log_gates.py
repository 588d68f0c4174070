"""Gates that count lines of logs: the same four verdicts, and what follows from them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import PydanticCustomError
from tests.unit.core.cluster import Cluster, revision_of, serving
from tests.unit.core.objects import Object, blue_green, canary, template

from slipway.api.analysis import Gate
from slipway.api.log_lines import ERROR_LINES, check_pattern, compiled
from slipway.core.decision import LogProbe
from slipway.core.snapshot import Settings

V1, V2 = (revision_of(blue_green(version)) for version in (1, 2))


def counting(spec: Object, **gate: Any) -> Object:
    made = {"name": "errors", "preset": "error-lines", "below": 0.5, "window": "2s", **gate}
    return spec | {"analysis": {"interval": "1s", "noDataTimeout": "10m", "gates": [made]}}


def launched(spec: Object, **answers: Any) -> Cluster:
    """The second revision is approved, and its log has this; stable's has no error."""
    cluster = serving(spec)
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    cluster.count = lambda probe: answers if probe.revision == V2 else {"value": 0.1}
    cluster.approve("web-2")
    return cluster


@pytest.mark.parametrize("spec", [blue_green(), canary()])
def test_a_candidate_that_logs_errors_goes_back(spec: Object) -> None:
    cluster = launched(counting(spec), value=0.7)
    assert cluster.run(120, lambda: cluster.phase("web-2") == "RolledBack"), cluster.status
    assert "errors 0.7 is not < 0.5" in cluster.get("Promotion", "web-2")["status"]["message"]
    assert cluster.live == V1


def test_a_candidate_that_logs_none_is_launched_without_any_metrics_source() -> None:
    spec = counting(canary())
    cluster = Cluster(spec)
    cluster.settings = Settings(sources=frozenset())
    cluster.measure = lambda _: {"error": "there is no metrics source"}
    cluster.promote("web-1", environment=spec["environment"])
    cluster.settle()
    cluster.approve("web-1")
    assert cluster.run(60, lambda: cluster.phase("web-1") == "Succeeded"), cluster.status


@pytest.mark.parametrize("answer", [{"no_data": "pod web-0 is gone"}, {"error": "no right"}])
def test_nothing_advances_and_nothing_goes_back_on_logs_that_cannot_be_counted(answer: Object) -> None:
    cluster = launched(counting(canary()), **answer)
    cluster.run(60)
    assert cluster.exposure(V2) == 25
    assert cluster.phase("web-2") in {"Shifting", "Held"}
    gate = next(gate for gate in cluster.status["gates"] if gate["name"] == "errors")
    assert gate["verdict"] == ("NoData" if "no_data" in answer else "Error")
    assert next(iter(answer.values())) in gate["message"]


def test_the_lines_of_stable_are_the_baseline_where_the_gate_compares() -> None:
    spec = counting(blue_green(), below=None, baseline={"maxIncrease": "0.05"})
    del spec["analysis"]["gates"][0]["below"]
    fine = launched(spec, value=0.14)
    assert fine.run(120, lambda: fine.phase("web-2") == "Succeeded"), fine.status
    worse = launched(spec, value=0.2)
    assert worse.run(120, lambda: worse.phase("web-2") == "RolledBack"), worse.status
    assert "≤ 0.15 (baseline 0.1)" in worse.get("Promotion", "web-2")["status"]["message"]


def test_what_is_asked_for_names_the_revision_the_pattern_and_the_container() -> None:
    lines = {"pattern": "no stock", "container": "web"}
    spec = counting(canary(), logs=lines)
    del spec["analysis"]["gates"][0]["preset"]
    cluster = launched(spec, value=0.0)
    asked: list[LogProbe] = []
    cluster.count = lambda probe: asked.append(probe) or {"value": 0.0}  # type: ignore[func-returns-value]
    cluster.measured.clear()
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")
    assert {(p.rollout, p.revision, p.pattern, p.container) for p in asked} == {("web", V2, "no stock", "web")}
    assert all(0 < probe.window.total_seconds() <= 2 for probe in asked)
    assert {probe.preset for _, probe, _ in cluster.measured} <= {"requests"}


def test_without_a_pattern_lines_about_errors_are_counted() -> None:
    for gate in ({"preset": "error-lines"}, {"logs": {}}):
        lines = Gate.model_validate({"name": "e", "below": 1, **gate}).counts
        assert lines is not None
        assert (lines.pattern, lines.container) == (None, None)
    assert compiled(ERROR_LINES).search(b"level=error")


@pytest.mark.parametrize("gate", [{"logs": {}, "query": "up"}, {"logs": {}, "preset": "error-lines"}, {}])
def test_a_gate_asks_one_thing(gate: Object) -> None:
    with pytest.raises(ValidationError, match="exactly one of preset, query and logs"):
        Gate.model_validate({"name": "e", "below": 1, **gate})


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", r"(a)\1", "a{1001}", "(((a{100}){100}){100})"])
def test_a_pattern_that_cannot_be_used_is_refused_with_its_path(pattern: str) -> None:
    with pytest.raises(ValidationError, match="cannot be used: ") as refused:
        Gate.model_validate({"name": "e", "below": 1, "logs": {"pattern": pattern}})
    assert refused.value.errors()[0]["loc"] == ("logs", "pattern")


@given(st.text(min_size=1, max_size=512))
def test_any_text_is_a_pattern_or_is_refused(pattern: str) -> None:
    try:
        check_pattern(pattern)
    except PydanticCustomError:
        return
    compiled(pattern).search(b"ERROR")
