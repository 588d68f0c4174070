"""A run of one step of the migrations, noted on the revision before its Job is made, and its end when it is known.

The note is what decides: a status that is wiped, a Job that is deleted, or a Promotion that has ended change nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from slipway.core import instants


class Step(StrEnum):
    """The steps."""

    EXPAND = "expand"
    CONTRACT = "contract"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Run:
    """A step that was begun under a plan. `passed` is None, and `ended` too, until its end is known."""

    step: Step
    promotion: str
    promotion_uid: str
    plan_hash: str
    rerun: str
    begun: datetime
    passed: bool | None = None
    ended: datetime | None = None
    message: str = ""

    @property
    def running(self) -> bool:
        """Begun, and not known to have ended."""
        return self.passed is None

    def is_of(self, promotion_uid: str, plan_hash: str) -> bool:
        """Whether it is of this Promotion under this plan."""
        return (self.promotion_uid, self.plan_hash) == (promotion_uid, plan_hash)


def render(runs: Sequence[Run]) -> str:
    """What parse() reads."""
    return json.dumps([_entry(run) for run in runs], sort_keys=True, separators=(",", ":"))


def _entry(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = {
        "step": run.step,
        "promotion": {"name": run.promotion, "uid": run.promotion_uid},
        "planHash": run.plan_hash,
        "rerun": run.rerun,
        "begun": instants.render(run.begun),
    }
    if run.passed is not None:
        found |= {"passed": run.passed, "message": run.message}
    if run.ended is not None:
        found["ended"] = instants.render(run.ended)
    return found


def parse(text: str | None) -> tuple[Run, ...]:
    """The runs in their order; an entry that cannot be read counts as absent."""
    try:
        value = json.loads(text) if text else []
    except ValueError:
        value = []
    entries = value if isinstance(value, list) else []
    return tuple(run for entry in entries if isinstance(entry, Mapping) and (run := _run(entry)) is not None)


def _run(entry: Mapping[str, Any]) -> Run | None:
    named, passed = entry.get("promotion"), entry.get("passed")
    promotion = named if isinstance(named, Mapping) else {}
    begun, step = instants.parse(str(entry.get("begun") or "")), str(entry.get("step") or "")
    if begun is None or step not in set(Step):
        return None
    return Run(
        Step(step),
        str(promotion.get("name") or ""),
        str(promotion.get("uid") or ""),
        str(entry.get("planHash") or ""),
        str(entry.get("rerun") or ""),
        begun,
        passed if isinstance(passed, bool) else None,
        instants.parse(str(entry.get("ended") or "")),
        str(entry.get("message") or ""),
    )
