"""The commands that show something and change nothing."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Annotated

import typer

from slipway.api.promotion_status import PromotionStatus, read_status
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object, Objects
from slipway.cluster.errors import NotFound, Unavailable
from slipway.console import differences, explain, following, saying, showing, tree, whole
from slipway.console.columns import Columns
from slipway.console.forms import Form
from slipway.console.names import MaybeRolloutName, PromotionName, RolloutName
from slipway.console.saying import say
from slipway.console.session import UNSEEN, Scope, Session, after_equals, located, located_anywhere, with_session
from slipway.core import charge, instants
from slipway.core.conditions import find

DATA = ("json", "yaml")
OUTPUTS = ("tree", "wide", "name", *DATA)


@located_anywhere
def get(
    where: Scope,
    name: MaybeRolloutName = None,
    output: Annotated[
        str, typer.Option("--output", "-o", help="tree, wide, name, json or yaml.", callback=after_equals)
    ] = "tree",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show every change until interrupted.")] = False,
) -> None:
    """Show Rollouts: revisions, pods, traffic, gates, smoke tests, the Promotion and its checks."""
    if output not in OUTPUTS:
        raise typer.BadParameter(f"expected {', '.join(OUTPUTS[:-1])} or {OUTPUTS[-1]}", param_hint="--output")
    if name and where.namespace is None:
        raise typer.BadParameter("a name is of one namespace", param_hint="--all-namespaces")
    if watch:
        try:
            _watch(where, name, output)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
    elif output == "tree":
        seen = with_session(where, lambda session: following.looked(session, name, tree.Trace()))
        showing.console().print(seen.drawn())
    else:
        rollouts = with_session(where, lambda session: _found(session, name, output))
        if output in DATA:
            showing.data(rollouts[0] if name else {"apiVersion": "v1", "kind": "List", "items": rollouts}, output)
        elif not rollouts:
            say(following.nothing(where.namespace), err=True)
        elif output == "wide":
            showing.table(tree.HEAD, [tree.row(one) for one in rollouts])
        else:
            for one in rollouts:
                _show(one, output)


async def _found(session: Session, name: str | None, output: str) -> Objects:
    rollouts = await following.found(session, name)
    return await whole.read(session, rollouts, name) if output in DATA else rollouts


def _watch(where: Scope, name: str | None, output: str) -> None:
    console = showing.console()
    if output == "tree" and console.is_terminal:
        with_session(where, lambda session: following.redraw(session, name, console))
        return
    lines, columns = following.Lines(), Columns(tree.HEAD)

    def show(rollouts: Objects) -> None:
        if output == "wide":
            for line in columns.lines([tree.row(one) for one in rollouts]):
                typer.echo(line)
            return
        for one in rollouts:
            if output != "tree":
                _show(one, output)
            elif line := lines.of(one):
                say(line)

    with_session(where, lambda session: following.report(session, name, show, output in DATA))


def _show(rollout: Object, output: str) -> None:
    match output:
        case "name":
            typer.echo(f"rollout.slipway.dev/{rollout['metadata']['name']}")
        case "yaml":
            typer.echo("---")
            showing.data(rollout, output)
        case _:
            showing.data(rollout, output)


@located
def explain_(where: Scope, name: RolloutName, output: Form = "") -> None:
    """Say why a launch waits, and the exact next command."""

    async def asked(session: Session) -> list[str]:
        rollout = await session.rollout(name)
        return list(explain.explain(rollout, await session.promotions(name)))

    lines = with_session(where, asked)
    if output:
        showing.data({"namespace": where.namespace, "rollout": name, "lines": lines}, output)
        return
    for line in lines:
        say(line)


@located
def status(
    where: Scope,
    name: PromotionName,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has succeeded or ended.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait; 0: for ever.")] = 0,
    output: Form = "",
) -> None:
    """Say what a Promotion does. Exit code 0: it has succeeded; 1: ended otherwise or deleted; 3: neither yet."""

    async def asked(session: Session) -> int:
        promotion, said, deadline = await session.promotion(name), "", time.monotonic() + timeout
        uid, quiet = promotion["metadata"]["uid"], False
        while True:
            found = read_status(promotion)
            words = f"{promotion['metadata']['name']}: {found.phase or 'waiting'}: {found.message or UNSEEN}"
            if words != said and not output:
                said = words
                say(words)
            good = _holds(found, "Succeeded")
            ended = good or found.phase in charge.FINAL
            over = ended or not wait or bool(timeout and time.monotonic() > deadline)
            if over and output:
                showing.data(_told(promotion, found), output)
            if ended:
                return 0 if good or (found.phase == "DryRunComplete" and _holds(found, "ChecksPassed")) else 1
            if over:
                return 3
            await asyncio.sleep(following.POLL)
            try:
                promotion = await session.promotion(promotion["metadata"]["name"])
                quiet = False
            except Unavailable as error:
                if not quiet:
                    say(f"not answered: {error}; trying again", err=True)
                quiet = True
            except NotFound:
                say(f"{promotion['metadata']['name']}: it was deleted meanwhile", err=True)
                return 1
            if promotion["metadata"]["uid"] != uid:
                say(f"{promotion['metadata']['name']}: it was deleted meanwhile, and this is another one", err=True)
                return 1

    raise typer.Exit(with_session(where, asked))


@located
def report(
    where: Scope,
    name: PromotionName,
    key: Annotated[str, typer.Option(help="report.md, report.json or summary.md.")] = "report.md",
    raw: Annotated[bool, typer.Option("--raw", help="Print the Markdown as it is.")] = False,
) -> None:
    """Show the report of a Promotion."""

    async def asked(session: Session) -> str:
        return await _of_report(session, name, key)

    text = with_session(where, asked)
    if raw or not sys.stdout.isatty() or not key.endswith(".md"):
        typer.echo(saying.text(text))
    else:
        # A tenth of the time in which the operator starts, who needs none of it.
        from rich.markdown import Markdown

        showing.console().print(Markdown(text, hyperlinks=False))


@located
def diff(
    where: Scope,
    name: PromotionName,
    output: Annotated[
        str, typer.Option("--output", "-o", help="table, json or yaml.", callback=after_equals)
    ] = "table",
) -> None:
    """Say what a Promotion changes against what served when its report was written.

    Exit code 0: nothing; 1: something; 2: it cannot be known.
    """
    if output not in ("table", "json", "yaml"):
        raise typer.BadParameter("expected table, json or yaml", param_hint="--output")

    async def asked(session: Session) -> differences.Differences:
        return differences.read(await _of_report(session, name, "report.json"))

    found = with_session(where, asked)
    if output != "table":
        showing.data(differences.as_data(found), output)
    else:
        say(differences.head(found))
        if found.changes:
            showing.table(differences.COLUMNS, list(differences.rows(found)))
    raise typer.Exit(1 if differences.any_in(found) else 0)


async def _of_report(session: Session, name: str, key: str) -> str:
    promotion = await session.promotion(name)
    found = read_status(promotion).report
    if found is None:
        why = read_status(promotion).message or UNSEEN
        raise NotFound(f"{promotion['metadata']['name']} has no current report: {why}")
    return await session.text(promotion["metadata"]["namespace"], found.config_map, key)


@located
def history(where: Scope, name: RolloutName, output: Form = "") -> None:
    """List what was tried on a Rollout, and what came of it, the newest last."""
    rollout = with_session(where, lambda session: session.rollout(name))
    found = read_rollout_status(rollout).history
    if output:
        showing.data([entry.model_dump(mode="json", by_alias=True) for entry in found], output)
        return
    if not found:
        say(f"nothing was tried on Rollout {name} yet", err=True)
        return
    rows = [
        (entry.revision, instants.render(entry.at), entry.outcome, entry.promotion or "-", ", ".join(entry.images))
        for entry in found
    ]
    showing.table(("REVISION", "AT", "OUTCOME", "PROMOTION", "IMAGES"), rows)


def _told(promotion: Object, found: PromotionStatus) -> dict[str, object]:
    """The answer of `status` for programs."""
    return {
        "namespace": promotion["metadata"]["namespace"],
        "promotion": promotion["metadata"]["name"],
        "phase": found.phase,
        "message": found.message,
        "succeeded": _holds(found, "Succeeded"),
        "checksPassed": _holds(found, "ChecksPassed"),
    }


def _holds(status: PromotionStatus, kind: str) -> bool:
    condition = find(status.conditions, kind)
    return condition is not None and condition.status == "True"
