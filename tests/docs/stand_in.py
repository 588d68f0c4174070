"""What stands on the PATH for the programs of the documentation while its shell blocks are run.

A block runs in bash as it is written. Each program that it starts is the real one: what only reads is run as it is,
what writes is run so that nothing changes, and what would never end or needs what is not there is handed to the
program's own parser at least. INSTEAD says which is which, and why; nothing else is treated differently.
"""

import json
import os
import re
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

PROGRAMS = ("kubectl", "slipway", "helm", "make", "docker", "uv")


class How(StrEnum):
    DRY_RUN = "the API server judges it, and keeps nothing"
    CLIENT = "kubectl builds the objects"
    ONCE = "asked once"
    RENDERED = "Helm renders it"
    WITHOUT_RELEASE = "Helm looks for the release, and finds none"
    PRINTED = "make prints what it would run"
    PARSED = "the program parses it"
    LEFT_OUT = "not even parsed"


class Instead(NamedTuple):
    pattern: str
    how: How
    why: str


INSTEAD = (
    Instead("kubectl krew .*", How.LEFT_OUT, "a plugin of others; tests/unit/test_krew.py has what it would install"),
    Instead("docker .*", How.LEFT_OUT, "needs a Docker engine and a registry; the tests make the image without them"),
    Instead(r"kubectl .*create namespace .*", How.CLIENT, "the namespace is there, since other commands need it"),
    Instead("kubectl delete -k .*", How.CLIENT, "the guard's ConfigMap goes only with its namespace, which stays here"),
    Instead(r"kubectl .*create (?!.*--dry-run).*", How.DRY_RUN, "writes"),
    Instead(r"kubectl .*\b(apply|patch|annotate|label|delete|scale) .*", How.DRY_RUN, "writes"),
    Instead(r"kubectl replace --subresource=status .*", How.PARSED, "for the operator and a restore, which e2e makes"),
    Instead(r"kubectl .*port-forward .*", How.PARSED, "runs until it is stopped, and needs a pod"),
    Instead(r"kubectl .* -w", How.ONCE, "watches until it is stopped"),
    Instead(r"slipway dashboard .*", How.PARSED, "serves until it is stopped; tests/e2e/test_dashboard.py opens it"),
    Instead(r"slipway get .* -w", How.PARSED, "watches until it is stopped; tests/unit/console watches"),
    Instead(r"slipway confirm .*", How.PARSED, "needs a check that somebody looks at; tests/unit/console confirms one"),
    Instead(r"slipway accept-no-data .*", How.PARSED, "needs a launch that goes on; tests/unit/console has one"),
    Instead(r"slipway records export s3:.*", How.PARSED, "needs a bucket; tests/unit/archive exports elsewhere"),
    Instead(
        r"slipway records verify .*--(rollout|archive) .*",
        How.PARSED,
        "needs records; tests/e2e and unit/archive have them",
    ),
    Instead(r"slipway init --from \w+/.*", How.PARSED, "needs the kinds of others; unit tests read them"),
    Instead(r"helm (install|upgrade) .*", How.RENDERED, "needs an image; tests/e2e/test_chart.py has one"),
    Instead(r"helm (test|rollback|uninstall) .*", How.WITHOUT_RELEASE, "tests/e2e/test_chart.py has a release"),
    Instead(r"make .*", How.PRINTED, "takes minutes, or starts a cluster; make test and make lint run in CI"),
    Instead(r"uv tool .*", How.PARSED, "installs for the user who runs it"),
)


def main(program: str, arguments: list[str]) -> int:
    """Run it, or what INSTEAD says; the exit code is the program's."""
    if program == "kubectl" and arguments[:1] == ["slipway"]:
        program, arguments = "slipway", arguments[1:]
    line = " ".join([program, *arguments])
    instead = next((each for each in INSTEAD if re.fullmatch(each.pattern, line)), None)
    log = Path(os.environ["DOCS_LOG"])
    known = json.dumps({"line": line, "instead": instead.pattern if instead else None}) + "\n"
    again = known in log.read_text().splitlines(keepends=True)
    with log.open("a") as lines:
        lines.write(known)
    if instead is None:
        return run(program, *arguments)
    match instead.how:
        case How.DRY_RUN if again:
            return 0
        case How.DRY_RUN:
            return run(program, *arguments, "--dry-run=server", *tolerant(arguments))
        case How.CLIENT:
            return run(program, *arguments, "--dry-run=client")
        case How.ONCE:
            return run(program, *(each for each in arguments if each != "-w"))
        case How.RENDERED:
            # Helm's own files and these options are the same for all three commands.
            return run(program, "template", *arguments[1:], "--kube-version=1.36.0")
        case How.WITHOUT_RELEASE:
            done = run(program, *arguments, captured=(said := []))
            return 0 if done and "not found" in "".join(said) else report("".join(said))
        case How.PRINTED:
            return run(program, "--dry-run", *arguments)
        case How.PARSED if program == "slipway":
            return parse(arguments)
        case How.PARSED:
            return run(program, *arguments, "--help")
        case _:
            return 0


def tolerant(arguments: list[str]) -> list[str]:
    """What makes a write that is repeated, or made by others than before, no error: nothing is kept of any of them."""
    if "apply" in arguments:
        return ["--force-conflicts"] if "--server-side" in arguments else []
    return ["--ignore-not-found"] if "delete" in arguments else []


def run(program: str, *arguments: str, captured: list[str] | None = None) -> int:
    argv = [os.environ[f"DOCS_{program.upper()}"], *arguments]
    # Without the stand-ins, which would run themselves for ever where a program looks for itself.
    env = os.environ | {"PATH": os.environ["DOCS_PATH"]}
    if captured is None:
        return subprocess.run(argv, check=False, env=env).returncode
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=env)
    captured.append(done.stdout + done.stderr)
    return done.returncode


def parse(arguments: list[str], *, whole: bool = True) -> int:
    """Hand a command line of `slipway` to its parser, and run nothing. Without `whole` arguments may be missing."""
    # Only here: most commands are kubectl's, and need none of it.
    import typer
    from typer.core import TyperGroup
    from typer.main import get_command

    from slipway.cli import app

    command, context, rest = get_command(app), None, arguments
    try:
        while isinstance(command, TyperGroup) and rest:
            context = command.context_class(command, parent=context)
            _, command, rest = command.resolve_command(context, rest)
            assert command is not None
        command.make_context(command.name, list(rest), parent=context)
    except typer.Exit:
        return 0
    except typer.BadParameter.__base__ as wrong:
        missing = wrong.message is None or type(wrong).__name__ == "MissingParameter"
        return report(wrong.format_message()) if whole or not missing else 0
    return 0


def report(wrong: str) -> int:
    print(wrong, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
