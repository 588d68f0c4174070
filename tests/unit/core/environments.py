"""Two Rollouts in two environments, the second of which is promoted from the first."""

from __future__ import annotations

from typing import Any

from tests.unit.core.cluster import Cluster
from tests.unit.core.objects import NAME, NAMESPACE, Object, blue_green, template

from slipway.core import names
from slipway.core.snapshot import OriginState

STAGING = "shop-staging"
FROM = {"namespace": STAGING, "rollout": NAME}


def automatic(version: int = 1, environment: str = "staging", **changes: Any) -> Cluster:
    """A Rollout that needs nobody's word, verified with this version."""
    cluster = Cluster(
        blue_green(version, environment=environment, approval="Automatic", **changes),
        automatic=True,
    )
    assert cluster.run(60, lambda: cluster.phase() == "Healthy"), cluster.status
    return cluster


def launch(cluster: Cluster, version: int) -> None:
    """Bring another version through an automatic Rollout."""
    cluster.edit(template=template(version))
    assert cluster.run(120, lambda: cluster.phase() == "Healthy"), cluster.status


def promoted_from(
    production: Cluster, staging: Cluster, allowed: str | None = NAMESPACE, namespace: str = STAGING
) -> None:
    """Let a Rollout see the other one as the one that it is promoted from."""
    annotations = {} if allowed is None else {names.PROMOTE_TO_ANNOTATION: allowed}

    def origins() -> tuple[OriginState, ...]:
        rollout = staging.objects.get(("Rollout", NAME))
        revisions = tuple(staging.all("ControllerRevision"))
        return (
            OriginState(
                namespace=namespace, name=NAME, rollout=rollout, revisions=revisions, annotations=dict(annotations)
            ),
        )

    production.origins = origins


def status(cluster: Cluster, promotion: str) -> Object:
    found: Object = cluster.get("Promotion", promotion).get("status") or {}
    return found


def message(cluster: Cluster, promotion: str) -> str:
    return str(status(cluster, promotion).get("message", ""))


def result(cluster: Cluster, promotion: str, name: str) -> Object:
    """One check of a Promotion."""
    return next(check for check in status(cluster, promotion).get("checks", []) if check["name"] == name)


def image(cluster: Cluster) -> str:
    """What the template asks for."""
    return str(cluster.get("Rollout")["spec"]["template"]["spec"]["containers"][0]["image"])
