"""Names as people give them: `web`, or as kubectl prints them, `rollout.slipway.dev/web`."""

from __future__ import annotations

from typing import Annotated

import typer

from slipway.console import completion

_KINDS = frozenset(
    {f"{kind}{group}" for kind in ("rollout", "rollouts", "slro") for group in ("", ".slipway.dev")}
    | {f"{kind}{group}" for kind in ("promotion", "promotions", "slpr") for group in ("", ".slipway.dev")}
)


def bare(given: str | None) -> str | None:
    """The name alone. Raises BadParameter for a name of another kind."""
    kind, slash, name = (given or "").rpartition("/")
    if not slash:
        return given
    if kind not in _KINDS or not name:
        raise typer.BadParameter(f"{given} names neither a Rollout nor a Promotion")
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
PromotionName = Annotated[
    str,
    typer.Argument(
        metavar="PROMOTION",
        help="A Promotion, or a Rollout for the Promotion in charge of it.",
        callback=bare,
        autocompletion=completion.promotions,
    ),
]
