"""The marks on a revision's ControllerRevision: what was approved, what has served, what was sent back.

They are written before the action that they tell of, so that after any crash, lost status or restore the world can be
read from them alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from slipway.core import instants
from slipway.core.migration import run as migrations
from slipway.core.migration.run import Run
from slipway.core.record import owed as owing
from slipway.core.record.owed import Owed

APPROVED = "slipway.dev/approved"
PROMOTED = "slipway.dev/promoted-at"
VERIFIED = "slipway.dev/verified-at"
KEPT = "slipway.dev/kept"
REJECTED = "slipway.dev/rejected"
ABORT_ACTED = "slipway.dev/abort-acted"
RETURNED = "slipway.dev/returned-at"
EXCUSED = "slipway.dev/verified-without"
BASELINE = "slipway.dev/baseline"
OWED = "slipway.dev/owed-records"
MIGRATIONS = "slipway.dev/migrations"
WATCH = "slipway.dev/watch"
SENT_BACK = "slipway.dev/sent-back"

AUTOMATIC = ("automatic",)
"""Who approved under `approval: Automatic`."""


class Cause(StrEnum):
    """Why a revision was sent back; decides how the Promotion ends and whether it may be tried again."""

    BREACH = "Breach"
    """A gate, a smoke test or the pods themselves."""
    ABORT = "Abort"
    """A person's word, a deleted Promotion."""
    REVERT = "Revert"
    """The template went back to what served before."""
    RESTART = "Restart"
    """Under Automatic: template or plan changed in flight; it starts again at zero by itself."""


