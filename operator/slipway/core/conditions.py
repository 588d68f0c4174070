"""metav1.Conditions: lastTransitionTime changes with the status, never with the words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from slipway.api.conditions import Condition


def condition(
    before: Iterable[Condition],
    kind: str,
    status: bool | None,
    reason: str,
    message: str,
    now: datetime,
    generation: int,
    restart: bool = False,
) -> Condition:
    """The condition `kind`; `status` None is Unknown. `restart` begins its time anew."""
    text = {True: "True", False: "False", None: "Unknown"}[status]
    old = next((c for c in before if c.type == kind), None)
    same = old is not None and old.status == text and not restart
    return Condition(
        type=kind,
        status=text,
        reason=reason,
        message=message[:4000],
        last_transition_time=old.last_transition_time if old is not None and same else now,
        observed_generation=generation,
    )


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of this type."""
    return next((c for c in conditions if c.type == kind), None)
