"""What is made of a resource of others: manifests, and what is to be said about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway.cluster.api import Object
from slipway.console import first_manifests
from slipway.console.first_manifests import CannotBegin
from slipway.console.foreign.source import Documents, Notes
from slipway.console.program import program

NO_GATES = (
    "there are none that could be carried over, so the two default gates count: they need a metrics source 'default'"
)


@dataclass(frozen=True)
class Made:
    """Manifests for one workload. `origin`: what they were made of; `notes`: a line for each difference."""

    origin: str
    manifests: list[Object]
    notes: list[str]
    steps: list[str]
    """What a person does with them, in order."""


@dataclass(frozen=True)
class Wanted:
    """What the person who asks has decided."""

    environment: str
    automatic: bool = False


def pods(given: object, selector: Mapping[str, str], where: str) -> Object:
    """A template that no Service of before selects. Raises CannotBegin where there is none."""
    template = dict(given) if isinstance(given, Mapping) else {}
    if not isinstance(template.get("spec"), Mapping):
        raise CannotBegin(f"{where}: there is no pod template")
    metadata = template.get("metadata")
    template["metadata"] = dict(metadata) if isinstance(metadata, Mapping) else {}
    labels = template["metadata"].get("labels") or {}
    return first_manifests.template_of(
        template, {key: value for key, value in selector.items() if labels.get(key) == value}
    )


def ports_of(service: Object | None) -> list[dict[str, Any]]:
    """Of a Service that is there already."""
    spec = (service or {}).get("spec") or {}
    return [first_manifests.port_of(port) for port in spec.get("ports") or []]


def container_ports(template: Object, notes: Notes, path: str) -> list[dict[str, Any]]:
    """Those that the containers name, where no Service is known. Raises CannotBegin where there are none."""
    found: dict[str, dict[str, Any]] = {}
    for container in template["spec"].get("containers") or []:
        for port in container.get("ports") or []:
            name = str(port.get("name") or f"port-{port['containerPort']}")
            found.setdefault(name, {"name": name, "port": port["containerPort"]})
    if not found:
        raise CannotBegin(f"{path}: the Service is not there, and no container names a port: give the Service too")
    notes.add(path, "the Service is not there: the ports are those of the containers")
    return list(found.values())


_WRITTEN_BY_TOOLS = ("kubectl.kubernetes.io/last-applied-configuration", "rollout.argoproj.io/revision")


def labels_of(meta: Mapping[str, Any], notes: Notes) -> dict[str, str]:
    """Of the resource itself; annotations speak to tools, and are named."""
    for key in meta.get("annotations") or {}:
        if key not in _WRITTEN_BY_TOOLS:
            notes.add(f"metadata.annotations[{key}]", "left out")
    return dict(meta.get("labels") or {})


def rollout(
    name: str, namespace: str, labels: Mapping[str, str], spec: Mapping[str, Any], wanted: Wanted
) -> list[Object]:
    """The Rollout, and unless gates decide alone the least Promotion for it."""
    place = {"namespace": namespace} if namespace else {}
    made = {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name, **place, **({"labels": dict(labels)} if labels else {})},
        "spec": {
            "environment": wanted.environment,
            **({"approval": "Automatic"} if wanted.automatic else {}),
            **spec,
        },
    }
    if wanted.automatic:
        return [made]
    promotion = {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Promotion",
        "metadata": {"name": f"{name}-1", **place},
        "spec": {"rollout": name, "environment": wanted.environment},
    }
    return [made, promotion]


def next_steps(name: str, namespace: str, origin: str, pods_stay: str) -> list[str]:
    """In the order in which nothing that serves is lost."""
    at, called = f" -n {namespace}" if namespace else "", program()
    return [
        f"look through this file, and: {called} lint FILE",
        f"let the pods serve on without the old operator: kubectl delete {origin}{at} --cascade=orphan",
        f"let Slipway take the Service over: kubectl annotate service {name}{at} slipway.dev/adopt={name}",
        f"kubectl apply -f FILE{at}; what it waits for: {called} explain {name}{at}; then: {called} approve {name}{at}",
        f"when the Rollout serves and is verified, {pods_stay} can go; autoscalers scale rollouts.slipway.dev {name}",
    ]


def service_selector(others: Documents, name: str, without: str = "") -> dict[str, str]:
    """What a Service selects by, but for what the other operator added."""
    spec = (others.find("Service", name) or {}).get("spec") or {}
    selector = spec.get("selector") or {}
    return {str(key): str(value) for key, value in selector.items() if key != without}
