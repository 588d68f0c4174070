"""A Rollout as a tree: its revisions with their pods and shares, gates and tests, and the Promotion in charge."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text
from rich.tree import Tree

from slipway.api.check_status import CheckStatus
from slipway.api.promotion_status import PromotionStatus, read_status
from slipway.api.rollout import RolloutStatus
from slipway.api.rollout import read_status as read_rollout_status
from slipway.api.rollout_status import GateMeasurement
from slipway.cluster.api import Object
from slipway.console import whole
from slipway.console.detail import (
    Detail,
    checks_in_full,
    checks_in_short,
    is_ready,
    pods_in_full,
    pods_in_short,
    restarts,
)
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
    """The last values of each gate: those that status has, and longer ones while somebody looks on."""

    _measured: dict[tuple[str, str, str], deque[GateMeasurement]] = field(default_factory=dict)

    def add(self, rollout: str, status: RolloutStatus) -> None:
        """Remember the measurements that are new."""
        for gate in status.judged:
            known = self._measured.setdefault((rollout, gate.revision, gate.name), deque(maxlen=KEPT))
            for one in gate.course:
                if not known or known[-1].at < one.at:
                    known.append(one)

    def line(self, rollout: str, revision: str, gate: str) -> str:
        """The values as a line of bars from 0 to the largest; '' before there are two."""
        values = [one.value for one in self._measured.get((rollout, revision, gate), ())]
        return sparkline(values) if len(values) > 1 else ""


def sparkline(values: Sequence[float]) -> str:
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
    detail: Detail = Detail.FULL,
) -> Tree:
    """One Rollout, of whatever there is around it. `trace`: what was measured before."""
    status = read_rollout_status(rollout)
    top = Tree(head(rollout))
    if status.message:
        top.add(Text(status.message, style="dim"))
    for one in whole.revisions(status):
        _revision(top, one, deployments, pods, detail)
    _measured(top, _name(rollout), status, trace)
    _checks(top, status.candidate.checks if status.candidate else [], detail)
    for promotion in whole.promotions(rollout, promotions):
        _promotion(top, promotion, detail)
    return top


def head(rollout: Object) -> Text:
    """Its first line."""
    phase = read_rollout_status(rollout).phase or "not seen by the operator yet"
    return Text.assemble((f"Rollout {_name(rollout)}", "bold"), f"  {phase}")


def _name(rollout: Object) -> str:
    return f"{rollout['metadata']['namespace']}/{rollout['metadata']['name']}"


_ROLES = {"next": "next, waits for the end of the shift"}


def _revision(
    top: Tree, one: whole.Revision, deployments: Sequence[Object], pods: Sequence[Object], detail: Detail
) -> None:
    label = _ROLES.get(one.role, one.role) + (f": {one.message}" if one.role == "rejected" else "")
    traffic = "" if one.weight is None else f"  {one.weight} % of the traffic"
    branch = top.add(Text.assemble((f"revision {one.name}", "bold"), f"  {label}{traffic}"))
    if detail is Detail.CUT:
        return
    mine = whole.of_revision(pods, one.name)
    for deployment in whole.of_revision(deployments, one.name):
        found = deployment.get("status") or {}
        ready, wanted = found.get("readyReplicas", 0), deployment["spec"].get("replicas", 0)
        images = ", ".join(one["image"] for one in deployment["spec"]["template"]["spec"]["containers"])
        leaf = branch.add(Text(f"Deployment {deployment['metadata']['name']}  {ready}/{wanted} ready  {images}"))
        if short := pods_in_short(mine, detail):
            leaf.add(short)
        for pod in pods_in_full(mine, detail):
            leaf.add(_pod(pod))


def _pod(pod: Object) -> Text:
    status = pod.get("status") or {}
    ready, times = is_ready(pod), restarts(pod)
    states = [one.get("state") or {} for one in status.get("containerStatuses") or []]
    waiting = [str((state.get("waiting") or {}).get("reason") or "") for state in states]
    ends = " ending" if pod["metadata"].get("deletionTimestamp") else ""
    words = next((reason for reason in waiting if reason), "ready" if ready else status.get("phase", "Pending"))
    again = f", {times} restart{'s' if times > 1 else ''}" if times else ""
    return Text(f"Pod {pod['metadata']['name']}  {words}{again}{ends}", style="" if ready else "yellow")


def _measured(top: Tree, name: str, status: RolloutStatus, trace: Trace | None) -> None:
    if status.judged:
        branch = top.add("gates")
        for gate in status.judged:
            value = "–" if gate.value is None else f"{gate.value:.4g}"
            bars = trace.line(name, gate.revision, gate.name) if trace else ""
            branch.add(Text.assemble(_word(gate.verdict), f" {gate.name}  {value} {gate.bound}  {bars}"))
    if tests := whole.smoke_tests(status):
        branch = top.add("smoke tests")
        for test in tests:
            branch.add(Text.assemble(_word(test.verdict), f" {test.name}  {test.message}"))


def _promotion(top: Tree, promotion: Object, detail: Detail) -> None:
    status: PromotionStatus = read_status(promotion)
    branch = top.add(
        Text.assemble((f"Promotion {promotion['metadata']['name']}", "bold"), f"  {status.phase or 'not seen yet'}")
    )
    if status.message:
        branch.add(Text(status.message, style="dim"))
    if status.summary is not None and status.summary.delivered:
        label = "to be delivered" if status.summary.went_back else "delivered"
        branch.add(Text(f"{label}: {status.summary.delivered}"))
    for entry in status.approvals:
        branch.add(Text(f"approved by {entry.by} ({entry.identity})"))
    for decision in status.decisions:
        branch.add(Text(said.told(decision)))
    _checks(branch, status.checks, detail)


def _checks(branch: Tree, found: Sequence[CheckStatus], detail: Detail) -> None:
    if found:
        listed = branch.add("checks")
        if short := checks_in_short(found, detail):
            listed.add(short)
        for check in checks_in_full(found, detail):
            listed.add(Text.assemble(_word(check.result), f" {check.name}  {check.message}"))


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
