"""The shipped roles: who gets what, and what the operator's own does not have."""

import pytest
import yaml
from tests.integration.admission.conftest import REPOSITORY
from tests.integration.admission.impersonation import (
    CLUSTER_ROLE,
    OPERATOR,
    PROMOTION,
    ROLE_BINDING,
    Kubernetes,
    User,
    eventually,
)
from tests.integration.admission.people import DEVELOPER, NAMESPACE_ADMIN, bind, may, new_promotion

READER = User("reader@example.com")
ONLY_APPROVER = User("only-approver@example.com")


@pytest.fixture(scope="module")
def shop(kube: Kubernetes, namespace: str) -> str:
    bind(kube, namespace, "readers", "view", (READER,))
    bind(kube, namespace, "only-approvers", "slipway-approver", (ONLY_APPROVER,))
    eventually(lambda: may(kube, ONLY_APPROVER, namespace, "approve", "rollouts"), "the roles are bound")
    return namespace


# resource, verb: who may. Editors (`edit`), Admins (`admin`), Viewers (`view`), aPprovers (slipway-approver).
TABLE = {
    ("rollouts", "get"): "EAVP",
    ("rollouts", "watch"): "EAVP",
    ("rollouts", "create"): "EA",
    ("rollouts", "patch"): "EA",
    ("rollouts", "delete"): "EA",
    ("rollouts", "approve"): "P",
    ("rollouts", "break-glass"): "",
    ("promotionpolicies", "get"): "EAV",
    ("promotionpolicies", "patch"): "",
    ("rollouts/scale", "patch"): "EA",
    ("rollouts/scale", "get"): "EAV",
    ("rollouts/status", "get"): "EAV",
    ("rollouts/status", "patch"): "",
    ("rollouts/status", "update"): "",
    ("rollouts/finalizers", "update"): "",
    ("promotions", "get"): "EAVP",
    ("promotions", "create"): "EA",
    ("promotions", "update"): "EA",
    ("promotions", "patch"): "EAP",
    ("promotions", "delete"): "EA",
    ("promotions/status", "patch"): "",
    ("promotions/status", "update"): "",
}
PEOPLE = {"E": DEVELOPER, "A": NAMESPACE_ADMIN, "V": READER, "P": ONLY_APPROVER}


@pytest.mark.parametrize(("resource", "verb"), TABLE)
def test_what_people_get(kube: Kubernetes, shop: str, resource: str, verb: str) -> None:
    have = "".join(letter for letter, user in PEOPLE.items() if may(kube, user, shop, verb, resource))
    assert have == TABLE[resource, verb]


def test_an_approver_needs_no_other_role(kube: Kubernetes, shop: str) -> None:
    name = new_promotion(kube, shop)
    spec = kube.merge(PROMOTION, shop, name, {"spec": {"approved": True}}, ONLY_APPROVER).spec
    assert list(spec["approvals"]) == [ONLY_APPROVER.name]


def test_an_editor_cannot_hand_out_the_right(kube: Kubernetes, shop: str) -> None:
    reference = {"kind": "ClusterRole", "name": "slipway-approver", "apiGroup": "rbac.authorization.k8s.io"}
    subjects = [{"kind": "User", "name": DEVELOPER.name, "apiGroup": "rbac.authorization.k8s.io"}]
    binding = ROLE_BINDING.manifest("mine", roleRef=reference, subjects=subjects)
    for user in (DEVELOPER, NAMESPACE_ADMIN):
        kube.create(ROLE_BINDING, shop, binding, user).refused()


def test_semantics_24_no_shipped_role_has_a_wildcard() -> None:
    for path in (REPOSITORY / "manifests" / "access").glob("*-roles.yaml"):
        for role in yaml.safe_load_all(path.read_text()):
            for rule in role.get("rules", []):
                assert not [value for values in rule.values() for value in values if "*" in value], role["metadata"]


def test_an_administrator_can_leave_out_the_right_to_read_logs() -> None:
    text = (REPOSITORY / "manifests" / "access" / "operator-roles.yaml").read_text()
    roles = [made for made in yaml.safe_load_all(text) if made["kind"] == "ClusterRole"]
    reading = [role for role in roles if any("pods/log" in rule["resources"] for rule in role.get("rules", []))]
    assert [(role["metadata"]["name"], len(role["rules"])) for role in reading] == [("slipway-operator-logs", 1)]


NOT_THE_OPERATORS = [
    ("", "secrets", "get"),
    ("", "secrets", "list"),
    ("", "configmaps", "update"),
    ("", "configmaps", "delete"),
    ("", "configmaps", "watch"),
    ("", "events", "create"),
    ("", "pods/exec", "create"),
    ("", "pods", "create"),
    ("", "pods", "delete"),
    ("", "services/proxy", "get"),
    ("", "namespaces", "patch"),
    ("", "serviceaccounts/token", "create"),
    ("apps", "deployments/scale", "patch"),
    ("slipway.dev", "rollouts", "approve"),
    ("slipway.dev", "rollouts", "break-glass"),
    ("slipway.dev", "promotionpolicies", "patch"),
    ("slipway.dev", "rollouts/status", "get"),
    ("slipway.dev", "rollouts/status", "patch"),
    ("slipway.dev", "promotions/status", "get"),
    ("slipway.dev", "promotions/status", "patch"),
    ("slipway.dev", "rollouts", "update"),
    ("slipway.dev", "launchrecords", "prune"),
    ("slipway.dev", "rollouts", "create"),
    ("slipway.dev", "rollouts", "delete"),
    ("slipway.dev", "promotions", "create"),
    ("slipway.dev", "promotions", "update"),
    ("rbac.authorization.k8s.io", "rolebindings", "create"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings", "delete"),
    ("admissionregistration.k8s.io", "validatingadmissionpolicies", "patch"),
    ("gateway.networking.k8s.io", "httproutes", "create"),
    ("coordination.k8s.io", "leases", "update"),
    ("batch", "jobs", "patch"),
    ("batch", "cronjobs", "create"),
]


@pytest.mark.parametrize(("group", "resource", "verb"), NOT_THE_OPERATORS)
def test_what_the_operator_cannot(kube: Kubernetes, group: str, resource: str, verb: str) -> None:
    assert not may(kube, OPERATOR, "default", verb, resource, group)


def test_an_administrator_says_what_object_checks_may_read(kube: Kubernetes) -> None:
    assert not may(kube, OPERATOR, "default", "get", "statefulsets", "apps")
    labels = {"slipway.dev/aggregate-to-operator-checks": "true"}
    rule = {"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["get"]}
    kube.create(
        CLUSTER_ROLE, None, CLUSTER_ROLE.manifest("stateful", metadata={"labels": labels}, rules=[rule])
    ).accepted()
    eventually(lambda: may(kube, OPERATOR, "default", "get", "statefulsets", "apps"), "the role is aggregated")
    kube.delete(CLUSTER_ROLE, None, "stateful").accepted()
    eventually(lambda: not may(kube, OPERATOR, "default", "get", "statefulsets", "apps"), "the role is gone")
