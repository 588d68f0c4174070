"""What a pod template says, for people: configuration without values, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slipway.api.report import Change, Variable
from slipway.core.containers import AS_STARTED, containers
from slipway.core.literals import secret_variable

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def _containers(template: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [container for _, _, container in containers(template, AS_STARTED)]


def variables(template: Mapping[str, Any]) -> list[Variable]:
    """Names and sources of the environment variables."""
    return [variable for container in _containers(template) for variable in _variables(container)]


def _variables(container: Mapping[str, Any]) -> Iterator[Variable]:
    name = str(container.get("name"))
    for entry in _maps(container.get("env")):
        kind, source, sensitive = _source(entry)
        yield Variable(container=name, name=str(entry.get("name")), source=kind + source, sensitive=sensitive)
    for entry in _maps(container.get("envFrom")):
        for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if isinstance(entry.get(key), Mapping):
                of = str(entry[key].get("name"))
                yield Variable(
                    container=name,
                    name=f"{entry.get('prefix') or ''}*",
                    source=f"{kind} {of}",
                    sensitive=kind == "Secret",
                )


def _source(entry: Mapping[str, Any]) -> tuple[str, str, bool]:
    given = entry.get("valueFrom")
    if not isinstance(given, Mapping):
        value = entry.get("value")
        return "template", "", value is not None and secret_variable(str(entry.get("name") or ""), str(value))
    for key, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        ref = given.get(key)
        if isinstance(ref, Mapping):
            return f"{kind} ", f"{ref.get('name')}, key {ref.get('key')}", kind == "Secret"
    ref = given.get("fieldRef")
    if isinstance(ref, Mapping):
        return "pod ", str(ref.get("fieldPath")), False
    return "pod", "", False


def probes(template: Mapping[str, Any]) -> list[str]:
    """`web: readinessProbe GET /readyz on http every 10s, …`: where it asks, how often, and what follows."""
    return [
        f"{container.get('name')}: {kind} {_whole(container[kind])}"
        for container in _containers(template)
        for kind in _PROBES
        if isinstance(container.get(kind), Mapping)
    ]


def _probe(probe: Mapping[str, Any]) -> str:
    get, tcp, grpc = probe.get("httpGet"), probe.get("tcpSocket"), probe.get("grpc")
    if isinstance(get, Mapping):
        return f"GET {get.get('path') or '/'} on {get.get('port')}"
    if isinstance(tcp, Mapping):
        return f"TCP {tcp.get('port')}"
    if isinstance(grpc, Mapping):
        return f"gRPC {grpc.get('port')}"
    return "by a command" if isinstance(probe.get("exec"), Mapping) else "of an unknown kind"


def _whole(probe: Mapping[str, Any]) -> str:
    """With how often it is asked, and after how many answers something follows, defaults of Kubernetes included."""
    period, timeout, start, good, bad = (
        probe.get(field, default)
        for field, default in (
            ("periodSeconds", 10),
            ("timeoutSeconds", 1),
            ("initialDelaySeconds", 0),
            ("successThreshold", 1),
            ("failureThreshold", 3),
        )
    )
    after = f", first after {start}s" if start else ""
    return f"{_probe(probe)} every {period}s{after}, timeout {timeout}s, well after {good}, unwell after {bad} in a row"


def resources(template: Mapping[str, Any]) -> list[str]:
    """`web: requests cpu=100m, memory=64Mi; limits memory=128Mi`, one for each container."""
    return [f"{container.get('name')}: {_resources(container)}" for container in _containers(template)]


def _resources(container: Mapping[str, Any]) -> str:
    given = container.get("resources")
    parts = [
        f"{kind} " + ", ".join(f"{key}={value}" for key, value in sorted(given[kind].items()))
        for kind in ("requests", "limits")
        if isinstance(given, Mapping) and isinstance(given.get(kind), Mapping) and given[kind]
    ]
    return "; ".join(parts) or "no requests and no limits"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What differs, container by container: images, commands, variables (by name), resources, probes; then the rest."""
    old, new = ({str(c.get("name")): c for c in _containers(t)} for t in (before, after))
    found: list[Change] = []
    for name in [*old, *(name for name in new if name not in old)]:
        found.extend(_of_container(name, old.get(name), new.get(name)))
    for field in sorted(_pod_fields(before) | _pod_fields(after)):
        found.extend(_presence(f"spec.{field}", _spec(before).get(field), _spec(after).get(field)))
    for field in ("labels", "annotations"):
        was, will = (_metadata(t, field) for t in (before, after))
        for key in sorted(was.keys() | will.keys()):
            found.extend(_presence(f"metadata.{field}[{key}]", was.get(key), will.get(key)))
    return found


def _presence(what: str, before: object, after: object) -> Iterator[Change]:
    """That something differs, without its values: nobody knows what a command or an annotation may hold."""
    if before != after:
        was, will = ("" if value is None else "given" for value in (before, after))
        yield Change(what=what, before=was, after="another" if was and will else will)


def _of_container(name: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[Change]:
    if old is None or new is None:
        there = old or new or {}
        image = str(there.get("image"))
        yield Change(what=f"container {name}", before=image if old else "", after=image if new else "")
        return
    if old.get("image") != new.get("image"):
        yield Change(what=f"{name}: image", before=str(old.get("image", "")), after=str(new.get("image", "")))
    if _resources(old) != _resources(new):
        yield Change(what=f"{name}: resources", before=_resources(old), after=_resources(new))
    for kind in _PROBES:
        was, will = (_whole(c[kind]) if isinstance(c.get(kind), Mapping) else "" for c in (old, new))
        if was != will:
            yield Change(what=f"{name}: {kind}", before=was, after=will)
        elif old.get(kind) != new.get(kind):
            yield Change(what=f"{name}: {kind}", before=was, after=f"{will}, with other settings")
    yield from _environment(name, old, new)
    told = {"name", "image", "resources", "env", "envFrom", *_PROBES}
    for field in sorted((old.keys() | new.keys()) - told):
        yield from _presence(f"{name}: {field}", old.get(field), new.get(field))


def _environment(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Variables by name. Values are not shown: a literal may be a secret that somebody put there by mistake."""
    was, will = ({(v.name, v.source): v for v in _variables(c)} for c in (old, new))
    literal_was, literal_will = ({str(e.get("name")): e.get("value") for e in _maps(c.get("env"))} for c in (old, new))
    for key in [*was, *(key for key in will if key not in was)]:
        variable, source = key
        if key not in will:
            yield Change(what=f"{name}: variable {variable}", before=source)
        elif key not in was:
            yield Change(what=f"{name}: variable {variable}", after=source)
        elif literal_was.get(variable) != literal_will.get(variable):
            yield Change(what=f"{name}: variable {variable}", before=source, after="another value")


def _pod_fields(template: Mapping[str, Any]) -> set[str]:
    return set(_spec(template)) - {"containers", "initContainers"}


def _spec(template: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = template.get("spec")
    return spec if isinstance(spec, Mapping) else {}


def _metadata(template: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    metadata = template.get("metadata")
    found = metadata.get(field) if isinstance(metadata, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _maps(value: object) -> Sequence[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []
