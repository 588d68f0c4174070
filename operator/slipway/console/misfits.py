"""Where the risk that a Promotion states and the strategy of its Rollout do not fit, by docs/strategies.md."""

from __future__ import annotations

from collections.abc import Iterator

from slipway.api.promotion import PromotionSpec
from slipway.api.rollout import Canary, RolloutSpec

FIRST_STEP = {"Medium": 25, "High": 5, "Critical": 5}
"""Percent of the users who may be the first to meet a version of this risk."""
HALF = 50

_STEPS = "spec.strategy.canary.steps"


def of_rollout(rollout: RolloutSpec, risk: str) -> Iterator[tuple[str, str]]:
    """Path and words for each."""
    if risk not in FIRST_STEP:
        return
    canary, grave = rollout.strategy.canary, risk in ("High", "Critical")
    if canary is not None:
        yield from _of_canary(canary, risk, grave)
    elif grave:
        yield (
            "spec.strategy",
            f"blue/green shows a version of risk {risk} to all users at once; a canary to a few first",
        )
    gates = rollout.analysis.gates
    if not gates:
        yield "spec.analysis.gates", f"there are none, so no number sends a version of risk {risk} back"
    elif grave and not any(gate.query for gate in gates):
        yield "spec.analysis.gates", f"none asks for what the business counts (query), at risk {risk}"
    if not rollout.smoke_tests:
        yield "spec.smokeTests", f"there are none: a version of risk {risk} is asked nothing before users are"


def _of_canary(canary: Canary, risk: str, grave: bool) -> Iterator[tuple[str, str]]:
    first = canary.steps[0].weight
    if first > FIRST_STEP[risk]:
        suits = f"{first} % of the users first meet a version of risk {risk} (at most {FIRST_STEP[risk]} %)"
        yield f"{_STEPS}[0].weight", suits
    if grave and not any(step.approval and step.weight <= HALF for step in canary.steps):
        yield _STEPS, f"no step up to {HALF} % asks again (approval: Required), at risk {risk}"


def of_promotion(promotion: PromotionSpec, risk: str) -> Iterator[tuple[str, str]]:
    """Path and words for each."""
    if risk == "Critical" and not promotion.hold:
        yield "spec.hold", "approve a version of risk Critical under a hold, and lift it when the people are there"
