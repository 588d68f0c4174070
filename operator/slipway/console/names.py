"""Names as people give them: `web`, or as kubectl prints them, `rollout.slipway.dev/web`."""

from __future__ import annotations

from typing import Annotated

import typer

from slipway.console import completion

_DEPLOYMENTS = frozenset({"deployment", "deployments", "deploy", "deployment.apps", "deployments.apps"})
_KINDS = frozenset(
    {f"{kind}{group}" for kind in ("rollout", "rollouts", "slro") for group in ("", ".slipway.dev")}
    | {f"{kind}{group}" for kind in ("promotion", "promotions", "slpr") for group in ("", ".slipway.dev")}
)


def bare(given: str | None) -> str | None:
    """The name alone. Raises BadParameter for a name of another kind, and for an empty one."""
    return _of(_KINDS, given, "names neither a Rollout nor a Promotion")


def deployment(given: str | None) -> str | None:
    """The name alone of a Deployment: `web`, or as kubectl prints it. Raises BadParameter as well."""
    return _of(_DEPLOYMENTS, given, "names no Deployment: what Argo Rollouts or Flagger run is named by --from")


def _of(kinds: frozenset[str], given: str | None, otherwise: str) -> str | None:
    if given == "":
        # Such as "$UNSET": it must not mean all of them.
        raise typer.BadParameter("the name is empty")
    kind, slash, name = (given or "").rpartition("/")
    if not slash:
        return given
    if kind not in kinds or not name:
        raise typer.BadParameter(f"{given} {otherwise}")
    return name


RolloutName = Annotated[
    str, typer.Argument(metavar="ROLLOUT", help="A Rollout.", callback=bare, autocompletion=completion.rollouts)
]
MaybeRolloutName = Annotated[
    str | None,
    typer.Argument(
        metavar="ROLLOUT", help="A Rollout. Default: all.", callback=bare, autocompletion=completion.rollouts
    ),
]
CheckName = Annotated[
    str, typer.Argument(metavar="CHECK", help="The name of the check.", autocompletion=completion.checks)
]
PromotionName = Annotated[
    str,
    typer.Argument(
        metavar="PROMOTION",
        help="A Promotion, or a Rollout for the Promotion in charge of it.",
        callback=bare,
        autocompletion=completion.promotions,
    ),
]
