"""Ways round the guard: pods by way of a controller, Services and routes that lead to a Rollout's pods."""

from collections.abc import Iterator

import pytest
from tests.integration.admission.guarded_objects import LABELS, pod_template, service
from tests.integration.admission.impersonation import (
    CLUSTER_ADMIN,
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    GRPC_ROUTE,
    HTTP_ROUTE,
    INGRESS,
    JOB,
    NAMESPACE,
    OPERATOR,
    POD_TEMPLATE,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    ROLLOUT,
    SERVICE,
    STATEFUL_SET,
    Kind,
    Kubernetes,
    Object,
    User,
    eventually,
)
from tests.integration.admission.people import DEVELOPER, new_namespace, rollout

MINE = {"app": "mine"}
BOTH = {**MINE, "slipway.dev/rollout": "web"}


@pytest.fixture(scope="module")
def shop(kube: Kubernetes) -> Iterator[str]:
    name = new_namespace(kube, "workloads")
    kube.create(ROLLOUT, name, rollout(labels={"app": "web", "tier": "front"}), DEVELOPER).accepted()
    eventually(
        lambda: kube.create(SERVICE, name, service("probe", {"app": "web"}), DEVELOPER, dryRun="All").code == 403,
        "the API server has read the Rollout as a parameter",
    )
    yield name
    kube.delete(NAMESPACE, None, name).accepted()


