"""Play a scenario to its end, undisturbed or with faults, and say what became of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from tests.sim.clock import VirtualLoop, simulate
from tests.sim.controllers import Lags
from tests.sim.invariants import describe
from tests.sim.script import End, Script
from tests.sim.shell import Faults, Shell
from tests.sim.world import NAMESPACE, World

from slipway.cluster.resources import CONFIG_MAPS, CONTROLLER_REVISIONS, PROMOTIONS, ROLLOUTS
from slipway.core.names import PROMOTION_LABEL, RECORD_LABEL
from slipway.core.record import chain

Object = dict[str, Any]

# Longer than verify and keepPrevious of all scenarios together with every lag.
SETTLED = 50.0
MOVING = frozenset({"Shifting", "Verifying", "RollingBack", "Deploying", "Watching"})
QUIET = 15.0


class Stuck(AssertionError):
    """The scenario does not get on, or does not end as it says."""


@dataclass
class Outcome:
    """What is compared between an undisturbed run and one with faults: no times, no resourceVersions."""

    end: Object
    moves: list[tuple[str, str, tuple[int, ...]]]
    pods: dict[str, int]
    writes: list[str] = field(default_factory=list)


Between = Callable[[World, int], None]


def play(
    make: Callable[[], Script],
    faults: Faults | None = None,
    lags: Lags | None = None,
    between: Between | None = None,
    look: Callable[[World], None] = lambda _: None,
) -> Outcome:
    """Run one scenario in simulated time. Raises Broken, Stuck, or whatever the operator did not foresee.

    `between` is called right before each write with its number, `look` once a second.
    """
    return simulate(_play(make(), faults or Faults(), lags or Lags(), between, look))


async def _play(
    script: Script,
    faults: Faults,
    lags: Lags,
    between: Between | None,
    look: Callable[[World], None],
) -> Outcome:
    stage = Stage(script, lags)
    world = stage.world
    shell = Shell(world, faults)
    if between:
        shell.between = lambda number: between(world, number)
    armed = False
    while not stage.ended:
        await stage.second()
        look(world)
        if shell.surprises:
            raise shell.surprises[0]
        if stage.done >= script.first_fault and not armed:
            armed = True
            shell.arm()
    late = shell.writes[-3:] if world.loop.time() - shell.written_at < QUIET else []
    if script.quiet and late:
        raise Stuck(f"the end is reached, and {late} is still being written\n{stage.story()}")
    return stage.outcome(shell.writes)


class Stage:
    """A world in which a script is played, second by second. Operators are brought by others."""

    def __init__(self, script: Script, lags: Lags) -> None:
        self.script = script
        self.world = World(cast(VirtualLoop, asyncio.get_running_loop()), lags, automatic=script.automatic)
        self.done = 0
        self.ended = False
        self._reached: float | None = None

    async def second(self) -> None:
        """One second of everybody's life, and at most one step of the script."""
        await asyncio.sleep(1)
        world, script, now = self.world, self.script, self.world.loop.time()
        world.step()
        if self.done < len(script.steps):
            predicate, action, _ = script.steps[self.done]
            if predicate(world):
                action(world)
                self.done += 1
        elif not _reached(world, script.end):
            self._reached = None
        else:
            self._reached = now if self._reached is None else self._reached
            self.ended = now - self._reached >= SETTLED
        if now > script.limit:
            raise Stuck(self.story())

    def outcome(self, writes: list[str]) -> Outcome:
        """What became of it."""
        made = dict(self.world.controllers.pods_made)
        return Outcome(_end(self.world), _moves(self.world), made, list(writes))

    def story(self) -> str:
        """All that somebody needs to see why it does not get on."""
        return _story(self.world, self.script, self.done)


def _reached(world: World, end: End | None) -> bool:
    if end is None:
        return world.phase not in MOVING
    return (
        world.live() == end.live
        and (world.phase not in MOVING if end.phase is None else world.phase == end.phase)
        and all(world.promotion_phase(name) == phase for name, phase in end.promotions.items())
        and all(world.said(name) == words for name, words in end.said.items())
        and (end.replicas is None or world.replicas() == end.replicas)
    )


