"""`setImages` is for those who may update the Rollout; the operator, who writes for them, is held to images."""

from copy import deepcopy
from typing import Any

import pytest
from tests.integration.admission.impersonation import (
    CLUSTER_ADMIN,
    OPERATOR,
    PROMOTION,
    ROLLOUT,
    Kubernetes,
    Object,
    User,
    eventually,
)
from tests.integration.admission.people import (
    APPROVER,
    DEVELOPER,
    PLAN,
    bind,
    may,
    new_namespace,
    promotion,
    rollout,
    show_plan,
)

ONLY_APPROVER = User("judge@example.com")
IMAGES = [{"name": "web", "image": "registry.example/web:2"}]
SETS: Object = {"images": IMAGES, "setImages": True}


@pytest.fixture(scope="module")
def shop(kube: Kubernetes) -> str:
    name = new_namespace(kube, "images")
    bind(kube, name, "only-approvers", "slipway-approver", (ONLY_APPROVER,))
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role"}
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}"
    rules = [{"apiGroups": ["slipway.dev"], "resources": ["promotions"], "verbs": ["create", "get", "patch", "update"]}]
    made = {**role, "metadata": {"name": "promoters"}, "rules": rules}
    kube.request("POST", f"{path}/roles", made, CLUSTER_ADMIN, "application/json", {}).accepted()
    bound = {
        **role,
        "kind": "RoleBinding",
        "metadata": {"name": "promoters"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "promoters"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": ONLY_APPROVER.name}],
    }
    kube.request("POST", f"{path}/rolebindings", bound, CLUSTER_ADMIN, "application/json", {}).accepted()
    eventually(lambda: may(kube, ONLY_APPROVER, name, "create", "promotions"), "the role is bound")
    eventually(lambda: may(kube, ONLY_APPROVER, name, "approve", "rollouts"), "the role is bound")
    kube.create(ROLLOUT, name, pods()).accepted()
    eventually(lambda: operator_is_held(kube, name), "the policy refuses")
    return name


def pods() -> Object:
    made = rollout(replicas=3)
    spec = made["spec"]["template"]["spec"]
    spec["initContainers"] = [{"name": "setup", "image": "registry.example/setup:1"}]
    spec["containers"].append({"name": "proxy", "image": "proxy:1", "args": ["-v"]})
    return made


def operator_is_held(kube: Kubernetes, namespace: str) -> bool:
    return kube.merge(ROLLOUT, namespace, "web", {"spec": {"replicas": 9}}, OPERATOR, dryRun="All").code == 403


NO_RIGHT = "judge@example.com needs the verb update on rollouts.slipway.dev/web in namespace"


def test_who_may_update_the_rollout_may_have_its_images_set(kube: Kubernetes, shop: str) -> None:
    kube.create(PROMOTION, shop, promotion("by-editor", **SETS), DEVELOPER).accepted()


def test_who_may_not_update_it_may_not(kube: Kubernetes, shop: str) -> None:
    kube.create(PROMOTION, shop, promotion("by-judge", **SETS), ONLY_APPROVER).refused(NO_RIGHT)
    kube.create(PROMOTION, shop, promotion("plain", images=IMAGES), ONLY_APPROVER).accepted()
    kube.merge(PROMOTION, shop, "plain", {"spec": {"setImages": True}}, ONLY_APPROVER).refused(NO_RIGHT)
    kube.apply(PROMOTION, shop, promotion("plain", **SETS), ONLY_APPROVER).refused(NO_RIGHT)
    source = {"from": {"namespace": "elsewhere", "rollout": "web"}, "setImages": True}
    kube.create(PROMOTION, shop, promotion("from", **source), ONLY_APPROVER).refused(NO_RIGHT)


def test_others_do_their_own_part_of_it(kube: Kubernetes, shop: str) -> None:
    kube.create(PROMOTION, shop, promotion("shared", **SETS), DEVELOPER).accepted()
    show_plan(kube, shop, "shared").accepted()
    spec = kube.merge(PROMOTION, shop, "shared", {"spec": {"approved": True}}, ONLY_APPROVER).spec
    assert spec["approvals"] == {ONLY_APPROVER.name: PLAN}
    kube.merge(PROMOTION, shop, "shared", {"spec": {"approved": False}}, ONLY_APPROVER).accepted()
    kube.merge(PROMOTION, shop, "shared", {"spec": {"hold": "wait"}}, ONLY_APPROVER).accepted()
    other = {"spec": {"images": [{"name": "web", "image": "registry.example/web:3"}]}}
    kube.merge(PROMOTION, shop, "shared", other, ONLY_APPROVER).refused(NO_RIGHT)
    kube.merge(PROMOTION, shop, "shared", {"spec": {"rerun": "2"}}, ONLY_APPROVER).refused(NO_RIGHT)
    kube.merge(PROMOTION, shop, "shared", other, DEVELOPER).accepted()


def test_a_right_for_another_rollout_does_not_help(kube: Kubernetes, shop: str) -> None:
    rules = [{"apiGroups": ["slipway.dev"], "resources": ["rollouts"], "verbs": ["update"], "resourceNames": ["api"]}]
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{shop}"
    head = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "api-editors"}}
    made = {**head, "kind": "Role", "rules": rules}
    kube.request("POST", f"{path}/roles", made, CLUSTER_ADMIN, "application/json", {}).accepted()
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "api-editors"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": ONLY_APPROVER.name}
    bound = {**head, "kind": "RoleBinding", "roleRef": reference, "subjects": [subject]}
    kube.request("POST", f"{path}/rolebindings", bound, CLUSTER_ADMIN, "application/json", {}).accepted()

    def may_set(rollout: str) -> bool:
        made = promotion("probe", rollout=rollout, **SETS)
        return kube.create(PROMOTION, shop, made, ONLY_APPROVER, dryRun="All").code == 201

    eventually(lambda: may_set("api"), "the right for api has arrived")
    assert not may_set("web")


