"""`slipway records`: list, verify and export launch records, with the rights of whoever asks."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated

import typer

from slipway.archive import archived, listing
from slipway.archive import export as exporting
from slipway.archive.reading import Chain, chains
from slipway.cluster.errors import APIError, NoCluster
from slipway.console import completion, showing
from slipway.console.forms import Form
from slipway.console.names import bare
from slipway.console.saying import say
from slipway.console.session import Scope, located_anywhere
from slipway.core.record import chain

NONE = "there are no launch records"

app = typer.Typer(help="Launch records: list, verify, export. Alone: list.", invoke_without_command=True)


@app.callback()
def _alone(asked: typer.Context) -> None:
    if asked.invoked_subcommand is None:
        list_records(namespace=None, context=None, kubeconfig=None, everywhere=False)


Rollout = Annotated[
    str | None,
    typer.Option(help="Only the records of this Rollout.", callback=bare, autocompletion=completion.rollouts),
]


@app.command("list")
@located_anywhere
def list_records(
    where: Scope,
    rollout: Rollout = None,
    idea: Annotated[str | None, typer.Option(help="Only the records of the idea with this id.")] = None,
    output: Form = "",
) -> None:
    """List launch records, the oldest of each Rollout first."""
    entries = [
        listing.entry(found.namespace, str(record["metadata"]["name"]), statement)
        for found in _chains(where, rollout)
        for record, statement in found.readable
        if idea in (None, statement.predicate.idea)
    ]
    if output:
        showing.data([one.as_data() for one in entries], output)
        return
    if not entries:
        say(NONE, err=True)
        return
    rows = [[column.upper() for column in listing.COLUMNS], *(one.cells() for one in entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@app.command()
@located_anywhere
def verify(
    where: Scope,
    rollout: Rollout = None,
    archive: Annotated[
        str | None, typer.Option(help="What `export` wrote, a directory or a URL, in place of the cluster.")
    ] = None,
) -> None:
    """Check that no record was changed, added or taken away; exit code 1 if anything is wrong.

    Whoever may delete records may take away the oldest ones: that is said, and is no error. Exit code 2 where an
    archive or a Rollout that was named has none.
    """
    wrong = 0
    found = _stored(archive, rollout) if archive is not None else _chains(where, rollout)
    if not found:
        _nothing(where, rollout, archive)
    for one in found:
        result = chain.verify(one.records, one.promotions)
        kinds = Counter(statement.predicate.kind for _, statement in one.readable)
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        verdict = "the chain holds" if not result.problems else f"{len(result.problems)} problems"
        say(f"{one.namespace}/{one.rollout}: {result.count} records ({counts or 'none'}): {verdict}")
        for note in result.notes:
            say(f"  note: {note}")
        for problem in result.problems:
            say(f"  {problem}", err=True)
        wrong += len(result.problems)
    if wrong:
        raise typer.Exit(1)


def _nothing(where: Scope, rollout: str | None, archive: str | None) -> None:
    """In a namespace there need be none yet; a place or a name that was given is rather mistyped."""
    of = f" of Rollout {rollout}" if rollout is not None else ""
    if archive is not None:
        say(f"{archive}: {NONE}{of}", err=True)
        raise typer.Exit(2)
    if rollout is not None:
        say(f"{NONE}{of} in {f'namespace {where.namespace}' if where.namespace else 'any namespace'}", err=True)
        raise typer.Exit(2)
    say(NONE)


@app.command()
@located_anywhere
def export(
    where: Scope,
    target: Annotated[str, typer.Argument(help="A directory, or a URL that fsspec knows, such as s3://bucket/prefix.")],
    rollout: Rollout = None,
) -> None:
    """Write launched/<idea>.md, scale/<idea>.md, environments/<environment>/status.md and the records themselves."""
    texts = exporting.files(_chains(where, rollout))
    try:
        exporting.write(target, texts)
    except (OSError, ImportError, ValueError) as error:
        say(f"{target}: {error}", err=True)
        raise typer.Exit(1) from None
    for path in sorted(texts):
        say(path)


def _stored(archive: str, rollout: str | None) -> list[Chain]:
    try:
        return archived.stored(archive, rollout)
    except (OSError, ImportError, ValueError) as error:
        say(f"{archive}: {error}", err=True)
        raise typer.Exit(2) from None


def _chains(where: Scope, rollout: str | None) -> list[Chain]:
    try:
        return asyncio.run(chains(where.kubeconfig, where.context, where.namespace, rollout))
    except (APIError, NoCluster) as error:
        say(str(error), err=True)
        raise typer.Exit(2) from None
