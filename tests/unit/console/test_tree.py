"""What `slipway get` and `slipway explain` make of a Rollout."""

import copy
from io import StringIO
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from slipway.api.rollout import read_status
from slipway.console.explain import explain
from slipway.console.tree import Trace, row, sparkline, tree

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["phase", "gates", "a"]), inner),
    max_leaves=6,
)
ROLLOUT: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "shop", "generation": 2},
    "spec": {},
    "status": {
        "observedGeneration": 2,
        "phase": "Shifting",
        "strategy": "Canary",
        "message": "candidate bbb at 10 % for 2m of 5m",
        "stable": {"revision": "aaa", "deployment": "web-aaa", "images": ["web:1"]},
        "candidate": {"revision": "bbb", "deployment": "web-bbb", "images": ["web:2"], "weight": 10},
        "promotion": "web-2",
        "gates": [{"name": "error-rate", "verdict": "NoData", "bound": "< 0.01", "message": "no data for 1m"}],
        "smokeTests": [{"name": "home", "verdict": "Pass", "message": "HTTP 200"}],
    },
}
PROMOTION: dict[str, Any] = {
    "metadata": {"name": "web-2", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {"rollout": "web", "hold": "lunch"},
    "status": {
        "phase": "Held",
        "message": "held: lunch",
        "checks": [{"name": "tests", "category": "Quality", "result": "Failed", "message": "3 of 185 failed"}],
        "approvals": [{"by": "ada", "at": "2026-01-01T00:00:00Z", "planHash": "x", "identity": "verified"}],
    },
}
LABELS = {"slipway.dev/revision": "bbb"}
DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "web-bbb", "labels": LABELS},
    "spec": {"replicas": 2, "template": {"spec": {"containers": [{"image": "web:2"}]}}},
    "status": {"readyReplicas": 1},
}
PODS: list[dict[str, Any]] = [
    {
        "metadata": {"name": "web-bbb-1", "labels": LABELS},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    },
    {
        "metadata": {"name": "web-bbb-2", "labels": LABELS},
        "status": {"containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
    },
]


def drawn(*parts: Any) -> str:
    console = Console(width=200, file=StringIO())
    with console.capture() as captured:
        console.print(tree(*parts))
    return captured.get()


def test_a_tree_shows_what_was_delivered() -> None:
    summary = {
        "outcome": "Succeeded",
        "delivered": "v2: Pay later.",
        "environment": "demo",
        "strategy": "Canary",
        "revision": "bbb",
        "checks": "1 of 1 passed",
    }
    done = {**PROMOTION, "status": {**PROMOTION["status"], "phase": "Watching", "summary": summary}}
    assert "delivered: v2: Pay later." in drawn(ROLLOUT, [done], [DEPLOYMENT], PODS)
    back = {**done, "status": {**done["status"], "summary": {**summary, "wentBack": "gate error-rate"}}}
    assert "to be delivered: v2: Pay later." in drawn(ROLLOUT, [back], [DEPLOYMENT], PODS)


def test_a_tree_shows_where_the_traffic_is_and_why_it_waits() -> None:
    text = drawn(ROLLOUT, [PROMOTION], [DEPLOYMENT], PODS)
    for words in (
        "Rollout shop/web  Shifting",
        "revision aaa  stable  90 % of the traffic",
        "revision bbb  candidate  10 % of the traffic",
        "Deployment web-bbb  1/2 ready  web:2",
        "Pod web-bbb-1  ready",
        "Pod web-bbb-2  ImagePullBackOff",
        "NoData        error-rate  – < 0.01",
        "Promotion web-2  Held",
        "approved by ada (verified)",
        "Failed        tests  3 of 185 failed",
    ):
        assert words in text, f"{words!r} is not in\n{text}"


def test_a_line_for_each_rollout() -> None:
    assert row(ROLLOUT)[:7] == ("shop", "web", "Canary", "Shifting", "10%", "aaa", "bbb")


def test_an_explanation_ends_with_the_next_command() -> None:
    lines = list(explain(ROLLOUT, [PROMOTION]))
    assert "  gate error-rate: NoData: no data for 1m" in lines
    assert "  check tests: Failed: 3 of 185 failed" in lines
    assert lines[-1] == "  next: slipway resume web-2 -n shop"


def unasked(result: str) -> Any:
    checks = [{"name": "gates-answer", "result": result, "message": "orders: none", "category": "Operations"}]
    candidate = {"revision": "bbb", "weight": 0, "checks": checks}
    status = {**ROLLOUT["status"], "phase": "AwaitingPromotion", "candidate": candidate, "promotion": None}
    return {**ROLLOUT, "spec": {**ROLLOUT["spec"], "approval": "Automatic"}, "status": status}


def test_where_nobody_is_asked_the_checks_are_the_rollouts() -> None:
    assert "Unverifiable  gates-answer  orders: none" in drawn(unasked("Unverifiable"), [], [DEPLOYMENT], PODS)
    assert "  check gates-answer: Unverifiable: orders: none" in list(explain(unasked("Unverifiable"), []))
    assert not [line for line in explain(unasked("Passed"), []) if "gates-answer" in line]


def test_an_invalid_rollout_is_told_once_and_asks_to_be_corrected_not_for_a_promotion() -> None:
    words = "spec.analysis.source: there is no source default"
    accepted = {"type": "Accepted", "status": "False", "reason": "UnknownSource", "message": words}
    accepted["lastTransitionTime"] = "2026-11-22T01:00:00Z"
    status = {"phase": "Invalid", "message": words, "conditions": [accepted], "candidate": {"revision": "bbb"}}
    invalid = {**ROLLOUT, "status": {**status, "observedGeneration": 9}}
    assert list(explain(invalid, [])) == [
        f"Rollout web is Invalid: {words}",
        "  next: correct that field: kubectl edit rollouts.slipway.dev web -n shop",
    ]


def test_a_rollout_that_nobody_looked_at() -> None:
    (line,) = explain({"metadata": {"name": "web", "namespace": "shop"}, "spec": {}}, [])
    assert line.startswith("No operator has looked at Rollout web yet")


@given(st.lists(st.floats(min_value=0, max_value=1e9), min_size=1, max_size=50))
def test_a_sparkline_has_a_bar_for_each_value_and_the_largest_is_the_highest(values: list[float]) -> None:
    bars = sparkline(values)
    assert len(bars) == len(values)
    assert max(bars) == bars[values.index(max(values))]


def test_values_gather_while_somebody_looks_on_each_measurement_once() -> None:
    trace = Trace()
    for second, value in ((1, 0.5), (1, 0.5), (2, 1.0)):
        rollout = copy.deepcopy(ROLLOUT)
        rollout["status"]["gates"] = [
            {"name": "e", "verdict": "Pass", "value": value, "measuredAt": f"2026-01-01T00:00:0{second}Z"}
        ]
        trace.add("shop/web", read_status(rollout))
    assert trace.line("shop/web", "", "e") == "▅█"


def test_the_bars_of_two_revisions_are_two_lines() -> None:
    trace = Trace()
    for revision, second in (("aaa", 1), ("aaa", 2), ("bbb", 3), ("bbb", 4)):
        rollout = copy.deepcopy(ROLLOUT)
        value = 0.5 if revision == "aaa" else float(second)
        measured = {"name": "e", "revision": revision, "verdict": "Pass", "value": value}
        rollout["status"]["gates"] = [{**measured, "measuredAt": f"2026-01-01T00:00:0{second}Z"}]
        trace.add("shop/web", read_status(rollout))
    assert (trace.line("shop/web", "aaa", "e"), trace.line("shop/web", "bbb", "e")) == ("██", "▇█")


def test_one_look_shows_the_course_that_status_keeps_and_the_next_what_is_new() -> None:
    rollout = copy.deepcopy(ROLLOUT)
    recent = [{"at": f"2026-01-01T00:00:0{n}Z", "value": float(n), "verdict": "Pass"} for n in (1, 2, 3)]
    measured = {"name": "error-rate", "verdict": "NoData", "bound": "< 9", "measuredAt": "2026-01-01T00:00:04Z"}
    rollout["status"]["gates"] = [measured | {"recent": recent}]
    trace = Trace()
    trace.add("shop/web", read_status(rollout))
    assert "error-rate  – < 9  ▃▆█" in drawn(rollout, [], [], [], trace)
    fifth = {"at": "2026-01-01T00:00:05Z", "value": 3.0, "verdict": "Pass"}
    rollout["status"]["gates"] = [measured | {"recent": [*recent[1:], fifth]}]
    trace.add("shop/web", read_status(rollout))
    assert trace.line("shop/web", "", "error-rate") == "▃▆██"


@given(rollout=JSON, promotion=JSON)
def test_any_status_can_be_shown(rollout: Any, promotion: Any) -> None:
    odd, other = copy.deepcopy(ROLLOUT), copy.deepcopy(PROMOTION)
    odd["status"], other["status"] = rollout, promotion
    drawn(odd, [other], [DEPLOYMENT], PODS)
    list(explain(odd, [other]))
    row(odd)
