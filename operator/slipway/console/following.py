"""Rollouts while somebody looks on: a tree that redraws itself, or lines where there is no terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from rich.console import Console
from rich.live import Live

from slipway.api.rollout import read_status
from slipway.cluster.api import Object
from slipway.cluster.errors import Unavailable
from slipway.console import saying, tree, whole
from slipway.console.picture import Fitting, Picture
from slipway.console.session import Session, Workload

POLL = 1.0


async def found(session: Session, name: str | None) -> list[Object]:
    """One Rollout, or those of the namespace or the cluster."""
    return [await session.rollout(name)] if name else await session.rollouts()


async def looked(session: Session, name: str | None, trace: tree.Trace) -> Picture:
    """What there is of them now."""
    rollouts, promotions, (running, read) = await asyncio.gather(
        found(session, name), session.promotions(name), session.workloads(name)
    )
    if not read and session.namespace is None:
        running = await _one_by_one(session, rollouts, name)
    for rollout in rollouts:
        meta = rollout["metadata"]
        trace.add(f"{meta['namespace']}/{meta['name']}", read_status(rollout))
    return Picture(rollouts, promotions, running, trace, nothing(session.namespace))


async def _one_by_one(session: Session, rollouts: list[Object], name: str | None) -> dict[tuple[str, str], Workload]:
    """By namespaces, for whoever may look into some of them only."""
    namespaces = sorted({str(one["metadata"]["namespace"]) for one in rollouts})
    answers = await asyncio.gather(*(session.within(one).workloads(name) for one in namespaces))
    return {key: workload for running, _ in answers for key, workload in running.items()}


def nothing(namespace: str | None) -> str:
    """That there are none."""
    return f"no Rollouts in {namespace or 'any namespace'}"


def unanswered(error: object) -> str:
    """What is said below the last answer."""
    return f"not answered: {error}; trying again"


async def redraw(session: Session, name: str | None, console: Console) -> None:
    """The tree as it is now, until interrupted. While the cluster does not answer the last one stays, with a word."""
    trace = tree.Trace()
    last = await looked(session, name, trace)
    with Live(Fitting(last), console=console, auto_refresh=False) as live:
        while True:
            await asyncio.sleep(POLL)
            try:
                last = await looked(session, name, trace)
                live.update(Fitting(last), refresh=True)
            except Unavailable as error:
                live.update(Fitting(last, unanswered(error)), refresh=True)


async def report(session: Session, name: str | None, show: Callable[[list[Object]], None], trees: bool = False) -> None:
    """Show the Rollouts now, and those that change again, until interrupted. `trees`: all of them each time."""
    async for rollouts in _looked_at(session, name, trees):
        show(rollouts)


async def _looked_at(session: Session, name: str | None, trees: bool) -> AsyncIterator[list[Object]]:
    """What is new or has changed since the last look."""
    seen: dict[str, str] = {}
    answered = quiet = False
    while True:
        try:
            changed = [one for one in await found(session, name) if seen.get(_uid(one)) != _version(one)]
            if trees:
                changed = await whole.read(session, changed, name)
            answered, quiet = True, False
        except Unavailable as error:
            if not answered:
                raise
            if not quiet:
                saying.say(unanswered(error), err=True)
            quiet, changed = True, []
        seen |= {_uid(one): _version(one) for one in changed}
        yield changed
        await asyncio.sleep(POLL)


def _uid(rollout: Object) -> str:
    return str(rollout["metadata"]["uid"])


def _version(rollout: Object) -> str:
    return str(rollout["metadata"]["resourceVersion"])


class Lines:
    """One line for each change that people care about: the same words are not said twice."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def of(self, rollout: Object) -> str:
        """`shop/web Shifting 10% candidate … error-rate 0.002 < 0.01 Pass`; '' where it was said already."""
        meta, status = rollout["metadata"], read_status(rollout)
        share = f" {status.candidate.weight}%" if status.candidate else ""
        gates = "; ".join(
            f"{gate.name} {'–' if gate.value is None else f'{gate.value:.4g}'} {gate.bound} {gate.verdict}"
            for gate in status.gates
        )
        words = f"{meta['namespace']}/{meta['name']} {status.phase or 'not looked at yet'}{share}: {status.message}"
        line = f"{words} [{gates}]" if gates else words
        if self._said.get(meta["uid"]) == line:
            return ""
        self._said[meta["uid"]] = line
        return line
