"""Who held a Promotion, doubted its way back or ended it, who lifted that, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from slipway.api.promotion import PromotionSpec
from slipway.api.said_by import DecisionStatus, Said, SaidBy
from slipway.core import approval, instants
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.policy.quorum import UNVERIFIED

KEPT = 20
"""So many decisions stay in status."""
_TOLD = {"hold": "held", "rollbackPlanNeeded": "a rollback plan asked for", "abort": "aborted"}


def of(case: Case, claim: Claim) -> list[DecisionStatus]:
    """The decisions about a Promotion as they are now, whether its status has them already or not."""
    return decisions(claim.spec, claim.status.decisions, case.now, case.snapshot.settings.identity_verified)


def decisions(
    spec: PromotionSpec | None, before: Sequence[DecisionStatus], now: datetime, verified: bool
) -> list[DecisionStatus]:
    """Those of status, with what `spec` says now.

    A word that nobody is named for by the very same word stays nameless: a name that was left behind beside another
    word proves nothing. `verified`: whether admission checks names here. A spec that does not parse says nothing new.
    """
    if spec is None:
        return list(before)
    names = spec.said_by or SaidBy()
    found = list(before)
    for decision, word, reason, said in (
        ("hold", spec.hold or "", spec.hold or "", names.hold),
        ("rollbackPlanNeeded", "true" if spec.rollback_plan_needed else "", "", names.rollback_plan_needed),
        ("abort", spec.abort or "", spec.abort or "", names.abort),
    ):
        by = _by(said, word)
        standing = next(
            (n for n, entry in enumerate(found) if entry.decision == decision and entry.lifted_at is None), None
        )
        if standing is not None:
            entry = found[standing]
            if word and entry.reason == reason and by in (entry.by, UNVERIFIED):
                continue
            found[standing] = entry.model_copy(update={"lifted_by": by, "lifted_at": now})
        if word:
            identity = approval.identity(by, verified)
            found.append(DecisionStatus(decision=decision, reason=reason, by=by, identity=identity, at=now))
    return _newest(found)


def _by(said: Said | None, word: str) -> str:
    return said.by if said is not None and said.said == word else UNVERIFIED


def _newest(found: Sequence[DecisionStatus]) -> list[DecisionStatus]:
    """The last ones, and what stands, however old it is."""
    surplus = len(found) - KEPT
    kept = []
    for entry in found:
        if surplus > 0 and entry.lifted_at is not None:
            surplus -= 1
            continue
        kept.append(entry)
    return kept


def by_whom(said: Said | None, word: str) -> str:
    """` by NAME` for a sentence, or nothing where nobody is named for this word."""
    by = _by(said, word)
    return "" if by == UNVERIFIED else f" by {by}"


def steps(entry: DecisionStatus) -> list[tuple[datetime, str]]:
    """What happened and when, for a list in the order of time."""
    begun = (entry.at, f"{_whose(entry)}{_reason(entry)}")
    return [begun, (entry.lifted_at, f"{entry.decision} lifted by {entry.lifted_by}")] if entry.lifted_at else [begun]


def told(entry: DecisionStatus) -> str:
    """A decision in one line, with who and when."""
    end = f"; lifted by {entry.lifted_by} at {instants.render(entry.lifted_at)}" if entry.lifted_at else ""
    return f"{_whose(entry)} at {instants.render(entry.at)}{_reason(entry)}{end}"


def _whose(entry: DecisionStatus) -> str:
    return f"{_TOLD.get(entry.decision, entry.decision)} by {entry.by} ({entry.identity})"


def _reason(entry: DecisionStatus) -> str:
    return f": {entry.reason}" if entry.reason else ""
