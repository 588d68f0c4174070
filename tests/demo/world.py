"""What the API server says: the Rollout, its Promotions and its route, read again and again."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kubernetes import client, config
from tests.demo.site import Site

GROUP, VERSION, NAMESPACE, NAME = "slipway.dev", "v1alpha1", "shop", "web"
STAGING = "shop-staging"
Object = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """One look at the cluster."""

    rollout: Object = field(default_factory=dict)
    promotion: Object = field(default_factory=dict)
    route: Object = field(default_factory=dict)

    @property
    def status(self) -> Object:
        return self.rollout.get("status") or {}

    @property
    def phase(self) -> str:
        return str(self.status.get("phase", ""))

    @property
    def message(self) -> str:
        return str(self.status.get("message", ""))

    @property
    def verdict(self) -> Object:
        """The Promotion's status."""
        return self.promotion.get("status") or {}

    @property
    def weights(self) -> dict[str, int]:
        """Percent by Service, as the route has it."""
        return {
            backend["name"]: int(backend.get("weight", 1))
            for rule in self.route.get("spec", {}).get("rules", [])
            for backend in rule.get("backendRefs", [])
        }

    def version_of(self, revision: str) -> str:
        """The image's tag of a revision, or the revision where it is not known."""
        for role in ("stable", "candidate", "previous"):
            known = self.status.get(role) or {}
            if known.get("revision") == revision and known.get("images"):
                return str(known["images"][0]).rpartition(":")[2]
        return revision


class Timeout(RuntimeError):
    """Something did not happen in time; the message says what, and what was seen last."""


class World:
    """Reads a namespace as admin."""

    def __init__(self, site: Site, namespace: str = NAMESPACE) -> None:
        self._namespace = namespace
        self._objects = client.CustomObjectsApi(config.new_client_from_config(str(site.kubeconfig)))

    def look(self, promotion: str) -> Seen:
        rollout = self._get(GROUP, VERSION, "rollouts", NAME)
        found = self._get(GROUP, VERSION, "promotions", promotion) if promotion else {}
        return Seen(rollout, found, self._get("gateway.networking.k8s.io", "v1", "httproutes", NAME))

    def promotion(self, name: str) -> Object:
        return self._get(GROUP, VERSION, "promotions", name)

    def watch(
        self, promotion: str, until: Callable[[Seen], bool], seconds: float, show: Callable[[Seen], None]
    ) -> Seen:
        """Look four times a second and show it, until a condition holds; Timeout when it does not in time."""
        deadline = time.monotonic() + seconds
        while True:
            seen = self.look(promotion)
            show(seen)
            if until(seen):
                return seen
            if time.monotonic() > deadline:
                words = f"not within {seconds:.0f} s; the Rollout in {self._namespace} is {seen.phase}: {seen.message}"
                if promotion:
                    words += f"; Promotion {promotion} is {seen.verdict.get('phase')}: {seen.verdict.get('message')}"
                raise Timeout(words)
            time.sleep(0.25)

    def _get(self, group: str, version: str, plural: str, name: str) -> Object:
        try:
            found: Object = self._objects.get_namespaced_custom_object(group, version, self._namespace, plural, name)
        except client.ApiException as error:
            if error.status == 404:
                return {}
            raise
        return found
