"""A step's time, and all that is measured in it, begin when users have what its weights say."""

from datetime import datetime

from tests.unit.core.cluster import Cluster
from tests.unit.core.objects import canary, template

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
