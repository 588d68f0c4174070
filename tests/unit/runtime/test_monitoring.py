"""Alerts and dashboards speak of metrics that the operator has, and of pages that exist."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from slipway.api.instant import format_instant
from slipway.cluster.cache import Cache
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS
from slipway.runtime.fleet import Fleet
from slipway.runtime.launches import Launches
from slipway.runtime.telemetry import Telemetry

REPOSITORY = Path(__file__).parents[3]
MONITORING = REPOSITORY / "manifests" / "monitoring"
RULES = yaml.safe_load((MONITORING / "rules.yaml").read_text())
OF_ALL = [rule for group in RULES["groups"] for rule in group["rules"]]
ALERTS = [rule for rule in OF_ALL if "alert" in rule]
RECORDED = {rule["record"] for rule in OF_ALL if "record" in rule}
_METRIC = re.compile(r"\bslipway[_:][\w:]+")
HOUR = timedelta(hours=1)
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


def registry() -> CollectorRegistry:
    """All that an operator can have, with a sample of everything that is read from objects."""
    telemetry, cache = Telemetry(), Cache()
    meta = {"namespace": "a", "name": "b", "uid": "c", "resourceVersion": "1"}
    now = datetime.now(UTC)
    back = {"revision": "o", "promotion": "b2", "outcome": "RolledBack", "at": format_instant(now - HOUR)}
    status = {
        "phase": "Shifting",
        "candidate": {"revision": "r"},
        "gates": [{"name": "g", "verdict": "Pass", "value": 1, "bound": "< 1"}],
        "history": [back],
    }
    cache.upsert(ROLLOUTS, {"metadata": meta, "spec": {}, "status": status})
    waiting = {"phase": "AwaitingApproval", "startedAt": "2026-01-01T00:00:00Z"}
    cache.upsert(PROMOTIONS, {"metadata": meta, "spec": {"rollout": "b"}, "status": waiting})
    times = {name: format_instant(now) for name in ("shiftedAt", "finishedAt")}
    other = {**meta, "name": "b2", "uid": "d", "creationTimestamp": format_instant(now - HOUR)}
    cache.upsert(PROMOTIONS, {"metadata": other, "spec": {"rollout": "b"}, "status": {"phase": "RolledBack", **times}})
    Launches(telemetry.registry, lambda namespace, name: None)
    telemetry.registry.register(Fleet(cache, lambda: True, lambda: now))
    return telemetry.registry


def known() -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of every metric that an operator can have, counters with `_total`."""
    found = registry()
    # A labelled metric has no sample before it has counted something, but it knows its labels.
    named = {one._name: one._labelnames for one in found._collector_to_names if isinstance(one, MetricWrapperBase)}
    return {
        family.name + ("_total" if family.type == "counter" else ""): (
            family.type,
            frozenset(named.get(family.name, family.samples[0].labels if family.samples else ())),
        )
        for family in found.collect()
    }


def variables(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """What the user chooses from, where metrics say what there is to choose."""
    return [one for one in dashboard["templating"]["list"] if one["type"] == "query"]


def expressions() -> Iterator[tuple[str, str]]:
    for rule in OF_ALL:
        yield rule.get("alert") or rule["record"], rule["expr"]
    for file in sorted(MONITORING.glob("*.json")):
        dashboard = json.loads(file.read_text())
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield f"{file.name}: {panel['title']}", target["expr"]
        for variable in variables(dashboard):
            yield f"{file.name}: variable {variable['name']}", variable["query"]["query"]


@pytest.mark.parametrize(("where", "expression"), [*expressions()])
def test_every_metric_that_is_asked_for_exists(where: str, expression: str) -> None:
    asked = {_SUFFIX.sub("", name) for name in _METRIC.findall(expression)}
    assert asked, where
    assert asked <= known().keys() | RECORDED


@pytest.mark.parametrize("file", sorted(MONITORING.glob("*.json")), ids=lambda file: file.name)
def test_what_is_chosen_from_is_a_label_of_its_metric(file: Path) -> None:
    dashboard = json.loads(file.read_text())
    chosen = {variable["name"] for variable in variables(dashboard)}
    for variable in variables(dashboard):
        assert variable["definition"] == variable["query"]["query"], "Grafana shows the one and asks the other"
        asked = re.fullmatch(r"label_values\((\w+)(?:\{(.*)\})?, (\w+)\)", variable["definition"])
        assert asked is not None, variable["definition"]
        metric, matchers, label = asked.groups()
        matched = re.findall(r'(\w+)="\$(\w+)"', matchers or "")
        assert {label, *(name for name, _ in matched)} <= known()[metric][1]
        assert {name for _, name in matched} <= chosen
    used = set(re.findall(r"\$(\w+)", " ".join(t["expr"] for p in dashboard["panels"] for t in p.get("targets", []))))
    assert used - {"__rate_interval", "__range", "__interval"} <= chosen


def test_the_page_of_metrics_says_what_there_is_of_which_type_with_which_labels() -> None:
    page = (REPOSITORY / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(slipway_\w+)` \| (\w+) \|([^|]*)\|", page, re.MULTILINE)
    told = {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert told == known()
    assert len(rows) == len(told), "a metric is there twice"


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_section_that_says_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    file, _, section = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (\w+)$", (REPOSITORY / file).read_text(), re.MULTILINE)
    assert section in {heading.lower() for heading in headings}
    assert section == str(rule["alert"]).lower()


@pytest.mark.parametrize("file", sorted(MONITORING.glob("*.json")), ids=lambda file: file.name)
def test_panels_of_a_dashboard_have_places_of_their_own(file: Path) -> None:
    panels = json.loads(file.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels)
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(taken) == len(set(taken)), "panels lie upon each other"
    assert all(x < 24 for x, _ in taken)