def _end(world: World) -> Object:
    """The state that counts, in words of versions instead of digests."""
    found = world.server.find(ROLLOUTS, NAMESPACE, "web")
    status = (found or {}).get("status") or {}
    names = {
        obj["metadata"]["labels"].get("slipway.dev/revision", ""): world.version(
            obj["metadata"]["labels"].get("slipway.dev/revision")
        )
        for obj in world.server.peek(CONTROLLER_REVISIONS, NAMESPACE)
    }
    records = _records(world, names)
    history = [(names.get(h["revision"]), h["outcome"]) for h in status.get("history", [])]
    # What fails in its watch with nothing to go back to was launched before.
    launched = [
        version
        for n, (version, outcome) in enumerate(history)
        if outcome == "Promoted" or (outcome == "Failed" and (version, "Promoted") not in history[:n])
    ]
    assert not found or [version for kind, _, version in records if kind == "launch"] == launched
    return {
        "shares": _shares(world, names),
        "replicas": world.replicas(),
        "phase": status.get("phase"),
        "roles": {
            role: names.get((status.get(role) or {}).get("revision", ""))
            for role in ("stable", "candidate", "previous", "next", "rejected")
        },
        "conditions": {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions", [])},
        "history": history,
        "marks": {name: _marks(world, revision) for revision, name in sorted(names.items()) if revision},
        "records": records,
        "promotions": {
            p["metadata"]["name"]: (
                (p.get("status") or {}).get("phase"),
                p["spec"].get("approved"),
                sorted(p["spec"].get("approvals") or {}),
            )
            for p in world.server.peek(PROMOTIONS, NAMESPACE)
        },
    }


def _records(world: World, names: dict[str, str]) -> list[tuple[str, str, str | None]]:
    """The launch records: a chain that holds, and what they are of."""
    held = world.server.peek(CONFIG_MAPS, NAMESPACE)
    found = [obj for obj in held if RECORD_LABEL in (obj["metadata"].get("labels") or {})]
    promotions = list(world.server.peek(PROMOTIONS, NAMESPACE))
    verified = chain.verify(found, promotions)
    assert not verified.problems, verified.problems
    statements = (json.loads(obj["data"]["statement.json"])["predicate"] for obj in found)
    told = sorted(statements, key=lambda one: int(one["number"]))
    sent = {name for namespace, name in world.post.records if namespace == NAMESPACE}
    assert {obj["metadata"]["name"] for obj in found} == sent, "each has been sent"
    named = {record["configMap"] for p in promotions for record in (p.get("status") or {}).get("records") or []}
    there = {p["metadata"]["uid"] for p in promotions}
    made = {
        obj["metadata"]["name"]
        for obj in found
        if obj["metadata"]["annotations"]["slipway.dev/record-id"].split("/")[1] in there
    }
    forgotten = {o["metadata"]["name"] for o in found if o["metadata"]["labels"].get(PROMOTION_LABEL) in world.wiped}
    assert made - forgotten <= named <= made
    for obj in world.server.peek(CONTROLLER_REVISIONS, NAMESPACE):
        assert "slipway.dev/owed-records" not in (obj["metadata"].get("annotations") or {})
    return [(one["kind"], one["outcome"], names.get(one["revision"]["name"])) for one in told]


def _shares(world: World, names: dict[str, str]) -> Object:
    return {
        entry: {names.get(revision, revision): str(share) for revision, share in sorted(shares.items())}
        for entry, shares in sorted(world.plane.history[-1].entries.items())
    }


def _marks(world: World, revision: str) -> Object:
    """Which marks there are; of those in JSON, what is neither a time nor a hash."""
    for obj in world.server.peek(CONTROLLER_REVISIONS, NAMESPACE):
        if obj["metadata"]["labels"].get("slipway.dev/revision") == revision:
            found: Object = {}
            for key, text in sorted((obj["metadata"].get("annotations") or {}).items()):
                if text.startswith("{"):
                    value = json.loads(text)
                    found[key] = {k: value[k] for k in ("by", "cause") if k in value}
                else:
                    found[key] = ""
            return found
    return {}


def _moves(world: World) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(world.version(live), world.version(c), weights) for live, c, weights in world.invariants.moves]


def _story(world: World, script: Script, done: int) -> str:
    """All that somebody needs to see why it does not get on."""
    found = world.server.find(ROLLOUTS, NAMESPACE, "web") or {}
    lines = [f"step {done} of {len(script.steps)} {script.steps[done][2] if done < len(script.steps) else ''}"]
    lines.append(f"wanted: {script.end}")
    lines.append(f"live {world.live()!r}, weight {world.weight()}, replicas {world.replicas()}")
    for obj in (found, *world.server.peek(PROMOTIONS, NAMESPACE)):
        status = obj.get("status") or {}
        lines.append(f"{obj.get('kind')} {status.get('phase')}: {status.get('message')}")
    quiet = ("Pod", "EndpointSlice")
    changes = [c for c in world.server.history if c.kind.kind not in quiet]
    lines += [f"  {describe(change)}" for change in changes[-12:]]
    return "\n".join(lines)
