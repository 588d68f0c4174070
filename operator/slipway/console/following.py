"""Rollouts while somebody looks on: a tree that redraws itself, or lines where there is no terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from slipway.api.rollout import read_status
from slipway.cluster.api import Object
from slipway.cluster.errors import Unavailable
from slipway.console import saying, tree, whole
from slipway.console.session import Session

POLL = 1.0


async def found(session: Session, name: str | None) -> list[Object]:
    """One Rollout, or those of the namespace or the cluster."""
    return [await session.rollout(name)] if name else await session.rollouts()


async def drawn(session: Session, name: str | None, trace: tree.Trace) -> Group:
    """A tree for each Rollout."""
    trees = []
    rollouts, promotions = await asyncio.gather(found(session, name), session.promotions(name))
    for rollout in rollouts:
        meta = rollout["metadata"]
        trace.add(f"{meta['namespace']}/{meta['name']}", read_status(rollout))
        workload = await session.workload(meta["namespace"], meta["name"])
        trees.append(tree.tree(rollout, promotions, workload.deployments, workload.pods, trace))
    return Group(*trees) if trees else Group(Text(nothing(session.namespace)))


def nothing(namespace: str | None) -> str:
    """That there are none."""
    return f"no Rollouts in {namespace or 'any namespace'}"


def unanswered(error: object) -> Text:
    """What is said below the last answer."""
    return Text(f"not answered: {error}; trying again")


async def redraw(session: Session, name: str | None, console: Console) -> None:
    """The tree as it is now, until interrupted. While the cluster does not answer the last one stays, with a word."""
    trace = tree.Trace()
    last = await drawn(session, name, trace)
    with Live(last, console=console, auto_refresh=False) as live:
        while True:
            await asyncio.sleep(POLL)
            try:
                last = await drawn(session, name, trace)
                live.update(last, refresh=True)
            except Unavailable as error:
                live.update(Group(last, unanswered(error)), refresh=True)


async def report(session: Session, name: str | None, show: Callable[[Object], None], trees: bool = False) -> None:
    """Show each Rollout now, and again after each change of it, until interrupted. `trees`: all of it each time."""
    async for rollouts in _looked_at(session, name, trees):
        for rollout in rollouts:
            show(rollout)


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
                saying.say(f"not answered: {error}; trying again", err=True)
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
