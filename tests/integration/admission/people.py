"""Who takes part in the admission tests, and with which rights in each test's namespace."""

from itertools import count

from tests.integration.admission.impersonation import (
    ACCESS_REVIEW,
    NAMESPACE,
    OPERATOR,
    PROMOTION,
    ROLE_BINDING,
    ROLLOUT,
    Answer,
    Kubernetes,
    Object,
    User,
    eventually,
)

DEVELOPER = User("developer@example.com")
NAMESPACE_ADMIN = User("lead@example.com")
APPROVER = User("approver@example.com")
SECOND_APPROVER = User("second@example.com")
ODD_APPROVER = User("team/a~b@example.com")  # both characters that a JSON pointer escapes
UNLISTED_ACCOUNT = User("system:serviceaccount:ci:deployer")
LISTED_ACCOUNT = User("system:serviceaccount:ci:gate")
SYSTEM_ADMIN = User("system:admin", ("system:masters",))
BREAKER = User("oncall@example.com")
RESTORE = User("system:serviceaccount:velero:velero")

EDITORS = (DEVELOPER,)
APPROVERS = (APPROVER, SECOND_APPROVER, ODD_APPROVER, UNLISTED_ACCOUNT, LISTED_ACCOUNT, OPERATOR)

PLAN = "sha256:" + "a" * 64
NEXT_PLAN = "sha256:" + "b" * 64

_numbers = count(1)


def subject(user: User) -> Object:
    if user.name.startswith("system:serviceaccount:"):
        namespace, name = user.name.split(":")[2:]
        return {"kind": "ServiceAccount", "namespace": namespace, "name": name}
    return {"kind": "User", "name": user.name, "apiGroup": "rbac.authorization.k8s.io"}


def bind(kube: Kubernetes, namespace: str, name: str, cluster_role: str, users: tuple[User, ...]) -> None:
    reference = {"kind": "ClusterRole", "name": cluster_role, "apiGroup": "rbac.authorization.k8s.io"}
    binding = ROLE_BINDING.manifest(name, roleRef=reference, subjects=[subject(user) for user in users])
    kube.create(ROLE_BINDING, namespace, binding).accepted()


def may(kube: Kubernetes, user: User, namespace: str, verb: str, resource: str, group: str = "slipway.dev") -> bool:
    plural, _, subresource = resource.partition("/")
    asked = {
        "namespace": namespace,
        "verb": verb,
        "group": group,
        "resource": plural,
        "subresource": subresource,
        "name": "x",
    }
    groups = ["system:authenticated"]
    review = ACCESS_REVIEW.manifest("", spec={"user": user.name, "groups": groups, "resourceAttributes": asked})
    allowed: bool = kube.create(ACCESS_REVIEW, None, review).accepted()["status"]["allowed"]
    return allowed


def new_namespace(kube: Kubernetes, prefix: str, labels: dict[str, str] | None = None) -> str:
    """A namespace with editors (`edit`), an admin (`admin`) and approvers (`slipway-approver` and `edit`)."""
    name = f"{prefix}-{next(_numbers)}"
    kube.create(NAMESPACE, None, NAMESPACE.manifest(name, metadata={"labels": labels or {}})).accepted()
    bind(kube, name, "editors", "edit", (*EDITORS, *APPROVERS))
    bind(kube, name, "admins", "admin", (NAMESPACE_ADMIN,))
    bind(kube, name, "approvers", "slipway-approver", APPROVERS)
    bind(kube, name, "breakers", "slipway-glass-breaker", (BREAKER, UNLISTED_ACCOUNT, OPERATOR))
    # Bindings and aggregated roles reach the authorizer a moment after they were written.
    eventually(
        lambda: (
            may(kube, DEVELOPER, name, "create", "promotions")
            and may(kube, NAMESPACE_ADMIN, name, "create", "promotions")
            and may(kube, BREAKER, name, "break-glass", "rollouts")
            and all(may(kube, user, name, "approve", "rollouts") for user in APPROVERS)
        ),
        "the roles are bound",
    )
    return name


def rollout(name: str = "web", labels: dict[str, str] | None = None, **spec: object) -> Object:
    container = {"name": "web", "image": "registry.example/web:1"}
    template = {"metadata": {"labels": labels or {"app": name}}, "spec": {"containers": [container]}}
    service = {"ports": [{"name": "http", "port": 80, "targetPort": 9898}]}
    return ROLLOUT.manifest(name, spec={"environment": "production", "template": template, "service": service, **spec})


def promotion(name: str = "web-1", **spec: object) -> Object:
    return PROMOTION.manifest(name, spec={"rollout": "web", "environment": "production", **spec})


def show_plan(kube: Kubernetes, namespace: str, name: str, plan: str = PLAN) -> Answer:
    return kube.state(PROMOTION, namespace, name, {"planHash": plan})


def new_promotion(kube: Kubernetes, namespace: str, plan: str = PLAN, **spec: object) -> str:
    """A Promotion that a developer made and that waits for approval; its name."""
    name = f"web-{next(_numbers)}"
    kube.create(PROMOTION, namespace, promotion(name, **spec), DEVELOPER).accepted()
    if plan:
        show_plan(kube, namespace, name, plan).accepted()
        # A PATCH is first tried, and judged, on the server's cached copy. A LIST waits until that is the latest.
        kube.items(PROMOTION, namespace)
    return name
