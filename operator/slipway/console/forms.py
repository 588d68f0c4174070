"""The option by which a command answers programs instead of people."""

from __future__ import annotations

from typing import Annotated

import typer

from slipway.console.session import after_equals

FORMS = ("", "json", "yaml")


def _known(given: str) -> str:
    form = after_equals(given) or ""
    if form not in FORMS:
        raise typer.BadParameter("expected json or yaml")
    return form


Form = Annotated[str, typer.Option("--output", "-o", help="json or yaml. Default: words for people.", callback=_known)]
