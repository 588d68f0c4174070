"""status.records of the Promotions: which records were kept of them, also after their end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from slipway.api.promotion_status import RecordStatus
from slipway.core.charge import Claim
from slipway.core.promotion_status import Verdict
from slipway.core.record import statement
from slipway.core.record.keeping import claim_of, ids, kept, owed_records
from slipway.core.scene import Scene

ENTRIES = 50
"""The newest are named."""


def noted(scene: Scene, found: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts of this pass, with the records that were kept; those of Promotions that have ended among them."""
    added: dict[str, list[RecordStatus]] = {}
    claims: dict[str, Claim] = {}
    for claim, entry in _kept(scene):
        claims[claim.uid] = claim
        added.setdefault(claim.uid, []).append(entry)
    ended = [Verdict(claims[uid], claims[uid].status, {}) for uid in added if all(v.claim.uid != uid for v in found)]
    return [_with(verdict, added.get(verdict.claim.uid, [])) for verdict in (*found, *ended)]


def _kept(scene: Scene) -> Iterator[tuple[Claim, RecordStatus]]:
    case = scene.case
    wanted: list[tuple[Claim | None, str, str]] = [
        (claim_of(case, owed), owed.kind, statement.id_of(case, revision, owed))
        for revision, owed in owed_records(case)
    ]
    for claim in case.claims:
        if claim.spec is not None and claim.spec.learnings is not None and not claim.deleting:
            wanted.append((claim, statement.LEARNINGS, statement.id_of_learnings(claim, claim.spec.learnings)))
    for about, kind, record_id in wanted:
        seen = kept(case, record_id)
        if about is not None and seen is not None and record_id not in ids(about):
            yield about, RecordStatus(config_map=seen.config_map, digest=seen.digest, kind=kind, id=record_id)


def _with(verdict: Verdict, added: list[RecordStatus]) -> Verdict:
    if not added:
        return verdict
    seen = {
        "records": [*verdict.status.records, *added][-ENTRIES:],
        "observed_generation": int(verdict.claim.obj["metadata"].get("generation") or 0),
    }
    return replace(verdict, status=verdict.status.model_copy(update=seen))
