"""Gateway API HTTPRoutes (gateway.networking.k8s.io/v1): read our share of a route, say what is wrong with it.

`rules` and `backendRefs` are atomic lists: others' filters, matches and backends in them are never written, only the
weights of our own two backends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Route = Mapping[str, Any]


@dataclass(frozen=True)
class Share:
    """One rule that splits between the live and the candidate Service."""

    route: str
    rule: int
    live_index: int
    live_weight: int
    candidate_index: int
    candidate_weight: int

    @property
    def candidate_percent(self) -> int:
        """Percent that the candidate Service gets, rounded up: this is what is held against a limit."""
        total = self.live_weight + self.candidate_weight
        return -(-100 * self.candidate_weight // total) if total else 0

    @property
    def live_percent(self) -> int:
        """Percent that the live Service gets, rounded up."""
        total = self.live_weight + self.candidate_weight
        return -(-100 * self.live_weight // total) if total else 0


def shares(route: Route, namespace: str, live: str, candidate: str) -> list[Share]:
    """The rules that list both Services, each once."""
    found = []
    for index, rule in enumerate(_rules(route)):
        refs = list(rule.get("backendRefs") or [])
        at_live = [i for i, ref in enumerate(refs) if names_service(ref, route, namespace, live)]
        at_candidate = [i for i, ref in enumerate(refs) if names_service(ref, route, namespace, candidate)]
        if len(at_live) == 1 and len(at_candidate) == 1:
            i, j = at_live[0], at_candidate[0]
            found.append(Share(_name(route), index, i, weight(refs[i]), j, weight(refs[j])))
    return found


def problems(route: Route, namespace: str, live: str, candidate: str) -> list[str]:
    """Why Slipway cannot split this route, each with the path of the field and what would be right."""
    found = []
    usable = {share.rule for share in shares(route, namespace, live, candidate)}
    for index, rule in enumerate(_rules(route)):
        refs = list(rule.get("backendRefs") or [])
        ours = [r for r in refs if names_service(r, route, namespace, live, candidate)]
        path = f"HTTPRoute {_name(route)}: spec.rules[{index}]"
        if not ours:
            continue
        if index not in usable:
            found.append(f"{path}.backendRefs must list {live} and {candidate}, each once")
        if any(weight(r) for r in refs if not names_service(r, route, namespace, live, candidate)):
            found.append(f"{path}.backendRefs has weighted backends beside {live} and {candidate}: remove them")
        if rule.get("sessionPersistence"):
            found.append(f"{path}.sessionPersistence overrides weights: remove it")
    if not usable and not found:
        found.append(f"HTTPRoute {_name(route)}: no rule lists {live} and {candidate} as backends")
    return found


def ports_named(route: Route, namespace: str, *services: str) -> set[int]:
    """The Service ports that a route's backends name."""
    return {
        int(ref["port"])
        for rule in _rules(route)
        for ref in rule.get("backendRefs") or []
        if ref.get("port") is not None and names_service(ref, route, namespace, *services)
    }


def mentions(route: Route, namespace: str, *services: str) -> bool:
    """Whether any rule, mirror filters included, names one of these Services."""
    for rule in _rules(route):
        refs = list(rule.get("backendRefs") or [])
        for holder in [rule, *refs]:
            for item in holder.get("filters") or []:
                refs.append((item.get("requestMirror") or {}).get("backendRef") or {})
        if any(names_service(ref, route, namespace, *services) for ref in refs):
            return True
    return False


def unsettled(route: Route) -> str:
    """Why a route's parents have not all taken its current generation; '' when they have.

    Gateway API: Accepted and ResolvedRefs True at observedGeneration, and no PartiallyInvalid. Routes have no
    Programmed condition.
    """
    name, generation = _name(route), int(route["metadata"].get("generation") or 0)
    parents = [p for p in (route.get("status") or {}).get("parents") or [] if isinstance(p, Mapping)]
    for ref in (route.get("spec") or {}).get("parentRefs") or []:
        if not any(_same_parent(ref, p.get("parentRef") or {}, route) for p in parents):
            return f"HTTPRoute {name}: no gateway has taken it for parent {ref.get('name')}"
    if not parents:
        return f"HTTPRoute {name}: no gateway has taken it"
    for parent in parents:
        who = (parent.get("parentRef") or {}).get("name", "?")
        conditions = {c.get("type"): c for c in parent.get("conditions") or []}
        for wanted in ("Accepted", "ResolvedRefs"):
            condition = conditions.get(wanted) or {}
            if condition.get("status") != "True":
                reason = condition.get("reason", "Unknown")
                return f"HTTPRoute {name}: {wanted} is not True at gateway {who} ({reason})"
            if int(condition.get("observedGeneration") or 0) < generation:
                return f"HTTPRoute {name}: gateway {who} has not seen generation {generation} yet"
        if (conditions.get("PartiallyInvalid") or {}).get("status") == "True":
            return f"HTTPRoute {name}: gateway {who} calls it PartiallyInvalid"
    return ""


def weight(ref: Mapping[str, Any]) -> int:
    """The weight of a backendRef; the Gateway API's default is 1."""
    value = ref.get("weight")
    return 1 if value is None else int(value)


def names_service(ref: Mapping[str, Any], route: Route, namespace: str, *services: str) -> bool:
    """Whether a backendRef names one of these Services of this namespace (group '' and kind Service are defaults)."""
    return (
        (ref.get("group") or "") == ""
        and (ref.get("kind") or "Service") == "Service"
        and (ref.get("namespace") or route["metadata"]["namespace"]) == namespace
        and ref.get("name") in services
    )


def _rules(route: Route) -> Iterable[Mapping[str, Any]]:
    return (route.get("spec") or {}).get("rules") or []


def _name(route: Route) -> str:
    return str(route["metadata"]["name"])


def _same_parent(a: Mapping[str, Any], b: Mapping[str, Any], route: Route) -> bool:
    here = route["metadata"]["namespace"]
    keys = ("name", "sectionName", "port")
    return (a.get("namespace") or here) == (b.get("namespace") or here) and all(a.get(k) == b.get(k) for k in keys)
