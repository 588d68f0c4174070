"""Whether a Rollout can be acted on at all: the Accepted condition, with the path of what is wrong."""

from __future__ import annotations

from dataclasses import dataclass

from slipway.core import names
from slipway.core.case import Case, routes_of
from slipway.core.revision import is_owned, of_spec
from slipway.core.snapshot import Object
from slipway.core.strategy import name_of
from slipway.routing import httproute


@dataclass(frozen=True)
class Acceptance:
    """`reason` is a CamelCase word for the condition. `pods`: the candidate may at least have pods."""

    accepted: bool
    reason: str = "Accepted"
    message: str = "the spec is valid and nothing else claims its Services, Deployments and routes"
    pods: bool = True


def accept(case: Case) -> Acceptance:
    """The first thing that stands in the way, or that all is well."""
    if case.spec is None:
        return Acceptance(False, "InvalidSpec", "; ".join(case.problems), pods=False)
    digest = _digest_clash(case)
    if digest:
        return Acceptance(False, "DigestCollision", digest, pods=False)
    taken = _taken(case)
    if taken:
        return Acceptance(False, "NameTaken", taken, pods=False)
    overlap = _overlap(case)
    if overlap:
        return Acceptance(False, "SelectorOverlap", overlap, pods=False)
    if case.spec.approval == "Automatic" and case.demands.automatic_denied:
        return Acceptance(
            False,
            "AutomaticNotAllowed",
            f"spec.approval: policy {case.demands.automatic_denied} denies Automatic in environment "
            f"{case.environment}: use approval: Required",
        )
    if case.spec.approval == "Automatic" and not automatic_allowed(case):
        return Acceptance(
            False,
            "AutomaticNotAllowed",
            f"spec.approval: Automatic needs the label {names.AUTOMATIC_LABEL}=automatic on namespace "
            f"{case.namespace}; an administrator sets it, or use approval: Required",
        )
    asks = any(gate.counts is None for gate in case.spec.analysis.gates)
    if asks and case.spec.analysis.source not in case.snapshot.settings.sources:
        known = ", ".join(sorted(case.snapshot.settings.sources)) or "none is configured"
        whose = "an administrator adds it under `sources` of the operator's configuration"
        return Acceptance(
            False,
            "UnknownSource",
            f"spec.analysis.source: there is no metrics source {case.spec.analysis.source!r}; known: {known}; {whose}",
        )
    return _routes(case)


def automatic_allowed(case: Case) -> bool:
    """Whether an administrator labelled the namespace for `approval: Automatic`, and no policy denies it."""
    return (
        not case.demands.automatic_denied and case.snapshot.namespace_labels.get(names.AUTOMATIC_LABEL) == "automatic"
    )


def is_ours(obj: Object, case: Case) -> bool:
    """Made by Slipway for this Rollout: labelled so, and owned by it or (orphaned, restored) by nobody."""
    meta = obj["metadata"]
    labels = meta.get("labels") or {}
    if any(labels.get(key) != value for key, value in names.child_labels(case.name).items()):
        return False
    owners = [o for o in meta.get("ownerReferences") or [] if o.get("controller")]
    return not owners or is_owned(obj, case.uid)


def service_names(case: Case) -> tuple[str, ...]:
    """The Services that this Rollout needs."""
    both = (case.world.live_service, case.world.preview_service)
    return (*both, case.world.candidate_service) if case.routed else both


def _digest_clash(case: Case) -> str:
    desired = case.lineage.desired
    if desired is None or desired.resource_version is None:
        return ""
    stored = case.lineage.revisions[desired.name]
    asked = of_spec(case.raw_spec)
    if asked is not None and asked.digest != stored.digest:
        return f"spec.template: digest {asked.digest} and stored digest {stored.digest} share their first 10 digits"
    return ""


def _taken(case: Case) -> str:
    for service in service_names(case):
        obj = case.world.services.get(service)
        adopted = service == case.world.live_service and case.adoption is not None
        if obj is not None and not is_ours(obj, case) and not adopted:
            return _taken_by(case, "Service", service, obj)
    for obj in case.snapshot.deployments:
        wanted = {names.deployment_name(case.name, r) for r in case.lineage.revisions}
        if obj["metadata"]["name"] in wanted and not is_ours(obj, case):
            return _taken_by(case, "Deployment", obj["metadata"]["name"], obj)
    return ""


