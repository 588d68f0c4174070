"""The policies and roles of manifests/ on a real API server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cluster.capabilities import Level
from tests.cluster.cluster import Cluster
from tests.cluster.gateway import install_gateway_api
from tests.cluster.kubectl import until_established
from tests.integration.admission.impersonation import (
    CLUSTER_ADMIN,
    CONFIG_MAP,
    NAMESPACE,
    OPERATOR,
    PROMOTION,
    SERVICE,
    Kubernetes,
    eventually,
)
from tests.integration.admission.people import (
    DEVELOPER,
    LISTED_ACCOUNT,
    PLAN,
    RESTORE,
    new_namespace,
    new_promotion,
    promotion,
    show_plan,
)

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def guarded() -> Iterator[Cluster]:
    """A control plane with the CRDs, roles and policies; two service accounts are on the allow-lists.

    Not the one that other tests share: the policies would refuse what those do by hand.
    """
    with Cluster.start(Level.CONTROL_PLANE) as cluster:
        install_gateway_api(cluster.parts)
        install(cluster, "access", "admission", "stamping")
        yield cluster


def install(cluster: Cluster, *folders: str) -> None:
    """The CRDs and these folders of manifests/, and a restore identity that RBAC lets do everything."""
    cluster.kubectl("apply", "--server-side", "-f", str(REPOSITORY / "crds"))
    until_established(cluster.kubectl)
    for folder in folders:
        cluster.kubectl("apply", "--server-side", "-k", str(REPOSITORY / "manifests" / folder))
    account = ":".join(RESTORE.name.split(":")[2:])
    role = "--clusterrole=cluster-admin"
    cluster.kubectl("create", "clusterrolebinding", "restore", role, f"--serviceaccount={account}")


@pytest.fixture(scope="session")
def kube(guarded: Cluster) -> Iterator[Kubernetes]:
    """Requests to that control plane on behalf of anybody, once all of it answers."""
    kube = Kubernetes(guarded.kubeconfig())
    allow(kube)
    scratch = new_namespace(kube, "ready")
    # A policy that stamps what is created has to know the new kinds before it lets anything through.
    eventually(lambda: creation_answers(kube, scratch), "Promotions may be created")
    name = new_promotion(kube, scratch, plan="")
    eventually(lambda: plan_shown(kube, scratch, name), "the operator may write status")
    eventually(lambda: stamping_answers(kube, scratch, name), "approvals are stamped")
    eventually(lambda: guard_answers(kube, scratch), "the guard refuses")
    yield kube
    kube.close()


def allow(kube: Kubernetes) -> None:
    """Puts two service accounts on the allow-lists, and the operator's own, which must not help it."""
    lists = {"approvers": f"{LISTED_ACCOUNT.name},\n {OPERATOR.name} ", "restore": f"{RESTORE.name}\n"}
    kube.merge(CONFIG_MAP, "slipway-system", "slipway-admission", {"data": lists}).accepted()


@pytest.fixture(scope="module")
def namespace(kube: Kubernetes) -> Iterator[str]:
    name = new_namespace(kube, "shop")
    yield name
    kube.delete(NAMESPACE, None, name).accepted()


def creation_answers(kube: Kubernetes, namespace: str) -> bool:
    return kube.create(PROMOTION, namespace, promotion("probe"), DEVELOPER, dryRun="All").code == 201


def plan_shown(kube: Kubernetes, namespace: str, name: str) -> bool:
    return show_plan(kube, namespace, name).code == 200


def stamping_answers(kube: Kubernetes, namespace: str, name: str) -> bool:
    """Right after an install the API server has not yet read everything: policies, parameters, new kinds."""
    words = {"spec": {"approved": True}}
    answer = kube.merge(PROMOTION, namespace, name, words, LISTED_ACCOUNT, dryRun="All")
    return answer.code == 200 and answer.spec.get("approvals") == {LISTED_ACCOUNT.name: PLAN}


def guard_answers(kube: Kubernetes, namespace: str) -> bool:
    labels = {"slipway.dev/rollout": "probe"}
    manifest = SERVICE.manifest("probe", metadata={"labels": labels}, spec={"ports": [{"port": 80}]})
    codes = [kube.create(SERVICE, namespace, manifest, user, dryRun="All").code for user in (CLUSTER_ADMIN, RESTORE)]
    return codes == [403, 201]
