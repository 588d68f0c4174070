"""`slipway init --from`: manifests of Argo Rollouts and Flagger become Slipway's, and nothing of them goes unsaid."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from slipway.cli import app
from slipway.console.first_manifests import CannotBegin
from slipway.console.foreign import measured
from slipway.console.foreign.made import Wanted
from slipway.console.foreign.reading import _made, is_file, of_file
from slipway.console.lint import lint

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("*.yaml"))
STAGING = Wanted("staging")


def taken(name: str) -> tuple[dict[str, Any], str]:
    """The spec of the Rollout, and the notes."""
    (made,) = of_file(str(HERE / f"{name}.yaml"), STAGING)
    return made.manifests[0]["spec"], "\n".join(made.notes)


@pytest.mark.parametrize("automatic", [False, True])
@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_what_is_printed_is_right(tmp_path: Path, file: Path, automatic: bool) -> None:
    done = CliRunner().invoke(app, ["init", "--from", str(file), *(["--automatic"] if automatic else [])])
    assert done.exit_code == 0, done.stderr
    printed = tmp_path / "printed.yaml"
    printed.write_text(done.stdout)
    linted = lint([printed])
    assert (linted.documents, linted.findings) == (1 if automatic else 2, [])
    assert "things could not be carried over as they were" in done.stderr


def test_steps_of_a_canary_of_argo_rollouts() -> None:
    spec, notes = taken("argo-canary")
    assert spec["strategy"]["canary"] == {
        "steps": [
            {"weight": 10, "hold": "5m10s"},
            {"weight": 50, "hold": "0s"},
            {"weight": 80, "hold": "1h", "approval": "Required"},
        ],
        "keepPrevious": "2m",
    }
    assert spec["traffic"] == {"httpRoutes": [{"name": "web-route"}]}
    assert spec["service"] == {"ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    assert (spec["replicas"], spec["progressDeadline"]) == (4, "5m")
    assert "spec.strategy.canary.steps[2].setHeaderRoute: " in notes
    assert "has to list web and web-candidate" in notes


def test_the_service_of_before_never_selects_the_new_pods() -> None:
    for name, label in (("argo-canary", "web"), ("argo-blue-green", "api"), ("flagger", "podinfo")):
        assert taken(name)[0]["template"]["metadata"]["labels"] == {"app": f"{label}-slipway"}


def test_metrics_of_argo_rollouts() -> None:
    spec, notes = taken("argo-canary")
    (gate,) = spec["analysis"]["gates"]
    assert spec["analysis"]["interval"] == "20s"
    assert gate["query"].startswith(
        'sum(rate(requests_total{service="$(service).shop.svc.cluster.local",code!~"^5.*$$"}'
    )
    assert gate["query"].count("[$(window)]") == 2
    assert (gate["name"], gate["window"], gate["failureThreshold"]) == ("success-rate", "5m", 4)
    assert 0.94999 < gate["above"] < 0.95
    for path in ("metrics[1]: the condition", "metrics[2]: asks no Prometheus", "timeout: has no counterpart"):
        assert path in notes


def test_blue_green_of_argo_rollouts_with_a_workload_elsewhere() -> None:
    spec, notes = taken("argo-blue-green")
    assert spec["strategy"] == {"blueGreen": {"previewReplicas": 1, "keepPrevious": "10m"}}
    assert spec["service"] == {"ports": [{"name": "port-9000", "port": 9000}]}
    assert "AnalysisTemplate nowhere is not there" in notes
    assert "analysis.gates: there are none" in notes
    assert "antiAffinity" in notes


def test_a_canary_of_flagger() -> None:
    spec, notes = taken("flagger")
    steps = spec["strategy"]["canary"]["steps"]
    assert [(step["weight"], step["hold"]) for step in steps] == [(20, "1m"), (40, "1m"), (60, "1m"), (100, "0s")]
    assert [step.get("approval") for step in steps] == [None, None, None, "Required"]
    errors, latency, own = spec["analysis"]["gates"]
    assert (errors["preset"], errors["below"]) == ("error-rate", 0.01)
    assert (latency["preset"], latency["below"], latency["window"]) == ("latency-p95", 0.5, "30s")
    for name in ("$(namespace)", "$(deployment)", '"$(service)"', "[$(window)]"):
        assert name in own["query"]
    assert {gate["failureThreshold"] for gate in spec["analysis"]["gates"]} == {5}
    for path in ("spec.autoscalerRef: ", "spec.service.hosts: ", "spec.analysis.webhooks[1]: load (rollout)"):
        assert path in notes
    assert "datadog is no Prometheus" in notes


def test_without_traffic_routing_flagger_and_argo_rollouts_are_told_of_the_route() -> None:
    documents = list(yaml.safe_load_all((HERE / "argo-canary.yaml").read_text()))
    del documents[0]["spec"]["strategy"]["canary"]["trafficRouting"]
    (made,) = _made(documents, "x", STAGING)
    assert made.manifests[0]["spec"]["traffic"] == {"httpRoutes": [{"name": "web"}]}
    assert any("trafficRouting: names no HTTPRoute: write one" in note for note in made.notes)


@pytest.mark.parametrize(
    ("analysis", "weights"),
    [
        ({"stepWeights": [1, 2, 10, 80]}, [1, 2, 10, 80]),
        ({"stepWeights": [10, 5, 100]}, [5, 10]),
        ({"stepWeight": 50, "maxWeight": 50}, [50]),
        ({"stepWeight": 2, "maxWeight": 50}, list(range(2, 51, 4))),
        ({"stepWeight": 30}, [30, 60, 90]),
    ],
)
def test_weights_of_flagger(analysis: dict[str, Any], weights: list[int]) -> None:
    documents = list(yaml.safe_load_all((HERE / "flagger.yaml").read_text()))
    documents[0]["spec"]["analysis"] = {"interval": "30s", **analysis}
    (made,) = _made(documents, "x", STAGING)
    steps = made.manifests[0]["spec"]["strategy"]["canary"]["steps"]
    assert [step["weight"] for step in steps] == weights


def test_iterations_of_flagger_are_blue_green() -> None:
    documents = list(yaml.safe_load_all((HERE / "flagger.yaml").read_text()))
    documents[0]["spec"]["analysis"] = {"interval": "1m", "iterations": 10}
    (made,) = _made(documents, "x", STAGING)
    assert made.manifests[0]["spec"]["strategy"] == {"blueGreen": {"verify": "10m"}}


@pytest.mark.parametrize(
    ("success", "failure", "expected"),
    [
        ("result[0] < 2", "", {"below": 2.0}),
        ("result < 2 && result > 1", "", {"below": 2.0, "above": 1.0}),
        ("", "result[0] >= 10 || result[0] <= 1", {"below": 10.0, "above": 1.0}),
        ("result[0] == 1", "", None),
        ("isNaN(result[0]) || result[0] < 2", "", None),
        ("result[0] > 2 && result[0] < 1", "", None),
        ("", "", None),
    ],
)
def test_conditions_are_bounds_or_nothing(success: str, failure: str, expected: dict[str, float] | None) -> None:
    bounds = measured.bounds(success, failure)
    assert (bounds and bounds.fields()) == expected


@given(number=st.floats(-1e6, 1e6), value=st.floats(-1e6, 1e6), operator=st.sampled_from(["<", "<=", ">", ">="]))
def test_a_bound_is_kept_by_exactly_what_the_condition_takes(number: float, value: float, operator: str) -> None:
    bounds = measured.Bounds()
    bounds.add(operator, number)
    takes = {"<": value < number, "<=": value <= number, ">": value > number, ">=": value >= number}[operator]
    keeps = (bounds.below is None or value < bounds.below) and (bounds.above is None or value > bounds.above)
    assert keeps == takes


def test_dollars_of_a_query_stay_dollars() -> None:
    assert measured.filled('a{b=~"x$"}$(y){{ z }}', {"z": "$(window)"}) == ('a{b=~"x$$"}$$(y)$(window)', [])


def mappings(value: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every mapping below a spec, but for pods, which are carried over as they are."""
    found = []
    if isinstance(value, dict):
        found.append((path, value))
        for key, inner in value.items():
            if key not in ("template", "webhooks", "matchLabels", "labels", "args"):
                found += mappings(inner, f"{path}.{key}")
    if isinstance(value, list):
        for index, inner in enumerate(value):
            found += mappings(inner, f"{path}[{index}]")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_no_field_goes_unsaid(file: Path) -> None:
    documents = list(yaml.safe_load_all(file.read_text()))
    for place, (path, _) in enumerate(mappings(documents[0]["spec"], "spec")):
        changed = copy.deepcopy(documents)
        mappings(changed[0]["spec"], "spec")[place][1]["ofTomorrow"] = 1
        (made,) = _made(changed, "x", STAGING)
        # The field itself, or all that is around it.
        around = [note.partition(": ")[0] for note in made.notes]
        said = any(f"{path}.ofTomorrow".startswith(each) for each in around)
        if path != "spec.analysis":
            assert said, f"{path}.ofTomorrow"


ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 200) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["canary", "blueGreen", "steps", "setWeight", "pause", "duration", "analysis", "templates"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=60)
@given(strategy=st.fixed_dictionaries({"canary": ODD}) | ODD, analysis=ODD)
def test_whatever_somebody_wrote_is_refused_or_right(tmp_path_factory: Any, strategy: Any, analysis: Any) -> None:
    for name, field, value in (("argo-canary", "strategy", strategy), ("flagger", "analysis", analysis)):
        documents = list(yaml.safe_load_all((HERE / f"{name}.yaml").read_text()))
        documents[0]["spec"][field] = value
        try:
            (made,) = _made(documents, "x", STAGING)
        except CannotBegin:
            continue
        file = tmp_path_factory.getbasetemp() / f"{name}.yaml"
        file.write_text(yaml.safe_dump_all(made.manifests))
        assert [found for found in lint([file]).findings if found.wrong] == []


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    run = CliRunner().invoke
    assert run(app, ["init"]).exit_code == 2
    assert run(app, ["init", "web", "--from", "x.yaml"]).exit_code == 2
    assert run(app, ["init", "--from", "deployment/web"]).exit_code == 2
    empty = tmp_path / "empty.yaml"
    empty.write_text("kind: ConfigMap\n")
    done = run(app, ["init", "--from", str(empty)])
    assert (done.exit_code, "there is no Rollout of argoproj.io" in done.stderr) == (1, True)
    alone = next(iter(yaml.safe_load_all((HERE / "flagger.yaml").read_text())))
    done = run(app, ["init", "--from", "-"], input=yaml.safe_dump(alone))
    assert (done.exit_code, "Deployment podinfo is not there: give it too" in done.stderr) == (1, True)
    assert is_file("-")
    assert not is_file("canary/podinfo")
