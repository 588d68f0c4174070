"""`slipway records`: list, verify and export launch records, with the rights of whoever asks."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated

import typer

from slipway.archive import export as exporting
from slipway.archive.reading import Chain, chains
from slipway.cluster.errors import APIError, NoCluster
from slipway.console import completion
from slipway.console.names import bare
from slipway.console.session import Scope, located_anywhere
from slipway.core import instants
from slipway.core.record import chain

app = typer.Typer(help="Launch records: list, verify, export.", no_args_is_help=True)

Rollout = Annotated[
    str | None,
    typer.Option(help="Only the records of this Rollout.", callback=bare, autocompletion=completion.rollouts),
]


@app.command("list")
@located_anywhere
def list_records(where: Scope, rollout: Rollout = None) -> None:
    """List launch records, the oldest of each Rollout first."""
    rows = [("NAMESPACE", "ROLLOUT", "NUMBER", "KIND", "OUTCOME", "VERSION", "PROMOTION", "AT", "RECORD")]
    for found in _chains(where, rollout):
        for record, statement in found.readable:
            told = statement.predicate
            rows.append(
                (
                    found.namespace,
                    found.rollout,
                    str(told.number),
                    told.kind,
                    told.outcome,
                    told.version or told.revision.name,
                    told.promotion.name if told.promotion else "-",
                    instants.render(told.times.ended_at) if told.times.ended_at else "-",
                    record["metadata"]["name"],
                )
            )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@app.command()
@located_anywhere
def verify(where: Scope, rollout: Rollout = None) -> None:
    """Check that no record was changed, added or taken away; exit code 1 if anything is wrong.

    Whoever may delete records may take away the oldest ones: that is said, and is no error.
    """
    wrong = 0
    found = _chains(where, rollout)
    for one in found:
        result = chain.verify(one.records, one.promotions)
        kinds = Counter(statement.predicate.kind for _, statement in one.readable)
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        verdict = "the chain holds" if not result.problems else f"{len(result.problems)} problems"
        typer.echo(f"{one.namespace}/{one.rollout}: {result.count} records ({counts or 'none'}): {verdict}")
        for note in result.notes:
            typer.echo(f"  note: {note}")
        for problem in result.problems:
            typer.echo(f"  {problem}", err=True)
        wrong += len(result.problems)
    if not found:
        typer.echo("there are no launch records")
    if wrong:
        raise typer.Exit(1)


@app.command()
@located_anywhere
def export(
    where: Scope,
    target: Annotated[str, typer.Argument(help="A directory, or a URL that fsspec knows, such as s3://bucket/prefix.")],
    rollout: Rollout = None,
) -> None:
    """Write launched/<idea>.md, scale/<idea>.md and environments/<environment>/status.md."""
    texts = exporting.files(_chains(where, rollout))
    try:
        exporting.write(target, texts)
    except (OSError, ImportError, ValueError) as error:
        typer.echo(f"{target}: {error}", err=True)
        raise typer.Exit(1) from None
    for path in sorted(texts):
        typer.echo(path)


def _chains(where: Scope, rollout: str | None) -> list[Chain]:
    try:
        return asyncio.run(chains(where.kubeconfig, where.context, where.namespace, rollout))
    except (APIError, NoCluster) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
