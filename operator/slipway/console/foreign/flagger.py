"""A Canary of Flagger (flagger.app/v1beta1) as a Rollout of Slipway's."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from slipway.cluster.api import Object
from slipway.console.first_manifests import CannotBegin
from slipway.console.foreign import made as making
from slipway.console.foreign import measured
from slipway.console.foreign.made import Made, Wanted
from slipway.console.foreign.source import Documents, Notes, Source, written

GROUP = "flagger.app"
_ROUTE = "belongs into the HTTPRoute, which is yours with Slipway: left out"
_ROUTING = (
    *("gateways", "gatewayRefs", "hosts", "delegation", "trafficPolicy", "match", "rewrite", "retries"),
    *("headers", "mirror", "corsPolicy", "timeout", "backendTimeout", "backends", "meshName"),
)
_META = "Slipway makes its Services without labels and annotations of others: left out"
_ROUTES_ONLY = "Slipway splits traffic by HTTPRoutes of the Gateway API only: left out"
WHY = {
    "spec.provider": _ROUTES_ONLY,
    "spec.ingressRef": _ROUTES_ONLY,
    "spec.routeRef": _ROUTES_ONLY,
    "spec.upstreamRef": _ROUTES_ONLY,
    "spec.metricsServer": "metrics sources are the administrator's: analysis.source names one",
    "spec.autoscalerRef": "let the autoscaler scale rollouts.slipway.dev itself; there is no second one",
    "spec.skipAnalysis": "write analysis: {gates: []}, or break the glass where a policy allows it: left out",
    "spec.revertOnDeletion": "deleting a Rollout deletes its workload, with --cascade=orphan it serves on: left out",
    "spec.suspend": "say hold on the Promotion instead",
    **{f"spec.service.{field}": _ROUTE for field in _ROUTING},
    **{f"spec.service.{field}": _META for field in ("apex", "primary", "canary", "unmanagedMetadata")},
    "spec.service.portDiscovery": "write the other ports into service.ports",
    "spec.analysis.stepWeightPromotion": "the last step to 100 is one: traffic is on the tested pods already",
    "spec.analysis.match": "Slipway splits by weight alone; there are no A/B tests by header: left out",
    "spec.analysis.sessionAffinity": "belongs into the HTTPRoute, where the gateway has it: left out",
    "spec.analysis.mirror": "Slipway mirrors no requests: left out",
    "spec.analysis.mirrorWeight": "Slipway mirrors no requests: left out",
    "spec.analysis.alerts": "notifications are in the operator's configuration: left out",
    "spec.analysis.primaryReadyThreshold": "every pod that a share needs is ready first: left out",
    "spec.analysis.canaryReadyThreshold": "every pod that a share needs is ready first: left out",
}
_HOOKS = {
    "confirm-rollout": "a person approves the Promotion before the first request",
    "confirm-traffic-increase": "a step with approval: Required asks a person",
    "confirm-promotion": "the last step asks a person now (approval: Required)",
    "pre-rollout": "write a smoke test (http, tcp or job), or a check of the Promotion",
    "rollout": "write a smoke test (http, tcp or job); load comes from your users, or from a Job of your own",
    "rollback": "say abort on the Promotion",
    "post-rollout": "notifications, CDEvents or the webhook of launch records tell of the end",
    "event": "notifications or CDEvents tell of what happens",
}


def rollout(found: Object, others: Documents, wanted: Wanted) -> Made:
    """Slipway's manifests for it. Raises CannotBegin where its Deployment is not there."""
    notes = Notes(WHY)
    meta = found.get("metadata") or {}
    namespace = str(meta.get("namespace") or "")
    labels = making.labels_of(meta, notes)
    spec = Source(found.get("spec"), "spec", notes)
    target = spec.part("targetRef")
    target.take("apiVersion")
    kind, workload = str(target.take("kind") or "Deployment"), target.text("name")
    if kind != "Deployment":
        raise CannotBegin(f"spec.targetRef: a {kind} is no Deployment, and Slipway runs nothing else")
    deployment = others.find("Deployment", workload)
    if deployment is None:
        raise CannotBegin(f"spec.targetRef: Deployment {workload} is not there: give it too")
    service = spec.part("service")
    name = service.text("name") or workload
    made: dict[str, Any] = {"replicas": _replicas(deployment, others, workload, target)}
    deadline = spec.duration("progressDeadlineSeconds")
    if deadline is not None and deadline >= timedelta(seconds=1):
        made["progressDeadline"] = written(deadline)
    own = (deployment.get("spec") or {}).get("selector") or {}
    made["template"] = making.pods(
        (deployment.get("spec") or {}).get("template"), own.get("matchLabels") or {}, f"Deployment {workload}"
    )
    made["service"] = {"ports": [_port(service)]}
    analysis = spec.part("canaryAnalysis" if "canaryAnalysis" in spec else "analysis")
    interval = analysis.duration("interval") or timedelta(minutes=1)
    made |= _strategy(analysis, interval, _hooks(analysis), name)
    gates = Gates(others, notes).of(analysis)
    if gates:
        made["analysis"] = {"interval": written(interval), "gates": gates}
    else:
        notes.add("analysis.gates", making.NO_GATES)
    spec.close()
    origin = f"canaries.flagger.app {meta.get('name')}"
    steps = making.next_steps(name, namespace, origin, f"Deployments {workload} and {workload}-primary")
    return Made(origin, making.rollout(name, namespace, labels, made, wanted), notes.lines, steps)


