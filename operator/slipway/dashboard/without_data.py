"""Going on where gates have no data: where that helps, from which share on, and the patch by which a person says it."""

from __future__ import annotations

from slipway.api.promotion_status import read_status
from slipway.api.rollout import read_status as read_rollout_status
from slipway.cluster.api import Object
from slipway.console import decisions
from slipway.console.decisions import CannotSay, Patch
from slipway.core.ceiling import Code
from slipway.core.conditions import find
from slipway.core.gates import Verdict

WHOLE = 100
"""Covers verify too."""


def waits_for_data(promotion: Object, rollout: Object | None) -> bool:
    """Whether a gate of its stage has no data, or a comparison no baseline, and nobody has accepted that yet."""
    if _against(promotion, rollout):
        return False
    stalled = find(read_status(promotion).conditions, "Stalled")
    if stalled is not None and (stalled.status, stalled.reason) == ("True", str(Code.NO_DATA)):
        return True
    status = read_rollout_status(rollout or {})
    step = status.candidate.step if status.candidate else None
    accepted = accepted_so_far(promotion).get("weight") or 0
    return step is not None and accepted < step.weight and any(one.verdict == Verdict.NO_DATA for one in status.gates)


def accepted_so_far(promotion: Object) -> Object:
    """What somebody has accepted before, empty where nobody has."""
    return dict((promotion.get("spec") or {}).get("acceptNoData") or {})


def least(rollout: Object | None) -> int:
    """The share that it is at, or would begin with: to accept less covers nothing."""
    status = read_rollout_status(rollout or {})
    if status.candidate and status.candidate.step:
        return status.candidate.step.weight
    steps = (((rollout or {}).get("spec") or {}).get("strategy") or {}).get("canary", {}).get("steps") or []
    # A first revision has nobody to share with.
    return int(steps[0]["weight"]) if steps and status.stable else WHOLE


def share(text: str, lowest: int) -> int | None:
    """The share that somebody has put into a form; None where it is no number, or covers nothing."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(WHOLE)) else 0
    return number if lowest <= number <= WHOLE else None


def acceptance(promotion: Object, rollout: Object | None, up_to: int, reason: str, who: str) -> Patch:
    """`who` accepts missing data up to this share of the traffic. Raises CannotSay where nothing would come of it."""
    against = _against(promotion, rollout)
    if against:
        raise CannotSay(f"{promotion['metadata']['name']} {against}")
    return decisions.accept_no_data(promotion, up_to, reason, who)


def _against(promotion: Object, rollout: Object | None) -> str:
    if against := decisions.against_no_data(promotion):
        return against
    if read_rollout_status(rollout or {}).promotion != promotion["metadata"]["name"]:
        return "is not the one that the Rollout follows now"
    return ""
