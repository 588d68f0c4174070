"""Whose word counts, and whether it is enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from slipway.api.duration import format_duration

UNVERIFIED = "unverified"
"""The entry that the operator binds where no admission policy stamps a name (Kubernetes before 1.36)."""


@dataclass(frozen=True)
class Wanted:
    """What is demanded of approvals. `policies` are those that demand more than one word of anybody."""

    count: int = 1
    four_eyes: bool = False
    verified: bool = False
    service_accounts: frozenset[str] | None = None
    """Which `system:` users count; None: all."""
    valid_for: timedelta | None = None
    policies: tuple[str, ...] = ()

    @property
    def by(self) -> str:
        """Who demands it, for a message."""
        return f" ({_named(self.policies)})" if self.policies else ""


@dataclass(frozen=True)
class Signers:
    """Who signed the plan, and what is known about them."""

    names: tuple[str, ...]
    author: str | None
    """Who created the Promotion; None: not known."""
    checked: bool
    """Whether admission has verified the names."""
    signed_at: Mapping[str, datetime]
    """When each entry was first seen; who is not in it signed just now."""


@dataclass(frozen=True)
class Quorum:
    """`counted` are those whose word counts, `lapsed` those whose word is too old. `missing`: why it is not enough.

    `lapses`: when the first of the words that count gets too old.
    """

    counted: tuple[str, ...]
    lapsed: tuple[str, ...]
    missing: str
    lapses: datetime | None


def quorum(signers: Signers, wanted: Wanted, now: datetime) -> Quorum:
    """Whether those who signed are enough."""
    against = {name: _against(name, signers, wanted) for name in sorted(signers.names)}
    ages = {name: now - signers.signed_at.get(name, now) for name, why in against.items() if not why}
    valid = wanted.valid_for
    lapsed = tuple(name for name, age in ages.items() if valid is not None and age >= valid)
    counted = tuple(name for name in ages if name not in lapsed)
    lapses = None
    if valid is not None:
        lapses = min((signers.signed_at.get(name, now) + valid for name in counted), default=None)
    missing = ""
    if wanted.four_eyes and not signers.author:
        missing = (
            f"four eyes are demanded{wanted.by}, and nobody knows who created this Promotion: spec.requestedBy is "
            "stamped from Kubernetes 1.36 on, or say it at creation under your own name"
        )
    elif len(counted) < wanted.count:
        reasons = [why for why in against.values() if why]
        if lapsed and valid is not None:
            reasons.append(f"the word of {', '.join(lapsed)} is older than {format_duration(valid)}")
        given = f" (by {', '.join(counted)})" if counted else ""
        detail = f"; {'; '.join(reasons)}" if reasons else ""
        missing = f"{len(counted)} of {wanted.count} approvals{given}{wanted.by}{detail}"
    return Quorum(counted, lapsed, missing, lapses)


def weight_of(weights: Mapping[str, int], signers: Signers, wanted: Wanted) -> int:
    """The share that as many people as are wanted have agreed to; 0 when there are not that many."""
    if wanted.four_eyes and not signers.author:
        return 0
    borne = sorted((weight for name, weight in weights.items() if not _against(name, signers, wanted)), reverse=True)
    return borne[wanted.count - 1] if len(borne) >= wanted.count else 0


def _against(name: str, signers: Signers, wanted: Wanted) -> str:
    """Why the word of somebody does not count; '' when it does."""
    named = wanted.verified or wanted.four_eyes or wanted.count > 1
    if named and (name == UNVERIFIED or not signers.checked):
        who = "an entry without a name" if name == UNVERIFIED else f"{name}, which nothing verifies in this cluster,"
        return f"{who} does not count"
    if wanted.four_eyes and name == signers.author:
        return f"{name} created this Promotion"
    if name.startswith("system:") and wanted.service_accounts is not None and name not in wanted.service_accounts:
        return f"the policy does not count {name}"
    return ""


def _named(policies: Iterable[str]) -> str:
    names = list(policies)
    return f"{'policy' if len(names) == 1 else 'policies'} {', '.join(names)}"
