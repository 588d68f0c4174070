"""What an editor, or a cluster administrator, may try on what the operator makes."""

from collections.abc import Callable

from tests.integration.admission.guarded_objects import (
    LABELS,
    REVISION,
    deployment,
    pod_template,
    pods,
    replica_set,
    service,
)
from tests.integration.admission.impersonation import (
    DEPLOYMENT,
    POD,
    REPLICA_SET,
    SERVICE,
    Answer,
    Kind,
    Kubernetes,
    Object,
    User,
)
from tests.integration.admission.people import DEVELOPER

BELONGS = "this object belongs to Slipway and {} may not write it: change rollouts.slipway.dev/web instead"
WEB = f"web-{REVISION}"
FOREIGN = {"app": "other"}


def with_foreigners(kube: Kubernetes, namespace: str) -> None:
    """Things that are nobody's: the Service and the Deployment `other`."""
    kube.create(SERVICE, namespace, service("other", FOREIGN), DEVELOPER).accepted()
    kube.create(DEPLOYMENT, namespace, deployment("other", FOREIGN, FOREIGN), DEVELOPER).accepted()


Attempt = Callable[[Kubernetes, str, User], Answer]


def merge(kind: Kind, name: str, patch: Object, subresource: str = "") -> Attempt:
    return lambda kube, namespace, user: kube.merge(kind, namespace, name, patch, user, subresource)


def image(kube: Kubernetes, namespace: str, user: User) -> Answer:
    operation = {
        "op": "replace",
        "path": "/spec/template/spec/containers/0/image",
        "value": "registry.example/web:2",
    }
    return kube.json_patch(DEPLOYMENT, namespace, WEB, [operation], user)


def replaced_service(kube: Kubernetes, namespace: str, user: User) -> Answer:
    current = kube.get(SERVICE, namespace, "web").accepted()
    current["metadata"]["labels"] = {}
    current["spec"]["selector"] = FOREIGN
    return kube.replace(SERVICE, namespace, current, user)


ATTEMPTS: dict[str, Attempt] = {
    "point the Service at another revision": merge(
        SERVICE, "web", {"spec": {"selector": {"slipway.dev/revision": "0123456789"}}}
    ),
    "point the Service at pods of one's own": merge(SERVICE, "web", {"spec": {"selector": FOREIGN}}),
    "wipe the selector": merge(SERVICE, "web", {"spec": {"selector": None}}),
    "make the Service an alias": merge(
        SERVICE, "web", {"spec": {"type": "ExternalName", "externalName": "example.com"}}
    ),
    "change the port": merge(SERVICE, "web", {"spec": {"ports": [{"name": "http", "port": 81}]}}),
    "annotate the Service": merge(SERVICE, "web", {"metadata": {"annotations": {"a": "b"}}}),
    "take the label off the Service": merge(SERVICE, "web", {"metadata": {"labels": {"slipway.dev/rollout": None}}}),
    "take the label off and the selector away at once": replaced_service,
    "apply over the Service": lambda kube, namespace, user: kube.apply(
        SERVICE, namespace, service("web", FOREIGN), user
    ),
    "delete the Service": lambda kube, namespace, user: kube.delete(SERVICE, namespace, "web", user),
    "put the label on a Service of one's own": merge(SERVICE, "other", {"metadata": {"labels": LABELS}}),
    "create a Service with the label": lambda kube, namespace, user: kube.create(
        SERVICE, namespace, service("web-2", FOREIGN, LABELS), user
    ),
    "change the image": image,
    "take the label off the Deployment": merge(
        DEPLOYMENT, WEB, {"metadata": {"labels": {"slipway.dev/rollout": None}}}
    ),
    "restart the Deployment": merge(
        DEPLOYMENT,
        WEB,
        {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}},
    ),
    "pause the Deployment": merge(DEPLOYMENT, WEB, {"spec": {"paused": True}}),
    "set replicas in the Deployment": merge(DEPLOYMENT, WEB, {"spec": {"replicas": 9}}),
    "delete the Deployment": lambda kube, namespace, user: kube.delete(DEPLOYMENT, namespace, WEB, user),
    "put the label on a Deployment of one's own": merge(DEPLOYMENT, "other", {"metadata": {"labels": LABELS}}),
    "create a Deployment with the label": lambda kube, namespace, user: kube.create(
        DEPLOYMENT, namespace, deployment("web-2", LABELS, FOREIGN), user
    ),
    "create a Deployment with the label on it and on its pods": lambda kube, namespace, user: kube.create(
        DEPLOYMENT, namespace, deployment("web-2", LABELS, LABELS), user
    ),
    "change the ReplicaSet": lambda kube, namespace, user: kube.merge(
        REPLICA_SET, namespace, replica_set(kube, namespace), {"spec": {"replicas": 9}}, user
    ),
    "delete the ReplicaSet": lambda kube, namespace, user: kube.delete(
        REPLICA_SET, namespace, replica_set(kube, namespace), user
    ),
    "create a pod with the label": lambda kube, namespace, user: kube.create(
        POD, namespace, POD.manifest("web-mine", metadata={"labels": LABELS}, spec=pod_template({})["spec"]), user
    ),
    "move a pod to another revision": lambda kube, namespace, user: kube.merge(
        POD, namespace, pods(kube, namespace)[0], {"metadata": {"labels": {"slipway.dev/revision": "0123456789"}}}, user
    ),
    "take the label off a pod": lambda kube, namespace, user: kube.merge(
        POD, namespace, pods(kube, namespace)[0], {"metadata": {"labels": {"slipway.dev/rollout": None}}}, user
    ),
    "change a pod's image": lambda kube, namespace, user: kube.json_patch(
        POD,
        namespace,
        pods(kube, namespace)[0],
        [{"op": "replace", "path": "/spec/containers/0/image", "value": "registry.example/web:2"}],
        user,
    ),
}
