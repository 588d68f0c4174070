"""Alerting rules of a metrics source (`/api/v1/rules` of Prometheus' HTTP API), and which are about one workload. Pure.

A source is shared between tenants: a rule that does not say that it is about a namespace is not told to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import re2

from slipway.metrics.envelope import read_data
from slipway.metrics.reading import Error

_MATCHER = re.compile(
    r"""([a-zA-Z_]\w*)\s*(=~|!~|!=|==|=)\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)""", re.ASCII | re.DOTALL
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class AlertingRule:
    """`works`: the source can evaluate it."""

    name: str
    query: str
    labels: Mapping[str, str] = field(default_factory=dict)
    works: bool = True


@dataclass(frozen=True)
class Workload:
    """What alerting rules call a Rollout: its name, the Deployments of its revisions, and its Services."""

    namespace: str
    rollout: str
    deployments: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """The names that a label may have."""
        return frozenset({self.rollout, f"{self.rollout}-candidate", *self.deployments})

    @property
    def seen(self) -> tuple[str, ...]:
        """What a regular expression has to match one of: these names, and those that pods and gateways make of them."""
        pods = [f"{deployment}-7d9f8b6c54-x2k4z" for deployment in self.deployments]
        return (*sorted(self.names), *pods, f"{self.namespace}-{self.rollout}-http-80@kubernetesgateway")


def read_rules(status: int, body: bytes) -> tuple[AlertingRule, ...] | Error:
    """The alerting rules in an answer with HTTP `status` and `body`."""
    data = read_data(status, body)
    if isinstance(data, Error):
        return data
    groups = data.get("groups")
    if not isinstance(groups, list):
        return Error("the answer has no rules")
    return tuple(_rules(groups))


def about(rules: Sequence[AlertingRule], workload: Workload) -> list[AlertingRule]:
    """Those that say that they are about the namespace, about no other one, and about the workload."""
    return [rule for rule in rules if _of_namespace(rule, workload) and _of_workload(rule, workload)]


def _rules(groups: Sequence[object]) -> Iterator[AlertingRule]:
    for group in groups:
        listed = group.get("rules") if isinstance(group, dict) else None
        for rule in listed if isinstance(listed, list) else []:
            if not isinstance(rule, dict) or rule.get("type") != "alerting":
                continue
            name, query, labels = rule.get("name"), rule.get("query"), rule.get("labels") or {}
            if isinstance(name, str) and isinstance(query, str) and isinstance(labels, dict):
                strings = {str(key): value for key, value in labels.items() if isinstance(value, str)}
                yield AlertingRule(name, query, strings, rule.get("health") != "err")


def _matchers(query: str) -> Iterator[tuple[str, str, str]]:
    """Label, operator and value of each matcher."""
    for found in _MATCHER.finditer(query):
        label, operator, quoted = found.groups()
        value = quoted[1:-1]
        yield label, operator, value if quoted[0] == "`" else _ESCAPED.sub(r"\1", value)


def _of_namespace(rule: AlertingRule, workload: Workload) -> bool:
    named = [(operator, value) for label, operator, value in _matchers(rule.query) if label == "namespace"]
    others = any((operator, value) != ("=", workload.namespace) for operator, value in named)
    label = rule.labels.get("namespace")
    return not others and (bool(named) or label == workload.namespace) and label in (None, workload.namespace)


def _of_workload(rule: AlertingRule, workload: Workload) -> bool:
    if any(value in workload.names for label, value in rule.labels.items() if label != "namespace"):
        return True
    return any(
        _selects(operator, value, workload)
        for label, operator, value in _matchers(rule.query)
        if label not in ("namespace", "__name__")
    )


def _selects(operator: str, value: str, workload: Workload) -> bool:
    if operator == "=":
        return value in workload.names
    # What matches everything says nothing of this workload.
    if operator != "=~" or workload.rollout not in value:
        return False
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(value, options)
    except (re2.error, UnicodeError):
        return False
    return any(pattern.fullmatch(name) for name in workload.seen)
