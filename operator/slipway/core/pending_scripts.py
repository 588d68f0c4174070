"""How many scripts a launch has still to run, told with the answer to whether they were tried."""

from __future__ import annotations

from slipway.api.check_status import CheckStatus
from slipway.api.promotion import PromotionSpec

NAME = "migrations-tested"
"""The check of the catalogue that asks."""


def count(check: str, spec: PromotionSpec | None) -> str:
    """What is added to the message of this check; '' where it is another one."""
    if check != NAME or spec is None:
        return ""
    scripts = spec.migrations.scripts if spec.migrations is not None else []
    if not scripts:
        return " (spec.migrations.scripts names none)"
    return f" ({len(scripts)} script{'' if len(scripts) == 1 else 's'} pending)"


def counted(found: CheckStatus, words: str) -> CheckStatus:
    """With these words at the end of its message."""
    return found.model_copy(update={"message": f"{found.message}{words}"}) if words else found


def bare(known: CheckStatus | None, words: str) -> CheckStatus | None:
    """An earlier result as it was found, so that it can be compared with one that is found now."""
    if known is None or not words:
        return known
    return known.model_copy(update={"message": known.message.removesuffix(words)})
