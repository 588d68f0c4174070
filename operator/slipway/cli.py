"""The command `slipway`: the operator, and what people run beside kubectl."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from slipway import __version__
from slipway.api import crd
from slipway.archive import commands as records
from slipway.config import Config, ConfigError, load_config
from slipway.console import commands
from slipway.dashboard.command import dashboard
from slipway.runtime import logs

app = typer.Typer(
    help="Slipway promotes a new version on evidence and on a person's word.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="The operator's configuration file.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(records.app, name="records")
commands.register(app)
app.command()(dashboard)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"slipway {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Slipway promotes a new version on evidence and on a person's word."""


@app.command()
def run(
    config: Annotated[Path | None, typer.Option(help="Configuration file.")] = None,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(help="Default: the pod's service account, else $KUBECONFIG or ~/.kube/config."),
    ] = None,
    namespace: Annotated[
        list[str] | None,
        typer.Option(help="Act in this namespace only; repeat for more. Replaces the file's namespaces."),
    ] = None,
    lease_namespace: Annotated[
        str | None, typer.Option(help="Where the Lease is. Default: the pod's own namespace.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: all.")] = None,
    probe_port: Annotated[int, typer.Option(help="For /healthz and /readyz.")] = 8080,
    metrics_port: Annotated[int, typer.Option(help="For /metrics.")] = 9090,
    log_format: Annotated[
        str | None, typer.Option(help="json or text. Default: text on a terminal, else json.")
    ] = None,
) -> None:
    """Run the operator until SIGTERM."""
    # Half a second that the other commands do without.
    from slipway.runtime.operator import Operator, Options

    settings = _load(config) if config else Config()
    if namespace:
        settings = settings.model_copy(update={"namespaces": namespace})
    style = log_format or ("text" if sys.stderr.isatty() else "json")
    if style not in ("json", "text"):
        raise typer.BadParameter("expected json or text", param_hint="--log-format")
    logs.configure(settings.log_level, "json" if style == "json" else "text")
    options = Options(
        kubeconfig=kubeconfig,
        lease_namespace=lease_namespace,
        host=host,
        probe_port=probe_port,
        metrics_port=metrics_port,
    )

    async def operate() -> int:
        return await Operator(settings, options).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(operate())
    raise typer.Exit(code)


@app.command()
def crds() -> None:
    """Print the CustomResourceDefinitions, to be piped into `kubectl apply --server-side -f -`."""
    for define in crd.FILES.values():
        typer.echo("---")
        typer.echo(crd.render(define()), nl=False)


@config_app.command("check")
def check(file: Path) -> None:
    """Say what is wrong with a configuration file; exit code 1 if anything is."""
    settings = _load(file)
    names = (
        ", ".join(source.name for source in settings.sources) or "none: Rollouts with gates that ask one are refused"
    )
    typer.echo(f"{file}: valid; metrics sources: {names}")


def _load(file: Path) -> Config:
    try:
        return load_config(file)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app()
