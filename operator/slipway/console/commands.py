"""The commands for people. Each acts with the rights of the kubeconfig that it is given."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.console import Console, Group
from rich.live import Live
from rich.markdown import Markdown
from rich.table import Table

from slipway.api.promotion import PromotionStatus, read_status
from slipway.api.report import CONFIRMATIONS
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.cluster.errors import NotFound
from slipway.console import decisions, explain, first_manifests, lint, tree
from slipway.console.decisions import CannotSay
from slipway.console.session import Context, Everywhere, Kubeconfig, Namespace, Session, scope, with_session
from slipway.core import charge, instants
from slipway.core.conditions import find

Name = Annotated[str, typer.Argument(help="A Promotion, or a Rollout for the Promotion in charge of it.")]
Output = Annotated[str, typer.Option("--output", "-o", help="tree, wide, json or yaml.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
POLL = 1.0
WIDE = 1000


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    for command in (get, explain_, status, report, history, approve, withdraw, hold, resume, abort, retry, lint_, init):
        app.command(command.__name__.rstrip("_"))(command)


def get(
    name: Annotated[str | None, typer.Argument(help="A Rollout. Default: all.")] = None,
    namespace: Namespace = None,
    everywhere: Everywhere = False,
    output: Output = "tree",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show every change until interrupted.")] = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show Rollouts: revisions, pods, traffic, gates, smoke tests, the Promotion and its checks."""
    if output not in ("tree", "wide", "json", "yaml"):
        raise typer.BadParameter("expected tree, wide, json or yaml", param_hint="--output")
    if name and everywhere:
        raise typer.BadParameter("a name is of one namespace", param_hint="--all-namespaces")
    where = scope(kubeconfig, context, namespace, everywhere)
    console = Console()

    async def found(session: Session) -> list[Object]:
        return [await session.rollout(name)] if name else await session.rollouts()

    async def drawn(session: Session, trace: tree.Trace) -> Group:
        trees = []
        rollouts, promotions = await asyncio.gather(found(session), session.promotions(name))
        for rollout in rollouts:
            meta = rollout["metadata"]
            trace.add(f"{meta['namespace']}/{meta['name']}", read_rollout_status(rollout))
            mine = [
                one
                for one in promotions
                if one["metadata"]["namespace"] == meta["namespace"] and one["spec"]["rollout"] == meta["name"]
            ]
            trees.append(tree.tree(rollout, mine, *await session.workload(meta["namespace"], meta["name"]), trace))
        return Group(*trees) if trees else Group(f"no Rollouts in {where.namespace or 'any namespace'}")

    async def look_on(session: Session) -> None:
        trace = tree.Trace()
        with Live(await drawn(session, trace), console=console, auto_refresh=False) as live:
            while True:
                await asyncio.sleep(POLL)
                live.update(await drawn(session, trace), refresh=True)

    if watch and output == "tree":
        try:
            with_session(where, look_on)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
    elif output == "tree":
        console.print(with_session(where, lambda session: drawn(session, tree.Trace())))
    elif output == "wide":
        _table(console, tree.HEAD, [tree.row(one) for one in with_session(where, found)])
    else:
        objects = with_session(where, found)
        _print(objects[0] if name else {"apiVersion": "v1", "kind": "List", "items": objects}, output)


