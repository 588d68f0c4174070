"""What is looked at in the first 24 hours, what sends traffic back in them, and what is left to do after the launch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slipway.api.check_status import CheckStatus
from slipway.api.duration import format_duration
from slipway.api.promotion import PromotionSpec
from slipway.api.rollout import RolloutSpec
from slipway.core import after_switch, strategy
from slipway.core.checking import GOOD
from slipway.core.gates import bound

_NOT_STATED = "not stated (spec.{field})"


def first_day(rollout: RolloutSpec, spec: PromotionSpec, goes_back: bool) -> Iterator[str]:
    """The watch list, a line each. `goes_back`: there is a revision that traffic can go back to."""
    gates = [f"{gate.name} {bound(gate)}" for gate in rollout.analysis.gates]
    measured = [*gates, *(f"smoke test {test.name}" for test in rollout.smoke_tests)]
    what = ", ".join(measured) or "pods that keep crashing"
    yield f"verify, {format_duration(strategy.settings(rollout).verify)} after the switch: {what}"
    for period in spec.watch:
        yield f"until {format_duration(period.for_)} after that, every {format_duration(period.interval)}: {what}"
    if not spec.watch:
        yield "nothing after that: spec.watch asks for no watch"
    if goes_back:
        failing = sorted({str(gate.failure_threshold) for gate in rollout.analysis.gates})
        broken = [f"a gate fails {' or '.join(failing)} times in a row"] if gates else []
        broken += ["a smoke test keeps failing"] if rollout.smoke_tests else []
        yield f"traffic goes back by itself when {', or '.join([*broken, 'pods keep crashing'])}"
    else:
        yield "nothing goes back by itself: this is the first launch"
    stated = spec.operations
    yield f"alerts: {(stated.alerts if stated else None) or _NOT_STATED.format(field='operations.alerts')}"
    yield f"logs: {(stated.logging if stated else None) or _NOT_STATED.format(field='operations.logging')}"
    links = sorted(stated.links) if stated else []
    yield f"dashboards and the like: {', '.join(links) or _NOT_STATED.format(field='operations.links')}"
    told = spec.communication.notify if spec.communication else []
    yield f"told when something happens: {', '.join(told) or _NOT_STATED.format(field='communication.notify')}"


def follow_ups(spec: PromotionSpec, checks: Sequence[CheckStatus]) -> Iterator[str]:
    """What is known to be left to do after the launch."""
    for check in spec.checks:
        if after_switch.is_later(check) and check.manual is not None:
            yield f"look at {check.name}: {check.manual.ask}"
    later = after_switch.later(spec)
    for state in checks:
        if state.result not in GOOD and state.name not in later:
            yield f"check {state.name} is {state.result}"
    ready = spec.readiness
    if ready is not None and ready.override:
        yield f"the score of {ready.score:g} was accepted with a reason: {ready.override}"
    if spec.migrations is not None and spec.migrations.backfill:
        yield f"backfill: {spec.migrations.backfill}"
    yield "write down what was learned: spec.learnings"
