"""Scenarios as people live them: wait until something is to be seen, then do something.

Steps wait for what status, Services and routes show and not for times, so that the same script
makes sense however often the operator is killed on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.sim.world import World

Predicate = Callable[[World], bool]
Action = Callable[[World], object]


@dataclass(frozen=True)
class End:
    """What a scenario says about its end. None: nothing is said."""

    live: str
    phase: str | None = None
    promotions: Mapping[str, str] = field(default_factory=dict)
    replicas: Mapping[str, int] | None = None
    said: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    """By Promotion: what was said, by whom, and who lifted it."""


@dataclass
class Script:
    """The steps, filled by a scenario. Faults are injected from the step on that `faults_from_here` marks."""

    spec: dict[str, Any] = field(default_factory=dict)
    automatic: bool = False
    end: End | None = None
    steps: list[tuple[Predicate, Action, str]] = field(default_factory=list)
    first_fault: int = 0
    quiet: bool = True
    """Nothing is written any more once the end is reached (not so where a gate is measured for ever)."""
    limit: float = 900.0
    """Simulated seconds after which it is stuck."""
    moves_vary: bool = False
    """What traffic goes through depends on what is seen first; only the end is compared."""

    def when(self, predicate: Predicate, action: Action, note: str = "") -> Script:
        """One step."""
        self.steps.append((predicate, action, note))
        return self

    def once(self, predicate: Predicate) -> Script:
        """Wait for something to be seen."""
        return self.when(predicate, lambda _: None)

    def faults_from_here(self) -> Script:
        """What was before is covered by another scenario."""
        self.first_fault = len(self.steps)
        return self


def always(_: World) -> bool:
    """At once."""
    return True


def phase(*names: str) -> Predicate:
    """The Rollout shows one of these phases, for its spec as it is now."""
    return lambda world: world.phase in names


def promotion(name: str, *phases: str) -> Predicate:
    """A Promotion shows one of these phases."""
    return lambda world: world.promotion_phase(name) in phases


def weight(percent: int) -> Predicate:
    """The route gives the candidate this share."""
    return lambda world: world.weight() == percent


def live(version: str) -> Predicate:
    """The live Service selects this version."""
    return lambda world: world.live() == version


def both(*predicates: Predicate) -> Predicate:
    """All of them."""
    return lambda world: all(predicate(world) for predicate in predicates)


def for_seconds(seconds: float, predicate: Predicate = always) -> Predicate:
    """It has held without a break for so long."""
    since: list[float] = []

    def check(world: World) -> bool:
        if not predicate(world):
            since.clear()
            return False
        if not since:
            since.append(world.loop.time())
        return world.loop.time() - since[0] >= seconds

    return check


def stable_v1(spec: dict[str, Any], automatic: bool = False) -> Script:
    """The usual beginning: version 1 is approved, verified and Healthy."""
    script = Script(spec=spec, automatic=automatic)
    script.when(always, lambda w: w.create_rollout(spec))
    if not automatic:
        script.when(always, lambda w: w.promote("p1"))
        script.when(promotion("p1", "AwaitingApproval"), lambda w: w.approve("p1"))
    return script.once(both(phase("Healthy"), live("v1"))).faults_from_here()


def propose(script: Script, behaviour: str = "good", version: int = 2, **spec: Any) -> Script:
    """A new version and the Promotion for it."""
    script.when(always, lambda w: w.deploy(behaviour, version), f"v{version}")
    return script.when(always, lambda w: w.promote(f"p{version}", **spec), f"p{version}")


def approve(script: Script, version: int = 2) -> Script:
    """The approver says yes as soon as the plan is shown."""
    name = f"p{version}"
    return script.when(promotion(name, "AwaitingApproval"), lambda w: w.approve(name), f"approve {name}")
