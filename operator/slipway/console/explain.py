"""Why a launch waits, and the exact next command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Container, Iterator, Sequence

from slipway.api.check_status import CheckStatus
from slipway.api.promotion_status import read_status
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.console import decisions
from slipway.console.next_step import next_step
from slipway.console.program import program
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
    automatic = (rollout.get("spec") or {}).get("approval") == "Automatic"
    asked = status.phase != "Invalid" and not automatic
    if not unfinished and asked and status.candidate is not None and not status.candidate.weight:
        yield from _asking(rollout, status.candidate.revision, promotions)


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


def _asking(rollout: Object, revision: str, promotions: Sequence[Object]) -> Iterator[str]:
    """How to ask for a candidate that no Promotion asks for any more: again, or for the first time."""
    environment = (rollout.get("spec") or {}).get("environment")
    tried = [one for one in promotions if _of(one, revision, environment)]
    last = tried[-1] if tried else None
    if last is None or read_status(last).phase in decisions.ENDED_WELL:
        taken = {one["metadata"]["name"] for one in promotions}
        yield "There is no Promotion for the candidate."
        yield f"  next: {_first(rollout, revision, taken)}"
        return
    meta, status = last["metadata"], read_status(last)
    yield f"Promotion {meta['name']} of the candidate is {status.phase}: {status.message}"
    fix = " --fix WHY" if decisions.needs_fix(last) else ""
    yield f"  next: {program()} retry {meta['name']} -n {meta['namespace']}{fix}"


def _of(promotion: Object, revision: str, environment: object) -> bool:
    """Whether it asked to launch this revision."""
    spec, target = promotion.get("spec") or {}, read_status(promotion).target
    launches = spec.get("environment") == environment and not spec.get("dryRun")
    return launches and target is not None and target.revision == revision


def _first(rollout: Object, revision: str, taken: Container[str]) -> str:
    """The command that creates the least Promotion for a candidate, under a name that is not taken."""
    meta = rollout["metadata"]
    name = f"{meta['name']}-{revision}"
    if name in taken:
        name = decisions.free_name(name, taken)
    made = {
        "apiVersion": "slipway.dev/v1alpha1",
        "kind": "Promotion",
        "metadata": {"name": name, "namespace": meta["namespace"]},
        "spec": {"rollout": meta["name"], "environment": (rollout.get("spec") or {}).get("environment")},
    }
    return f"echo {shlex.quote(json.dumps(made))} | kubectl create -f -"
