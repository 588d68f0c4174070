"""Talking to a real API server as anybody: each request says on whose behalf it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NamedTuple
from urllib.parse import urlencode

from kubernetes import config
from urllib3 import HTTPHeaderDict

Object = dict[str, Any]

MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class Kind(NamedTuple):
    """A kind of object, and where the API server keeps it."""

    api_version: str
    kind: str
    plural: str

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        prefix = f"/api/{self.api_version}" if "/" not in self.api_version else f"/apis/{self.api_version}"
        scope = f"/namespaces/{namespace}" if namespace else ""
        return "/".join(part for part in (prefix + scope, self.plural, name, subresource) if part)

    def manifest(self, name: str, **fields: Any) -> Object:
        metadata = {"name": name, **fields.pop("metadata", {})}
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": metadata, **fields}


NAMESPACE = Kind("v1", "Namespace", "namespaces")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SERVICE = Kind("v1", "Service", "services")
POD = Kind("v1", "Pod", "pods")
REPLICATION_CONTROLLER = Kind("v1", "ReplicationController", "replicationcontrollers")
POD_TEMPLATE = Kind("v1", "PodTemplate", "podtemplates")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
REPLICA_SET = Kind("apps/v1", "ReplicaSet", "replicasets")
STATEFUL_SET = Kind("apps/v1", "StatefulSet", "statefulsets")
DAEMON_SET = Kind("apps/v1", "DaemonSet", "daemonsets")
CONTROLLER_REVISION = Kind("apps/v1", "ControllerRevision", "controllerrevisions")
JOB = Kind("batch/v1", "Job", "jobs")
CRON_JOB = Kind("batch/v1", "CronJob", "cronjobs")
INGRESS = Kind("networking.k8s.io/v1", "Ingress", "ingresses")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
GRPC_ROUTE = Kind("gateway.networking.k8s.io/v1", "GRPCRoute", "grpcroutes")
ROLE_BINDING = Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
VALIDATING_POLICY = Kind("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies")
VALIDATING_BINDING = Kind(
    "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings"
)
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles")
ACCESS_REVIEW = Kind("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews")
ROLLOUT = Kind("slipway.dev/v1alpha1", "Rollout", "rollouts")
PROMOTION = Kind("slipway.dev/v1alpha1", "Promotion", "promotions")
POLICY = Kind("slipway.dev/v1alpha1", "PromotionPolicy", "promotionpolicies")


class User(NamedTuple):
    """On whose behalf a request is. The API server adds the groups of a service account itself."""

    name: str
    groups: tuple[str, ...] = ()


CLUSTER_ADMIN = User("root@example.com", ("system:masters",))
OPERATOR = User("system:serviceaccount:slipway-system:slipway")


@dataclass(frozen=True)
class Answer:
    """What the API server said: the HTTP status, the object or the reason, and its warnings."""

    code: int
    body: Object
    warnings: tuple[str, ...]

    @property
    def message(self) -> str:
        return "" if self.code < 300 else str(self.body.get("message", ""))

    @property
    def spec(self) -> Object:
        assert self.code < 300, f"{self.code}: {self.message}"
        spec: Object = self.body["spec"]
        return spec

    def accepted(self) -> Object:
        assert self.code < 300, f"{self.code}: {self.message}"
        return self.body

    def refused(self, *words: str, code: int = 403) -> None:
        """Refused, with all of these words in what the user is told."""
        assert self.code == code, f"{self.code}: {self.message or self.body}"
        for word in words:
            assert word in self.message, self.message


class Kubernetes:
    """Requests on behalf of a user; a cluster administrator where none is named."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self._client = config.new_client_from_config(config_file=str(kubeconfig))
        self._credentials: dict[str, str] = {}
        self._client.update_params_for_auth(self._credentials, [], ["BearerToken"], "", "", None)

    def close(self) -> None:
        self._client.close()

    def request(
        self, method: str, path: str, body: Any, user: User, content_type: str, query: dict[str, str]
    ) -> Answer:
        headers = HTTPHeaderDict({"Content-Type": content_type, **self._credentials})
        headers.add("Impersonate-User", user.name)
        for group in user.groups:
            headers.add("Impersonate-Group", group)
        response = self._client.rest_client.pool_manager.request(
            method,
            self._client.configuration.host + path + ("?" + urlencode(query) if query else ""),
            headers=headers,
            body=None if body is None else json.dumps(body),
        )
        return Answer(response.status, json.loads(response.data), tuple(response.headers.getlist("Warning")))

    def get(self, kind: Kind, namespace: str | None, name: str, user: User = CLUSTER_ADMIN) -> Answer:
        return self.request("GET", kind.path(namespace, name), None, user, "application/json", {})

    def create(
        self,
        kind: Kind,
        namespace: str | None,
        manifest: Object,
        user: User = CLUSTER_ADMIN,
        name: str = "",
        subresource: str = "",
        **query: str,
    ) -> Answer:
        path = kind.path(namespace, name, subresource)
        return self.request("POST", path, manifest, user, "application/json", query)

    def replace(
        self,
        kind: Kind,
        namespace: str | None,
        manifest: Object,
        user: User = CLUSTER_ADMIN,
        subresource: str = "",
        **query: str,
    ) -> Answer:
        path = kind.path(namespace, manifest["metadata"]["name"], subresource)
        return self.request("PUT", path, manifest, user, "application/json", query)

    def merge(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        patch: Object,
        user: User = CLUSTER_ADMIN,
        subresource: str = "",
        **query: str,
    ) -> Answer:
        return self.request("PATCH", kind.path(namespace, name, subresource), patch, user, MERGE_PATCH, query)

    def json_patch(
        self,
        kind: Kind,
        namespace: str | None,
        name: str,
        operations: list[Object],
        user: User = CLUSTER_ADMIN,
        subresource: str = "",
        **query: str,
    ) -> Answer:
        return self.request("PATCH", kind.path(namespace, name, subresource), operations, user, JSON_PATCH, query)

    def apply(
        self,
        kind: Kind,
        namespace: str | None,
        manifest: Object,
        user: User = CLUSTER_ADMIN,
        subresource: str = "",
        **query: str,
    ) -> Answer:
        query = {"fieldManager": "test", "force": "true", **query}
        path = kind.path(namespace, manifest["metadata"]["name"], subresource)
        return self.request("PATCH", path, manifest, user, APPLY_PATCH, query)

    def state(self, kind: Kind, namespace: str | None, name: str, status: Object | None, **fields: object) -> Answer:
        """What the operator does: it puts a status, here what was there with other fields; None takes it away."""
        current = {**self.get(kind, namespace, name).accepted(), **fields}
        current["status"] = None if status is None else {**(current.get("status") or {}), **status}
        return self.replace(kind, namespace, current, OPERATOR, "status")

    def delete(self, kind: Kind, namespace: str | None, name: str, user: User = CLUSTER_ADMIN, **query: str) -> Answer:
        return self.request("DELETE", kind.path(namespace, name), None, user, "application/json", query)

    def items(self, kind: Kind, namespace: str | None, **query: str) -> list[Object]:
        path = kind.path(namespace)
        answer = self.request("GET", path, None, CLUSTER_ADMIN, "application/json", query)
        items: list[Object] = answer.accepted()["items"]
        return items


def eventually(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Waits until the condition answers something true, and gives that."""
    until = monotonic() + seconds
    while not (found := condition()):
        assert monotonic() < until, f"not within {seconds:g} s: {what}"
        sleep(0.05)
    return found