def _taken_by(case: Case, kind: str, name: str, obj: Object) -> str:
    owners = [f"{o.get('kind')} {o.get('name')}" for o in obj["metadata"].get("ownerReferences") or []]
    whose = f"belongs to {owners[0]}" if owners else "is not this Rollout's"
    way_out = f"rename the Rollout, or remove the {kind}"
    asked = (obj["metadata"].get("annotations") or {}).get(names.ADOPT_ANNOTATION) == case.name
    if asked:
        way_out += "; it cannot be taken over, as it has no selector or belongs to a controller"
    elif kind == "Service" and not owners and name == case.world.live_service:
        way_out += f", or let it be taken over by the annotation {names.ADOPT_ANNOTATION}: {case.name} on it"
    return f"{kind} {name} exists and {whose}: {way_out}"


def _overlap(case: Case) -> str:
    """A Service of others that would select the waiting candidate's pods, so that users may reach them unapproved."""
    desired, spec = case.lineage.desired, case.spec
    if desired is None or spec is None:
        return ""
    if desired.marks.approved and not desired.marks.rejected:
        return ""
    labels = dict((desired.template.get("metadata") or {}).get("labels") or {})
    labels |= names.selector(case.name, desired.name)
    for name, obj in sorted(case.world.services.items()):
        selector = (obj.get("spec") or {}).get("selector") or {}
        if name == case.world.live_service and case.adoption is not None:
            # Also after it was taken over: going back brings its own selector back.
            selector = case.adoption.selector
        elif is_ours(obj, case) or spec.approval != "Required":
            continue
        if not selector:
            continue
        if all(labels.get(key) == value for key, value in selector.items()):
            terms = ",".join(f"{k}={v}" for k, v in sorted(selector.items()))
            return (
                f"Service {name} (selector {terms}) would send its users to the unapproved pods of revision "
                f"{desired.name}: narrow its selector, or use other labels in spec.template"
            )
    return ""


def _routes(case: Case) -> Acceptance:
    spec = case.spec
    live, candidate, preview = (
        case.world.live_service,
        case.world.candidate_service,
        case.world.preview_service,
    )
    # What the spec lists by now, and what traffic moves by until that is approved.
    known = routes_of(spec) | set(case.world.listed_routes)
    for route in case.snapshot.routes:
        where = f"HTTPRoute {route['metadata']['namespace']}/{route['metadata']['name']}"
        if httproute.mentions(route, case.namespace, preview):
            return Acceptance(
                False,
                "PreviewRouted",
                f"{where} names {preview}, which serves the unapproved candidate: remove that backend",
                pods=False,
            )
        ours = route["metadata"]["namespace"] == case.namespace and route["metadata"]["name"] in known
        if not ours and httproute.mentions(route, case.namespace, candidate):
            return Acceptance(
                False,
                "RouteConflict",
                f"{where} names {candidate} but is not in spec.traffic.httpRoutes: list it there or remove it",
            )
    if spec is None or spec.traffic is None:
        return Acceptance(True)
    own = (route for route in case.snapshot.routes if route["metadata"]["namespace"] == case.namespace)
    found = {route["metadata"]["name"]: route for route in own}
    for index, ref in enumerate(spec.traffic.http_routes):
        at = f"spec.traffic.httpRoutes[{index}]"
        if ref.name not in found:
            return Acceptance(
                False,
                "RouteNotFound",
                f"{at}: there is no HTTPRoute {ref.name} in namespace {case.namespace}",
            )
        wrong = httproute.problems(found[ref.name], case.namespace, live, candidate)
        if wrong:
            return Acceptance(False, "RouteNotUsable", f"{at}: {'; '.join(wrong)}")
        named = httproute.ports_named(found[ref.name], case.namespace, live, candidate)
        ports = {int(p.get("port", 0)) for p in (case.lineage.desired.ports if case.lineage.desired else [])}
        missing = sorted(named - ports)
        if missing and name_of(spec) == "Canary":
            return Acceptance(
                False,
                "PortRouted",
                f"spec.service.ports: HTTPRoute {ref.name} sends to port {missing[0]}, which this revision lacks",
            )
    return Acceptance(True)
