"""A Rollout as a tree: its revisions with their pods and shares, gates and tests, and the Promotion in charge."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text
from rich.tree import Tree

from slipway.api.promotion import PromotionStatus, read_status
from slipway.api.rollout import RolloutStatus
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.cluster.resources import REVISION_LABEL
from slipway.core import said

STYLES = {
    "Pass": "green",
    "Passed": "green",
    "Fail": "red",
    "Failed": "red",
    "NoData": "yellow",
    "Error": "yellow",
    "Unverifiable": "yellow",
    "Pending": "yellow",
}
_BARS = "▁▂▃▄▅▆▇█"
KEPT = 30


@dataclass
class Trace:
    """The last values of each gate while somebody looks on."""

    values: dict[tuple[str, str], deque[float]] = field(default_factory=dict)
    _seen: dict[tuple[str, str], Any] = field(default_factory=dict)

    def add(self, rollout: str, status: RolloutStatus) -> None:
        """Remember the measurements that are new."""
        for gate in status.gates:
            key = (rollout, gate.name)
            if gate.value is None or self._seen.get(key) == gate.measured_at:
                continue
            self._seen[key] = gate.measured_at
            self.values.setdefault(key, deque(maxlen=KEPT)).append(gate.value)

    def line(self, rollout: str, gate: str) -> str:
        """The values as a line of bars from 0 to the largest; '' before there are two."""
        values = self.values.get((rollout, gate), ())
        return sparkline(values) if len(values) > 1 else ""


def sparkline(values: Sequence[float] | deque[float]) -> str:
    """One bar for each value, on a scale from 0 to the largest."""
    top = max(values, default=0.0)
    if top <= 0:
        return _BARS[0] * len(values)
    return "".join(_BARS[min(len(_BARS) - 1, int(max(value, 0.0) / top * len(_BARS)))] for value in values)


def tree(
    rollout: Object,
    promotions: Sequence[Object],
    deployments: Sequence[Object],
    pods: Sequence[Object],
    trace: Trace | None = None,
) -> Tree:
    """Everything of one Rollout. `trace`: what was measured since somebody looks on."""
    meta = rollout["metadata"]
    status = read_rollout_status(rollout)
    name = f"{meta['namespace']}/{meta['name']}"
    top = Tree(Text.assemble((f"Rollout {name}", "bold"), f"  {status.phase or 'not seen by the operator yet'}"))
    if status.message:
        top.add(Text(status.message, style="dim"))
    for label, revision, share in _revisions(status):
        _revision(top, label, revision, share, deployments, pods)
    _measured(top, name, status, trace)
    for promotion in promotions:
        if promotion["metadata"]["name"] == status.promotion or not read_status(promotion).finished_at:
            _promotion(top, promotion)
    return top


def _revisions(status: RolloutStatus) -> Iterator[tuple[str, str, int | None]]:
    moving = status.candidate.weight if status.candidate else 0
    if status.stable:
        yield "stable", status.stable.revision, 100 - moving
    if status.candidate:
        yield "candidate", status.candidate.revision, moving
    if status.next:
        yield "next, waits for the end of the shift", status.next.revision, None
    if status.previous:
        yield "previous", status.previous.revision, None
    if status.rejected and not (status.candidate and status.candidate.revision == status.rejected.revision):
        yield f"rejected: {status.rejected.reason}", status.rejected.revision, None


def _revision(
    top: Tree, label: str, revision: str, share: int | None, deployments: Sequence[Object], pods: Sequence[Object]
) -> None:
    traffic = "" if share is None else f"  {share} % of the traffic"
    branch = top.add(Text.assemble((f"revision {revision}", "bold"), f"  {label}{traffic}"))
    for deployment in deployments:
        if (deployment["metadata"].get("labels") or {}).get(REVISION_LABEL) != revision:
            continue
        found = deployment.get("status") or {}
        ready, wanted = found.get("readyReplicas", 0), deployment["spec"].get("replicas", 0)
        images = ", ".join(one["image"] for one in deployment["spec"]["template"]["spec"]["containers"])
        leaf = branch.add(f"Deployment {deployment['metadata']['name']}  {ready}/{wanted} ready  {images}")
        for pod in pods:
            if (pod["metadata"].get("labels") or {}).get(REVISION_LABEL) == revision:
                leaf.add(_pod(pod))


def _pod(pod: Object) -> Text:
    status = pod.get("status") or {}
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or [])
    told = status.get("containerStatuses") or []
    states = [one.get("state") or {} for one in told]
    restarts = sum(int(one.get("restartCount") or 0) for one in told)
    waiting = [str((state.get("waiting") or {}).get("reason") or "") for state in states]
    ends = " ending" if pod["metadata"].get("deletionTimestamp") else ""
    words = next((reason for reason in waiting if reason), "ready" if ready else status.get("phase", "Pending"))
    again = f", {restarts} restart{'s' if restarts > 1 else ''}" if restarts else ""
    return Text(f"Pod {pod['metadata']['name']}  {words}{again}{ends}", style="" if ready else "yellow")


def _measured(top: Tree, name: str, status: RolloutStatus, trace: Trace | None) -> None:
    watch = status.watch
    gates = [*status.gates] or (list(watch.gates) if watch else [])
    if gates:
        branch = top.add("gates")
        for gate in gates:
            value = "–" if gate.value is None else f"{gate.value:.4g}"
            bars = trace.line(name, gate.name) if trace else ""
            branch.add(Text.assemble(_word(gate.verdict), f" {gate.name}  {value} {gate.bound}  {bars}"))
    tests = [*status.smoke_tests] or (list(watch.smoke_tests) if watch else [])
    if tests:
        branch = top.add("smoke tests")
        for test in tests:
            branch.add(Text.assemble(_word(test.verdict), f" {test.name}  {test.message}"))


def _promotion(top: Tree, promotion: Object) -> None:
    status: PromotionStatus = read_status(promotion)
    branch = top.add(
        Text.assemble((f"Promotion {promotion['metadata']['name']}", "bold"), f"  {status.phase or 'not seen yet'}")
    )
    if status.message:
        branch.add(Text(status.message, style="dim"))
    for entry in status.approvals:
        branch.add(f"approved by {entry.by} ({entry.identity})")
    for decision in status.decisions:
        branch.add(Text(said.told(decision)))
    if status.checks:
        checks = branch.add("checks")
        for check in status.checks:
            checks.add(Text.assemble(_word(check.result), f" {check.name}  {check.message}"))


def _word(word: str) -> tuple[str, str]:
    return f"{word:<13}", STYLES.get(word, "")


def row(rollout: Object) -> tuple[str, ...]:
    """One line of a list: namespace, name, strategy, phase, weight, stable, candidate, message."""
    meta: Mapping[str, Any] = rollout["metadata"]
    status = read_rollout_status(rollout)
    return (
        str(meta["namespace"]),
        str(meta["name"]),
        status.strategy or "-",
        status.phase or "-",
        f"{status.candidate.weight}%" if status.candidate else "-",
        status.stable.revision if status.stable else "-",
        status.candidate.revision if status.candidate else "-",
        status.message,
    )


HEAD = ("NAMESPACE", "NAME", "STRATEGY", "PHASE", "WEIGHT", "STABLE", "CANDIDATE", "MESSAGE")
