"""Why a launch waits, and the exact next command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slipway.api.check_status import CheckStatus
from slipway.api.promotion_status import read_status
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.console.asking import asking
from slipway.console.next_step import next_step
from slipway.core import charge
from slipway.core.checking import GOOD


def explain(rollout: Object, promotions: Sequence[Object]) -> Iterator[str]:
    """Lines: what the Rollout does, what holds it, and each unfinished Promotion with what it waits for."""
    meta, status = rollout["metadata"], read_rollout_status(rollout)
    if not status.phase:
        yield f"No operator has looked at Rollout {meta['name']} yet. Is one running, and is this namespace among its?"
        return
    if status.observed_generation < int(meta.get("generation") or 0):
        yield "The newest change of the Rollout has not been looked at yet; this is about the one before."
    yield f"Rollout {meta['name']} is {status.phase}: {status.message}"
    for found in status.conditions:
        told = found.message in status.message
        if found.type in ("Accepted", "Ready", "TrafficConverged") and found.status == "False" and not told:
            yield f"  {found.type} is False ({found.reason}): {found.message}"
    for gate in status.gates:
        if gate.verdict not in ("", "Pass"):
            yield f"  gate {gate.name}: {gate.verdict}: {gate.message}"
    for test in status.smoke_tests:
        if test.verdict in ("Fail", "Error"):
            yield f"  smoke test {test.name}: {test.message}"
    if status.candidate is not None:
        yield from _open(status.candidate.checks)
    unfinished = [one for one in promotions if read_status(one).phase not in charge.FINAL]
    for promotion in unfinished:
        yield from _promotion(promotion, rollout)
    invalid = status.phase == "Invalid" and not any(next_step(one, rollout) for one in unfinished)
    if invalid or not unfinished:
        yield from asking(rollout, promotions)


def _promotion(promotion: Object, rollout: Object) -> Iterator[str]:
    name, status = promotion["metadata"]["name"], read_status(promotion)
    spec = promotion.get("spec") or {}
    yield f"Promotion {name} is {status.phase or 'not looked at yet'}: {status.message}"
    yield from _open(status.checks)
    if spec.get("hold"):
        yield f"  held: {spec['hold']}"
    if spec.get("rollbackPlanNeeded"):
        yield "  held: somebody is not confident in the rollback"
    if following := next_step(promotion, rollout):
        yield f"  next: {following}"


def _open(checks: Sequence[CheckStatus]) -> Iterator[str]:
    for check in checks:
        if check.result not in GOOD:
            yield f"  check {check.name}: {check.result}: {check.message}"
