"""Installs Slipway on a cluster of the harness, as an administrator would, and binds the demo's people to roles."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from tests.cluster.cluster import OPERATOR_NAMESPACE, Cluster
from tests.cluster.kubectl import until_established
from tests.cluster.paths import REPOSITORY
from tests.cluster.process import wait_until

Kubectl = Callable[..., str]
OPERATOR = "slipway"
"""Its name among the parts of the cluster, and of its log."""
FRESH = timedelta(seconds=15)


def resources(kubectl: Kubectl) -> None:
    """CRDs, then roles and admission policies: manifests/install without the operator's Deployment."""
    kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
    until_established(kubectl)
    for folder in ("access", "admission", "stamping"):
        kubectl("apply", "--server-side", "-k", str(REPOSITORY / "manifests" / folder))


def people(kubectl: Kubectl) -> None:
    """Developers may edit in both namespaces, approvers may approve in shop: in staging there is nothing to approve."""
    kubectl("create", "namespace", "shop")
    for namespace in ("shop", "shop-staging"):
        bind = (f"--namespace={namespace}", "create", "rolebinding")
        kubectl(*bind, "developers", "--clusterrole=edit", "--group=developers")
    bind = ("--namespace=shop", "create", "rolebinding")
    kubectl(*bind, "approvers", "--clusterrole=slipway-approver", "--group=approvers")


def operator(cluster: Cluster) -> None:
    """Runs the operator in the cluster's network, with no rights but its ServiceAccount's; returns when it leads."""
    folder = cluster.folder / "operator"
    folder.mkdir(exist_ok=True)
    configuration = folder / "config.yaml"
    source = {"name": "default", "url": cluster.prometheus_url, "dialect": "http"}
    configuration.write_text(yaml.safe_dump({"sources": [source], "drainDelay": "3s"}))
    argv = [str(Path(sys.executable).parent / "slipway"), "run"]
    argv += [f"--config={configuration}", f"--kubeconfig={cluster.service_account_kubeconfig()}"]
    argv += [f"--lease-namespace={OPERATOR_NAMESPACE}", "--log-format=text"]
    argv += ["--host=127.0.0.1", "--probe-port=18080", "--metrics-port=19090"]
    if OPERATOR in cluster.parts.names():
        cluster.parts[OPERATOR].stop()
    cluster.parts.start(OPERATOR, argv).wait_ready(lambda: leads(cluster.kubectl), 60, "a held Lease")


def revive(cluster: Cluster) -> bool:
    """Start the operator again if it has ended: on a machine that is too busy it loses its lease, and ends."""
    if cluster.parts[OPERATOR].alive:
        return False
    cluster.parts.restart(OPERATOR)
    return True


def leads(kubectl: Kubectl) -> bool:
    """Whether an operator holds the Lease, and renewed it a moment ago."""
    found = kubectl("-n", OPERATOR_NAMESPACE, "get", "leases/slipway", "--ignore-not-found", "--output=json")
    spec = json.loads(found)["spec"] if found else {}
    renewed = spec.get("renewTime")
    return bool(spec.get("holderIdentity") and renewed) and (
        datetime.now(UTC) - datetime.fromisoformat(renewed) < FRESH
    )


def settled(kubectl: Kubectl, seconds: float = 60) -> bool:
    """Waits until the API server has read roles and policies: it does so a few seconds after they were written.

    The developer's rights come through an aggregated role. The policies are there when the guard refuses even an
    administrator a Service with Slipway's label.
    """

    def ready() -> bool:
        developer = ("--as=developer", "--as-group=developers", "--namespace=shop", "auth", "can-i")
        try:
            kubectl(*developer, "create", "promotions.slipway.dev")
        except RuntimeError:
            return False
        try:
            kubectl("create", "--dry-run=server", "--filename=-", stdin=json.dumps(_GUARDED))
        except RuntimeError as refusal:
            return "belongs to Slipway" in str(refusal)
        return False

    return wait_until(ready, seconds, every=0.2)


_GUARDED = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "probe", "namespace": "shop", "labels": {"slipway.dev/rollout": "probe"}},
    "spec": {"ports": [{"port": 80}]},
}
