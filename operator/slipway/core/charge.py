"""Which Promotion is in charge of a Rollout's candidate."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from slipway.api.promotion import PromotionSpec
from slipway.api.promotion_status import PromotionStatus, read_status
from slipway.core import instants
from slipway.core.marks import AUTOMATIC
from slipway.core.revision import Revision
from slipway.core.snapshot import Object

FINAL = frozenset({"Succeeded", "RolledBack", "Failed", "Aborted", "Superseded", "DryRunComplete"})
"""Phases that a Promotion never leaves."""

WATCHING = "Watching"
"""The phase in which a Promotion has succeeded and its revision is watched."""

_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Claim:
    """A Promotion that names this Rollout. `spec` is None when it does not parse; `problem` says why."""

    obj: Object
    spec: PromotionSpec | None
    problem: str
    status: PromotionStatus
    launched: bool = False
    """Its revision has been verified: it may still watch over it, but leads no other."""
    sent_back: bool = False
    """Its revision was sent back: it ends when traffic is back, and leads no other."""

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.obj["metadata"]["name"])

    @property
    def uid(self) -> str:
        """metadata.uid."""
        return str(self.obj["metadata"]["uid"])

    @property
    def created(self) -> datetime:
        """metadata.creationTimestamp, whole seconds."""
        return instants.parse(self.obj["metadata"].get("creationTimestamp")) or _EPOCH

    @property
    def finished(self) -> bool:
        """In a final phase."""
        return self.status.phase in FINAL

    @property
    def abort(self) -> str:
        """spec.abort, also of one that cannot be read: a field that is not understood does not stop going back."""
        if self.spec is not None:
            return self.spec.abort or ""
        said = (self.obj.get("spec") or {}).get("abort")
        return said if isinstance(said, str) else ""

    @property
    def deleting(self) -> bool:
        """On its way out."""
        return bool(self.obj["metadata"].get("deletionTimestamp"))

    @property
    def over(self) -> bool:
        """It leads nothing any more: it has ended, was launched or sent back, or goes."""
        return self.finished or self.launched or self.sent_back or self.deleting


def read(
    objects: Iterable[Object], launched: Container[str] = frozenset(), sent_back: Container[str] = frozenset()
) -> list[Claim]:
    """The Promotions, oldest first.

    `launched` are the uids of those whose revision has been verified, `sent_back` of those whose was sent back.
    """
    claims = []
    for obj in objects:
        spec, problem = None, ""
        try:
            spec = PromotionSpec.model_validate(obj.get("spec", {}))
        except ValidationError as error:
            first = error.errors()[0]
            problem = f"spec.{'.'.join(str(p) for p in first['loc'])}: {first['msg']}"
        status = read_status(obj)
        done = obj["metadata"]["uid"] in launched or status.phase == WATCHING
        claims.append(Claim(obj, spec, problem, status, done, obj["metadata"]["uid"] in sent_back))
    return sorted(claims, key=lambda claim: (claim.created, claim.name))


def another_rerun(claim: Claim) -> str:
    """Another value of `rerun` than the one that was acted on; the same from pass to pass."""
    return another(claim.status.rerun or "")


def another(last: str) -> str:
    """A value of `rerun` that differs from this one."""
    return str(int(last) + 1) if last.isdecimal() and len(last) < 9 else ("2" if last != "2" else "3")


def matches(claim: Claim, environment: str, revision: str) -> bool:
    """Whether a Promotion may lead this revision.

    It has neither ended nor been launched or sent back, is no dry run, is of the same environment, and names no other
    revision.
    """
    return (
        claim.spec is not None
        and not claim.spec.dry_run
        and not claim.over
        and claim.spec.environment == environment
        and claim.spec.revision in (None, revision)
    )


def _led(claim: Claim, environment: str, revision: str) -> bool:
    """Whether it led this revision when it could still be read: what it says of a hold does not end with that."""
    spec, target = claim.obj.get("spec") or {}, claim.status.target
    return (
        claim.spec is None
        and target is not None
        and target.revision == revision
        and spec.get("environment") == environment
        and not spec.get("dryRun")
        and not claim.over
    )


def in_charge(claims: Sequence[Claim], environment: str, candidate: Revision | None) -> Claim | None:
    """The Promotion in charge of the candidate: the one under which traffic moves, else the newest that matches.

    Where nobody approved the launch, none is aborted by the end of its Promotion: another one may say what is asked.
    """
    if candidate is None:
        return None
    approved = candidate.marks.approved
    if approved and approved.promotion_uid and candidate.marks.in_flight:
        bound = next((c for c in claims if c.uid == approved.promotion_uid and not c.deleting), None)
        if bound is not None or approved.by != AUTOMATIC:
            return bound
    moving = candidate.marks.in_flight
    found = [
        c
        for c in claims
        if matches(c, environment, candidate.name) or (moving and _led(c, environment, candidate.name))
    ]
    return found[-1] if found else None


def asks_again(claims: Sequence[Claim], environment: str, revision: Revision) -> bool:
    """Whether a Promotion that was created after the revision was sent back asks for it."""
    rejected = revision.marks.rejected
    if rejected is None:
        return True
    # creationTimestamp has whole seconds; the Promotion that was sent back itself is in a final phase.
    after = rejected.at.replace(microsecond=0)
    return any(
        c.created >= after and c.uid != rejected.promotion_uid and matches(c, environment, revision.name)
        for c in claims
    )
