"""The Rollouts and Promotions that are measured: the smallest that a user would write."""

from typing import Any

Object = dict[str, Any]

LABELS = {"bench": "slipway"}


def rollout(namespace: str, name: str, version: str, *, approval: str = "Required") -> Object:
    """Blue/green with one pod, no gates and no time to verify: nothing waits but for machines."""
    container = {
        "name": "web",
        "image": f"docker.io/slipway/podinfo:{version}",
        "ports": [{"name": "http", "containerPort": 9898}],
        "resources": {"requests": {"memory": "8Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000},
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
    }
    return {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"namespace": namespace, "name": name, "labels": LABELS},
        "spec": {
            "environment": "bench",
            "approval": approval,
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
            "service": {"ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
            "strategy": {"blueGreen": {"verify": "0s", "keepPrevious": "0s"}},
            "analysis": {"gates": []},
        },
    }


def promotion(namespace: str, rollout: str, version: str) -> Object:
    """The case for the version that the Rollout has now."""
    return {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Promotion",
        "metadata": {"namespace": namespace, "name": f"{rollout}-{version}", "labels": LABELS},
        # Healthy right after the switch, and not after the day for which a launch is watched by default.
        "spec": {"rollout": rollout, "environment": "bench", "version": version, "watch": []},
    }
