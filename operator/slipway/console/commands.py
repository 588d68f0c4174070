"""The commands for people. Each acts with the rights of the kubeconfig that it is given."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from slipway.api.promotion_status import read_status
from slipway.api.report import CONFIRMATIONS
from slipway.cluster.api import Object
from slipway.cluster.errors import Forbidden, Invalid, NotFound
from slipway.console import decisions, first_manifests, lint, names, opening, own_name
from slipway.console.decisions import CannotSay
from slipway.console.first_manifests import CannotBegin
from slipway.console.foreign import reading as foreign
from slipway.console.foreign.made import Wanted
from slipway.console.looking import diff, explain_, get, history, report, status
from slipway.console.names import CheckName, PromotionName
from slipway.console.program import program
from slipway.console.saying import say
from slipway.console.session import Answer, Scope, Session, located, with_session
from slipway.core.enumerating import count

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Why = Annotated[str, typer.Argument(help="Why.", metavar="REASON")]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    looking = (get, explain_, status, report, diff, history)
    saying = (approve, withdraw, hold, resume, abort, retry, confirm, accept_no_data)
    for command in (*looking, *saying, lint_, init):
        app.command(command.__name__.rstrip("_").replace("_", "-"))(command)


@located
def approve(where: Scope, name: PromotionName, yes: Yes = False) -> None:
    """Approve a Promotion under your own name, for the plan that is shown."""

    async def read(session: Session) -> tuple[Object, dict[str, Any], str, str]:
        promotion = await session.promotion(name)
        spec, who = promotion["spec"], await session.me()
        rollout = await session.rollout(str(spec["rollout"]))
        patch, what = decisions.approval(promotion, rollout, who)
        await _show(session, promotion)
        return promotion, patch, what, who

    promotion, patch, what, who = _answered(where, read)
    say(f"You approve {what} as {who}, and confirm:")
    # Asked while nothing runs: an event loop would keep a Ctrl-C to itself until the question is answered.
    for confirmation in CONFIRMATIONS:
        if yes:
            say(f"  - {confirmation}")
        elif not typer.confirm(f"  {confirmation}"):
            say("nothing was approved: it takes all three confirmations", err=True)
            raise typer.Exit(1)

    async def told(session: Session) -> str:
        await session.tell(promotion, patch)
        return f"approved by {who}"

    _said(where, told)


@located
def withdraw(where: Scope, name: PromotionName) -> None:
    """Take back every approval. Before traffic nothing moves; in a shift it stays where it is."""
    _tell(where, name, lambda _: decisions.withdrawal(), "withdrawn")


@located
def hold(where: Scope, name: PromotionName, reason: Why) -> None:
    """Let nothing go forward. What breaks still goes back."""
    _tell(where, name, lambda _: decisions.hold(reason), "held")


@located
def resume(where: Scope, name: PromotionName) -> None:
    """Lift a hold, and the word that a rollback plan is needed."""
    _tell(where, name, decisions.resume, "resumed")


@located
def abort(where: Scope, name: PromotionName, reason: Why) -> None:
    """End a launch; traffic goes back if it had moved, also after it has succeeded."""

    async def asked(session: Session) -> str:
        promotion = await session.promotion(name)
        whom, patch = decisions.abort(promotion, reason)
        if whom == "Rollout":
            if not await session.take_back(promotion, patch, reason):
                return f"{promotion['metadata']['name']}: aborted; traffic goes back while it is watched"
            return f"Rollout {promotion['spec']['rollout']} goes back from revision {patch['abort']}"
        await session.tell(promotion, own_name.beside(patch, promotion, await session.my_name()))
        return f"{promotion['metadata']['name']}: aborted"

    _said(where, asked)


@located
def retry(
    where: Scope,
    name: PromotionName,
    fix: Annotated[str, typer.Option(help="What is different now, for a revision that was sent back.")] = "",
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

    _said(where, asked)


@located
def confirm(where: Scope, name: PromotionName, check: CheckName) -> None:
    """Say under your own name that you have looked at what a manual check asks for, and that it is so."""

    async def asked(session: Session) -> str:
        promotion = await session.promotion(name)
        ask, who = decisions.to_confirm(promotion).get(check), await session.me()
        await session.tell(promotion, decisions.confirmation(promotion, check, who))
        return f"{promotion['metadata']['name']}: {check} is confirmed by {who}: {ask}"

    _said(where, asked)


@located
def accept_no_data(
    where: Scope,
    name: PromotionName,
    weight: Annotated[int, typer.Option(min=1, max=100, help="Steps up to this percentage; 100: verify too.")],
    reason: Annotated[str, typer.Option(help="Why this is acceptable; it is recorded.")],
) -> None:
    """Go on where gates have no data, as one who may approve. Never over a gate that fails."""

    async def asked(session: Session) -> str:
        promotion = await session.promotion(name)
        patch = decisions.accept_no_data(promotion, weight, reason, await session.my_name())
        await session.tell(promotion, patch)
        return f"{promotion['metadata']['name']}: goes on without data up to {weight} % of the traffic"

    _said(where, asked)


@located
def init(
    where: Scope,
    deployment: Annotated[
        str | None,
        typer.Argument(
            metavar="[DEPLOYMENT]",
            help="The Deployment that runs the workload so far, as web or deployment/web.",
            callback=names.deployment,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Instead: a file with a Rollout of Argo Rollouts or a Canary of Flagger, - for standard input, or "
            "rollout/NAME or canary/NAME in the cluster.",
        ),
    ] = None,
    service: Annotated[str | None, typer.Option(help="Its Service. Default: the one of the same name.")] = None,
    environment: Annotated[str, typer.Option(help="The environment of the Rollout.")] = "staging",
    automatic: Annotated[bool, typer.Option("--automatic", help="Gates decide alone; nobody is asked.")] = False,
) -> None:
    """Print a Rollout and a Promotion for what runs so far: by a Deployment, by Argo Rollouts or by Flagger."""
    if (deployment is None) == (source is None):
        raise typer.BadParameter("expected either a Deployment or --from", param_hint="DEPLOYMENT")
    try:
        if source is not None:
            typer.echo(_taken_over(where, source, Wanted(environment, automatic)), nl=False)
        else:
            typer.echo(_begun(where, str(deployment), service, environment, automatic), nl=False)
    except (CannotBegin, OSError) as refusal:
        say(str(refusal), err=True)
        raise typer.Exit(1) from None


def _begun(where: Scope, deployment: str, service: str | None, environment: str, automatic: bool) -> str:
    async def asked(session: Session) -> tuple[Object, Object]:
        return await session.deployment(deployment), await session.service(service or deployment)

    rollout = first_manifests.rollout(*with_session(where, asked), environment, automatic)
    steps = first_manifests.next_steps(rollout, deployment)
    made = [rollout] if automatic else [rollout, first_manifests.promotion(rollout)]
    comments = "".join(f"# {number}. {step}\n" for number, step in enumerate(steps, 1))
    return comments + str(yaml.safe_dump_all(made, sort_keys=False))


def _taken_over(where: Scope, source: str, wanted: Wanted) -> str:
    try:
        in_file = foreign.is_file(source)
    except CannotBegin as refusal:
        raise typer.BadParameter(str(refusal), param_hint="--from") from None
    if in_file:
        made = foreign.of_file(source, wanted)
    else:
        made = with_session(where, lambda session: foreign.of_cluster(session, source, wanted))
    different = sum(len(one.notes) for one in made)
    if different:
        say(f"{different} things could not be carried over as they were: see the comments", err=True)
    return foreign.written(made)


def lint_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Manifests, YAML or JSON; - is standard input.")
    ],
) -> None:
    """Check manifests without a cluster, by the rules of the server. Exit code 1 if anything is wrong."""
    try:
        found = lint.lint(files)
    except OSError as error:
        raise typer.BadParameter(f"{error.filename}: {error.strerror}", param_hint="FILE") from None
    for finding in found.findings:
        say(str(finding), err=finding.wrong)
    wrong = sum(finding.wrong for finding in found.findings)
    looked_at = f"{count(found.documents, 'object')} of Slipway's in {count(len(files), 'file')}"
    if found.documents or wrong:
        say(f"{looked_at}: {wrong or 'nothing'} wrong")
    else:
        say(f"{looked_at}: nothing was checked, since none is of slipway.dev/v1alpha1")
    raise typer.Exit(1 if wrong else 0)


async def _show(session: Session, promotion: Object) -> None:
    """What whoever is asked to approve should have read."""
    meta, spec, found = promotion["metadata"], promotion["spec"], read_status(promotion)
    say(f"{meta['name']} of {spec['rollout']} in {spec['environment']}: {found.phase}")
    say(found.message)
    try:
        if found.report is None:
            raise NotFound("it is not written yet")
        told = opening.read(await session.text(meta["namespace"], found.report.config_map, "report.json"))
        for line in opening.lines(told, found):
            say(line)
        say(f"the whole report: {program()} report {meta['name']} -n {meta['namespace']}")
    except (NotFound, Forbidden, Invalid) as lacking:
        # Whoever approves decides whether that is enough: the plan is what the word is bound to.
        say(f"WITHOUT A REPORT: {lacking}")
    for image in opening.images(found):
        say(image)
    for check in found.checks:
        say(f"  {check.result:<14}{check.name}: {check.message}")
    say(f"plan {found.plan_hash}")


def _tell(where: Scope, name: str, patch: Callable[[Object], dict[str, Any]], done: str) -> None:
    async def asked(session: Session) -> str:
        promotion = await session.promotion(name)
        said = own_name.beside(patch(promotion), promotion, await session.my_name())
        await session.tell(promotion, said)
        return f"{promotion['metadata']['name']}: {done}"

    _said(where, asked)


def _said(where: Scope, asked: Callable[[Session], Awaitable[str]]) -> None:
    say(_answered(where, asked))


def _answered(where: Scope, asked: Callable[[Session], Awaitable[Answer]]) -> Answer:
    try:
        return with_session(where, asked)
    except CannotSay as refusal:
        say(str(refusal), err=True)
        raise typer.Exit(1) from None
