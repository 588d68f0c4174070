"""What the operator makes from a Rollout, written by its own identity."""

from tests.integration.admission.impersonation import (
    CONTROLLER_REVISION,
    DEPLOYMENT,
    OPERATOR,
    POD,
    REPLICA_SET,
    ROLLOUT,
    SERVICE,
    Kubernetes,
    Object,
    eventually,
)
from tests.integration.admission.people import DEVELOPER, rollout

REVISION = "3f2a9c01de"
LABELS = {"slipway.dev/rollout": "web", "slipway.dev/revision": REVISION}


def pod_template(labels: dict[str, str]) -> Object:
    return {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]},
    }


def deployment(name: str, labels: dict[str, str], pod_labels: dict[str, str]) -> Object:
    spec = {"replicas": 2, "selector": {"matchLabels": pod_labels}, "template": pod_template(pod_labels)}
    return DEPLOYMENT.manifest(name, metadata={"labels": labels}, spec=spec)


def service(name: str, selector: dict[str, str], labels: dict[str, str] | None = None, **spec: object) -> Object:
    ports = [{"name": "http", "port": 80, "targetPort": 9898}]
    return SERVICE.manifest(
        name, metadata={"labels": labels or {}}, spec={"selector": selector, "ports": ports, **spec}
    )


def revision(name: str) -> Object:
    return CONTROLLER_REVISION.manifest(name, metadata={"labels": LABELS}, revision=1, data={})


def with_children(kube: Kubernetes, namespace: str) -> None:
    """A Rollout `web` with its Services, a revision and its Deployment, whose pods are there."""
    owner = kube.create(ROLLOUT, namespace, rollout(), DEVELOPER).accepted()
    reference = {
        **{key: owner[key] for key in ("apiVersion", "kind")},
        **{key: owner["metadata"][key] for key in ("name", "uid")},
        "controller": True,
        "blockOwnerDeletion": True,
    }
    children = (
        (SERVICE, service("web", LABELS, LABELS)),
        (SERVICE, service("web-preview", LABELS, LABELS)),
        (DEPLOYMENT, deployment(f"web-{REVISION}", LABELS, {"app": "web", **LABELS})),
        (CONTROLLER_REVISION, revision(f"web-{REVISION}")),
    )
    for kind, manifest in children:
        manifest["metadata"]["ownerReferences"] = [reference]
        kube.apply(kind, namespace, manifest, OPERATOR, fieldManager="slipway").accepted()
    eventually(lambda: len(pods(kube, namespace)) == 2, "the pods of the Deployment are there")


def pods(kube: Kubernetes, namespace: str) -> list[str]:
    found = kube.items(POD, namespace, labelSelector="slipway.dev/rollout=web")
    return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]


def replica_set(kube: Kubernetes, namespace: str) -> str:
    name: str = kube.items(REPLICA_SET, namespace, labelSelector="slipway.dev/rollout=web")[0]["metadata"]["name"]
    return name
