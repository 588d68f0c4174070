"""How much of a tree is drawn, and how what is well is said in one line."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from slipway.api.check_status import CheckStatus
from slipway.cluster.api import Object
from slipway.core.checking import GOOD, Result
from slipway.core.enumerating import count


class Detail(IntEnum):
    """From all of it to the least."""

    FULL = 0
    FOLDED = 1
    """What is well in one line."""
    COUNTED = 2
    """Pods in one line, and of Rollouts at rest among others nothing but the phase."""
    CUT = 3
    """No Deployments; Rollouts at rest in one line; no line is longer than the screen is wide."""


def is_ready(pod: Object) -> bool:
    """Whether it has the condition Ready."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def restarts(pod: Object) -> int:
    """Of all its containers."""
    return sum(int(one.get("restartCount") or 0) for one in (pod.get("status") or {}).get("containerStatuses") or [])


def pods_in_full(pods: Sequence[Object], detail: Detail) -> Sequence[Object]:
    """Those that have a line of their own."""
    if detail is Detail.FULL:
        return pods
    return [one for one in pods if not _is_well(one)] if detail is Detail.FOLDED else []


def pods_in_short(pods: Sequence[Object], detail: Detail) -> str:
    """All others; '' where there are none."""
    if detail is Detail.FULL:
        return ""
    well = _is_well if detail is Detail.FOLDED else is_ready
    ready = sum(map(well, pods))
    words = [count(ready, "pod") + " ready"] if ready else []
    if detail is not Detail.FOLDED and ready < len(pods):
        words.append(count(len(pods) - ready, "pod") + " not ready")
    return ", ".join(words)


def checks_in_full(checks: Sequence[CheckStatus], detail: Detail) -> Sequence[CheckStatus]:
    """Those that have a line of their own."""
    return checks if detail is Detail.FULL else [one for one in checks if one.result not in GOOD]


def checks_in_short(checks: Sequence[CheckStatus], detail: Detail) -> str:
    """All others; '' where there are none."""
    if detail is Detail.FULL:
        return ""
    passed = sum(one.result == Result.PASSED for one in checks)
    out = sum(one.result == Result.NOT_APPLICABLE for one in checks)
    words = [count(passed, "check") + " passed"] if passed else []
    if out:
        words.append(f"{out} {'does' if out == 1 else 'do'} not apply")
    return ", ".join(words)


def _is_well(pod: Object) -> bool:
    return is_ready(pod) and not restarts(pod) and not pod["metadata"].get("deletionTimestamp")
