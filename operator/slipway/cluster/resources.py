"""The kinds of Kubernetes objects that the operator reads or writes, and their paths in the API."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.cluster.errors import NotFound


@dataclass(frozen=True, slots=True)
class Resource:
    """One served kind: enough to build its REST path and the head of its manifests."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """`group/version`, or the bare version in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """`plural.group`, the name that its CRD would have; the bare plural in the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path; without `namespace` the collection over all namespaces, without `name` the collection.

        Raises NotFound for an empty name: its path would be that of the collection, read or deleted as if it were one.
        """
        if name == "":
            raise NotFound(f"no {self.name} has an empty name")
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name is not None:
            parts.append(name)
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


ROLLOUTS = Resource("slipway.dev", "v1alpha1", "rollouts", "Rollout")
PROMOTIONS = Resource("slipway.dev", "v1alpha1", "promotions", "Promotion")
PROMOTION_POLICIES = Resource("slipway.dev", "v1alpha1", "promotionpolicies", "PromotionPolicy", namespaced=False)
CONTROLLER_REVISIONS = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
SERVICES = Resource("", "v1", "services", "Service")
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
PODS = Resource("", "v1", "pods", "Pod")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SELF_SUBJECT_REVIEWS = Resource(
    "authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False
)
SELF_SUBJECT_ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
HTTP_ROUTES = Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
JOBS = Resource("batch", "v1", "jobs", "Job")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
EVENTS = Resource("events.k8s.io", "v1", "events", "Event")
ADMISSION_BINDINGS = Resource(
    "admissionregistration.k8s.io",
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    namespaced=False,
)

ROLLOUT_LABEL = "slipway.dev/rollout"
REVISION_LABEL = "slipway.dev/revision"
FIELD_MANAGER = "slipway"
