"""AnalysisTemplates of Argo Rollouts as gates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from slipway.console.foreign import measured
from slipway.console.foreign.source import Documents, Notes, Source, written


class Analyses:
    """The gates of all the AnalysisTemplates that a Rollout refers to."""

    def __init__(self, others: Documents, notes: Notes, meta: Mapping[str, Any], services: set[str]) -> None:
        self.gates: list[dict[str, Any]] = []
        self._others = others
        self._notes = notes
        self._meta = meta
        self._services = services
        self._seen: set[str] = set()
        self._names: set[str] = set()
        self._intervals: list[timedelta] = []

    def settings(self) -> dict[str, Any]:
        """Of `analysis`, for all gates."""
        return {"interval": written(min(self._intervals))} if self._intervals else {}

    def collect(self, reference: Source) -> bool:
        """The gates of what it refers to. Whether there were any."""
        before = len(self.gates)
        values = {f"args.{name}": value for name, value in self._arguments(reference).items()}
        for each in reference.parts("templates"):
            name, cluster = each.text("templateName"), each.take("clusterScope") is True
            self._template(each, name, "ClusterAnalysisTemplate" if cluster else "AnalysisTemplate", values)
        return len(self.gates) > before

    def _arguments(self, source: Source) -> dict[str, str]:
        found = {}
        for argument in source.parts("args"):
            name, value = argument.text("name"), argument.take("value")
            given = argument.part("valueFrom")
            if value is not None:
                found[name] = self._value(str(value))
            elif given.take("podTemplateHashValue") == "Latest":
                argument.note("valueFrom", "pods of Slipway have $(revision) in the label slipway.dev/revision")
                found[name] = "$(revision)"
            else:
                path = given.part("fieldRef").text("fieldPath")
                if (field := self._field(path)) is not None:
                    found[name] = field
        return found

    def _value(self, value: str) -> str:
        """With `$(service)` for the Services that lead to what is measured."""
        for service in sorted(self._services):
            if re.fullmatch(rf"{re.escape(service)}(\..*)?", value):
                return "$(service)" + value[len(service) :].replace("$", "$$")
        return value.replace("$", "$$")

    def _field(self, path: str) -> str | None:
        if path in ("metadata.namespace", "metadata.name"):
            return {"metadata.namespace": "$(namespace)", "metadata.name": "$(rollout)"}[path]
        found = re.fullmatch(r"metadata\.(labels|annotations)\['([^']+)'\]", path)
        value = (self._meta.get(found[1]) or {}).get(found[2]) if found else None
        return None if value is None else str(value).replace("$", "$$")

    def _template(self, reference: Source, name: str, kind: str, values: Mapping[str, str]) -> None:
        if f"{kind}/{name}" in self._seen:
            return
        self._seen.add(f"{kind}/{name}")
        template = self._others.find(kind, name)
        if template is None:
            reference.note("templateName", f"{kind} {name} is not there: what it measures is left out; give it too")
            return
        spec = Source(template.get("spec"), f"{kind} {name} spec", self._notes)
        known = {f"args.{key}": value for key, value in self._arguments(spec).items()} | dict(values)
        for metric in spec.parts("metrics"):
            self._metric(metric, known)
        for nested in spec.parts("templates"):
            inner, cluster = nested.text("templateName"), nested.take("clusterScope") is True
            self._template(nested, inner, "ClusterAnalysisTemplate" if cluster else "AnalysisTemplate", known)
        spec.close()

    def _metric(self, metric: Source, values: Mapping[str, str]) -> None:
        name = metric.text("name")
        prometheus = metric.part("provider").part("prometheus")
        query = prometheus.text("query")
        if not query:
            metric.note("", "asks no Prometheus: left out; a check or a smoke test with job can run anything")
            return
        success, failure = metric.text("successCondition"), metric.text("failureCondition")
        bounds = measured.bounds(success, failure)
        if bounds is None:
            words = " and ".join(one for one in (success, failure) if one)
            metric.note("", f"the condition {words!r} is no bound on one number: left out; write a gate")
            return
        text, missing = measured.filled(query, values)
        if missing:
            metric.note("", f"nobody says what {', '.join(missing)} is: left out; write a gate")
            return
        text, window = measured.windowed(text)
        for words in bounds.moved:
            metric.note("", f"bounds are strict: {words}")
        if not measured.asks_candidate(text):
            metric.note("provider.prometheus.query", measured.CHECK_QUERY)
        if prometheus.take("address"):
            prometheus.note("address", "metrics sources are the administrator's; 'default' is asked (analysis.source)")
        if (interval := metric.duration("interval")) is not None and interval >= timedelta(seconds=1):
            self._intervals.append(interval)
        gate: dict[str, Any] = {"name": measured.label(name, self._names), "query": text, **bounds.fields(), **window}
        self.gates.append(gate | _thresholds(metric))


def _thresholds(metric: Source) -> dict[str, int]:
    made = {"failureThreshold": 1}
    limit = metric.number("failureLimit")
    if limit is not None and limit < 0:
        metric.note("failureLimit", "Slipway always goes back on failures: two in a row")
        made["failureThreshold"] = 2
    elif limit:
        metric.note("failureLimit", f"more than {limit} in all became {limit + 1} in a row")
        made["failureThreshold"] = limit + 1
    passes = metric.number("consecutiveSuccessLimit")
    if passes:
        made["successThreshold"] = passes
    if "count" in metric:
        metric.take("count")
        metric.note("count", "a gate is measured for as long as a step lasts")
    return made
