"""Why a launch waits, and the exact next command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slipway.api.promotion import PromotionStatus, read_status
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.core import charge
from slipway.core.checking import GOOD

_WAITS = {
    "AwaitingApproval": "slipway approve",
    "Blocked": "slipway retry",
}


def explain(rollout: Object, promotions: Sequence[Object]) -> Iterator[str]:
    """Lines: what the Rollout does, what holds it, and each unfinished Promotion with what it waits for."""
    meta, status = rollout["metadata"], read_rollout_status(rollout)
    where = f"-n {meta['namespace']}"
    if not status.phase:
        yield f"No operator has looked at Rollout {meta['name']} yet. Is one running, and is this namespace among its?"
        return
    if status.observed_generation < int(meta.get("generation") or 0):
        yield "The newest change of the Rollout has not been looked at yet; this is about the one before."
    yield f"Rollout {meta['name']} is {status.phase}: {status.message}"
    for found in status.conditions:
        if found.type in ("Accepted", "Ready", "TrafficConverged") and found.status == "False":
            yield f"  {found.type} is False ({found.reason}): {found.message}"
    for gate in status.gates:
        if gate.verdict not in ("", "Pass"):
            yield f"  gate {gate.name}: {gate.verdict}: {gate.message}"
    for test in status.smoke_tests:
        if test.verdict in ("Fail", "Error"):
            yield f"  smoke test {test.name}: {test.message}"
    unfinished = [one for one in promotions if read_status(one).phase not in charge.FINAL]
    for promotion in unfinished:
        yield from _promotion(promotion, where)
    if not unfinished and status.candidate is not None and not status.candidate.weight:
        yield "There is no Promotion for the candidate: create one."


def _promotion(promotion: Object, where: str) -> Iterator[str]:
    name, status = promotion["metadata"]["name"], read_status(promotion)
    spec = promotion.get("spec") or {}
    yield f"Promotion {name} is {status.phase or 'not looked at yet'}: {status.message}"
    for check in status.checks:
        if check.result not in GOOD:
            yield f"  check {check.name}: {check.result}: {check.message}"
    if spec.get("hold"):
        yield f"  held: {spec['hold']}"
    if spec.get("rollbackPlanNeeded"):
        yield "  held: somebody is not confident in the rollback"
    if next_command := _next(name, status, spec, where):
        yield f"  next: {next_command}"


def _next(name: str, status: PromotionStatus, spec: Object, where: str) -> str:
    if spec.get("hold") or spec.get("rollbackPlanNeeded"):
        return f"slipway resume {name} {where}"
    command = _WAITS.get(status.phase)
    return f"{command} {name} {where}" if command else ""