def explain_(
    name: Annotated[str, typer.Argument(help="A Rollout.")],
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Say why a launch waits, and the exact next command."""

    async def asked(session: Session) -> list[str]:
        rollout = await session.rollout(name)
        return list(explain.explain(rollout, await session.promotions(name)))

    for line in with_session(scope(kubeconfig, context, namespace), asked):
        typer.echo(line)


def status(
    name: Name,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has succeeded or ended.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait; 0: for ever.")] = 0,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Say what a Promotion does. Exit code 0: it has succeeded; 1: it ended otherwise; 3: neither yet."""

    async def asked(session: Session) -> int:
        promotion, said, deadline = await session.promotion(name), "", time.monotonic() + timeout
        uid = promotion["metadata"]["uid"]
        while True:
            found = read_status(promotion)
            words = f"{promotion['metadata']['name']}: {found.phase or 'not looked at yet'}: {found.message}"
            if words != said:
                said = words
                typer.echo(words)
            good = _holds(found, "Succeeded")
            if good or found.phase in charge.FINAL:
                return 0 if good or (found.phase == "DryRunComplete" and _holds(found, "ChecksPassed")) else 1
            if not wait or (timeout and time.monotonic() > deadline):
                return 3
            await asyncio.sleep(POLL)
            promotion = await session.promotion(promotion["metadata"]["name"])
            if promotion["metadata"]["uid"] != uid:
                typer.echo("it was deleted and created again", err=True)
                return 1

    raise typer.Exit(with_session(scope(kubeconfig, context, namespace), asked))


def report(
    name: Name,
    key: Annotated[str, typer.Option(help="report.md, report.json or summary.md.")] = "report.md",
    raw: Annotated[bool, typer.Option("--raw", help="Print the Markdown as it is.")] = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show the report of a Promotion."""

    async def asked(session: Session) -> str:
        promotion = await session.promotion(name)
        found = read_status(promotion).report
        if found is None:
            raise NotFound(f"{promotion['metadata']['name']} has no current report: {read_status(promotion).message}")
        return await session.text(promotion["metadata"]["namespace"], found.config_map, key)

    text = with_session(scope(kubeconfig, context, namespace), asked)
    if raw or not sys.stdout.isatty() or not key.endswith(".md"):
        typer.echo(text)
    else:
        Console().print(Markdown(text))


def history(
    name: Annotated[str, typer.Argument(help="A Rollout.")],
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """List what was tried on a Rollout, and what came of it, the newest last."""
    rollout = with_session(scope(kubeconfig, context, namespace), lambda session: session.rollout(name))
    rows = [
        (entry.revision, instants.render(entry.at), entry.outcome, entry.promotion or "-", ", ".join(entry.images))
        for entry in read_rollout_status(rollout).history
    ]
    _table(Console(), ("REVISION", "AT", "OUTCOME", "PROMOTION", "IMAGES"), rows)


def approve(
    name: Name,
    yes: Yes = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Approve a Promotion under your own name, for the plan that is shown."""

    async def asked(session: Session) -> str:
        promotion = await session.promotion(name)
        spec, who = promotion["spec"], await session.me()
        rollout = await session.rollout(str(spec["rollout"]))
        patch, what = decisions.approval(promotion, rollout, who)
        found = read_status(promotion)
        typer.echo(f"{promotion['metadata']['name']} of {spec['rollout']} in {spec['environment']}: {found.phase}")
        typer.echo(found.message)
        for check in found.checks:
            typer.echo(f"  {check.result:<14}{check.name}: {check.message}")
        if found.report is not None:
            typer.echo(f"the whole report: slipway report {promotion['metadata']['name']}")
        typer.echo(f"plan {found.plan_hash}")
        typer.echo(f"You approve {what} as {who}, and confirm:")
        for confirmation in CONFIRMATIONS:
            typer.echo(f"  - {confirmation}")
        if not yes and not typer.confirm("Approve?"):
            raise CannotSay("nothing was approved")
        await session.tell(promotion, patch)
        return f"approved by {who}"

    _said(kubeconfig, context, namespace, asked)


def withdraw(name: Name, namespace: Namespace = None, context: Context = None, kubeconfig: Kubeconfig = None) -> None:
    """Take back every approval. Before traffic nothing moves; in a shift it stays where it is."""
    _tell(kubeconfig, context, namespace, name, lambda _: decisions.withdrawal(), "withdrawn")


def hold(
    name: Name,
    reason: Annotated[str, typer.Argument(help="Why.")],
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Let nothing go forward. What breaks still goes back."""
    _tell(kubeconfig, context, namespace, name, lambda _: decisions.hold(reason), "held")


def resume(name: Name, namespace: Namespace = None, context: Context = None, kubeconfig: Kubeconfig = None) -> None:
    """Lift a hold, and the word that a rollback plan is needed."""
    _tell(kubeconfig, context, namespace, name, decisions.resume, "resumed")


def abort(
    name: Name,
    reason: Annotated[str, typer.Argument(help="Why.")],
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """End a launch; traffic goes back if it had moved, also after it has succeeded."""

    async def asked(session: Session) -> str:
        promotion = await session.promotion(name)
        whom, patch = decisions.abort(promotion, reason)
        if whom == "Rollout":
            await session.tell_rollout(await session.rollout(str(promotion["spec"]["rollout"])), patch)
            return f"Rollout {promotion['spec']['rollout']} goes back from revision {patch['abort']}"
        await session.tell(promotion, patch)
        return f"{promotion['metadata']['name']}: aborted"

    _said(kubeconfig, context, namespace, asked)


def retry(
    name: Name,
    fix: Annotated[str, typer.Option(help="What is different now, for a revision that was sent back.")] = "",
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Run every check again; of a Promotion that has ended, make another with the same case."""

    async def asked(session: Session) -> str:
        promotion = await session.promotion(name)
        patch = decisions.rerun(promotion)
        if patch is not None:
            await session.tell(promotion, patch)
            return f"{promotion['metadata']['name']}: its checks run again"
        taken = {one["metadata"]["name"] for one in await session.promotions()}
        made = await session.create(decisions.another_attempt(promotion, taken, fix))
        return f"Promotion {made['metadata']['name']} asks for it again"

    _said(kubeconfig, context, namespace, asked)


def init(
    deployment: Annotated[str, typer.Argument(help="The Deployment that runs the workload so far.")],
    service: Annotated[str | None, typer.Option(help="Its Service. Default: the one of the same name.")] = None,
    environment: Annotated[str, typer.Option(help="The environment of the Rollout.")] = "staging",
    automatic: Annotated[bool, typer.Option("--automatic", help="Gates decide alone; nobody is asked.")] = False,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Print a Rollout and a Promotion for what a Deployment and a Service run so far."""

    async def asked(session: Session) -> tuple[Object, Object]:
        return await session.deployment(deployment), await session.service(service or deployment)

    found = with_session(scope(kubeconfig, context, namespace), asked)
    try:
        rollout = first_manifests.rollout(*found, environment, automatic)
    except first_manifests.CannotBegin as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(1) from None
    for number, step in enumerate(first_manifests.next_steps(rollout, deployment), 1):
        typer.echo(f"# {number}. {step}")
    made = [rollout] if automatic else [rollout, first_manifests.promotion(rollout)]
    typer.echo(yaml.safe_dump_all(made, sort_keys=False), nl=False)


def lint_(
    files: Annotated[list[Path], typer.Argument(help="Manifests, YAML.", exists=True, dir_okay=False)],
) -> None:
    """Check manifests without a cluster, by the rules of the server. Exit code 1 if anything is wrong."""
    found = lint.lint(files)
    for finding in found.findings:
        typer.echo(str(finding), err=finding.wrong)
    wrong = sum(finding.wrong for finding in found.findings)
    typer.echo(f"{found.documents} objects of Slipway's in {len(files)} files: {wrong or 'nothing'} wrong")
    raise typer.Exit(1 if wrong else 0)


def _tell(
    kubeconfig: Path | None, context: str | None, namespace: str | None, name: str, patch: Any, done: str
) -> None:
    async def asked(session: Session) -> str:
        promotion = await session.promotion(name)
        await session.tell(promotion, patch(promotion))
        return f"{promotion['metadata']['name']}: {done}"

    _said(kubeconfig, context, namespace, asked)


def _said(kubeconfig: Path | None, context: str | None, namespace: str | None, asked: Any) -> None:
    try:
        typer.echo(with_session(scope(kubeconfig, context, namespace), asked))
    except CannotSay as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(1) from None


def _holds(status: PromotionStatus, kind: str) -> bool:
    condition = find(status.conditions, kind)
    return condition is not None and condition.status == "True"


def _table(console: Console, head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    table = Table(*head, box=None, pad_edge=False, header_style="bold" if console.is_terminal else "")
    for one in rows:
        table.add_row(*one)
    console.print(table, width=None if console.is_terminal else WIDE)


def _print(found: Any, output: str) -> None:
    typer.echo(json.dumps(found, indent=2) if output == "json" else yaml.safe_dump(found, sort_keys=False), nl=True)
