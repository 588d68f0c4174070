"""By which addresses users reach a workload, as HTTPRoutes say it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from slipway.core.snapshot import Object
from slipway.routing import httproute


def addresses(routes: Iterable[Object], namespace: str, *services: str) -> list[str]:
    """Host and path of each rule that leads to one of these Services; `*` is any host.

    Whether it is http or https is the Gateway's to say, and is not known here.
    """
    found: set[str] = set()
    for route in routes:
        spec = route.get("spec")
        if isinstance(spec, Mapping):
            paths = {path for rule in _maps(spec.get("rules")) for path in _paths(rule, route, namespace, services)}
            found.update(f"{host}{path}" for host in _hosts(spec) for path in paths)
    return sorted(found)


def _hosts(spec: Mapping[str, Any]) -> list[str]:
    listed = spec.get("hostnames")
    return [str(host) for host in listed] if isinstance(listed, list) and listed else ["*"]


def _paths(rule: Mapping[str, Any], route: Object, namespace: str, services: Sequence[str]) -> Iterator[str]:
    backends = _maps(rule.get("backendRefs"))
    if not any(httproute.names_service(ref, route, namespace, *services) for ref in backends):
        return
    matches = _maps(rule.get("matches")) or [{}]
    for match in matches:
        path = match.get("path")
        value = str(path.get("value") or "/") if isinstance(path, Mapping) else "/"
        yield "" if value == "/" else value


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
