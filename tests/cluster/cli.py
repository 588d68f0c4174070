"""The harness by hand: `uv run python -m tests.cluster up`."""

import os
import subprocess
import sys
from typing import Annotated

import typer

from . import registry, session
from .capabilities import Level
from .cluster import Cluster, best_level
from .helm import helm_docs
from .packages import install_missing_packages
from .process import Program
from .progress import say
from .toolchain import FAMILIES, program, programs
from .users import PEOPLE

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)

Name = Annotated[str, typer.Option(help="Name of the cluster.", envvar="SLIPWAY_CLUSTER")]
DEFAULT = "dev"


@app.command()
def up(
    name: Name = DEFAULT,
    level: Annotated[Level | None, typer.Option(help="Default: the most that this machine can run.")] = None,
) -> None:
    """Start a cluster that stays until `down`; does nothing if it runs."""
    registry.clear_abandoned()
    if registry.find(name):
        cluster = Cluster.attach(name)
        say(f"the cluster {name} runs already ({cluster.level})")
    else:
        if level is None:
            level, reason = best_level()
            if reason:
                say(f"starting with fake nodes: {reason}")
        cluster = Cluster.start(level, name=name, detached=True)
    _describe(cluster)


def _describe(cluster: Cluster) -> None:
    typer.echo(f"export KUBECONFIG={cluster.kubeconfig()}")
    for user in PEOPLE:
        typer.echo(f"# {user}: {cluster.kubeconfig(user)}")
    typer.echo(f"# logs: {cluster.logs}")


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def helm(context: typer.Context) -> None:
    """Run Helm, built when it is first needed."""
    raise typer.Exit(subprocess.run([program("helm", "helm"), *context.args], check=False).returncode)


@app.command("helm-docs")
def readme() -> None:
    """Write the chart's README."""
    helm_docs()


@app.command()
def down(name: Name = DEFAULT) -> None:
    """Stop a cluster and remove all that it made."""
    if registry.find(name) is None:
        say(f"no cluster {name} runs")
        return
    Cluster.attach(name).stop()
    say(f"stopped {name}")


@app.command()
def status() -> None:
    """List the clusters on this machine, their parts and logs."""
    records = list(registry.all_records())
    if not records:
        typer.echo("no cluster runs")
    for record in records:
        owner = f"process {record.owner.pid}" if record.owner else "nobody (use down)"
        typer.echo(f"{record.name}  {record.level}  belongs to {owner}  {record.folder}")
        for name, identity in record.programs.items():
            seen = Program(name, record.folder / "logs" / f"{name}.log", None, identity)
            typer.echo(f"  {'running' if seen.alive else 'STOPPED'}  {name:25} pid {identity.pid}")


@app.command()
def build(
    families: Annotated[list[str] | None, typer.Argument(help=f"Of: {', '.join(FAMILIES)}.")] = None,
) -> None:
    """Build everything (or some families) into the cache."""
    install_missing_packages()
    for family in families or FAMILIES:
        for path in programs(family).values():
            typer.echo(path)


@app.command()
def prepare() -> None:
    """Install and build what a test run needs on this machine, so that it does not wait for that later."""
    session.prepare()


@app.command()
def kubeconfig(
    user: Annotated[str, typer.Argument(help=f"Of: {', '.join(PEOPLE)}.")] = "admin", name: Name = DEFAULT
) -> None:
    """Print the path of a user's kubeconfig."""
    typer.echo(Cluster.attach(name).kubeconfig(user))


@app.command("exec", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(context: typer.Context, name: Name = DEFAULT) -> None:
    """Run a command in the cluster's network, with KUBECONFIG set: `exec -- curl http://10.88.0.1:8000/`."""
    cluster = Cluster.attach(name)
    os.environ["KUBECONFIG"] = str(cluster.kubeconfig())
    os.environ["SLIPWAY_CLUSTER"] = cluster.name
    argv = cluster.inside_command(context.args)
    sys.stdout.flush()
    os.execvp(argv[0], argv)
