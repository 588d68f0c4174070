"""Who created a Promotion, and who breaks the glass: stamped, never forged, and the latter with a right of its own."""

from typing import Any

import pytest
from tests.integration.admission.impersonation import (
    CLUSTER_ADMIN,
    OPERATOR,
    PROMOTION,
    Answer,
    Kind,
    Kubernetes,
    Object,
    User,
    eventually,
)
from tests.integration.admission.people import (
    APPROVER,
    BREAKER,
    DEVELOPER,
    LISTED_ACCOUNT,
    NAMESPACE_ADMIN,
    PLAN,
    RESTORE,
    SECOND_APPROVER,
    UNLISTED_ACCOUNT,
    may,
    new_promotion,
    promotion,
)

POLICY = Kind("slipway.dev/v1alpha1", "PromotionPolicy", "promotionpolicies")
GLASS: Object = {"reason": "the shop is down"}
NO_RIGHT = "it needs the verb break-glass on rollouts.slipway.dev/web in namespace"


def created(kube: Kubernetes, namespace: str, name: str, user: User, how: str = "create", **spec: Any) -> Answer:
    make = kube.create if how == "create" else kube.apply
    return make(PROMOTION, namespace, promotion(name, **spec), user)


def change(kube: Kubernetes, namespace: str, name: str, user: User, **spec: Any) -> Answer:
    return kube.merge(PROMOTION, namespace, name, {"spec": spec}, user)


# --- The author


@pytest.mark.parametrize("how", ["create", "apply"])
def test_whoever_creates_it_is_its_author(kube: Kubernetes, namespace: str, how: str) -> None:
    for number, user in enumerate((DEVELOPER, APPROVER, LISTED_ACCOUNT, CLUSTER_ADMIN)):
        made = created(kube, namespace, f"author-{how}-{number}", user, how)
        assert made.spec["requestedBy"] == user.name


@pytest.mark.parametrize("how", ["create", "apply"])
def test_an_author_is_not_forged(kube: Kubernetes, namespace: str, how: str) -> None:
    answer = created(kube, namespace, f"forged-{how}", DEVELOPER, how, requestedBy=APPROVER.name)
    answer.refused("spec.requestedBy: developer@example.com creates this Promotion")
    own = created(kube, namespace, f"own-{how}", DEVELOPER, how, requestedBy=DEVELOPER.name)
    assert own.spec["requestedBy"] == DEVELOPER.name


def test_a_restore_brings_the_author_back(kube: Kubernetes, namespace: str) -> None:
    made = created(kube, namespace, "restored", RESTORE, requestedBy=DEVELOPER.name)
    assert made.spec["requestedBy"] == DEVELOPER.name


@pytest.mark.parametrize("user", [DEVELOPER, APPROVER, CLUSTER_ADMIN, OPERATOR], ids=lambda user: user.name)
def test_an_author_never_changes(kube: Kubernetes, namespace: str, user: User) -> None:
    name = new_promotion(kube, namespace)
    assert change(kube, namespace, name, user, requestedBy="somebody").code in (403, 422)
    # Whoever takes it out finds it there again; the operator is not stamped after, and refused.
    kept = change(kube, namespace, name, user, requestedBy=None)
    if user == OPERATOR:
        assert kept.code in (403, 422)
    else:
        assert kept.spec["requestedBy"] == DEVELOPER.name


