"""What checks are about, and how one ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from slipway.api.check_status import CheckStatus
from slipway.api.promotion import PromotionSpec
from slipway.api.rollout import RolloutSpec
from slipway.core.decision import Apply, Replace, SetWeights
from slipway.core.revision import Revision
from slipway.core.snapshot import Object


class Result(StrEnum):
    """How a check ended."""

    PASSED = "Passed"
    FAILED = "Failed"
    NOT_APPLICABLE = "NotApplicable"
    UNVERIFIABLE = "Unverifiable"
    PENDING = "Pending"


NOT_APPLICABLE = "not applicable, it is said: "
"""What the message begins with, or goes on with, where that is a person's word."""

GOOD = frozenset({Result.PASSED, Result.NOT_APPLICABLE})


@dataclass(frozen=True)
class Subjects:
    """Whom the checks are about, and under which plan."""

    candidate: Revision
    stable: Revision | None
    spec: RolloutSpec
    promotion: PromotionSpec | None
    plan_hash: str
    way_back: tuple[Apply | Replace | SetWeights, ...]
    owner: Object
    """The Promotion as the API server has it: what is made for its checks belongs to it. Empty without one."""
    automatic: bool = False
    """Whether nobody is asked."""

    @property
    def keeps_results(self) -> bool:
        """Whether some status keeps the results: the Promotion's, or without one under Automatic the Rollout's."""
        return self.promotion is not None or self.automatic

    def said_not_to_apply(self, name: str) -> str:
        """The reason with which the Promotion says that a check does not apply; '' where it does not."""
        listed = self.promotion.checks if self.promotion is not None else []
        return next((one.not_applicable.reason for one in listed if one.name == name and one.not_applicable), "")

    @property
    def rerun(self) -> str:
        """The last word that the checks are to run again."""
        return (self.promotion.rerun if self.promotion else None) or ""


def outcome(name: str, category: str, result: Result, message: str, evidence: str = "") -> CheckStatus:
    """The state of one check."""
    return CheckStatus(name=name, category=category, result=str(result), message=message[:1000], evidence=evidence)


def waived(name: str, category: str, reason: str) -> CheckStatus:
    """A person's word that a check does not apply here."""
    return outcome(name, category, Result.NOT_APPLICABLE, f"{NOT_APPLICABLE}{reason}")


def expired(check: CheckStatus, max_age: timedelta | None, now: datetime) -> bool:
    """Whether a result is older than policies allow. What was never found is of no age."""
    return max_age is not None and check.at is not None and now - check.at >= max_age
