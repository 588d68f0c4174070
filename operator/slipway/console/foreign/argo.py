"""A Rollout of Argo Rollouts (argoproj.io/v1alpha1) as one of Slipway's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from slipway.cluster.api import Object
from slipway.console.first_manifests import CannotBegin
from slipway.console.foreign import made as making
from slipway.console.foreign.argo_analysis import Analyses
from slipway.console.foreign.made import Made, Wanted
from slipway.console.foreign.source import Documents, Notes, Source, written

GROUP = "argoproj.io"
_HASH = "rollouts-pod-template-hash"
_PLUGIN = "argoproj-labs/gatewayAPI"
_ROUTES_ONLY = "Slipway splits traffic by HTTPRoutes of the Gateway API only: left out"
_ANTI_AFFINITY = "Slipway adds none: write it into the pod template"
_METADATA = "Slipway gives pods no labels that change; they have slipway.dev/revision: left out"
_SCALE = "Slipway sizes the candidate by its share, and by previewReplicas before approval: left out"
_ROUTE = "Slipway splits by weight alone: left out"
WHY = {
    "spec.selector": "Slipway selects by labels of its own: left out",
    "spec.paused": "say hold on the Promotion instead",
    "spec.restartAt": "a restart is a change of the template, by an annotation for example: left out",
    "spec.rollbackWindow": "going back to the revision that served before never asks; to an older one is a new launch",
    "spec.analysis": "Slipway has no runs to keep; launch records say what was measured: left out",
    "spec.progressDeadlineAbort": "a candidate that is late never got traffic; its Promotion ends as Failed: left out",
    **{f"spec.strategy.{one}.antiAffinity": _ANTI_AFFINITY for one in ("canary", "blueGreen")},
    "spec.strategy.canary.canaryMetadata": _METADATA,
    "spec.strategy.canary.stableMetadata": _METADATA,
    "spec.strategy.blueGreen.activeMetadata": _METADATA,
    "spec.strategy.blueGreen.previewMetadata": _METADATA,
    "spec.strategy.blueGreen.autoPromotionSeconds": "a person approves, or with approval: Automatic nobody",
    "spec.strategy.canary.dynamicStableScale": "stable keeps its size for as long as a shift lasts: left out",
    "spec.strategy.canary.maxSurge": "there is no canary by pods: left out",
    "spec.strategy.canary.maxUnavailable": "there is no canary by pods: left out",
    "spec.strategy.canary.steps[].setCanaryScale": _SCALE,
    "spec.strategy.canary.steps[].setHeaderRoute": _ROUTE,
    "spec.strategy.canary.steps[].setMirrorRoute": _ROUTE,
    "spec.strategy.canary.steps[].experiment": "Slipway has none; gates can compare with stable (baseline): left out",
    "spec.strategy.canary.steps[].plugin": "a step that runs something is a check or a smoke test with job: left out",
    **{
        f"spec.strategy.canary.trafficRouting.{router}": _ROUTES_ONLY
        for router in ("nginx", "istio", "alb", "smi", "traefik", "ambassador", "apisix", "appMesh", "plugins")
    },
    "spec.workloadRef.scaleDown": "Slipway leaves the Deployment as it is: left out",
}


def rollout(found: Object, others: Documents, wanted: Wanted) -> Made:
    """Slipway's manifests for it. Raises CannotBegin where there is no strategy, no pod or no port."""
    notes = Notes(WHY)
    meta = found.get("metadata") or {}
    namespace = str(meta.get("namespace") or "")
    labels = making.labels_of(meta, notes)
    spec = Source(found.get("spec"), "spec", notes)
    strategy = spec.part("strategy")
    kind = "blueGreen" if "blueGreen" in strategy else "canary"
    if kind not in strategy:
        raise CannotBegin(f"Rollout {meta.get('name')}: spec.strategy has neither canary nor blueGreen")
    of_kind = strategy.part(kind)
    service = of_kind.text("activeService" if kind == "blueGreen" else "stableService")
    candidate = of_kind.text("canaryService")
    name = service or str(meta.get("name"))
    if candidate:
        of_kind.note("canaryService", f"Slipway makes {name}-candidate itself: left out")
    analyses = Analyses(others, notes, meta, {one for one in (service, candidate) if one})
    made: dict[str, Any] = {}
    _whole(spec, made)
    given = _template(spec, others)
    selector = making.service_selector(others, name, without=_HASH) or _labels(given)
    template = making.pods(given, selector, f"Rollout {meta.get('name')}")
    ports = making.ports_of(others.find("Service", name))
    made["template"] = template
    made["service"] = {"ports": ports or making.container_ports(template, notes, f"Service {name}")}
    if kind == "blueGreen":
        made["strategy"] = {"blueGreen": _blue_green(of_kind, analyses, name)}
    else:
        _canary(of_kind, analyses, made, name, namespace)
    if analyses.gates:
        made["analysis"] = {**analyses.settings(), "gates": analyses.gates}
    else:
        notes.add("analysis.gates", making.NO_GATES)
    spec.close()
    origin = f"rollouts.argoproj.io {meta.get('name')}"
    steps = making.next_steps(name, namespace, origin, "the ReplicaSets of Argo Rollouts")
    return Made(origin, making.rollout(name, namespace, labels, made, wanted), notes.lines, steps)


