"""`python -m tests.demo`: see `make demo`."""

import signal
import sys
import time
from contextlib import suppress

import typer
from tests.demo import site
from tests.demo.story import Story
from tests.demo.world import Timeout

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    yes: bool = typer.Option(False, envvar="YES", help="No pauses for a person, and plain lines."),
    keep: bool = typer.Option(False, envvar="KEEP", help="Leave the cluster running, and say how to look at it."),
) -> None:
    """Four launches on a real cluster under constant load: told, shown, and summed up."""
    # A demo that is stopped, or whose terminal is closed, cleans up like one that is interrupted at the keyboard.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    began = time.monotonic()
    good = False
    try:
        with site.find(keep=keep) as found:
            good = Story(found, live=terminal and not yes, pauses=terminal and not yes).run()
            typer.echo(f"\nThe story took {time.monotonic() - began:.0f} s.")
            if found.farewell:
                typer.echo("The cluster stays. To look at it, and to stop it:")
                typer.echo("\n".join(f"  {line}" for line in found.farewell))
    except (site.CannotRun, Timeout) as error:
        typer.echo(f"\nThe demo stops: {error}", err=True)
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be gone
            typer.echo("\ninterrupted", err=True)
        raise typer.Exit(130) from None
    raise typer.Exit(0 if good else 1)


if __name__ == "__main__":
    app()
