"""Which scripts and Jobs a launch has still to run, told with the answer to whether they were tried."""

from __future__ import annotations

from slipway.api.argument import Migrations
from slipway.api.check_status import CheckStatus
from slipway.api.promotion import PromotionSpec
from slipway.core.enumerating import count as count_of
from slipway.core.stated_migrations import job_steps, jobs_in_words

NAME = "migrations-tested"
"""The check of the catalogue that asks."""


def count(check: str, spec: PromotionSpec | None) -> str:
    """What is added to the message of this check; '' where it is another one."""
    if check != NAME or spec is None:
        return ""
    stated = spec.migrations or Migrations()
    steps = [step for step in job_steps(stated) if step != "rollback"]
    pending = [*([count_of(len(stated.scripts), "script")] if stated.scripts else []), *jobs_in_words(steps)]
    if not pending:
        return " (spec.migrations names neither scripts nor jobs)"
    return f" ({', '.join(pending)} pending)"


def counted(found: CheckStatus, words: str) -> CheckStatus:
    """With these words at the end of its message."""
    return found.model_copy(update={"message": f"{found.message}{words}"}) if words else found


def bare(known: CheckStatus | None, words: str) -> CheckStatus | None:
    """An earlier result as it was found, so that it can be compared with one that is found now."""
    if known is None or not words:
        return known
    return known.model_copy(update={"message": known.message.removesuffix(words)})