class Watching(StrEnum):
    """Whether the watch over a launch is recorded. Once closed it stays so, whatever the world looks like later."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True)
class Approved:
    """The approval under which a revision takes traffic. Under Automatic there may be no Promotion."""

    promotion: str
    promotion_uid: str
    plan_hash: str
    by: tuple[str, ...]
    at: datetime
    first: datetime | None = None
    """When the launch began, where its plan was approved anew since then."""

    @property
    def since(self) -> datetime:
        """When traffic was first let to the revision."""
        return self.first or self.at


@dataclass(frozen=True)
class Rejected:
    """Sent back: not tried again until the template changes or a later Promotion asks."""

    reason: str
    cause: Cause
    at: datetime
    promotion_uid: str = ""
    """The Promotion that ends with it."""


@dataclass(frozen=True)
class Kept:
    """It failed as the first revision: there was nothing to go back to, so it keeps serving."""

    reason: str
    at: datetime


@dataclass(frozen=True)
class Baseline:
    """What stable did right before the first request moved, by gate. `revision` is '' where none served."""

    revision: str
    at: datetime
    values: Mapping[str, float]
    unmeasured: tuple[str, ...] = ()
    """Gates for which there was no number of stable, and an approver accepted that."""


@dataclass(frozen=True)
class Marks:
    """All marks of one revision."""

    approved: Approved | None = None
    promoted_at: datetime | None = None
    verified_at: datetime | None = None
    kept: Kept | None = None
    rejected: Rejected | None = None
    abort_acted: bool = False
    returned_at: datetime | None = None
    excused: tuple[str, ...] = ()
    """Gates without data at its verification, which an approver accepted: they have not passed."""
    baseline: Baseline | None = None
    owed: tuple[Owed, ...] = ()
    """Records of what has ended that are not kept yet."""
    migrations: tuple[Run, ...] = ()
    """The steps of its migrations that were begun, oldest first."""
    watch: Watching | None = None
    """None: it was never watched."""
    sent_back: Rejected | None = None
    """Its last rejection, after that has stopped to bind, until it passes."""

    @property
    def in_flight(self) -> bool:
        """Approved to take traffic, and neither fully promoted nor sent back yet."""
        return bool(self.approved) and not (self.verified_at or self.kept or self.rejected)

    @property
    def last_rejection(self) -> Rejected | None:
        """Why it was last taken from its users, if it has not passed since. Without traffic nothing was."""
        return self.rejected if self.rejected is not None and self.approved is not None else self.sent_back

    @classmethod
    def read(cls, annotations: Mapping[str, str]) -> Marks:
        """The marks in annotations. One that cannot be read counts as absent: nothing is approved by a bad mark."""
        return cls(
            approved=_approved(_json(annotations.get(APPROVED))),
            promoted_at=instants.parse(annotations.get(PROMOTED)),
            verified_at=instants.parse(annotations.get(VERIFIED)),
            kept=_kept(_json(annotations.get(KEPT))),
            rejected=_rejected(_json(annotations.get(REJECTED))),
            abort_acted=ABORT_ACTED in annotations,
            returned_at=instants.parse(annotations.get(RETURNED)),
            excused=_excused(annotations.get(EXCUSED)),
            baseline=_baseline(_json(annotations.get(BASELINE))),
            owed=owing.parse(annotations.get(OWED)),
            migrations=migrations.parse(annotations.get(MIGRATIONS)),
            watch=_watch(annotations.get(WATCH)),
            sent_back=_rejected(_json(annotations.get(SENT_BACK))),
        )

    def annotations(self) -> dict[str, str]:
        """What read() reads."""
        out: dict[str, str] = {}
        if self.approved:
            a = self.approved
            promotion = {"name": a.promotion, "uid": a.promotion_uid} if a.promotion_uid else None
            out[APPROVED] = _dump(
                {
                    "promotion": promotion,
                    "planHash": a.plan_hash,
                    "by": list(a.by),
                    "at": instants.render(a.at),
                }
                | ({"since": instants.render(a.first)} if a.first else {})
            )
        if self.promoted_at:
            out[PROMOTED] = instants.render(self.promoted_at)
        if self.verified_at:
            out[VERIFIED] = instants.render(self.verified_at)
        if self.kept:
            out[KEPT] = _dump({"reason": self.kept.reason, "at": instants.render(self.kept.at)})
        for key, r in ((REJECTED, self.rejected), (SENT_BACK, self.sent_back)):
            if r:
                out[key] = _dump(
                    {
                        "reason": r.reason,
                        "cause": r.cause,
                        "at": instants.render(r.at),
                        "promotion": r.promotion_uid,
                    }
                )
        if self.abort_acted:
            out[ABORT_ACTED] = "true"
        if self.returned_at:
            out[RETURNED] = instants.render(self.returned_at)
        if self.excused:
            out[EXCUSED] = ",".join(self.excused)
        if self.baseline:
            b = self.baseline
            excused = {"unmeasured": list(b.unmeasured)} if b.unmeasured else {}
            taken = {"revision": b.revision, "at": instants.render(b.at), "values": dict(b.values)}
            out[BASELINE] = _dump(taken | excused)
        if self.owed:
            out[OWED] = owing.render(self.owed)
        if self.migrations:
            out[MIGRATIONS] = migrations.render(self.migrations)
        if self.watch:
            out[WATCH] = str(self.watch)
        return out

    def changes(self, before: Marks) -> dict[str, str | None]:
        """The annotations to set and to remove (None), coming from other marks."""
        new, old = self.annotations(), before.annotations()
        gone: dict[str, str | None] = {key: None for key in old if key not in new}
        return gone | {key: value for key, value in new.items() if old.get(key) != value}


def _excused(text: str | None) -> tuple[str, ...]:
    """One that says nothing readable still says that something was excused."""
    return tuple(text.split(",")) if text is not None else ()


def _watch(text: str | None) -> Watching | None:
    return Watching(text) if text in set(Watching) else None


def _json(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _approved(value: dict[str, Any]) -> Approved | None:
    at = instants.parse(value.get("at"))
    by, plan_hash = value.get("by"), value.get("planHash")
    if at is None or not isinstance(by, list) or not isinstance(plan_hash, str):
        return None
    named = value.get("promotion")
    promotion = named if isinstance(named, dict) else {}
    name, uid = str(promotion.get("name", "")), str(promotion.get("uid", ""))
    return Approved(name, uid, plan_hash, tuple(map(str, by)), at, instants.parse(value.get("since")))


def _baseline(value: dict[str, Any]) -> Baseline | None:
    at, values = instants.parse(value.get("at")), value.get("values")
    if at is None or not isinstance(values, dict) or not isinstance(value.get("revision"), str):
        return None
    numbers = {str(k): float(v) for k, v in values.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    finite = {name: number for name, number in numbers.items() if math.isfinite(number)}
    excused = value.get("unmeasured")
    unmeasured = tuple(map(str, excused)) if isinstance(excused, list) else ()
    return Baseline(value["revision"], at, finite, tuple(name for name in unmeasured if name not in finite))


def _kept(value: dict[str, Any]) -> Kept | None:
    at = instants.parse(value.get("at"))
    return Kept(str(value.get("reason", "")), at) if at else None


def _rejected(value: dict[str, Any]) -> Rejected | None:
    at = instants.parse(value.get("at"))
    if at is None:
        return None
    try:
        cause = Cause(value.get("cause", Cause.BREACH))
    except ValueError:
        cause = Cause.BREACH
    return Rejected(str(value.get("reason", "")), cause, at, str(value.get("promotion") or ""))
