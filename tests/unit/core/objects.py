"""Kubernetes objects as the tests of the core use them: small, complete, and changed by keyword."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]

START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
NAMESPACE = "shop"
NAME = "web"
UID = "uid-web"
SOURCE_PRESETS = ("error-rate", "latency-p95")


def template(version: int = 1, image: str = "registry.example/web", **container: Any) -> Object:
    """A pod template; each version is a revision of its own."""
    return {
        "metadata": {"labels": {"app": NAME}},
        "spec": {
            "securityContext": {"runAsNonRoot": True},
            "containers": [
                {
                    "name": "web",
                    "image": f"{image}:v{version}",
                    "ports": [{"name": "http", "containerPort": 9898}],
                    "resources": {"limits": {"memory": "64Mi"}},
                    "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
                    **container,
                }
            ],
        },
    }


PORTS = [{"name": "http", "port": 80, "targetPort": 9898}]
GATE = {"name": "error-rate", "preset": "error-rate", "below": 0.01, "window": "2s"}
ANALYSIS = {"interval": "2s", "noDataTimeout": "20s", "gates": [GATE]}


def blue_green(version: int = 1, **changes: Any) -> Object:
    """The spec of a blue/green Rollout of two pods."""
    return {
        "environment": "production",
        "replicas": 2,
        "progressDeadline": "2m",
        "template": template(version),
        "service": {"ports": PORTS},
        "strategy": {"blueGreen": {"previewReplicas": 1, "verify": "10s", "keepPrevious": "30s"}},
        "analysis": ANALYSIS,
    } | changes


def canary(version: int = 1, steps: list[Object] | None = None, **changes: Any) -> Object:
    """The spec of a canary Rollout of four pods, by 25 and 50 percent."""
    steps = steps or [{"weight": 25, "hold": "5s"}, {"weight": 50, "hold": "5s"}]
    return (
        blue_green(version)
        | {
            "replicas": 4,
            "traffic": {"httpRoutes": [{"name": NAME}]},
            "strategy": {"canary": {"steps": steps, "verify": "10s", "keepPrevious": "30s"}},
        }
        | changes
    )


def rollout(spec: Object, **metadata: Any) -> Object:
    """A Rollout as the API server has it just after its creation."""
    meta = {"name": NAME, "namespace": NAMESPACE, "uid": UID, "resourceVersion": "1", "generation": 1}
    return {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": meta | metadata,
        "spec": spec,
        "status": {"observedGeneration": -1},
    }


def promotion(name: str = "web-1", created: str = "2026-01-01T12:00:00Z", uid: str = "", **spec: Any) -> Object:
    """A Promotion of the Rollout."""
    return {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Promotion",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": uid or f"uid-{name}",
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": created,
        },
        "spec": {"rollout": NAME, "environment": "production", **spec},
        "status": {"observedGeneration": -1},
    }


def backend(name: str, weight: int | None = None, **fields: Any) -> Object:
    """A backendRef of a route."""
    return {"name": name, "port": 80} | ({} if weight is None else {"weight": weight}) | fields


def route(name: str = NAME, *rules: Object, live: int = 100, candidate: int = 0, **spec: Any) -> Object:
    """An HTTPRoute that no gateway has looked at yet; without `rules`, one that splits between our two Services."""
    split = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "a", "value": "b"}]}}],
        "backendRefs": [backend(NAME, live), backend(f"{NAME}-candidate", candidate)],
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"uid-route-{name}",
            "resourceVersion": "1",
            "generation": 1,
        },
        "spec": {"parentRefs": [{"name": "gateway"}], "rules": list(rules) or [split]} | spec,
    }


def taken(obj: Object, generation: int | None = None) -> Object:
    """The same route with the status of a gateway that has followed it."""
    at = obj["metadata"]["generation"] if generation is None else generation
    conditions = [
        {"type": kind, "status": "True", "reason": kind, "observedGeneration": at}
        for kind in ("Accepted", "ResolvedRefs")
    ]
    return obj | {"status": {"parents": [{"parentRef": {"name": "gateway"}, "conditions": conditions}]}}
