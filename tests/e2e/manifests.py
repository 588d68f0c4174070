"""What a user of the tests writes: a Rollout of podinfo, its HTTPRoute, a Promotion. Times of seconds, not minutes."""

from typing import Any

from tests.cluster.gateway import GATEWAY, GATEWAY_NAMESPACE
from tests.cluster.images import PODINFO

Object = dict[str, Any]

ENVIRONMENT = "qa"
"""One that the shipped policy is not about: these tests are about other things."""
ERROR_RATE: Object = {"name": "error-rate", "preset": "error-rate", "below": 0.05, "window": "3s"}
LATENCY: Object = {"name": "latency-p95", "preset": "latency-p95", "below": 0.4, "window": "3s"}

BLUE_GREEN: Object = {"blueGreen": {"verify": "3s", "keepPrevious": "5s"}}
CANARY: Object = {
    "canary": {
        "steps": [{"weight": 20, "hold": "4s"}, {"weight": 60, "hold": "4s"}],
        "verify": "3s",
        "keepPrevious": "5s",
    }
}


def image(tag: str) -> str:
    return f"{PODINFO}:{tag}"


def template(tag: str, name: str = "web", **container: object) -> Object:
    """A pod template of podinfo. `container` adds or replaces fields of the container."""
    # Patient: on a machine of two busy cores a probe that waits one second says more about the machine than the pod.
    patience = {"periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": 5}
    return {
        "metadata": {"labels": {"app.kubernetes.io/name": name}},
        "spec": {
            "terminationGracePeriodSeconds": 5,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000},
            "containers": [
                {
                    "name": "web",
                    "image": image(tag),
                    "imagePullPolicy": "Never",
                    "ports": [{"name": "http", "containerPort": 9898}],
                    "resources": {"requests": {"memory": "32Mi"}, "limits": {"memory": "128Mi"}},
                    "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}, **patience},
                    **container,
                }
            ],
        },
    }


def rollout(
    tag: str = "v1",
    name: str = "web",
    *,
    strategy: Object = BLUE_GREEN,
    replicas: int = 2,
    gates: list[Object] | None = None,
    source: str = "default",
    smoke_tests: list[Object] | None = None,
    **spec: object,
) -> Object:
    home = {"name": "home", "http": {"port": "http", "path": "/", "expectStatus": 200}}
    return {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name},
        "spec": {
            "environment": ENVIRONMENT,
            "replicas": replicas,
            "template": template(tag, name),
            "service": {"ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
            **({"traffic": {"httpRoutes": [{"name": name}]}} if "canary" in strategy else {}),
            "strategy": strategy,
            "analysis": {
                "source": source,
                "interval": "1s",
                "gates": [ERROR_RATE, LATENCY] if gates is None else gates,
            },
            "smokeTests": [home] if smoke_tests is None else smoke_tests,
            **spec,
        },
    }


def route(host: str, name: str = "web", *, canary: bool) -> Object:
    backends: list[Object] = [{"name": name, "port": 80, "weight": 100}]
    if canary:
        backends.append({"name": f"{name}-candidate", "port": 80, "weight": 0})
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {
            "parentRefs": [{"name": GATEWAY, "namespace": GATEWAY_NAMESPACE}],
            "hostnames": [host],
            "rules": [{"backendRefs": backends}],
        },
    }


def promotion(name: str, rollout: str = "web", **spec: object) -> Object:
    """Without a watch, unless `spec` has one: most tests are about the launch, and end with it."""
    return {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Promotion",
        "metadata": {"name": name},
        "spec": {"rollout": rollout, "environment": ENVIRONMENT, "watch": [], **spec},
    }
