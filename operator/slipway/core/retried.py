"""Trying again what was sent back: the same revision fails in the same way, unless something around it was mended."""

from __future__ import annotations

from slipway.api.check_status import CheckStatus
from slipway.core import approval, instants
from slipway.core.case import Case
from slipway.core.checking import Result, Subjects, outcome

NAME = "fix-described"
_CATEGORY = "Quality"


def check(case: Case, about: Subjects) -> CheckStatus:
    """Whether somebody says what is different now."""
    found = about.candidate.marks.last_rejection
    if found is None:
        return outcome(NAME, _CATEGORY, Result.NOT_APPLICABLE, "this revision was never sent back")
    stated = about.promotion.retry if about.promotion else None
    if stated is not None:
        return outcome(NAME, _CATEGORY, Result.PASSED, stated.fix)
    before = next((claim for claim in case.claims if claim.uid == found.promotion_uid), None)
    learnings = before.spec.learnings if before is not None and before.spec is not None else None
    if before is not None and learnings is not None and learnings.fix:
        return outcome(NAME, _CATEGORY, Result.PASSED, f"learnings of Promotion {before.name}: {learnings.fix}")
    command = approval.patch_command(case.namespace, str((about.owner.get("metadata") or {}).get("name") or "NAME"))
    words = (
        f"revision {about.candidate.name} was sent back at {instants.render(found.at)} ({found.reason[:300]}): say in "
        f'spec.retry.fix what is different now: {command} \'{{"spec":{{"retry":{{"fix":"…"}}}}}}\''
    )
    return outcome(NAME, _CATEGORY, Result.FAILED, words)
