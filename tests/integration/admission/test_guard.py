"""The guard of what the operator makes: what an editor, or even a cluster administrator, may try on it."""

from collections.abc import Iterator
from functools import partial

import pytest
from tests.cluster.cluster import Cluster
from tests.integration.admission.attempts import ATTEMPTS, BELONGS, WEB, with_foreigners
from tests.integration.admission.guarded_objects import (
    LABELS,
    deployment,
    pods,
    replica_set,
    service,
    with_children,
)
from tests.integration.admission.impersonation import (
    CLUSTER_ADMIN,
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    NAMESPACE,
    OPERATOR,
    POD,
    REPLICA_SET,
    ROLLOUT,
    SERVICE,
    Kind,
    Kubernetes,
    User,
    eventually,
)
from tests.integration.admission.people import DEVELOPER, RESTORE, new_namespace


@pytest.fixture(scope="module")
def shop(kube: Kubernetes) -> Iterator[str]:
    """A namespace with a Rollout's children, and the Service and Deployment `other`, which are nobody's."""
    name = new_namespace(kube, "guarded")
    with_children(kube, name)
    with_foreigners(kube, name)
    yield name
    kube.delete(NAMESPACE, None, name).accepted()


@pytest.mark.parametrize("user", [DEVELOPER, CLUSTER_ADMIN], ids=lambda user: user.name)
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_refused_in_words(kube: Kubernetes, shop: str, attempt: str, user: User) -> None:
    ATTEMPTS[attempt](kube, shop, user).refused("slipway-guard", BELONGS.format(user.name))


def test_marks_on_a_revision_are_the_operators(kube: Kubernetes, shop: str) -> None:
    forged = {"metadata": {"annotations": {"slipway.dev/approved": '{"by":"developer@example.com"}'}}}
    kube.merge(CONTROLLER_REVISION, shop, WEB, forged, DEVELOPER).refused("cannot patch resource")
    kube.merge(CONTROLLER_REVISION, shop, WEB, forged, CLUSTER_ADMIN).refused(BELONGS.format(CLUSTER_ADMIN.name))
    kube.delete(CONTROLLER_REVISION, shop, WEB, CLUSTER_ADMIN).refused(BELONGS.format(CLUSTER_ADMIN.name))
    plan = CONTROLLER_REVISION.manifest("web-plan-0123456789", metadata={"labels": LABELS}, revision=1, data={})
    kube.create(CONTROLLER_REVISION, shop, plan, CLUSTER_ADMIN).refused(BELONGS.format(CLUSTER_ADMIN.name))


def test_deleting_all_of_a_kind_stops_at_what_is_guarded(kube: Kubernetes) -> None:
    name = new_namespace(kube, "all")
    with_children(kube, name)
    for kind in (SERVICE, DEPLOYMENT, REPLICA_SET):
        answer = kube.request("DELETE", kind.path(name), None, DEVELOPER, "application/json", {})
        answer.refused(BELONGS.format(DEVELOPER.name))
    assert len(kube.items(SERVICE, name)) == 2
    assert len(kube.items(DEPLOYMENT, name)) == 1
    kube.delete(NAMESPACE, None, name).accepted()


@pytest.mark.parametrize("user", [DEVELOPER, CLUSTER_ADMIN], ids=lambda user: user.name)
@pytest.mark.parametrize("path", ["merge patch", "update"])
def test_scaling_goes_to_the_rollout(kube: Kubernetes, shop: str, user: User, path: str) -> None:
    for kind, name in ((DEPLOYMENT, WEB), (REPLICA_SET, replica_set(kube, shop))):
        if path == "update":
            scale = kube.request("GET", kind.path(shop, name, "scale"), None, user, "application/json", {}).accepted()
            scale["spec"]["replicas"] = 0
            scale["status"] = {"replicas": 2, "selector": "app=other"}  # what is sent here does not count
            answer = kube.replace(kind, shop, scale, user, "scale")
        else:
            answer = kube.merge(kind, shop, name, {"spec": {"replicas": 0}}, user, "scale")
        answer.refused(f"{name} belongs to Slipway and {user.name} may not scale it: scale the Rollout instead")
    assert kube.merge(DEPLOYMENT, shop, "other", {"spec": {"replicas": 1}}, user, "scale").code == 200


def test_an_autoscaler_on_the_deployment_is_refused_too(kube: Kubernetes, shop: str) -> None:
    autoscaler = User("system:serviceaccount:kube-system:horizontal-pod-autoscaler")
    scaled = {"spec": {"replicas": 1}}
    kube.merge(DEPLOYMENT, shop, WEB, scaled, autoscaler, "scale").refused()
    kube.request(
        "PUT",
        DEPLOYMENT.path(shop, WEB, "scale"),
        {
            "apiVersion": "autoscaling/v1",
            "kind": "Scale",
            "metadata": {"name": WEB, "namespace": shop},
            "spec": {"replicas": 1},
        },
        autoscaler,
        "application/json",
        {},
    ).refused("scale the Rollout instead")


