"""Alerts and dashboards speak of metrics that the operator has, and of pages that exist."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from slipway.cluster.cache import Cache
from slipway.cluster.resources import PROMOTIONS, ROLLOUTS
from slipway.runtime.fleet import Fleet, Launches
from slipway.runtime.telemetry import Telemetry

REPOSITORY = Path(__file__).parents[3]
MONITORING = REPOSITORY / "manifests" / "monitoring"
RULES = yaml.safe_load((MONITORING / "rules.yaml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
_METRIC = re.compile(r"\bslipway_\w+")
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


def known() -> set[str]:
    """Every metric that an operator can have, counters with `_total`."""
    telemetry, cache = Telemetry(), Cache()
    meta = {"namespace": "a", "name": "b", "uid": "c", "resourceVersion": "1"}
    gate = {"name": "g", "below": 1}
    status = {
        "phase": "Shifting",
        "candidate": {"revision": "r"},
        "gates": [{"name": "g", "verdict": "Pass", "value": 1}],
    }
    cache.upsert(ROLLOUTS, {"metadata": meta, "spec": {"analysis": {"gates": [gate]}}, "status": status})
    waiting = {"phase": "AwaitingApproval", "startedAt": "2026-01-01T00:00:00Z"}
    cache.upsert(PROMOTIONS, {"metadata": meta, "spec": {"rollout": "b"}, "status": waiting})
    Launches(telemetry.registry, lambda namespace, name: None)
    telemetry.registry.register(Fleet(cache, lambda: True, lambda: datetime.now(UTC)))
    return {family.name + ("_total" if family.type == "counter" else "") for family in telemetry.registry.collect()}


def expressions() -> Iterator[tuple[str, str]]:
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]
    for file in sorted(MONITORING.glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", []):
                yield f"{file.name}: {panel['title']}", target["expr"]


@pytest.mark.parametrize(("where", "expression"), [*expressions()])
def test_every_metric_that_is_asked_for_exists(where: str, expression: str) -> None:
    asked = {_SUFFIX.sub("", name) for name in _METRIC.findall(expression)}
    assert asked, where
    assert asked <= known()


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_section_that_says_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    file, _, section = rule["annotations"]["runbook_url"].partition("#")
    headings = re.findall(r"^## (\w+)$", (REPOSITORY / file).read_text(), re.MULTILINE)
    assert section in {heading.lower() for heading in headings}
    assert section == str(rule["alert"]).lower()
