"""What was learned: two days after a launch its Promotion asks for it, once, with the figures of the launch.

When to ask is written down at the end of the launch, and that it was asked is a condition: no restart asks again, and
Promotions that ended under a version that did not ask are left in peace.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from slipway.api.conditions import Condition
from slipway.api.promotion_status import PromotionStatus
from slipway.core import charge, root_cause
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.conditions import condition, find
from slipway.core.enumerating import cut
from slipway.core.promotion_status import Verdict
from slipway.core.record.keeping import LEARNED_FROM
from slipway.core.record.owed import ROLLBACK
from slipway.core.report.summary import durations_of
from slipway.core.revision import Revision
from slipway.core.scene import Scene

DUE = "LearningsDue"
"""The condition that asks."""
AFTER = timedelta(hours=48)
TOO_LATE = timedelta(days=7)
"""After the launch: whoever was away for so long is not asked any more."""
LONGEST = 450
"""Characters of the figures."""
_BACK = frozenset({"RolledBack", "Aborted", "Failed"})


def reminded(scene: Scene, found: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts of this pass with what they say of learnings, and one for each Promotion that only asks now."""
    decided = {verdict.claim.uid for verdict in found}
    quiet = [
        Verdict(claim, claim.status, {}) for claim in scene.case.claims if claim.uid not in decided and _asks(claim)
    ]
    later = [verdict for verdict in (_with(scene, one) for one in quiet) if verdict.status != verdict.claim.status]
    return [*(_with(scene, verdict) for verdict in found), *later]


def next_due(case: Case) -> Iterator[datetime]:
    """When somebody is to be asked; what has been asked already is not."""
    for claim in case.claims:
        due = claim.status.learnings_due
        if due is not None and _asks(claim) and find(claim.status.conditions, DUE) is None:
            yield due


def _asks(claim: Claim) -> bool:
    return claim.status.learnings_due is not None and not claim.deleting and claim.spec is not None


def _with(scene: Scene, verdict: Verdict) -> Verdict:
    claim, status = verdict.claim, verdict.status
    due = _due(scene, claim, status)
    told = _condition(scene, claim, status, due)
    others = [known for known in status.conditions if known.type != DUE]
    same = find(status.conditions, DUE) == told
    changes = {"learnings_due": due, "conditions": status.conditions if same else [*others, *([told] if told else [])]}
    return replace(verdict, status=status.model_copy(update=changes))


def _due(scene: Scene, claim: Claim, status: PromotionStatus) -> datetime | None:
    """From the end of verification, or from the end of a launch that was taken back; None where nobody was served."""
    before = claim.status.learnings_due
    ended = status.phase in LEARNED_FROM and not claim.finished
    if not ended and not (status.phase == charge.WATCHING and before is None):
        return before
    revision = _moved(scene, claim)
    if revision is None or find(claim.status.conditions, DUE) is not None:
        return before
    if status.phase in _BACK:
        return scene.case.now + AFTER
    return before or min(revision.marks.verified_at or scene.case.now, scene.case.now) + AFTER


def _moved(scene: Scene, claim: Claim) -> Revision | None:
    """The revision that had traffic under this Promotion."""
    for revision in scene.course.lineage.revisions.values():
        if revision.marks.approved is not None and revision.marks.approved.promotion_uid == claim.uid:
            return revision
    return None


def _condition(scene: Scene, claim: Claim, status: PromotionStatus, due: datetime | None) -> Condition | None:
    case = scene.case
    known = find(claim.status.conditions, DUE)
    generation = int(claim.obj["metadata"].get("generation") or 0)
    before = [known] if known is not None else []
    if claim.spec is None or due is None:
        return known
    if claim.spec.learnings is not None:
        if known is None or known.status == "False":
            return known
        return condition(before, DUE, False, "Written", "what was learned is written down", case.now, generation)
    if known is not None or not timedelta() <= case.now - due < TOO_LATE - AFTER:
        return known
    return condition(before, DUE, True, "NotWritten", _words(case, claim, status), case.now, generation)


def _words(case: Case, claim: Claim, status: PromotionStatus) -> str:
    """The figures of the launch, and the command that answers."""
    summary = status.summary
    back = status.phase in _BACK - {"Failed"} or any(record.kind == ROLLBACK for record in status.records)
    figures = [
        f"outcome {summary.outcome if summary else status.phase}",
        "it went back" if back else "it did not go back",
    ]
    if summary is not None:
        figures += durations_of(summary)
        figures += [f"checks: {summary.checks}", *summary.verification]
    asked = root_cause.ANSWER if status.phase in _BACK or back else '"wentWell":"…","improve":"…"'
    command = root_cause.command(case.namespace, claim.name, asked)
    # An Event has a thousand characters, and ends with the command.
    told = cut("; ".join(figures), LONGEST)
    return f"nobody has said yet what was learned from this launch ({told}); write it: {command}"
