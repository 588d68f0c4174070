"""What a report says of cluster and case besides: where, by which address, how well, what is left. Nothing invented."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.cluster import Cluster
from tests.unit.core.objects import START, Object, backend, blue_green, canary, route, template
from tests.unit.core.test_report import report, status, text, waiting

from slipway.core.decision import NodeProbe
from slipway.core.report.addresses import addresses
from slipway.core.report.template import changes, probes
from slipway.core.snapshot import Located

AWS = Located(at=START, provider="aws", region="eu-central-1")


PLACE = {"url": "https://shop.example", "provider": "our own racks", "region": "Berlin"}


def on(**nodes: Located | str) -> Cluster:
    """A second version waits, on these nodes."""
    cluster = Cluster(blue_green())
    cluster.nodes = dict(nodes)
    cluster.promote("web-1")
    cluster.settle()
    cluster.approve("web-1")
    cluster.run(60, lambda: cluster.phase() == "Healthy")
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    cluster.settle()
    return cluster


# --- where -----------------------------------------------------------------------------------------------------------


def test_provider_and_region_are_those_of_the_nodes() -> None:
    cluster = on(a=AWS, b=Located(at=START, provider="aws", region="eu-west-1"))
    found = report(cluster)["configuration"]
    assert (found["providers"], found["regions"]) == (["aws"], ["eu-central-1", "eu-west-1"])
    assert "| Region | `eu-central-1`, `eu-west-1` |" in text(cluster)
    assert [line for line in found["missing"] if "region" in line] == []


def test_what_nodes_do_not_say_is_named() -> None:
    found = report(on(a=Located(at=START)))["configuration"]
    assert "providers" not in found
    assert "provider: no node has a providerID" in found["missing"]
    assert any(line.startswith("region: no node has a label") for line in found["missing"])


def test_without_the_right_to_read_nodes_the_report_says_so() -> None:
    cluster = on(a="not readable: ClusterRole slipway-operator-nodes is not bound to the operator")
    assert cluster.phase("web-2") == "AwaitingApproval"
    missing = report(cluster)["configuration"]["missing"]
    assert any(line.startswith("provider and region: not readable") for line in missing)
    assert "| Provider | not known |" in text(cluster)


def test_before_a_pod_is_on_a_node_nobody_is_asked() -> None:
    cluster = waiting()
    assert "provider and region: no pod is on a node yet" in report(cluster)["configuration"]["missing"]
    assert not [p for p in cluster.decide().probes if isinstance(p, NodeProbe)]


def test_a_report_is_written_once_the_nodes_have_answered() -> None:
    """Not one without them first, and another in a moment."""
    cluster = on(a=AWS)
    before, version = status(cluster)["report"], cluster.get("ConfigMap", "web-2-report")["metadata"]["resourceVersion"]
    # Another operator knows nothing of what this one has asked.
    cluster.observations.clear()
    assert not cluster.decide().writes
    cluster.settle()
    assert status(cluster)["report"] == before
    assert cluster.get("ConfigMap", "web-2-report")["metadata"]["resourceVersion"] == version


def test_a_dry_run_ends_when_its_report_is_there() -> None:
    cluster = on(a=AWS)
    cluster.promote("trial", dryRun=True)
    cluster.settle()
    assert cluster.phase("trial") == "DryRunComplete"
    assert report(cluster, "trial")["configuration"]["regions"] == ["eu-central-1"]


def test_what_is_given_wins_and_says_so() -> None:
    cluster = on(a=AWS)
    cluster.say("web-2", operations=PLACE)
    cluster.settle()
    found = report(cluster)["configuration"]
    assert (found["urls"], found["providers"], found["regions"]) == (
        ["https://shop.example"],
        ["our own racks"],
        ["Berlin"],
    )
    assert found["given"] == ["addresses", "provider", "region"]
    assert "missing" not in found
    assert "| Addresses | `https://shop.example` (given) |" in text(cluster)
    assert "| Region | `Berlin` (given) |" in text(cluster)
    cluster.approve("web-2")
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded")
    cluster.settle()
    told = status(cluster)["summary"]
    assert (told["urls"], told["provider"], told["region"]) == (["https://shop.example"], "our own racks", "Berlin")
    page = cluster.get("ConfigMap", "web-2-report")["data"]["summary.md"]
    assert "| Addresses | `https://shop.example` (given) |" in page
    assert "| Region | Berlin (given) |" in page


def test_what_is_given_in_part_leaves_the_rest_to_the_cluster() -> None:
    cluster = on(a="not readable")
    cluster.say("web-2", operations={"region": "Berlin"})
    cluster.settle()
    found = report(cluster)["configuration"]
    assert (found["regions"], found["given"]) == (["Berlin"], ["region"])
    assert "provider: not readable" in found["missing"]


def test_links_are_in_status_too() -> None:
    links = {"dashboard": "https://grafana.example/d/web"}
    cluster = waiting(operations={"links": links})
    assert status(cluster)["links"] == links
    cluster.say("web-2", operations=None)
    cluster.settle()
    assert "links" not in status(cluster)


def test_where_it_is_reached_is_part_of_the_plan() -> None:
    cluster = on(a=AWS)
    before = status(cluster)["planHash"]
    cluster.say("web-2", operations=PLACE)
    cluster.settle()
    assert status(cluster)["planHash"] != before


# --- addresses -------------------------------------------------------------------------------------------------------


def rule(*paths: str, **backend_fields: Any) -> Object:
    matches = [{"path": {"type": "PathPrefix", "value": path}} for path in paths]
    return {"matches": matches, "backendRefs": [backend("web", **backend_fields)]}


def test_an_address_is_host_and_path_of_the_rules_that_lead_here() -> None:
    other = {"matches": [{"path": {"value": "/blog"}}], "backendRefs": [backend("blog")]}
    found = addresses([route("r", rule("/api", "/"), other, hostnames=["a.example", "b.example"])], "shop", "web")
    assert found == ["a.example", "a.example/api", "b.example", "b.example/api"]
    assert addresses([route("r", rule("/api"))], "shop", "web") == ["*/api"]
    assert addresses([route("r", other)], "shop", "web") == []
    assert addresses([route("r", rule("/", namespace="elsewhere"))], "shop", "web") == []


def test_without_an_address_the_report_says_so() -> None:
    words = "addresses: no HTTPRoute leads to it; say it in spec.operations.url"
    assert words in report(waiting())["configuration"]["missing"]
    assert words not in report(waiting(canary()))["configuration"].get("missing", [])


@given(st.recursive(st.none() | st.text(max_size=3) | st.integers(), lambda x: st.lists(x, max_size=2), max_leaves=4))
def test_a_route_that_is_none_has_no_address(junk: Any) -> None:
    for spec in (junk, {"rules": junk}, {"rules": [junk]}, {"rules": [{"matches": junk, "backendRefs": junk}]}):
        addresses([{"metadata": {"name": "r", "namespace": "shop"}, "spec": spec}], "shop", "web")


# --- health ----------------------------------------------------------------------------------------------------------


def with_probe(**fields: Any) -> Object:
    probe = {"httpGet": {"path": "/readyz", "port": "http"}, **fields}
    return {"spec": {"containers": [{"name": "web", "image": "web:1", "readinessProbe": probe}]}}


def test_health_is_endpoint_frequency_and_conditions() -> None:
    asked = with_probe(periodSeconds=5, initialDelaySeconds=3, failureThreshold=2)
    assert probes(asked) == [
        "web: readinessProbe GET /readyz on http every 5s, first after 3s, timeout 1s, well after 1, "
        "unwell after 2 in a row"
    ]
    assert "every 10s, timeout 1s, well after 1, unwell after 3 in a row" in probes(with_probe())[0]


def test_another_frequency_is_a_change() -> None:
    found = changes(with_probe(), with_probe(periodSeconds=5))
    assert [(c.what, "every 10s" in c.before, "every 5s" in c.after) for c in found] == [
        ("web: readinessProbe", True, True)
    ]
    told = changes(with_probe(), with_probe(terminationGracePeriodSeconds=5))
    assert told[0].after.endswith("with other settings")


# --- the case --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "missing"),
    [
        ({"operations": {"logging": "Loki"}}, {"operations.ci", "operations.secrets", "operations.alerts"}),
        ({"idea": {"id": "IDEA-1", "summary": "Pay later."}}, {"idea.problem", "idea.journey", "idea.artifacts"}),
        ({"assessment": {"risk": "Low", "recommendation": "Proceed"}}, {"assessment.threats"}),
        ({}, {"operations", "idea", "assessment"}),
    ],
)
def test_parts_of_parts_are_named_when_they_are_missing(case: dict[str, Any], missing: set[str]) -> None:
    found = report(waiting(**case))["missing"]
    assert missing <= set(found)
    for part in case:
        assert part not in found


def test_the_first_day_says_what_is_looked_at_and_what_goes_back() -> None:
    watch = [{"for": "1h", "interval": "30s"}, {"for": "24h", "interval": "5m"}]
    found = report(waiting(watch=watch, operations={"alerts": "WebErrors"}))["firstDay"]
    assert found[0] == "verify, 10s after the switch: error-rate < 0.01"
    assert found[1].startswith("until 1h after that, every 30s: error-rate < 0.01")
    assert found[2].startswith("until 24h after that, every 5m")
    assert found[3].startswith("traffic goes back by itself when a gate fails 2 times in a row")
    assert "alerts: WebErrors" in found
    assert "logs: not stated (spec.operations.logging)" in found
    cluster = waiting()
    assert "nothing after that: spec.watch asks for no watch" in report(cluster)["firstDay"]
    assert "## The first 24 hours" in text(cluster)


def test_the_first_launch_does_not_promise_to_go_back() -> None:
    cluster = Cluster(blue_green())
    cluster.promote("web-1")
    cluster.settle()
    assert "nothing goes back by itself: this is the first launch" in report(cluster, "web-1")["firstDay"]


def test_what_is_left_to_do_is_listed() -> None:
    look = {"name": "basket", "category": "Quality", "manual": {"ask": "Does it work?", "when": "after"}}
    ready = {"stage": "REFINE", "status": "approved", "score": 6, "override": "small change"}
    moved = {"scripts": ["1.sql"], "rollback": ["1-undo.sql"], "backwardCompatible": True, "backfill": "prices"}
    cluster = waiting(checks=[look], readiness=ready, migrations=moved)
    assert report(cluster)["followUps"] == [
        "look at basket: Does it work?",
        "the score of 6 was accepted with a reason: small change",
        "backfill: prices",
        "write down what was learned: spec.learnings",
    ]


def test_time_alone_changes_nothing_in_it() -> None:
    cluster = on(a=AWS)
    before = status(cluster)["report"]
    cluster.run(600)
    assert status(cluster)["report"] == before
    assert not cluster.decide().writes
