"""Who writes status, and what a write to a subresource can reach."""

import pytest
from tests.integration.admission.impersonation import (
    CLUSTER_ADMIN,
    OPERATOR,
    POLICY,
    PROMOTION,
    ROLLOUT,
    Kind,
    Kubernetes,
    User,
)
from tests.integration.admission.people import (
    APPROVER,
    DEVELOPER,
    NAMESPACE_ADMIN,
    PLAN,
    RESTORE,
    UNLISTED_ACCOUNT,
    new_promotion,
    rollout,
)


@pytest.fixture(scope="module")
def objects(kube: Kubernetes, namespace: str) -> dict[Kind, str]:
    kube.create(ROLLOUT, namespace, rollout(), DEVELOPER).accepted()
    return {ROLLOUT: "web", PROMOTION: new_promotion(kube, namespace)}


@pytest.mark.parametrize("kind", [ROLLOUT, PROMOTION], ids=lambda kind: kind.plural)
@pytest.mark.parametrize("user", [DEVELOPER, NAMESPACE_ADMIN, APPROVER, UNLISTED_ACCOUNT], ids=lambda user: user.name)
def test_roles_for_people_bring_no_status(
    kube: Kubernetes, namespace: str, objects: dict[Kind, str], kind: Kind, user: User
) -> None:
    answer = kube.merge(kind, namespace, objects[kind], {"status": {"message": "mine"}}, user, "status")
    answer.refused(f'cannot patch resource "{kind.plural}/status"')


def test_the_operator_alone_says_what_becomes_of_a_policy(kube: Kubernetes) -> None:
    kube.create(POLICY, None, POLICY.manifest("says", spec={"match": {"environments": ["nowhere"]}})).accepted()
    status = {"status": {"observedGeneration": 1}}
    words = "status is written by the operator only; root@example.com may not"
    kube.merge(POLICY, None, "says", status, CLUSTER_ADMIN, "status").refused(words)
    kube.merge(POLICY, None, "says", status, OPERATOR, "status").accepted()
    kube.merge(POLICY, None, "says", {"spec": {"minReadinessScore": 1}}, OPERATOR).refused()
    kube.delete(POLICY, None, "says").accepted()


@pytest.mark.parametrize("kind", [ROLLOUT, PROMOTION], ids=lambda kind: kind.plural)
def test_not_even_a_role_with_a_wildcard_writes_status(
    kube: Kubernetes, namespace: str, objects: dict[Kind, str], kind: Kind
) -> None:
    name = objects[kind]
    status = {"status": {"message": "mine"}}
    current = kube.get(kind, namespace, name).accepted()
    words = "status is written by the operator only; root@example.com may not"
    for answer in (
        kube.merge(kind, namespace, name, status, CLUSTER_ADMIN, "status"),
        kube.replace(kind, namespace, {**current, **status}, CLUSTER_ADMIN, "status"),
        kube.apply(kind, namespace, kind.manifest(name, **status), CLUSTER_ADMIN, "status"),
        kube.json_patch(
            kind,
            namespace,
            name,
            [{"op": "add", "path": "/status/message", "value": "mine"}],
            CLUSTER_ADMIN,
            "status",
        ),
    ):
        answer.refused("slipway-status", words)


@pytest.mark.parametrize("user", [OPERATOR, RESTORE], ids=lambda user: user.name)
@pytest.mark.parametrize("kind", [ROLLOUT, PROMOTION], ids=lambda kind: kind.plural)
def test_the_operator_and_a_restore_write_status(
    kube: Kubernetes, namespace: str, objects: dict[Kind, str], kind: Kind, user: User
) -> None:
    patched = kube.merge(kind, namespace, objects[kind], {"status": {"message": "theirs"}}, user, "status")
    assert patched.code == (403 if user == OPERATOR else 200), "the operator puts, and has no right to patch"
    current = kube.get(kind, namespace, objects[kind]).accepted()
    current["status"] = {**(current.get("status") or {}), "message": "replaced"}
    assert kube.replace(kind, namespace, current, user, "status").accepted()["status"]["message"] == "replaced"


def test_status_in_a_write_to_the_object_is_dropped(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    both = {"spec": {"version": "v1"}, "status": {"planHash": "sha256:" + "e" * 64}}
    assert kube.merge(PROMOTION, namespace, name, both, DEVELOPER).accepted()["status"]["planHash"] == PLAN


@pytest.mark.parametrize("user", [OPERATOR, RESTORE], ids=lambda user: user.name)
def test_spec_in_a_write_to_status_is_dropped(kube: Kubernetes, namespace: str, user: User) -> None:
    name = new_promotion(kube, namespace)
    spec = {"approved": True, "approvals": {APPROVER.name: PLAN}, "rollout": "api", "hold": "x"}
    current = kube.get(PROMOTION, namespace, name).accepted()
    head = {**current["metadata"], "labels": {"a": "b"}}
    both = {**current, "spec": {**current["spec"], **spec}, "status": {"message": "theirs"}, "metadata": head}
    written = kube.replace(PROMOTION, namespace, both, user, "status").accepted()
    assert written["spec"] == current["spec"]
    assert "labels" not in written["metadata"]


@pytest.mark.parametrize("user", [DEVELOPER, CLUSTER_ADMIN], ids=lambda user: user.name)
def test_editors_scale_the_rollout(kube: Kubernetes, namespace: str, objects: dict[Kind, str], user: User) -> None:
    scale = kube.merge(ROLLOUT, namespace, "web", {"spec": {"replicas": 4}}, user, "scale").accepted()
    assert scale["kind"] == "Scale"
    assert kube.get(ROLLOUT, namespace, "web").spec["replicas"] == 4
    kube.merge(ROLLOUT, namespace, "web", {"spec": {"replicas": 4}}, APPROVER, "scale").accepted()