def _whole(spec: Source, made: dict[str, Any]) -> None:
    for theirs in ("replicas", "minReadySeconds", "revisionHistoryLimit"):
        value = spec.number(theirs)
        if value is not None:
            made[theirs] = value
    deadline = spec.duration("progressDeadlineSeconds")
    if deadline is not None and deadline > timedelta(seconds=made.get("minReadySeconds", 0)):
        made["progressDeadline"] = written(deadline)
    elif deadline is not None:
        spec.note("progressDeadlineSeconds", "not longer than minReadySeconds: left out")


def _template(spec: Source, others: Documents) -> object:
    reference = spec.part("workloadRef")
    name = reference.text("name")
    reference.take("apiVersion")
    kind = str(reference.take("kind") or "Deployment")
    if not name:
        return spec.take("template")
    workload = others.find(kind, name)
    if workload is None:
        raise CannotBegin(f"spec.workloadRef: {kind} {name} is not there: give it too")
    reference.note("name", f"the template of {kind} {name} is in the Rollout now")
    return (workload.get("spec") or {}).get("template")


def _labels(template: object) -> dict[str, str]:
    """What a Service that is not there may select by."""
    metadata = template.get("metadata") if isinstance(template, dict) else None
    return dict((metadata or {}).get("labels") or {})


def _blue_green(source: Source, analyses: Analyses, name: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if source.text("previewService"):
        source.note("previewService", f"Slipway makes {name}-preview itself: one of this name has to go first")
    replicas = source.number("previewReplicaCount")
    if replicas:
        made["previewReplicas"] = replicas
    delay = source.duration("scaleDownDelaySeconds")
    if delay is not None:
        made["keepPrevious"] = written(delay)
    if source.take("autoPromotionEnabled") is not False:
        source.note("autoPromotionEnabled", "traffic switched by itself; with Slipway a person approves first")
    before = source.part("prePromotionAnalysis")
    if analyses.collect(before):
        source.note(
            "prePromotionAnalysis", "its gates count after the switch; before it there are smokeTests and checks"
        )
    analyses.collect(source.part("postPromotionAnalysis"))
    return made


def _canary(source: Source, analyses: Analyses, made: dict[str, Any], name: str, namespace: str) -> None:
    strategy: dict[str, Any] = {}
    steps = _steps(source, analyses)
    analyses.collect(source.part("analysis"))
    delay = source.duration("scaleDownDelaySeconds")
    if delay is not None:
        strategy["keepPrevious"] = written(delay)
    routes = _routes(source, name, namespace)
    if not steps:
        source.note("steps", "there are none with a share of the traffic: this became blue/green")
        made["strategy"] = {"blueGreen": strategy}
        return
    made["strategy"] = {"canary": {"steps": steps, **strategy}}
    made["traffic"] = {"httpRoutes": [{"name": route} for route in routes]}


def _routes(source: Source, name: str, namespace: str) -> list[str]:
    routing = source.part("trafficRouting")
    plugins = routing.part("plugins")
    plugin = plugins.part(_PLUGIN)
    routes = [plugin.text("httpRoute"), *(each.text("name") for each in plugin.parts("httpRoutes"))]
    found = list(dict.fromkeys(route for route in routes if route))
    where = plugin.text("namespace")
    if where and namespace and where != namespace:
        plugin.note("namespace", f"an HTTPRoute has to be in the namespace of the Rollout, {namespace}")
    asks = f"has to list {name} and {name}-candidate as backends"
    if found:
        plugin.note("", f"HTTPRoute {', '.join(found)} {asks}")
        return found
    source.note("trafficRouting", f"names no HTTPRoute: write one; it {asks}, and is called {name} here")
    return [name]


class _Steps:
    """Shares that rise, each with how long it is held and whether it asks."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self.holds: list[timedelta] = []
        self.asks = False

    def weigh(self, source: Source, weight: int) -> None:
        if self.made and weight <= self.made[-1]["weight"]:
            source.note("setWeight", f"{weight} follows {self.made[-1]['weight']}, and weights rise: left out")
        elif not 0 < weight <= 100:
            source.note("setWeight", f"{weight} is where a launch begins: left out")
        elif len(self.made) == 20:
            source.note("setWeight", "there are 20 steps at most: left out")
        else:
            self.made.append({"weight": weight, **({"approval": "Required"} if self.asks else {})})
            self.holds.append(timedelta())
            self.asks = False

    def pause(self, source: Source, duration: timedelta | None) -> None:
        if not self.made:
            source.note("pause", "before any traffic the Promotion's approval asks: left out")
        elif duration is None:
            self.asks = True
        else:
            self.holds[-1] += duration

    def finish(self) -> list[dict[str, Any]]:
        if self.asks and self.made[-1]["weight"] < 100:
            self.made.append({"weight": 100, "approval": "Required"})
            self.holds.append(timedelta())
        steps = [
            {"weight": step["weight"], "hold": written(hold), **step}
            for step, hold in zip(self.made, self.holds, strict=True)
        ]
        if steps and steps[-1] == {"weight": 100, "hold": "0s"}:
            steps.pop()
        return steps


def _steps(source: Source, analyses: Analyses) -> list[dict[str, Any]]:
    made = _Steps()
    for step in source.parts("steps"):
        weight = step.number("setWeight")
        if weight is not None:
            made.weigh(step, weight)
        if "pause" in step:
            pause = step.part("pause")
            duration = pause.duration("duration")
            if duration is not None or "duration" not in pause:
                made.pause(step, duration)
        if "analysis" in step and analyses.collect(step.part("analysis")):
            step.note("analysis", "its gates count in every step")
    return made.finish()
