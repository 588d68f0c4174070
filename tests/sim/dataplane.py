"""What users meet: which share of their requests reaches which revision, seen through lagging routes
and endpoints.

The gateway follows HTTPRoutes and EndpointSlices each with a delay of its own, so every order in
which two changes can arrive is met by choosing the delays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.sim.apiserver import Server
from tests.sim.controllers import Lags, is_ready

from slipway.cluster.resources import ENDPOINT_SLICES, HTTP_ROUTES, PODS, REVISION_LABEL, SERVICES

Object = dict[str, Any]

LOST = "lost"
Shares = Mapping[str, Fraction]
"""Fraction of an entry's requests by revision; LOST are those that get no answer from the workload."""


@dataclass(frozen=True)
class Seen:
    """The shares at one instant, by entry: `Service/<name>` (inside the cluster) or `HTTPRoute/<name>`."""

    at: float
    entries: Mapping[str, Shares]

    def share(self, revision: str) -> Fraction:
        """The largest share of any entry."""
        return max((shares.get(revision, Fraction(0)) for shares in self.entries.values()), default=Fraction(0))


@dataclass
class DataPlane:
    """Call `step` once a second, after the controllers."""

    server: Server
    lags: Lags
    entries: tuple[str, ...]
    namespace: str
    history: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._routes: deque[dict[str, Object]] = deque()
        self._endpoints: deque[dict[str, list[Object]]] = deque()

    def step(self, at: float) -> Seen:
        self._routes.append({r["metadata"]["name"]: r for r in self.server.peek(HTTP_ROUTES, self.namespace)})
        self._endpoints.append(self._current_endpoints())
        while len(self._routes) > self.lags.routes_in_data_plane + 1:
            self._routes.popleft()
        while len(self._endpoints) > self.lags.endpoints_in_data_plane + 1:
            self._endpoints.popleft()
        seen = Seen(at, {entry: self._shares(entry) for entry in self.entries if self._exists(entry)})
        self.history.append(seen)
        return seen

    def reachable(self, service: str) -> bool:
        """Whether a Service has a ready endpoint."""
        return any(end["conditions"]["ready"] for end in self._current_endpoints().get(service, []))

    def served(self, revision: str, since: float) -> Fraction:
        """Seconds' worth of all requests that reached a revision after `since`."""
        return sum((seen.share(revision) for seen in self.history if seen.at > since), Fraction(0))

    def _exists(self, entry: str) -> bool:
        kind, _, name = entry.partition("/")
        if kind == "HTTPRoute":
            return name in self._routes[0]
        return self.server.find(SERVICES, self.namespace, name) is not None

    def _current_endpoints(self) -> dict[str, list[Object]]:
        found: dict[str, list[Object]] = {}
        for endpoint_slice in self.server.peek(ENDPOINT_SLICES, self.namespace):
            service = endpoint_slice["metadata"]["labels"]["kubernetes.io/service-name"]
            found.setdefault(service, []).extend(endpoint_slice.get("endpoints") or [])
        return found

    def _shares(self, entry: str) -> Shares:
        kind, _, name = entry.partition("/")
        if kind == "Service":
            return self._of_service(name)
        rules = self._routes[0][name]["spec"].get("rules", [])
        total: dict[str, Fraction] = {}
        for rule in rules:
            refs = rule.get("backendRefs", [])
            weights = sum(ref.get("weight", 1) for ref in refs)
            if not weights:
                total[LOST] = total.get(LOST, Fraction(0)) + Fraction(1, len(rules))
            for ref in refs:
                if ref.get("weight", 1):
                    part = Fraction(ref.get("weight", 1), weights * len(rules))
                    for revision, share in self._of_service(ref["name"]).items():
                        total[revision] = total.get(revision, Fraction(0)) + part * share
        return total

    def _of_service(self, name: str) -> Shares:
        """Endpoints as the data plane knows them, pods as they are: a pod that is gone answers nobody."""
        ready = [e for e in self._endpoints[0].get(name, []) if e["conditions"]["ready"]]
        if not ready:
            return {LOST: Fraction(1)}
        shares: dict[str, Fraction] = {}
        for endpoint in ready:
            pod = self.server.find(PODS, self.namespace, endpoint["targetRef"]["name"])
            # A pod that is being deleted still answers until its grace period is over.
            answers = pod is not None and pod["metadata"]["uid"] == endpoint["targetRef"]["uid"] and is_ready(pod)
            revision = (pod["metadata"]["labels"].get(REVISION_LABEL) or "foreign") if answers and pod else LOST
            shares[revision] = shares.get(revision, Fraction(0)) + Fraction(1, len(ready))
        return shares