def test_kubectl_says_it_in_the_users_words(guarded: Cluster, shop: str) -> None:
    refused = guarded.try_kubectl("-n", shop, "set", "image", f"deployment/{WEB}", "web=evil", "--as", DEVELOPER.name)
    assert refused.returncode == 1
    assert BELONGS.format(DEVELOPER.name) in refused.stderr


def test_what_stays_everybodys(kube: Kubernetes, shop: str) -> None:
    """Deleting and evicting pods, and subresources: Kubernetes' own work needs them, and people debug with them."""
    before = pods(kube, shop)
    kube.delete(POD, shop, before[0], DEVELOPER).accepted()
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": before[1], "namespace": shop},
    }
    kube.create(POD, shop, eviction, CLUSTER_ADMIN, before[1], "eviction").accepted()
    eventually(lambda: len(pods(kube, shop)) == 2 and not set(before) & set(pods(kube, shop)), "the pods came back")
    name = pods(kube, shop)[0]
    kube.merge(POD, shop, name, {"status": {"message": "m"}}, CLUSTER_ADMIN, "status").accepted()
    debugger = {"spec": {"ephemeralContainers": [{"name": "debug", "image": "registry.example/debug:1"}]}}
    kube.merge(POD, shop, name, debugger, CLUSTER_ADMIN, "ephemeralcontainers").accepted()
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": name, "namespace": shop},
        "target": {"kind": "Node", "name": "node-1"},
    }
    kube.create(POD, shop, binding, User("system:kube-scheduler"), name, "binding").accepted()


def test_what_is_not_slipways_is_left_alone(kube: Kubernetes, shop: str) -> None:
    operation = {
        "op": "replace",
        "path": "/spec/template/spec/containers/0/image",
        "value": "registry.example/other:2",
    }
    kube.json_patch(DEPLOYMENT, shop, "other", [operation], DEVELOPER).accepted()
    kube.merge(SERVICE, shop, "other", {"spec": {"selector": {"app": "another"}}}, DEVELOPER).accepted()
    kube.create(SERVICE, shop, service("mine", {"app": "mine"}), DEVELOPER).accepted()
    kube.delete(SERVICE, shop, "mine", DEVELOPER).accepted()


@pytest.mark.parametrize("user", [OPERATOR, RESTORE], ids=lambda user: user.name)
def test_the_operator_and_a_restore_write_all_of_it(kube: Kubernetes, shop: str, user: User) -> None:
    moved = {"spec": {"selector": {"slipway.dev/revision": "0123456789"}}}
    kube.merge(SERVICE, shop, "web", moved, user).accepted()
    kube.merge(SERVICE, shop, "web", {"spec": {"selector": LABELS}}, user).accepted()
    kube.merge(DEPLOYMENT, shop, WEB, {"spec": {"replicas": 2}}, user).accepted()
    kube.merge(CONTROLLER_REVISION, shop, WEB, {"metadata": {"annotations": {"a": user.name}}}, user).accepted()
    kube.create(DEPLOYMENT, shop, deployment("web-0123456789", LABELS, LABELS), user).accepted()
    kube.delete(DEPLOYMENT, shop, "web-0123456789", user).accepted()


def none_left(kube: Kubernetes, kind: Kind, namespace: str) -> bool:
    return not kube.items(kind, namespace)


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_deleting_the_rollout_deletes_its_workload(kube: Kubernetes, policy: str) -> None:
    name = new_namespace(kube, "deleted")
    with_children(kube, name)
    kube.delete(ROLLOUT, name, "web", DEVELOPER, propagationPolicy=policy).accepted()
    for kind in (ROLLOUT, SERVICE, DEPLOYMENT, REPLICA_SET, CONTROLLER_REVISION, POD):
        eventually(partial(none_left, kube, kind, name), f"{kind.plural} are gone")
    kube.delete(NAMESPACE, None, name).accepted()


def test_orphaning_the_workload_keeps_it(kube: Kubernetes) -> None:
    name = new_namespace(kube, "orphaned")
    with_children(kube, name)
    kube.delete(ROLLOUT, name, "web", DEVELOPER, propagationPolicy="Orphan").accepted()
    eventually(lambda: not kube.items(ROLLOUT, name), "the Rollout is gone")
    left = kube.get(DEPLOYMENT, name, WEB).accepted()
    assert "ownerReferences" not in left["metadata"]
    assert len(pods(kube, name)) == 2


def test_deleting_the_namespace_goes_through(kube: Kubernetes) -> None:
    name = new_namespace(kube, "removed")
    with_children(kube, name)
    kube.delete(NAMESPACE, None, name).accepted()
    eventually(lambda: kube.get(NAMESPACE, None, name).code == 404, "the namespace is gone")


def test_the_parameters_stay_while_the_policies_need_them(kube: Kubernetes) -> None:
    kube.delete(CONFIG_MAP, "slipway-system", "slipway-admission", CLUSTER_ADMIN).refused(
        "refuse every write without it"
    )
    kube.create(CONFIG_MAP, "slipway-system", CONFIG_MAP.manifest("mine")).accepted()
    kube.delete(CONFIG_MAP, "slipway-system", "mine").accepted()
