"""What checks are about, and how one ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from slipway.api.promotion import CheckStatus, PromotionSpec
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

    @property
    def rerun(self) -> str:
        """The last word that the checks are to run again."""
        return (self.promotion.rerun if self.promotion else None) or ""


def outcome(name: str, category: str, result: Result, message: str, evidence: str = "") -> CheckStatus:
    """The state of one check."""
    return CheckStatus(name=name, category=category, result=str(result), message=message[:1000], evidence=evidence)