def _replicas(deployment: Object, others: Documents, workload: str, target: Source) -> int:
    """Of the Deployment that serves: Flagger scales the one that people write to nothing."""
    primary = others.find("Deployment", f"{workload}-primary")
    for one in (primary, deployment):
        replicas = ((one or {}).get("spec") or {}).get("replicas")
        if isinstance(replicas, int) and replicas > 0:
            return replicas
    target.note("name", f"Deployment {workload} has no replicas, and its primary is not there: say how many")
    return 1


def _port(service: Source) -> dict[str, Any]:
    port = service.number("port")
    if port is None:
        raise CannotBegin("spec.service.port: there is none")
    made: dict[str, Any] = {"name": service.text("portName") or "http", "port": port}
    target = service.take("targetPort")
    if target is not None:
        made["targetPort"] = target
    protocol = service.text("appProtocol")
    if protocol:
        made["appProtocol"] = protocol
    return made


def _hooks(analysis: Source) -> set[str]:
    """The kinds of webhooks that there are; each is named with what there is instead."""
    kinds = set()
    for hook in analysis.parts("webhooks"):
        name, kind = hook.text("name"), hook.text("type") or "rollout"
        kinds.add(kind)
        hook.told(f"{name} ({kind}): {_HOOKS.get(kind, 'has no counterpart: left out')}")
    return kinds


def _strategy(analysis: Source, interval: timedelta, hooks: set[str], name: str) -> dict[str, Any]:
    iterations = analysis.number("iterations")
    weights = _weights(analysis)
    if not weights:
        verify = interval * iterations if iterations else timedelta(minutes=5)
        if iterations:
            analysis.note(
                "iterations", "measured before the switch; Slipway's gates count after it, for as long (verify)"
            )
        return {"strategy": {"blueGreen": {"verify": written(verify)}}}
    if iterations:
        analysis.note("iterations", "the steps say how long it takes: left out")
    asks = {"approval": "Required"} if "confirm-traffic-increase" in hooks else {}
    steps = [{"weight": weight, "hold": written(interval), **asks} for weight in weights]
    if "confirm-promotion" in hooks:
        steps.append({"weight": 100, "hold": "0s", "approval": "Required"})
    analysis.note(
        "", f"needs an HTTPRoute that lists {name} and {name}-candidate as backends; it is called {name} here"
    )
    return {"traffic": {"httpRoutes": [{"name": name}]}, "strategy": {"canary": {"steps": steps}}}


