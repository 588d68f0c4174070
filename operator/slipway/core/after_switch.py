"""What people look at after the switch: manual checks that are put off until users have the new revision.

They hold back no approval and no way back; what they hold back is the end of the verification. A person's word counts
for the plan that is in force.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from slipway.api.check import Check
from slipway.api.check_status import CheckStatus
from slipway.api.promotion import PromotionSpec
from slipway.core.approval import patch_command
from slipway.core.case import Case
from slipway.core.charge import Claim
from slipway.core.checking import Result, outcome
from slipway.core.progress import Progress

AFTER = "after"
_PUT_OFF = "to be looked at after the switch"


@dataclass(frozen=True)
class Looks:
    """What people look at in a shift: the checks as they stand, and why the verification cannot end (or '')."""

    checks: tuple[CheckStatus, ...] = ()
    against: str = ""


def is_later(check: Check) -> bool:
    """Whether a listed check is put off until after the switch."""
    return check.manual is not None and check.manual.when == AFTER


def later(spec: PromotionSpec | None) -> frozenset[str]:
    """The names of the listed checks that are put off."""
    return frozenset(check.name for check in (spec.checks if spec is not None else ()) if is_later(check))


def looks(case: Case, claim: Claim | None, progress: Progress, plan_hash: str, advisory: Container[str]) -> Looks:
    """What a Promotion under which traffic moves asks people to look at. `plan_hash`: the plan that status shows.

    Without the Promotion there is nothing left to tick: deleting it ends what it asks for.
    """
    if claim is None or not progress.in_flight:
        return Looks()
    if claim.spec is None:
        asked = _asked_in_plan(case, progress)
        why = f"spec of Promotion {claim.name} cannot be read, and people have to look at {', '.join(asked)}"
        return Looks(against=why if asked else "")
    stage, step = progress.stage, progress.step
    switched = stage is not None and stage.final and step is not None and step.converged_at is not None
    put_off = [check for check in claim.spec.checks if is_later(check)]
    states = {check.name: state(case, claim.spec, claim.name, plan_hash, check, switched) for check in put_off}
    open_ones = [name for name, found in states.items() if found.result != Result.PASSED and name not in advisory]
    if not open_ones:
        return Looks(tuple(states.values()))
    words = f"still to be looked at: {', '.join(open_ones)}; {open_ones[0]}: {states[open_ones[0]].message}"
    return Looks(tuple(states.values()), words)


def state(case: Case, spec: PromotionSpec, promotion: str, plan_hash: str, check: Check, due: bool) -> CheckStatus:
    """A manual check as it stands. `due`: it is time to look; before that it says so, and waits."""
    ask = check.manual.ask if check.manual is not None else ""
    if not due:
        return outcome(check.name, check.about, Result.PENDING, f"{_PUT_OFF}: {ask}")
    entry = spec.confirmed.get(check.name)
    if entry is not None and entry.plan == plan_hash:
        doubt = "" if case.snapshot.settings.identity_verified else " (nobody has verified who that is)"
        return outcome(check.name, check.about, Result.PASSED, f"confirmed by {entry.by}{doubt}: {ask}")
    word = f'{{"spec":{{"confirmed":{{"{check.name}":{{"by":"YOUR-USER-NAME","plan":"{plan_hash}"}}}}}}}}'
    command = f"{patch_command(case.namespace, promotion)} '{word}'"
    return outcome(check.name, check.about, Result.PENDING, f"{ask} Confirm it under your own name: {command}")


def due(before: Iterable[CheckStatus], after: Iterable[CheckStatus]) -> list[str]:
    """The names of those that it has become time to look at, from one status to the next."""
    waited = {check.name for check in before if _is_put_off(check)}
    return [c.name for c in after if c.name in waited and c.result == Result.PENDING and not _is_put_off(c)]


def _is_put_off(check: CheckStatus) -> bool:
    return check.result == Result.PENDING and check.message.startswith(_PUT_OFF)


def merged(before: Sequence[CheckStatus], now: Iterable[CheckStatus], case: Case) -> list[CheckStatus]:
    """The checks of a status, with what has become of those that people look at, also where the status was lost."""
    found, known = {check.name: check for check in now}, {check.name: check for check in before}
    told = {name: _dated(known.get(name), check, case) for name, check in found.items()}
    return [*(told.get(check.name, check) for check in before), *(c for n, c in told.items() if n not in known)]


def _dated(before: CheckStatus | None, now: CheckStatus, case: Case) -> CheckStatus:
    if now.result == Result.PENDING:
        return now
    same = before is not None and (before.result, before.message) == (now.result, now.message)
    return now.model_copy(update={"at": before.at if same and before and before.at else case.now})


def _asked_in_plan(case: Case, progress: Progress) -> list[str]:
    """The same by the approved plan, where the Promotion itself cannot be read."""
    approved = progress.revision.marks.approved
    inputs = case.plan_inputs(approved.plan_hash) if approved is not None else None
    promotion = (inputs or {}).get("promotion")
    listed = promotion.get("checks") if isinstance(promotion, Mapping) else None
    return [
        str(check.get("name"))
        for check in (listed if isinstance(listed, list) else [])
        if isinstance(check, Mapping)
        and isinstance(manual := check.get("manual"), Mapping)
        and manual.get("when") == AFTER
    ]
