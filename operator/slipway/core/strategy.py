"""Strategies: which shares a candidate would like, one after the other, knowing nothing of approvals or gates.

A strategy is a list of stages. It cannot send an unapproved request: how much a candidate may have is said in
ceiling.py alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from slipway.api.rollout import BlueGreen, Canary, Gate, RolloutSpec


@dataclass(frozen=True)
class Stage:
    """One share and what must hold before the next. The `final` one is verify, after the switch of the live Service."""

    index: int
    weight: int
    hold: timedelta
    gates: tuple[Gate, ...]
    asks: bool = False
    final: bool = False


def _blue_green(spec: RolloutSpec, has_stable: bool) -> tuple[Stage, ...]:
    return (_verify(0, spec),)


def _canary(spec: RolloutSpec, has_stable: bool) -> tuple[Stage, ...]:
    canary = spec.strategy.canary
    if canary is None or not has_stable:
        # A first revision has nobody to share with: 0 → 100.
        return (_verify(0, spec),)
    by_name = {gate.name: gate for gate in spec.analysis.gates}
    steps = [
        Stage(
            index,
            step.weight,
            step.hold,
            tuple(spec.analysis.gates) if step.gates is None else tuple(by_name[name] for name in step.gates),
            asks=step.approval == "Required",
        )
        for index, step in enumerate(canary.steps)
    ]
    return (*steps, _verify(len(steps), spec))


def _verify(index: int, spec: RolloutSpec) -> Stage:
    return Stage(index, 100, settings(spec).verify, tuple(spec.analysis.gates), final=True)


STRATEGIES: Mapping[str, Callable[[RolloutSpec, bool], tuple[Stage, ...]]] = {
    "BlueGreen": _blue_green,
    "Canary": _canary,
}


def name_of(spec: RolloutSpec) -> str:
    """The strategy in use, as the printer column shows it."""
    return "Canary" if spec.strategy.canary is not None else "BlueGreen"


def settings(spec: RolloutSpec) -> BlueGreen | Canary:
    """The settings that every strategy has: previewReplicas, verify, keepPrevious."""
    found = spec.strategy.canary or spec.strategy.blue_green
    return found if found is not None else BlueGreen()


def stages(spec: RolloutSpec, has_stable: bool) -> tuple[Stage, ...]:
    """All stages of a shift, the final one last."""
    return STRATEGIES[name_of(spec)](spec, has_stable)


def stage_for(all_stages: tuple[Stage, ...], exposure: int, switched: bool) -> Stage | None:
    """The stage that a share belongs to when nothing but the world is known; None: not begun.

    Never one with more weight than there is: a changed list of steps does not jump ahead.
    """
    if switched:
        return all_stages[-1]
    reached = [s for s in all_stages if not s.final and s.weight <= exposure]
    return reached[-1] if reached else None