def _weights(analysis: Source) -> list[int]:
    given, step, highest = analysis.take("stepWeights"), analysis.number("stepWeight"), analysis.number("maxWeight")
    if isinstance(given, list):
        weights = sorted({weight for weight in given if isinstance(weight, int) and 0 < weight < 100})
        if weights != given:
            analysis.note("stepWeights", f"became {weights}: weights rise, and 100 is implied")
    elif step and step > 0:
        # The last one is the first that reaches the highest.
        weights = [weight for weight in range(step, (highest or 100) + step, step) if weight < 100]
    else:
        return []
    if len(weights) > 19:
        weights = weights[:: -(-len(weights) // 19)]
        analysis.note("stepWeight", f"there are 20 steps at most: these became {weights}")
    return weights


class Gates:
    """Metrics of the analysis as gates."""

    def __init__(self, others: Documents, notes: Notes) -> None:
        self._others = others
        self._notes = notes
        self._names: set[str] = set()

    def of(self, analysis: Source) -> list[dict[str, Any]]:
        """A gate for each metric that is a number of Prometheus."""
        threshold = analysis.number("threshold")
        fails = {"failureThreshold": threshold} if threshold and threshold > 0 else {}
        gates = [gate for metric in analysis.parts("metrics") if (gate := self._gate(metric)) is not None]
        if fails:
            analysis.note("threshold", f"{threshold} failed checks in all became {threshold} in a row, of each gate")
        return [gate | fails for gate in gates]

    def _gate(self, metric: Source) -> dict[str, Any] | None:
        name, limits = metric.text("name"), metric.part("thresholdRange")
        window = metric.duration("interval") or timedelta(minutes=1)
        made: dict[str, Any] = {"window": written(max(window, timedelta(seconds=1)))}
        least, most = _float(limits.take("min")), _float(limits.take("max"))
        old = _float(metric.take("threshold"))
        if name == "request-success-rate":
            return self._errors(metric, made, least if least is not None else old)
        if name == "request-duration":
            return self._latency(metric, made, most if most is not None else old)
        query = self._query(metric)
        if query is None:
            return None
        bounds = measured.Bounds()
        for operator, number in ((">=", least), ("<=", most if most is not None else old)):
            if number is not None:
                bounds.add(operator, number)
        if not bounds.possible:
            metric.note("thresholdRange", "no number keeps it: left out; write a gate")
            return None
        for words in bounds.moved:
            metric.note("thresholdRange", f"bounds are strict: {words}")
        return {"name": measured.label(name, self._names), "query": query, **bounds.fields(), **made}

    def _errors(self, metric: Source, made: dict[str, Any], least: float | None) -> dict[str, Any]:
        bounds = measured.Bounds()
        share = round(1 - (99.0 if least is None else least) / 100, 9)
        bounds.add("<" if share > 0 else "<=", max(share, 0.0))
        metric.note("name", f"request-success-rate became the preset error-rate below {share:g}, a share from 0 to 1")
        return {"name": measured.label("error-rate", self._names), "preset": "error-rate", **bounds.fields(), **made}

    def _latency(self, metric: Source, made: dict[str, Any], most: float | None) -> dict[str, Any]:
        seconds = (500.0 if most is None else most) / 1000
        metric.note("name", f"request-duration (P99, ms) became the preset latency-p95 below {seconds:g} s")
        return {"name": measured.label("latency-p95", self._names), "preset": "latency-p95", "below": seconds, **made}

    def _query(self, metric: Source) -> str | None:
        query, reference = metric.text("query"), metric.part("templateRef")
        variables = metric.part("templateVariables")
        given = {f"variables.{name}": str(variables.take(name)).replace("$", "$$") for name in variables.names()}
        name = reference.text("name")
        reference.take("namespace")
        if name:
            template = self._others.find("MetricTemplate", name)
            if template is None:
                reference.note("name", f"MetricTemplate {name} is not there: left out; give it too")
                return None
            spec = Source(template.get("spec"), f"MetricTemplate {name} spec", self._notes)
            provider, query = spec.part("provider"), spec.text("query")
            kind = provider.text("type")
            if kind != "prometheus":
                provider.note("type", f"{kind or 'it'} is no Prometheus: left out; a check with job can run anything")
                provider.told("left out")
                return None
            provider.told("metrics sources are the administrator's; 'default' is asked (analysis.source)")
            spec.close()
        if not query:
            metric.note("", "asks nothing that is known: left out; write a gate")
            return None
        text, missing = measured.filled(re.sub(r"(\{\{\s*service\s*\}\})-canary\b", r"\1", query), _VALUES | given)
        if missing or "-primary" in text:
            words = ", ".join(missing) or "the primary"
            metric.note("", f"its query asks for {words}, which there is not: left out; write a gate")
            return None
        if not measured.asks_candidate(text):
            metric.note("", measured.CHECK_QUERY)
        return text


_VALUES = {
    "name": "$(rollout)",
    "namespace": "$(namespace)",
    "target": "$(deployment)",
    "service": "$(service)",
    "interval": "$(window)",
}


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