def test_a_replacement_and_a_manifest_without_the_author_leave_it(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    current = kube.get(PROMOTION, namespace, name).accepted()
    del current["spec"]["requestedBy"]
    replaced = kube.replace(PROMOTION, namespace, {**current, "spec": {**current["spec"], "version": "2"}}, APPROVER)
    assert replaced.spec["requestedBy"] == DEVELOPER.name
    created(kube, namespace, "from-git", DEVELOPER, "apply").accepted()
    again = created(kube, namespace, "from-git", APPROVER, "apply", version="2")
    assert (again.spec["requestedBy"], again.spec["version"]) == (DEVELOPER.name, "2")


def test_one_that_was_created_without_stamping_gets_no_author_later(kube: Kubernetes, namespace: str) -> None:
    # As an older Kubernetes leaves them; here only the operator is not stamped, whose shipped role creates none.
    assert "requestedBy" not in created(kube, namespace, "unstamped", OPERATOR).spec
    assert "requestedBy" not in change(kube, namespace, "unstamped", DEVELOPER, version="2").spec
    change(kube, namespace, "unstamped", DEVELOPER, requestedBy=DEVELOPER.name).refused("stamped at", code=422)


# --- A further approver


def test_a_second_approver_adds_an_own_entry_and_only_that(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    change(kube, namespace, name, APPROVER, approved=True).accepted()
    change(kube, namespace, name, DEVELOPER, approvals={DEVELOPER.name: PLAN}).refused("may not write into")
    forged = {SECOND_APPROVER.name: PLAN}
    change(kube, namespace, name, APPROVER, approvals=forged).refused("may only write the entry approver@example.com")
    both = change(kube, namespace, name, SECOND_APPROVER, approvals=forged)
    assert both.spec["approvals"] == {APPROVER.name: PLAN, SECOND_APPROVER.name: PLAN}
    # Taken away by the operator when it has lapsed: only that one, and it cannot come back but by its own hand.
    gone = change(kube, namespace, name, OPERATOR, approvals={APPROVER.name: None})
    assert gone.spec["approvals"] == {SECOND_APPROVER.name: PLAN}
    change(kube, namespace, name, OPERATOR, approvals={APPROVER.name: PLAN}).refused("the operator never approves")
    assert (
        change(kube, namespace, name, APPROVER, approvals={APPROVER.name: PLAN}).spec["approvals"]
        == both.spec["approvals"]
    )


# --- The glass


def test_who_has_the_right_breaks_the_glass_and_is_written_down(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    for user in (BREAKER, CLUSTER_ADMIN):
        glass = change(kube, namespace, name, user, breakGlass={**GLASS, "by": None}).spec["breakGlass"]
        assert glass == {**GLASS, "by": user.name}
        change(kube, namespace, name, DEVELOPER, breakGlass=None).accepted()  # putting it back is everybody's


@pytest.mark.parametrize("user", [DEVELOPER, NAMESPACE_ADMIN, APPROVER], ids=lambda user: user.name)
def test_nobody_else_breaks_it(kube: Kubernetes, namespace: str, user: User) -> None:
    name = new_promotion(kube, namespace)
    change(kube, namespace, name, user, breakGlass=GLASS).refused(f"{user.name} may not set spec.breakGlass", NO_RIGHT)
    change(kube, namespace, name, BREAKER, breakGlass=GLASS).accepted()
    change(kube, namespace, name, user, breakGlass={"reason": "another"}).refused(NO_RIGHT)
    # What does not touch it needs no right to it.
    change(kube, namespace, name, DEVELOPER, version="2").accepted()


def test_nothing_is_created_with_broken_glass_but_by_who_may(kube: Kubernetes, namespace: str) -> None:
    created(kube, namespace, "glass-1", DEVELOPER, breakGlass=GLASS).refused(NO_RIGHT)
    created(kube, namespace, "glass-2", APPROVER, "apply", breakGlass=GLASS).refused(NO_RIGHT)
    made = created(kube, namespace, "glass-3", CLUSTER_ADMIN, breakGlass=GLASS)
    assert made.spec["breakGlass"]["by"] == CLUSTER_ADMIN.name


def test_a_service_account_has_to_be_listed_too(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    change(kube, namespace, name, UNLISTED_ACCOUNT, breakGlass=GLASS).refused("must be listed under approvers")
    change(kube, namespace, name, OPERATOR, breakGlass=GLASS).refused(code=403)


def test_nobody_breaks_it_in_another_name(kube: Kubernetes, namespace: str) -> None:
    name = new_promotion(kube, namespace)
    change(kube, namespace, name, BREAKER, breakGlass={**GLASS, "by": APPROVER.name}).refused("spec.breakGlass.by")
    change(kube, namespace, name, BREAKER, breakGlass={**GLASS, "by": BREAKER.name}).accepted()
    # Whoever changes the words takes them on themselves.
    change(kube, namespace, name, CLUSTER_ADMIN, breakGlass={"reason": "another"}).refused("spec.breakGlass.by")


@pytest.mark.parametrize("glass", ["text", [], {"reason": 1}, {"by": []}])
def test_malformed_glass_is_an_error_of_the_user(kube: Kubernetes, namespace: str, glass: object) -> None:
    name = new_promotion(kube, namespace)
    assert change(kube, namespace, name, BREAKER, breakGlass=glass).code == 422
    assert created(kube, namespace, "malformed", BREAKER, breakGlass=glass).code in (403, 422)


# --- Policies


def test_policies_are_read_with_view_and_written_by_who_has_the_role_for_it(kube: Kubernetes, namespace: str) -> None:
    for user in (DEVELOPER, NAMESPACE_ADMIN):
        assert may(kube, user, namespace, "get", "promotionpolicies")
    for user in (DEVELOPER, NAMESPACE_ADMIN, APPROVER, OPERATOR):
        assert not any(may(kube, user, namespace, verb, "promotionpolicies") for verb in ("create", "patch", "delete"))
    manifest = POLICY.manifest("mine", spec={"match": {}})
    for user in (DEVELOPER, NAMESPACE_ADMIN, APPROVER, OPERATOR):
        kube.create(POLICY, None, manifest, user).refused(code=403)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "policy-writers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "slipway-policy-writer"},
        "subjects": [{"kind": "User", "name": "security@example.com", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    kind = Kind("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings")
    kube.create(kind, None, binding).accepted()
    writer = User("security@example.com")
    eventually(lambda: kube.create(POLICY, None, manifest, writer, dryRun="All").code == 201, "the role is bound")