def workload(kind: Kind, labels: dict[str, str]) -> Object:
    template = pod_template(labels)
    selector = {"matchLabels": MINE}
    if kind in (JOB, CRON_JOB):
        template["spec"]["restartPolicy"] = "Never"
    spec: Object
    match kind.kind:
        case "PodTemplate":
            return kind.manifest("mine", template=template)
        case "ReplicationController":
            spec = {"replicas": 0, "selector": MINE, "template": template}
        case "Job":
            spec = {"template": template}
        case "CronJob":
            spec = {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": template}}}
        case "DaemonSet":
            spec = {"selector": selector, "template": template}
        case _:
            spec = {"replicas": 0, "selector": selector, "template": template}
    return kind.manifest("mine", spec=spec)


WORKLOADS = [
    DEPLOYMENT,
    REPLICA_SET,
    STATEFUL_SET,
    DAEMON_SET,
    JOB,
    CRON_JOB,
    REPLICATION_CONTROLLER,
    POD_TEMPLATE,
]


@pytest.mark.parametrize("user", [DEVELOPER, CLUSTER_ADMIN], ids=lambda user: user.name)
@pytest.mark.parametrize("kind", WORKLOADS, ids=lambda kind: kind.kind)
def test_no_workload_makes_pods_with_the_label(kube: Kubernetes, shop: str, kind: Kind, user: User) -> None:
    if kind is POD_TEMPLATE and user is DEVELOPER:
        return  # `edit` brings no right to PodTemplates
    words = "the label slipway.dev/rollout on pods is Slipway's: take it out of the pod template"
    kube.create(kind, shop, workload(kind, BOTH), user).refused("slipway-guard-workloads", words)
    kube.apply(kind, shop, workload(kind, BOTH), user).refused(words)
    labelled = workload(kind, BOTH)
    labelled["metadata"]["labels"] = {"slipway.dev/rollout": "web"}
    kube.create(kind, shop, labelled, user).refused()
    # Without the label it is nobody's business, until the label is put into the template.
    kube.create(kind, shop, workload(kind, MINE), user).accepted()
    try:
        if kind not in (JOB,):  # a Job's template is immutable
            kube.apply(kind, shop, workload(kind, BOTH), user).refused(words)
    finally:
        kube.delete(kind, shop, "mine", user, propagationPolicy="Background").accepted()
        eventually(lambda: kube.get(kind, shop, "mine").code == 404, "it is gone")


@pytest.mark.parametrize("user", [DEVELOPER, CLUSTER_ADMIN], ids=lambda user: user.name)
@pytest.mark.parametrize("selector", [LABELS, BOTH, {"slipway.dev/revision": "3f2a9c01de"}], ids=str)
def test_no_service_of_ones_own_names_slipways_labels(
    kube: Kubernetes, shop: str, selector: dict[str, str], user: User
) -> None:
    words = "labels under slipway.dev/ are Slipway's; send traffic to the Rollout's own Service"
    kube.create(SERVICE, shop, service("web-2", selector), user).refused("slipway-guard-selectors", words)
    kube.create(SERVICE, shop, service("mine", MINE), user).accepted()
    kube.merge(SERVICE, shop, "mine", {"spec": {"selector": selector}}, user).refused(words)
    kube.delete(SERVICE, shop, "mine", user).accepted()


@pytest.mark.parametrize("user", [DEVELOPER, CLUSTER_ADMIN], ids=lambda user: user.name)
@pytest.mark.parametrize("selector", [{"app": "web"}, {"tier": "front"}, {"app": "web", "tier": "front"}], ids=str)
def test_no_new_service_selects_the_next_pods_of_a_rollout(
    kube: Kubernetes, shop: str, selector: dict[str, str], user: User
) -> None:
    words = "spec.selector would also select the pods of rollouts.slipway.dev/web that nobody has approved yet"
    kube.create(SERVICE, shop, service("web-2", selector), user).refused("slipway-guard-overlap", words)
    kube.create(SERVICE, shop, service("mine", MINE), user).accepted()
    kube.merge(SERVICE, shop, "mine", {"spec": {"selector": {"app": None, **selector}}}, user).refused(words)
    kube.delete(SERVICE, shop, "mine", user).accepted()


@pytest.mark.parametrize("selector", [{"app": "web", "tier": "back"}, {"app": "api"}, {}], ids=str)
def test_other_services_are_left_alone(kube: Kubernetes, shop: str, selector: dict[str, str]) -> None:
    kube.create(SERVICE, shop, service("mine", selector), DEVELOPER).accepted()
    kube.merge(SERVICE, shop, "mine", {"metadata": {"labels": {"a": "b"}}}, DEVELOPER).accepted()
    kube.delete(SERVICE, shop, "mine", DEVELOPER).accepted()


def test_a_service_that_was_there_first_may_still_be_edited(kube: Kubernetes) -> None:
    """It is the operator that finds it, and starts no candidate beside it until it was taken over."""
    name = new_namespace(kube, "migrated")
    kube.create(SERVICE, name, service("web", {"app": "web"}), DEVELOPER).accepted()
    kube.create(ROLLOUT, name, rollout(), DEVELOPER).accepted()
    eventually(
        lambda: kube.create(SERVICE, name, service("probe", {"app": "web"}), DEVELOPER, dryRun="All").code == 403,
        "the API server has read the Rollout as a parameter",
    )
    adopt = {"metadata": {"annotations": {"slipway.dev/adopt": "web"}}}
    kube.merge(SERVICE, name, "web", adopt, DEVELOPER).accepted()
    kube.merge(
        SERVICE, name, "web", {"spec": {"selector": LABELS}, "metadata": {"labels": LABELS}}, OPERATOR
    ).accepted()
    kube.merge(SERVICE, name, "web", {"spec": {"selector": {"app": "web"}}}, DEVELOPER).refused("belongs to Slipway")


def test_no_alias_of_the_preview(kube: Kubernetes, shop: str) -> None:
    for target in ("web-preview", f"web-preview.{shop}", f"web-preview.{shop}.svc.cluster.local"):
        alias = SERVICE.manifest("alias", spec={"type": "ExternalName", "externalName": target})
        kube.create(SERVICE, shop, alias, DEVELOPER).refused("web-preview serves what nobody has approved yet")
    alias = SERVICE.manifest("alias", spec={"type": "ExternalName", "externalName": f"web.{shop}.svc.cluster.local"})
    kube.create(SERVICE, shop, alias, DEVELOPER).accepted()


def ingress(service_name: str, *, default: bool = False) -> Object:
    backend = {"service": {"name": service_name, "port": {"name": "http"}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    spec: Object = (
        {"defaultBackend": backend} if default else {"rules": [{"http": {"paths": [path]}}, {"host": "a.example"}]}
    )
    return INGRESS.manifest("mine", spec=spec)


@pytest.mark.parametrize("default", [True, False])
def test_no_ingress_names_the_preview(kube: Kubernetes, shop: str, default: bool) -> None:
    refused = "no route may name web-preview, which serves what nobody has approved yet: name Service web"
    kube.create(INGRESS, shop, ingress("web-preview", default=default), DEVELOPER).refused(refused)
    for name in ("web", "api-preview"):
        kube.apply(INGRESS, shop, ingress(name, default=default), DEVELOPER).accepted()
    kube.apply(INGRESS, shop, ingress("web-preview", default=default), DEVELOPER).refused(refused)
    kube.delete(INGRESS, shop, "mine", DEVELOPER).accepted()


def backend(name: str, **fields: object) -> Object:
    return {"name": name, "port": 80, **fields}


def mirror(name: str) -> Object:
    return {"type": "RequestMirror", "requestMirror": {"backendRef": backend(name)}}


PREVIEWED: dict[str, Object] = {
    "a backend": {"backendRefs": [backend("web"), backend("web-preview", weight=1)]},
    "a copy of requests": {"backendRefs": [backend("web")], "filters": [mirror("web-preview")]},
    "a backend's copy of requests": {"backendRefs": [backend("web", filters=[mirror("web-preview")])]},
}


@pytest.mark.parametrize("kind", [HTTP_ROUTE, GRPC_ROUTE], ids=lambda kind: kind.kind)
@pytest.mark.parametrize("case", PREVIEWED)
def test_no_gateway_route_names_the_preview(kube: Kubernetes, shop: str, kind: Kind, case: str) -> None:
    spec = {"parentRefs": [{"name": "public"}], "rules": [{"backendRefs": [backend("web")]}, PREVIEWED[case]]}
    route = kind.manifest("mine", spec=spec)
    refused = "no route may name web-preview, which serves what nobody has approved yet: name Service web"
    kube.create(kind, shop, route).refused(refused)
    spec["rules"] = [{"backendRefs": [backend("web", weight=90), backend("web-candidate", weight=10)]}]
    kube.create(kind, shop, route).accepted()
    kube.merge(kind, shop, "mine", {"spec": {"rules": [PREVIEWED[case]]}}).refused(refused)
    kube.delete(kind, shop, "mine").accepted()


def test_gateway_routes_to_other_things_are_left_alone(kube: Kubernetes, shop: str) -> None:
    rules = [
        {"backendRefs": [backend("api-preview"), backend("web-preview", namespace="elsewhere")]},
        {"filters": [{"type": "RequestRedirect", "requestRedirect": {"hostname": "a.example"}}]},
    ]
    kube.create(HTTP_ROUTE, shop, HTTP_ROUTE.manifest("other", spec={"rules": rules})).accepted()


def test_where_no_approval_is_asked_for_services_may_select_as_they_like(kube: Kubernetes) -> None:
    name = new_namespace(kube, "staging", {"slipway.dev/approval": "automatic"})
    kube.create(ROLLOUT, name, rollout(approval="Automatic"), DEVELOPER).accepted()
    preview = ingress("web-preview")
    eventually(
        lambda: kube.create(INGRESS, name, preview, DEVELOPER, dryRun="All").code == 403,
        "the API server has read the Rollout as a parameter",
    )
    kube.create(SERVICE, name, service("mine", {"app": "web"}), DEVELOPER).accepted()