# --- The operator's hand ----------------------------------------------------------------------------------------------


def operation(path: str, value: Any, op: str = "add") -> Object:
    return {"op": op, "path": path, "value": value}


CONTAINER = "/spec/template/spec/containers"


@pytest.mark.parametrize(
    "operations",
    [
        [operation(f"{CONTAINER}/0/image", "registry.example/web:2")],
        [operation(f"{CONTAINER}/1/image", "proxy:2"), operation("/spec/template/spec/initContainers/0/image", "s:2")],
    ],
)
def test_the_operator_may_write_images(kube: Kubernetes, shop: str, operations: list[Object]) -> None:
    version = kube.get(ROLLOUT, shop, "web").body["metadata"]["resourceVersion"]
    tested = [operation("/metadata/resourceVersion", version, "test"), *operations]
    kube.json_patch(ROLLOUT, shop, "web", tested, OPERATOR, dryRun="All").accepted()


REFUSED: dict[str, list[Object]] = {
    "replicas": [operation("/spec/replicas", 5)],
    "a field more": [operation("/spec/abort", "3f2a9c01de")],
    "a field less": [{"op": "remove", "path": "/spec/replicas"}],
    "a gate": [operation("/spec/analysis/gates", [])],
    "ports": [operation("/spec/service/ports/0/port", 81)],
    "a pod's label": [operation("/spec/template/metadata/labels/a", "b")],
    "the pod's metadata": [{"op": "remove", "path": "/spec/template/metadata"}],
    "a pod's field": [operation("/spec/template/spec/hostNetwork", True)],
    "a container's arguments": [operation(f"{CONTAINER}/1/args", ["-q"])],
    "a container's arguments less": [{"op": "remove", "path": f"{CONTAINER}/1/args"}],
    "environment": [operation(f"{CONTAINER}/0/env", [{"name": "A", "value": "b"}])],
    "a container more": [operation(f"{CONTAINER}/-", {"name": "x", "image": "x:1"})],
    "a container less": [{"op": "remove", "path": f"{CONTAINER}/1"}],
    "a container's name": [operation(f"{CONTAINER}/1/name", "other")],
    "their order": [{"op": "move", "from": f"{CONTAINER}/0", "path": f"{CONTAINER}/1"}],
    "no init containers": [{"op": "remove", "path": "/spec/template/spec/initContainers"}],
    "a label": [operation("/metadata/labels", {"a": "b"})],
    "an annotation": [operation("/metadata/annotations", {"a": "b"})],
    "a finalizer": [operation("/metadata/finalizers", ["example.com/wait"])],
    "an image and more": [operation(f"{CONTAINER}/0/image", "web:2"), operation("/spec/replicas", 5)],
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_operator_may_write_nothing_else(kube: Kubernetes, shop: str, what: str) -> None:
    answer = kube.json_patch(ROLLOUT, shop, "web", REFUSED[what], OPERATOR, dryRun="All")
    answer.refused("the operator changes nothing of a Rollout but the images of its containers")
    kube.json_patch(ROLLOUT, shop, "web", REFUSED[what], CLUSTER_ADMIN, dryRun="All").accepted()


def test_nobody_else_is_held_to_images(kube: Kubernetes, shop: str) -> None:
    current = deepcopy(kube.get(ROLLOUT, shop, "web").accepted())
    current["spec"]["replicas"] = 4
    kube.replace(ROLLOUT, shop, current, DEVELOPER, dryRun="All").accepted()
    kube.merge(ROLLOUT, shop, "web", {"metadata": {"labels": {"a": "b"}}}, APPROVER, dryRun="All").accepted()


def test_a_dry_run_cannot_be_approved(kube: Kubernetes, shop: str) -> None:
    kube.create(PROMOTION, shop, promotion("trial", dryRun=True), DEVELOPER).accepted()
    show_plan(kube, shop, "trial").accepted()
    words = "a dry run moves nothing, so there is nothing to approve"
    for said in ({"approved": True}, {"approvals": {APPROVER.name: PLAN}}, {"approvedWeight": 10}):
        kube.merge(PROMOTION, shop, "trial", {"spec": said}, APPROVER).refused(words, code=422)
