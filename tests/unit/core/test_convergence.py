"""A step's time, and all that is measured in it, begin when users have what its weights say."""

import json
from datetime import datetime

from tests.unit.core.cluster import Cluster
from tests.unit.core.objects import NAME, canary, template

from slipway.core import names
from slipway.core.decision import SetWeights, Write


def shifting() -> Cluster:
    """A canary whose first version serves, and whose second has been approved."""
    cluster = Cluster(canary())
    cluster.promote("web-1")
    cluster.run(60)
    cluster.approve("web-1")
    assert cluster.run(120, lambda: cluster.phase() == "Healthy"), cluster.status
    cluster.edit(template=template(2))
    cluster.promote("web-2")
    assert cluster.run(60, lambda: cluster.phase("web-2") == "AwaitingApproval"), cluster.status
    cluster.approve("web-2")
    return cluster


def test_a_step_counts_from_when_the_gateway_has_had_its_time_to_follow() -> None:
    cluster = shifting()
    moved: list[datetime] = []

    def remember(write: Write) -> None:
        if isinstance(write, SetWeights):
            moved.append(cluster.now)

    cluster.after_write.append(remember)
    seen: dict[int, datetime] = {}

    def converged() -> bool:
        step = (cluster.status.get("candidate") or {}).get("step") or {}
        if step.get("convergedAt") and step["index"] not in seen:
            seen[step["index"]] = cluster.now
            assert cluster.now - moved[-1] >= cluster.settings.gateway_settle
        return cluster.phase() in ("Healthy", "Watching")

    assert cluster.run(300, converged), cluster.status
    assert len(seen) > 1


def test_semantics_29_a_plan_that_is_not_seen_holds_and_costs_nobody_the_approval() -> None:
    """A lagging watch shows the mark before the plan; what was approved is still approved when the plan appears."""
    cluster = shifting()
    assert cluster.run(60, lambda: cluster.weight == 25), cluster.status
    [plan] = [
        name for kind, name in cluster.objects if name.startswith(f"{NAME}-plan-") and name not in served_plans(cluster)
    ]
    kept = cluster.objects.pop(("ControllerRevision", plan))
    before = dict(cluster.get("Promotion", "web-2")["spec"])
    cluster.run(10)
    assert cluster.get("Promotion", "web-2")["spec"] == before
    assert (cluster.phase(), cluster.phase("web-2")) == ("Held", "Held")
    assert "plan" in cluster.status["message"]
    assert cluster.weight == 25
    cluster.objects["ControllerRevision", plan] = kept
    assert cluster.run(120, lambda: cluster.phase("web-2") == "Succeeded"), cluster.status


def served_plans(cluster: Cluster) -> set[str]:
    """The plans of revisions that have been verified."""
    hashes = [
        json.loads(obj["metadata"]["annotations"]["slipway.dev/approved"])["planHash"]
        for obj in cluster.all("ControllerRevision")
        if "slipway.dev/verified-at" in (obj["metadata"].get("annotations") or {})
    ]
    return {names.plan_name(NAME, found) for found in hashes}
